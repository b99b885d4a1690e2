"""Programs in the nine styles that are right in an unusual way; nothing that they do is a mistake.

Most have a head of their own, which was trained on what the program makes of a picture; the others do something
unusual with the network that the mistakes are planted on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.submissions.mistakes.networks import Arrays, write_bytes_in, write_channels_last
from tests.submissions.mistakes.planted import same
from tests.submissions.mistakes.styles import (
    CLASSIFIER,
    DNN,
    LAB,
    NUMPY,
    PILLOW,
    SCRIPT,
    SESSION,
    STYLES,
    TORCH,
    TWO_PARTS,
)
from tests.submissions.mistakes.unusual import Unusual, every_third_wrong

MANY = 40
"""Training images of a class, for heads that are nearly as good as any."""
Pixels = npt.NDArray[np.generic]
_MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(1, 3, 1, 1)
_STD = np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1)


def _channels_first(pixels: Pixels) -> Pixels:
    return np.moveaxis(pixels, -1, 1)


def _normalised(pixels: Pixels) -> Pixels:
    return (_channels_first(pixels).astype(np.float32) / 255 - _MEAN) / _STD


def _signed(pixels: Pixels) -> Pixels:
    return _channels_first(pixels).astype(np.float32) / 127.5 - 1


def _reversed(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return labels.max() - labels


def _in_reverse(arrays: Arrays) -> Arrays:
    head = {
        name: np.ascontiguousarray(array[::-1]) for name, array in arrays.items() if name.startswith("head")
    }
    return {**arrays, **head}


_SCRIPT_SIZE = "    img = cv2.resize(img, (224, 224), interpolation=cv2.INTER_LINEAR)\n"
_SCRIPT_NORMALISE = (
    "    img[:, :, 0] = (img[:, :, 0] - 123.675) / 58.395\n"
    "    img[:, :, 1] = (img[:, :, 1] - 116.28) / 57.12\n"
    "    img[:, :, 2] = (img[:, :, 2] - 103.53) / 57.375\n"
)
_SCRIPT_ASK = "    output = network(ms.Tensor(img, ms.float32)).asnumpy()\n"
_MODEL_PREDICT = {
    "\n\ndef preprocess": "model = ms.Model(network)\n\n\ndef preprocess",
    "network(ms.Tensor(img, ms.float32))": "model.predict(ms.Tensor(img, ms.float32))",
}
_STANDARD = """def standard(image):
    x = cv2.resize(image, (224, 224))[:, :, ::-1] / np.float32(255)
    x = (x - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    return ms.Tensor(np.ascontiguousarray(np.moveaxis(x, 2, 0))[None], ms.float32)


"""
_SECOND = """second = mobilenet_v2(MobileNetV2Backbone(), MobileNetV2Head(num_classes=len(index2name)))
ms.load_param_into_net(second, ms.load_checkpoint("./results/second.ckpt"))
second.set_train(False)


"""
_GREY = {
    "img = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)": "img = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2RGB)"
}

_LAB_BATCH = "    batch = evaluation_transform(image)[np.newaxis]\n"
_LAB_LOGITS = "    logits = network(ms.Tensor.from_numpy(batch)).asnumpy()\n"
_LAB_PREPROCESS = (
    "def preprocess(image):\n    return evaluation_transform(image)[np.newaxis]\n\n\ndef predict("
)
_FIVE = (
    "    height, width = image.shape[:2]\n"
    "    h, w = height * 7 // 8, width * 7 // 8\n"
    "    corners = [(t, l) for t in (0, height - h) for l in (0, width - w)] + [((height - h) // 2, (width - w) // 2)]\n"
    "    batch = np.stack([evaluation_transform(image[t : t + h, l : l + w], 224) for t, l in corners])\n"
)
_MEAN_OF_VIEWS = _LAB_LOGITS + "    logits = logits.mean(axis=0, keepdims=True)\n"

_CELL_BATCH = {
    "        batch = np.expand_dims(self._load(image), 0)\n": "        batch = preprocess(image)\n",
    "@dataclass\n": "def preprocess(image):\n    return cv2.resize(image[:, :, ::-1], (224, 224))[None]\n\n\n@dataclass\n",
}

_PILLOW_SMALL = "    img = img.resize((224, 224), Image.BILINEAR)\n"
_PILLOW_ARRAY = "image[:, :, ::-1])"

_SESSION_SIZE = "    rgb = cv2.resize(rgb, (256, 256))\n    rgb = rgb[16:240, 16:240]\n"
_SESSION_FLOAT = "    x = rgb.astype(np.float32) / 255.0\n"
_SESSION_NORMALISE = "    x = (x - MEAN) / STD\n"
_SESSION_LAYOUT = "    x = x.transpose((2, 0, 1))\n"
_SESSION_RETURN = "    return np.ascontiguousarray(x[np.newaxis, ...], dtype=np.float32)\n"
_SESSION_RUN = "    outputs = session.run(None, {input_name: blob})\n"

UNUSUALLY_STYLED = (
    Unusual(SESSION.right("channels last, [-1, 1]", {_SESSION_NORMALISE: "    x = x * 2 - 1\n", _SESSION_LAYOUT: ""}, write=write_channels_last), front=_channels_first, per_class=MANY),
    Unusual(SESSION.right("bytes in, the graph normalises", {_SESSION_FLOAT: "", _SESSION_NORMALISE: "", _SESSION_LAYOUT: "", _SESSION_RETURN: "    return np.ascontiguousarray(rgb[np.newaxis])\n"}, write=write_bytes_in), front=_normalised, per_class=MANY),
    Unusual(SESSION.right("BGR less Caffe's mean", {"cv2.cvtColor(image, cv2.COLOR_BGR2RGB)": "image", _SESSION_FLOAT: "    x = rgb.astype(np.float32)\n", _SESSION_NORMALISE: "    x = (x - np.float32([103.94, 116.78, 123.68])) * np.float32(0.017)\n"}), per_class=MANY),
    Unusual(SESSION.right("small pictures enlarged", {_SESSION_SIZE: "    rgb = cv2.resize(cv2.resize(rgb, (64, 64), interpolation=cv2.INTER_AREA), (224, 224))\n"})),
    Unusual(SESSION.right("classes in reverse", {'CLASSES = ["the class names"]': 'CLASSES = ["the class names"][::-1]'}), learns=_reversed),
    Unusual(DNN.right("stretched, [-1, 1]", {"1 / 255.0": "1 / 127.5", "(0.485 * 255, 0.456 * 255, 0.406 * 255)": "(127.5, 127.5, 127.5)", "blob / STD": "blob"}), per_class=MANY),
    Unusual(DNN.right("cropped, BGR", {"swapRB=True, crop=False": "swapRB=False, crop=True"})),
    Unusual(PILLOW.right("padded to a square", {_PILLOW_SMALL: "    img = ImageOps.pad(img, (224, 224), color=(128, 128, 128))\n"}), per_class=MANY),
    Unusual(PILLOW.right("cropped to a square", {_PILLOW_SMALL: "    img = ImageOps.fit(img, (224, 224), Image.BICUBIC)\n"})),
    Unusual(PILLOW.right("grey with more contrast", {_PILLOW_SMALL: _PILLOW_SMALL + '    img = ImageOps.autocontrast(img.convert("L")).convert("RGB")\n'})),
    Unusual(PILLOW.right("Lanczos, BGR", {"BILINEAR": "LANCZOS", _PILLOW_ARRAY: "np.ascontiguousarray(image))"})),
    Unusual(TWO_PARTS.right("three images a class", {}), per_class=3),
    Unusual(TWO_PARTS.right("the dense layer in numpy", {"    logits = top(features)\n    order = ops.topk(logits, 5)[1].asnumpy()[0]\n": '    vector = features.asnumpy().mean(axis=(2, 3))[0]\n    logits = weights["head.1.weight"].asnumpy() @ vector + weights["head.1.bias"].asnumpy()\n    order = np.argsort(-logits)\n'}), per_class=6),
    Unusual(TWO_PARTS.right("cosine of the features", {"    logits = top(features)\n    order = ops.topk(logits, 5)[1].asnumpy()[0]\n": '    vector = features.asnumpy().mean(axis=(2, 3))[0]\n    matrix = weights["head.1.weight"].asnumpy()\n    order = np.argsort(-(matrix @ vector) / np.linalg.norm(matrix, axis=1) / np.linalg.norm(vector))\n'})),
    Unusual(SCRIPT.right("Model.predict, wrong training labels", _MODEL_PREDICT), per_class=20, learns=every_third_wrong),
    Unusual(SCRIPT.right("each channel by its own mean and std", {_SCRIPT_NORMALISE: "    img = (img - img.mean(axis=(0, 1))) / (img.std(axis=(0, 1)) + 1e-5)\n"})),
    Unusual(SCRIPT.right("equalised", {_SCRIPT_SIZE: _SCRIPT_SIZE + "    img = cv2.merge([cv2.equalizeHist(channel) for channel in cv2.split(img)])\n"})),
    Unusual(SCRIPT.right("trained upside down", {_SCRIPT_SIZE: _SCRIPT_SIZE + "    img = cv2.flip(img, 0)\n"})),
    Unusual(SCRIPT.right("an ensemble of grey and RGB", {**_GREY, "def preprocess": _SECOND + _STANDARD + "def preprocess", _SCRIPT_ASK: _SCRIPT_ASK + "    output = output + second(standard(image)).asnumpy()\n"}, others={"results/second.ckpt": same}), per_class=6),
    Unusual(CLASSIFIER.right("the cell's own scale", {**_CELL_BATCH, "mean: tuple = (0.485, 0.456, 0.406)": "mean: tuple = (0.5, 0.5, 0.5)", "std: tuple = (0.229, 0.224, 0.225)": "std: tuple = (0.5, 0.5, 0.5)"}), front=_signed, per_class=MANY),
    Unusual(CLASSIFIER.right("no crop, hardly trained", _CELL_BATCH), weight_decay=1.0, front=_normalised),
    Unusual(LAB.right("trained without a crop, few images", {"def predict(": _LAB_PREPROCESS.replace("(image)[", "(image, 224)["), _LAB_BATCH: "    batch = preprocess(image)\n"}), per_class=4),
    Unusual(LAB.right("five crops, few images", {"def predict(": _LAB_PREPROCESS, _LAB_BATCH: _FIVE, _LAB_LOGITS: _MEAN_OF_VIEWS}), per_class=4),
    Unusual(LAB.right("a second look where unsure", {"def predict(": _LAB_PREPROCESS, _LAB_BATCH: "    batch = preprocess(image)\n", _LAB_LOGITS: _LAB_LOGITS + "    if np.sort(logits[0])[-1] - np.sort(logits[0])[-2] < 1:\n        other = evaluation_transform(image[:, ::-1], 224)[np.newaxis]\n        logits = logits + network(ms.Tensor.from_numpy(other)).asnumpy()\n"}), per_class=4),
    Unusual(NUMPY.right("BGR, [-1, 1]", {"[:, :, ::-1]": "", "    x = (x - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])\n": "    x = x * 2 - 1\n"})),
)  # fmt: skip

RIGHT_STYLED = (
    *(style.right("as it is") for style in STYLES),
    SESSION.right("bound input and output", {_SESSION_RUN: "    binding = session.io_binding()\n    binding.bind_cpu_input(input_name, blob)\n    binding.bind_output(session.get_outputs()[0].name)\n    session.run_with_iobinding(binding)\n    outputs = binding.copy_outputs_to_cpu()\n"}),
    SESSION.right("five crops in a batch", {_SESSION_RUN: "    views = [blob, blob[..., ::-1]] + [preprocess(image[t : t + image.shape[0] - 8, t : t + image.shape[1] - 8]) for t in (0, 4, 8)]\n    outputs = [session.run(None, {input_name: np.concatenate(views)})[0].mean(axis=0, keepdims=True)]\n"}),
    SESSION.right("a folded head, in reverse", {"CLASSES[class_id]": "CLASSES[-1 - class_id]"}, checkpoint=_in_reverse),
    SCRIPT.right("Model.predict", _MODEL_PREDICT),
    TWO_PARTS.right("eagerly", {"ms.GRAPH_MODE": "ms.PYNATIVE_MODE"}),
    TORCH.right("traced", {"mean = torch.tensor": "model = torch.jit.trace(model, torch.zeros(1, 3, 224, 224))\nmean = torch.tensor"}),
    TORCH.right("two views in a batch", {"    probabilities = F.softmax(model(x), dim=1)\n": "    x = torch.cat([x, x.flip(3)])\n    probabilities = F.softmax(model(x), dim=1).mean(0, keepdim=True)\n"}),
)  # fmt: skip
