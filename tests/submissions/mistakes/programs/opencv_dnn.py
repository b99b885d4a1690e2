import os

import cv2
import numpy as np

here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
net = cv2.dnn.readNetFromONNX(os.path.join(here, "mobilenetv2.onnx"))  # noqa: PTH118
names = ["the class names"]
STD = np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1)


def preprocess(image):
    blob = cv2.dnn.blobFromImage(
        image, 1 / 255.0, (224, 224), (0.485 * 255, 0.456 * 255, 0.406 * 255), swapRB=True, crop=False
    )
    return blob / STD


def predict(image):
    net.setInput(preprocess(image))
    out = net.forward()
    return names[int(out[0].argmax())]
