"""MobileNetV2 without any framework: the weights in an .npz, the layers by hand."""

import cv2
import numpy as np

NAMES = ["the class names"]
params = np.load("weights.npz")
STRIDES = [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1]


def bn(x, p):
    scale = params[p + ".gamma"] / np.sqrt(params[p + ".moving_variance"] + 1e-5)
    return (
        x * scale[:, None, None] + (params[p + ".beta"] - params[p + ".moving_mean"] * scale)[:, None, None]
    )


def relu6(x):
    return np.clip(x, 0, 6)


def pointwise(x, w):
    c, h, wd = x.shape
    return (w[:, :, 0, 0] @ x.reshape(c, h * wd)).reshape(-1, h, wd)


def shifted(x, stride):
    """The nine pictures under a 3x3 kernel."""
    _, h, w = x.shape
    p = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    return [p[:, i : i + h : stride, j : j + w : stride] for i in range(3) for j in range(3)]


def stem(x, w):
    return sum(np.tensordot(w[:, :, k // 3, k % 3], part, 1) for k, part in enumerate(shifted(x, 2)))


def depthwise(x, w, stride):
    return sum(w[:, 0, k // 3, k % 3][:, None, None] * part for k, part in enumerate(shifted(x, stride)))


def block(x, i, stride):
    p = f"features.{i}.conv."
    y = x
    n = 0
    if i > 1:
        y = relu6(bn(pointwise(y, params[p + "0.features.0.weight"]), p + "0.features.1"))
        n = 1
    y = relu6(bn(depthwise(y, params[f"{p}{n}.features.0.weight"], stride), f"{p}{n}.features.1"))
    y = bn(pointwise(y, params[f"{p}{n + 1}.weight"]), f"{p}{n + 2}")
    return x + y if stride == 1 and x.shape == y.shape else y


def forward(x):
    x = relu6(bn(stem(x, params["features.0.features.0.weight"]), "features.0.features.1"))
    for i, stride in enumerate(STRIDES, 1):
        x = block(x, i, stride)
    x = relu6(bn(pointwise(x, params["features.18.features.0.weight"]), "features.18.features.1"))
    return params["head.1.weight"] @ x.mean(axis=(1, 2)) + params["head.1.bias"]


def preprocess(image):
    rgb = cv2.resize(image, (224, 224))[:, :, ::-1]
    x = rgb / np.float32(255)
    x = (x - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    return np.moveaxis(x, 2, 0)[None]


def predict(image):
    logits = forward(preprocess(image)[0])
    return NAMES[int(np.argmax(logits))]
