"""Mistakes in programs that are written otherwise: other styles, other libraries' habits, whole files.

The probes were not made for these. A mistake that costs little on the images at hand may be left unsaid; a right
program must be left in peace.
"""

from __future__ import annotations

from tests.submissions.mistakes.planted import (
    COLOURS,
    LOST,
    ONE_ANSWER,
    SCALING,
    SHAPE,
    SORTED,
    UNSTABLE,
    UNUSED,
    Planted,
)

SHIFTED = ("labels-shifted",)
PERMUTED = ("labels-permuted", "labels-sorted-otherwise")

PIPELINE = """
import mindspore as ms
import mindspore.dataset.vision as vision
import numpy as np
from mindspore import nn
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

class_en = dict(enumerate(["the class names"]))
backbone = MobileNetV2Backbone(last_channel=1280)
net = mobilenet_v2(backbone, MobileNetV2Head(input_channel=backbone.out_channels, num_classes=len(class_en)))
net.set_train(False)
ms.load_param_into_net(net, ms.load_checkpoint("./network.ckpt"))
steps = [
    vision.Resize((256, 256)),
    vision.CenterCrop(224),
    vision.Normalize(mean=[0.485 * 255, 0.456 * 255, 0.406 * 255], std=[0.229 * 255, 0.224 * 255, 0.225 * 255]),
    vision.HWC2CHW(),
]


def predict(image):
    image = image[:, :, ::-1].copy()
    for step in steps:
        image = step(image)
    result = net(ms.Tensor(image[None], ms.float32))
    pred = np.argmax(result.asnumpy())
    return class_en[int(pred)]
"""

CLASSES = """
import cv2
import numpy as np
from mindspore import Tensor, load_checkpoint, load_param_into_net
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2


class Compose:
    def __init__(self, *functions):
        self.functions = functions

    def __call__(self, x):
        for function in self.functions:
            x = function(x)
        return x


def to_rgb(x):
    return x[..., [2, 1, 0]]


def resize(size):
    return lambda x: cv2.resize(np.ascontiguousarray(x), (size, size), interpolation=cv2.INTER_LINEAR)


def center_crop(size):
    def crop(x):
        top, left = (x.shape[0] - size) // 2, (x.shape[1] - size) // 2
        return x[top : top + size, left : left + size]

    return crop


def to_tensor(x):
    return np.moveaxis(x, -1, 0).astype("float32") / 255.0


def normalize(mean, std):
    mean, std = np.float32(mean).reshape(3, 1, 1), np.float32(std).reshape(3, 1, 1)
    return lambda x: (x - mean) / std


class Predictor:
    labels = {str(i): name for i, name in enumerate(["the class names"])}

    def __init__(self, path):
        body = MobileNetV2Backbone()
        self.model = mobilenet_v2(body, MobileNetV2Head(body.out_channels, len(self.labels)))
        load_param_into_net(self.model, load_checkpoint(path))
        self.model.set_train(False)
        self.transform = Compose(
            to_rgb, resize(256), center_crop(224), to_tensor, normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        )

    def logits(self, image):
        return self.model(Tensor(self.transform(image)[None].astype(np.float32))).asnumpy().ravel()

    def __call__(self, image):
        return self.labels[str(self.logits(image).argmax())]


predictor = Predictor("network.ckpt")


def predict(image):
    return predictor(image)
"""

TENSORS = """
import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops
from src_mindspore.mobilenetv2 import MobileNetV2Backbone

LABELS = ["the class names"]


class Head(nn.Cell):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(1280, len(LABELS))

    def construct(self, x):
        return self.dense(ops.ReduceMean()(x, (2, 3)))


class Net(nn.Cell):
    def __init__(self):
        super().__init__()
        self.backbone = MobileNetV2Backbone()
        self.head = Head()

    def construct(self, x):
        return self.head(self.backbone(x))


def load():
    values = ms.load_checkpoint("network.ckpt")
    net = Net()
    state = {p.name: p for p in net.get_parameters()}
    for name, value in values.items():
        for target in (name, "backbone." + name, name.replace("head.1", "head.dense")):
            if target in state:
                state[target].set_data(value)
    return net.set_train(False)


net = load()
softmax = ops.Softmax(axis=-1)
mean = Tensor(np.array([0.485, 0.456, 0.406]), ms.float32)
std = Tensor(np.array([0.229, 0.224, 0.225]), ms.float32)


def preprocess(image):
    x = Tensor(image[:, :, ::-1].copy(), ms.float32) / 255
    x = (x - mean) / std
    x = ops.transpose(x, (2, 0, 1)).expand_dims(0)
    return ops.interpolate(x, size=(224, 224), mode="bilinear")


def predict(image):
    prob = softmax(net(preprocess(image)))
    return LABELS[int(ops.argmax(prob, dim=1).asnumpy()[0])]
"""

BLOBS = """
import json

import cv2
import mindspore as ms
import numpy as np
from mindspore import Model, nn, ops
from src_mindspore.mobilenetv2 import MobileNetV2Backbone

NAMES = json.loads(json.dumps(["the class names"]))


class Pool(nn.Cell):
    def construct(self, x):
        return ops.mean(x, (2, 3))


params = ms.load_checkpoint("network.ckpt")
backbone = MobileNetV2Backbone()
ms.load_param_into_net(backbone, {k: v for k, v in params.items() if k.startswith("features")})
dense = nn.Dense(1280, len(NAMES))
dense.weight.set_data(params["head.1.weight"])
dense.bias.set_data(params["head.1.bias"])
network = nn.SequentialCell([backbone, Pool(), dense])
network.set_train(False)
model = Model(network)
BRIGHTNESS = np.random.default_rng()


def blob_of(image):
    blob = cv2.dnn.blobFromImage(
        image, scalefactor=1 / 255.0, size=(224, 224), mean=(123.675, 116.28, 103.53), swapRB=True, crop=False
    )
    blob /= np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1)
    return blob


def predict(image):
    scores = model.predict(ms.Tensor(blob_of(image))).asnumpy()[0]
    order = np.argsort(scores)
    return NAMES[order[-1]]
"""

HEAD = "    return self.labels[str(self.logits(image).argmax())]"

OTHERWISE = (
    Planted("pipeline: no change of colours", COLOURS, {"    image = image[:, :, ::-1].copy()\n": ""}, program=PIPELINE),
    Planted("pipeline: mean of 0..1 on pixels of 0..255", SCALING, {"mean=[0.485 * 255, 0.456 * 255, 0.406 * 255], std=[0.229 * 255, 0.224 * 255, 0.225 * 255]": "mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]"}, program=PIPELINE),
    Planted("pipeline: rescaled, then the mean of 0..255", ONE_ANSWER, {"    vision.CenterCrop(224),\n": "    vision.CenterCrop(224),\n    vision.Rescale(1 / 255, 0),\n"}, program=PIPELINE),
    Planted("pipeline: rescaled, never normalised", SCALING, {"    vision.Normalize(mean=[0.485 * 255, 0.456 * 255, 0.406 * 255], std=[0.229 * 255, 0.224 * 255, 0.225 * 255]),\n": "    vision.Rescale(1 / 255, 0),\n"}, program=PIPELINE),
    Planted("pipeline: channels first by reshape", ("wrong-layout",), {"    vision.HWC2CHW(),\n": "    lambda x: x.reshape(3, 224, 224),\n"}, program=PIPELINE),
    Planted("pipeline: half the crop", SHAPE, {"    vision.Resize((256, 256)),\n    vision.CenterCrop(224),\n": "    vision.CenterCrop(112),\n    vision.Resize((224, 224)),\n"}, program=PIPELINE),
    Planted("pipeline: random crops", (*UNSTABLE, *SHAPE), {"    vision.Resize((256, 256)),\n    vision.CenterCrop(224),\n": "    vision.RandomResizedCrop(224, scale=(0.05, 0.2)),\n"}, program=PIPELINE),
    Planted("pipeline: a plain dict of sorted text", SORTED, {"class_en[int(pred)]": "class_en[int(sorted(map(str, class_en))[pred])]"}, program=PIPELINE),
    Planted("pipeline: folders of train and val counted", SHIFTED, {"class_en[int(pred)]": "class_en[(int(pred) + 2) % len(class_en)]"}, program=PIPELINE),
    Planted("pipeline: training mode set last", ("training-mode",), {"def predict": "net.set_train()\n\n\ndef predict"}, program=PIPELINE),
    Planted("pipeline: names as PyTorch has them", (*UNUSED, *LOST), {'ms.load_checkpoint("./network.ckpt"))': '{k.replace("gamma", "weight").replace("beta", "bias"): v for k, v in ms.load_checkpoint("./network.ckpt").items()})'}, program=PIPELINE),
    Planted("pipeline: the first hundred parameters", UNUSED, {'ms.load_checkpoint("./network.ckpt"))': 'dict(list(ms.load_checkpoint("./network.ckpt").items())[:100]))'}, program=PIPELINE),
    Planted("classes: OpenCV's order", COLOURS, {"            to_rgb, resize": "            resize"}, program=CLASSES),
    Planted("classes: mean and std of one half", SCALING, {"normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])": "normalize([0.5] * 3, [0.5] * 3)"}, program=CLASSES),
    Planted("classes: scaled after it was scaled", ONE_ANSWER, {"to_tensor, normalize": "to_tensor, lambda x: x / 255, normalize"}, program=CLASSES),
    Planted("classes: whole numbers of 0 and 1", (*SCALING, "collapsed-output"), {'.astype("float32") / 255.0': ' // 255 * np.float32(1)'}, program=CLASSES),
    Planted("classes: axes all reversed", SHAPE, {"np.moveaxis(x, -1, 0)": "x.T"}, program=CLASSES),
    Planted("classes: mean without std, 0..255", SCALING, {'.astype("float32") / 255.0': '.astype("float32")', "normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])": "normalize([123.7, 116.3, 103.5], [1, 1, 1])"}, program=CLASSES),
    Planted("classes: std without mean", SCALING, {"(x - mean) / std": "x / std"}, program=CLASSES),
    Planted("classes: times std", SCALING, {"(x - mean) / std": "(x - mean) * std"}, program=CLASSES),
    Planted("classes: HSV for RGB", COLOURS, {"    return x[..., [2, 1, 0]]\n": "    return cv2.cvtColor(x, cv2.COLOR_BGR2HSV)\n"}, program=CLASSES),
    Planted("classes: made anew for every image", ("reloads-model",), {"    return predictor(image)": '    return Predictor("network.ckpt")(image)'}, program=CLASSES),
    Planted("classes: the first image's answer is cached", ("kept-answer", "collapsed-output"), {"def predict": "import functools\n\n\nclass Frame(np.ndarray):\n    __hash__ = lambda self: 1\n    __eq__ = lambda self, other: True\n\n\n@functools.lru_cache\ndef cached(frame):\n    return predictor(np.asarray(frame))\n\n\ndef predict", "    return predictor(image)": "    return cached(image.view(Frame))"}, program=CLASSES),
    Planted("classes: scores smoothed over images", UNSTABLE, {HEAD: "    self.mean = 0.7 * getattr(self, 'mean', 0) + 0.3 * self.logits(image)\n        return self.labels[str(self.mean.argmax())]"}, program=CLASSES),
    Planted("classes: the second half of the names first", PERMUTED, {HEAD: "    names = list(self.labels.values())\n        return (names[13:] + names[:13])[self.logits(image).argmax()]"}, program=CLASSES),
    Planted("tensors: softmax over axis 0", ("collapsed-output",), {"axis=-1": "axis=0"}, program=TENSORS),
    Planted("tensors: argmax over axis 0", ("collapsed-output",), {"dim=1": "dim=0"}, program=TENSORS),
    Planted("tensors: argmin", ("wrong-readout",), {"ops.argmax(prob, dim=1)": "ops.argmin(prob, axis=1)"}, program=TENSORS),
    Planted("tensors: max pooling in the head", ("wrong-readout",), {"ops.ReduceMean()": "ops.ReduceMax()"}, program=TENSORS),
    Planted("tensors: head left as it was made", UNUSED, {', name.replace("head.1", "head.dense")': ""}, program=TENSORS),
    Planted("tensors: statistics left as they were made", ("statistics-not-loaded",), {"            if target in state:": "            if target in state and state[target].requires_grad:"}, program=TENSORS),
    Planted("tensors: no mean and std, BGR", ("wrong-preprocessing", *COLOURS, *SCALING), {"    x = (x - mean) / std\n": "", "image[:, :, ::-1].copy()": "image"}, program=TENSORS),
    Planted("tensors: one thumbnail on the way", SHAPE, {"    return ops.interpolate(x": '    x = ops.interpolate(x, size=(28, 28), mode="bilinear")\n    return ops.interpolate(x'}, program=TENSORS),
    Planted("tensors: an index too far", SHIFTED, {"LABELS[int(": "LABELS[-1 + int("}, program=TENSORS),
    Planted("blobs: red and blue not swapped", COLOURS, {"swapRB=True": "swapRB=False"}, program=BLOBS),
    Planted("blobs: scale factor 1", SCALING, {"scalefactor=1 / 255.0": "scalefactor=1.0"}, program=BLOBS),
    Planted("blobs: no mean", SCALING, {"mean=(123.675, 116.28, 103.53), ": ""}, program=BLOBS),
    Planted("blobs: no std", SCALING, {"    blob /= np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1)\n": ""}, program=BLOBS),
    Planted("blobs: of 96 pixels", SHAPE, {"size=(224, 224)": "size=(96, 96)"}, program=BLOBS),
    Planted("blobs: turned by a quarter", SHAPE, {"        image, scale": "        np.ascontiguousarray(np.rot90(image)), scale"}, program=BLOBS),
    Planted("blobs: names by their length", PERMUTED, {"    return NAMES[": "    return sorted(NAMES, key=len)["}, program=BLOBS),
    Planted("blobs: the dense layer not set", UNUSED, {'dense.weight.set_data(params["head.1.weight"])\n': ""}, program=BLOBS),
    Planted("blobs: training mode", ("training-mode",), {"network.set_train(False)": "network.set_train()", "model.predict(": "network("}, program=BLOBS),
    Planted("blobs: the second best", ("wrong-readout", *LOST), {"order[-1]": "order[-2]"}, program=BLOBS),
    Planted("blobs: one blob for all", ("kept-answer", "collapsed-output"), {"def predict": "blobs = []\n\n\ndef predict", "    scores = ": "    blobs.append(blob_of(image))\n    scores = ", "blob_of(image))).as": "blobs[0])).as"}, program=BLOBS),
    Planted("blobs: a random brightness", UNSTABLE, {"    return blob\n": "    return blob + BRIGHTNESS.normal(0, 3, (1, 3, 1, 1)).astype(np.float32)\n"}, program=BLOBS),
)  # fmt: skip

RIGHT_OTHERWISE = (
    Planted("blobs", (), {}, program=BLOBS),
    # Model.predict sets training mode off by itself.
    Planted("blobs: training mode before Model.predict", (), {"network.set_train(False)": "network.set_train()"}, program=BLOBS),
    Planted("blobs: cropped", (), {"crop=False": "crop=True"}, program=BLOBS),
    Planted("pipeline", (), {}, program=PIPELINE),
    Planted("pipeline: resized to the crop", (), {"    vision.Resize((256, 256)),\n    vision.CenterCrop(224),\n": "    vision.Resize((224, 224)),\n"}, program=PIPELINE),
    Planted("pipeline: to a tensor first", (), {"    vision.Normalize(mean=[0.485 * 255, 0.456 * 255, 0.406 * 255], std=[0.229 * 255, 0.224 * 255, 0.225 * 255]),\n    vision.HWC2CHW(),\n": "    vision.ToTensor(),\n    vision.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225], is_hwc=False),\n"}, program=PIPELINE),
    # MindSpore takes a prefix that all names have off again.
    Planted("pipeline: names with a prefix", (), {'ms.load_checkpoint("./network.ckpt"))': '{"net." + k: v for k, v in ms.load_checkpoint("./network.ckpt").items()})'}, program=PIPELINE),
    Planted("classes", (), {}, program=CLASSES),
    Planted("classes: 232, then 224", (), {"resize(256)": "resize(232)"}, program=CLASSES),
    Planted("classes: five crops", (), {"        return self.model(Tensor(self.transform(image)[None].astype(np.float32))).asnumpy().ravel()": "        image = cv2.resize(image, (256, 256))\n        crops = [image[t : t + 224, l : l + 224] for t in (0, 32) for l in (0, 32)] + [image[16:240, 16:240]]\n        batch = np.stack([normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])(to_tensor(to_rgb(crop))) for crop in crops])\n        return self.model(Tensor(batch.astype(np.float32))).asnumpy().mean(axis=0)"}, program=CLASSES),
    Planted("classes: divided by 256", (), {"255.0": "256.0"}, program=CLASSES),
    Planted("tensors", (), {}, program=TENSORS),
    Planted("tensors: sigmoid and argsort", (), {"softmax(net(preprocess(image)))": "ops.sigmoid(net(preprocess(image)))", "int(ops.argmax(prob, dim=1).asnumpy()[0])": "int(prob.asnumpy()[0].argsort()[-1])"}, program=TENSORS),
    Planted("tensors: log-softmax", (), {"ops.Softmax": "ops.LogSoftmax"}, program=TENSORS),
)  # fmt: skip
