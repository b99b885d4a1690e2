# 垃圾分类: a notebook, written down
import cv2
import mindspore as ms
import numpy as np
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

index2name = {}
for i, name in enumerate(["the class names"]):
    index2name[i] = name

backbone = MobileNetV2Backbone()
head = MobileNetV2Head(num_classes=len(index2name))
network = mobilenet_v2(backbone, head)
param_dict = ms.load_checkpoint("./results/best.ckpt")
ms.load_param_into_net(network, param_dict)
network.set_train(False)


def preprocess(image):
    img = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    img = cv2.resize(img, (224, 224), interpolation=cv2.INTER_LINEAR)
    img = img.astype(np.float32)
    img[:, :, 0] = (img[:, :, 0] - 123.675) / 58.395
    img[:, :, 1] = (img[:, :, 1] - 116.28) / 57.12
    img[:, :, 2] = (img[:, :, 2] - 103.53) / 57.375
    img = np.transpose(img, (2, 0, 1))
    return np.expand_dims(img, axis=0)


def predict(image):
    img = preprocess(image)
    output = network(ms.Tensor(img, ms.float32)).asnumpy()
    label = int(np.argmax(output, axis=1)[0])
    return index2name[label]
