from pathlib import Path

import cv2
import mindspore as ms
import numpy as np
from mindspore import ops
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head

ms.set_context(mode=ms.GRAPH_MODE)
ROOT = Path(__file__).parent
LABELS = ["the class names"]

weights = ms.load_checkpoint(str(ROOT / "checkpoints" / "head_and_body.ckpt"))
body = MobileNetV2Backbone()
top = MobileNetV2Head(input_channel=body.out_channels, num_classes=len(LABELS))
ms.load_param_into_net(body, weights)
ms.load_param_into_net(top, weights)
body.set_train(False)
top.set_train(False)


def preprocess(image):
    img = cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA)
    img = img[16:-16, 16:-16, ::-1]
    img = (img - np.array([123.675, 116.28, 103.53])) / np.array([58.395, 57.12, 57.375])
    return img.transpose(2, 0, 1)[np.newaxis].astype(np.float32)


def predict(image):
    features = body(ms.Tensor(preprocess(image)))
    logits = top(features)
    order = ops.topk(logits, 5)[1].asnumpy()[0]
    return LABELS[order[0]]
