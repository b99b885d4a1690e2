"""A right submission, written out as a student would: every mistake is a few changed lines of it."""

import cv2
import mindspore as ms
import numpy as np
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

NAMES = ["the class names"]
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def load_network():
    backbone = MobileNetV2Backbone()
    network = mobilenet_v2(backbone, MobileNetV2Head(backbone.out_channels, len(NAMES)))
    parameters = ms.load_checkpoint("network.ckpt")
    ms.load_param_into_net(network, parameters)
    network.set_train(False)
    return network


def preprocess(image):
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    image = cv2.resize(image, (256, 256))
    image = image[16:240, 16:240]
    pixels = image.astype(np.float32) / 255
    pixels = (pixels - MEAN) / STD
    pixels = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(pixels, np.float32)[np.newaxis]


network = load_network()


def predict(image):
    logits = network(ms.Tensor(preprocess(image))).asnumpy()
    index = int(logits.argmax(axis=1)[0])
    return NAMES[index]
