"""The mistakes: which lines of `main.py` they change, and which finding must name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tests.submissions.mistakes.networks import Arrays, Writer, write_network

SOURCE = Path(__file__).with_name("main.py").read_text(encoding="utf-8")


def same(arrays: Arrays) -> Arrays:
    return arrays


@dataclass(frozen=True)
class Planted:
    """One mistake, or one other way to be right."""

    name: str
    codes: tuple[str, ...]
    """Of findings that name it; empty if it is right."""
    lines: Mapping[str, str]
    """Pieces of `main.py`, and what stands in their place."""
    checkpoint: Callable[[Arrays], Arrays] = field(default=same)
    """What is done to the checkpoint's arrays."""
    others: Mapping[str, Callable[[Arrays], Arrays]] = field(default_factory=dict)
    """More checkpoints, by file name."""
    program: str = SOURCE
    """What the lines are changed in."""
    network: str = "network.ckpt"
    """Where the checkpoint's arrays are handed in."""
    write: Writer = write_network
    """How they are written there."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """More of the student's own modules, by file name."""
    library: str = ""
    """What the program imports and is not installed everywhere."""
    mended_lines: Mapping[str, str] | None = field(default_factory=dict)
    """What the mended program still has otherwise than `program`; None where no line mends it."""

    def mended(self) -> Planted | None:
        """Return the submission without its mistake: what its score is, a promise must be."""
        if not self.codes or self.mended_lines is None:
            return None
        return replace(self, name=f"{self.name}, mended", codes=(), lines=self.mended_lines)

    def source(self, names: list[str]) -> str:
        """Return `main.py` with the mistake in it.

        Raises:
            ValueError: a line that is to be changed is not there.
        """
        text = self.program
        for old, new in self.lines.items():
            if text.count(old) != 1:
                raise ValueError(f"{self.name}: {old!r} stands {text.count(old)} times in main.py")
            text = text.replace(old, new)
        return text.replace('["the class names"]', repr(names))


TO_RGB = "    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)\n"
RESIZE = "    image = cv2.resize(image, (256, 256))\n"
CROP = "    image = image[16:240, 16:240]\n"
SCALE = "    pixels = image.astype(np.float32) / 255\n"
NORMALISE = "    pixels = (pixels - MEAN) / STD\n"
LAYOUT = "pixels.transpose(2, 0, 1)"
LOAD = "    ms.load_param_into_net(network, parameters)\n"
TRAIN = "network.set_train(False)"
LOGITS = "    logits = network(ms.Tensor(preprocess(image))).asnumpy()\n"
INDEX = "    index = int(logits.argmax(axis=1)[0])\n"
ANSWER = "NAMES[index]"
RAW = {SCALE: "    pixels = image.astype(np.float32)\n"}
UNIT = {NORMALISE: ""}
BGR = {TO_RGB: ""}
FIRST = "features.0.features.0.weight"
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
AT_ONCE = {RESIZE: "    image = cv2.resize(image, (224, 224))\n", CROP: ""}


def learned_from_bgr(arrays: Arrays) -> Arrays:
    """Return the arrays of a network that learned from pictures in OpenCV's order."""
    return {**arrays, FIRST: np.ascontiguousarray(arrays[FIRST][:, ::-1])}


def learned_from_unit(arrays: Arrays) -> Arrays:
    """Return the arrays of a network that learned from pixels of 0 to 1, without mean and std.

    At the borders it is another one: the zeros there are black, and not the mean.
    """
    weight, mean = arrays[FIRST], f"{FIRST.rpartition('.')[0].rpartition('.')[0]}.1.moving_mean"
    scaled = weight / STD[:, np.newaxis, np.newaxis]
    shift = (scaled * MEAN[:, np.newaxis, np.newaxis]).sum(axis=(1, 2, 3))
    return {**arrays, FIRST: scaled.astype(np.float32), mean: (arrays[mean] + shift).astype(np.float32)}


def untrained_head(arrays: Arrays) -> Arrays:
    noise = np.random.default_rng(1).normal(0, 0.01, arrays["head.1.weight"].shape)
    return {**arrays, "head.1.weight": noise.astype(np.float32)}


def _nan(arrays: Arrays) -> Arrays:
    return {**arrays, "head.1.weight": np.full_like(arrays["head.1.weight"], np.nan)}


def blurred_head(arrays: Arrays) -> Arrays:
    """Return what an early epoch leaves: the head, with noise as strong as itself."""
    weight = arrays["head.1.weight"]
    noise = np.random.default_rng(2).normal(0, 2 * weight.std(), weight.shape)
    return {**arrays, "head.1.weight": weight + noise.astype(np.float32)}


def only(prefix: str) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {name: array for name, array in arrays.items() if name.startswith(prefix)}


SCALING = ("wrong-scale",)
COLOURS = ("channel-order", "other-colours")
SHAPE = ("wrong-resize", "turned")
UNUSED = ("checkpoint-unused", "parameters-not-loaded")
TRAINING = ("trained-otherwise",)
UNSTABLE = ("unstable-answers", "random-input", "random-network", "answer-from-elsewhere")
SORTED = ("labels-sorted-otherwise",)
LOST = ("lost-on-the-way",)
ONE_ANSWER = ("wrong-scale", "lost-on-the-way")
"""Where all answers are one, several causes are named, and it is not said which."""

MISTAKES = (
    Planted("colours stay BGR", COLOURS, BGR),
    Planted("colours exchanged twice", COLOURS, {TO_RGB: TO_RGB + "    image = image[:, :, ::-1]\n"}),
    Planted("BGR with BGR's mean and std", COLOURS, {**BGR, "MEAN) / STD": "MEAN[::-1]) / STD[::-1]"}),
    # At once to 224 is no mistake: the mended program does so, too.
    Planted("BGR, at once to 224", COLOURS, {**BGR, **AT_ONCE}, mended_lines=AT_ONCE),
    Planted("grey pictures", COLOURS, {TO_RGB: "    image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2RGB)\n"}),
    Planted("no mean and std", SCALING, UNIT),
    Planted("no scaling at all", SCALING, {**RAW, **UNIT}),
    Planted("no /255", SCALING, RAW),
    Planted("/255 twice", ONE_ANSWER, {SCALE: "    pixels = image.astype(np.float32) / 255 / 255\n"}),
    Planted("mean and std of 0..255 on pixels of 0..1", ONE_ANSWER, {"MEAN) / STD": "255 * MEAN) / (255 * STD)"}),
    Planted("mean without std", SCALING, {"(pixels - MEAN) / STD": "pixels - MEAN"}),
    Planted("[-1, 1]", SCALING, {NORMALISE: "    pixels = pixels * 2 - 1\n"}),
    Planted("mean and std exchanged", SCALING, {"(pixels - MEAN) / STD": "(pixels - STD) / MEAN"}),
    Planted("negative picture", (*COLOURS, "wrong-preprocessing"), {SCALE: "    pixels = 1 - image.astype(np.float32) / 255\n"}),
    Planted("BGR without mean and std", ("wrong-preprocessing", *SCALING), {**BGR, **UNIT}),
    Planted("BGR in [-1, 1]", ("wrong-preprocessing", *COLOURS), {**BGR, NORMALISE: "    pixels = pixels * 2 - 1\n"}),
    Planted("reshape for transpose", ("wrong-layout",), {LAYOUT: "pixels.reshape(3, 224, 224)"}),
    Planted("axes in another order", SHAPE, {LAYOUT: "pixels.transpose(2, 1, 0)"}),
    Planted("upside down", SHAPE, {RESIZE: RESIZE + "    image = cv2.flip(image, 0)\n"}),
    Planted("turned", SHAPE, {RESIZE: RESIZE + "    image = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)\n"}),
    Planted("too small a picture", SHAPE, {RESIZE: "    image = cv2.resize(image, (64, 64))\n", CROP: ""}),
    Planted("only the middle", SHAPE, {RESIZE: "    image = cv2.resize(image, (512, 512))\n", CROP: "    image = image[144:368, 144:368]\n"}),
    Planted("resized by way of a thumbnail", SHAPE, {RESIZE: "    image = cv2.resize(cv2.resize(image, (32, 32)), (224, 224))\n", CROP: ""}),
    Planted("training mode", ("training-mode",), {TRAIN: "network.set_train(True)"}),
    Planted("statistics not loaded", ("statistics-not-loaded",), {LOAD: "    ms.load_param_into_net(network, {name: value for name, value in parameters.items() if 'moving' not in name})\n"}),
    Planted("smallest logit", ("wrong-readout",), {"argmax": "argmin"}),
    Planted("nothing loaded", UNUSED, {LOAD: ""}),
    Planted("names that do not fit", UNUSED, {LOAD: "    ms.load_param_into_net(network, {name.replace('features', 'layers').replace('head', 'tail'): value for name, value in parameters.items()})\n"}),
    Planted("backbone not loaded", UNUSED, {LOAD: "    ms.load_param_into_net(network, {name: value for name, value in parameters.items() if name.startswith('head')})\n"}),
    Planted("head not loaded", UNUSED, {LOAD: "    ms.load_param_into_net(network, {name: value for name, value in parameters.items() if name.startswith('features')})\n"}),
    Planted("a worse checkpoint than the other", ("other-checkpoint",), {}, blurred_head, {"network-best.ckpt": same}, mended_lines={'"network.ckpt"': '"network-best.ckpt"'}),
    Planted("an untrained head", ("untrained-checkpoint",), {}, untrained_head, mended_lines=None),
    Planted("trained to NaN", ("nan-checkpoint",), {}, _nan, mended_lines=None),
    Planted("softmax over the batch", ("collapsed-output",), {LOGITS: LOGITS + "    logits = np.exp(logits) / np.exp(logits).sum(axis=0)\n"}),
    Planted("NaN in the input", ("collapsed-output",), {NORMALISE: NORMALISE + "    pixels[0, 0] = np.nan\n"}),
    Planted("the first answer kept", ("kept-answer", "collapsed-output"), {"def predict": "kept = []\n\n\ndef predict", ANSWER: "NAMES[kept[0]]", INDEX: INDEX + "    kept.append(index)\n"}),
    Planted("loaded for every image", ("reloads-model",), {"def predict(image):\n": "def predict(image):\n    network = load_network()\n"}),
    Planted("argmax over the batch", ("collapsed-output",), {"argmax(axis=1)": "argmax(axis=0)"}),
    Planted("names shifted by one", ("labels-shifted",), {ANSWER: "NAMES[(index + 1) % len(NAMES)]"}),
    Planted("names from 1", ("labels-shifted",), {ANSWER: "NAMES[index - 1]"}),
    Planted("names sorted by number as text", SORTED, {ANSWER: "NAMES[sorted(range(len(NAMES)), key=str)[index]]"}),
    Planted("names sorted by the alphabet", SORTED, {ANSWER: "sorted(NAMES)[index]"}),
    Planted("indices in place of names", ("wrong-type",), {ANSWER: "index"}),
    Planted("names with a probability", ("more-than-a-name",), {ANSWER: "f'{NAMES[index]}: 93 %'"}),
    Planted("names reversed", SORTED, {ANSWER: "NAMES[::-1][index]"}),
    Planted("names in the order of a directory", ("labels-permuted",), {ANSWER: "[NAMES[i] for i in np.random.default_rng(5).permutation(len(NAMES))][index]"}),
    Planted("two names exchanged", ("labels-exchanged",), {ANSWER: "(NAMES[:3] + [NAMES[7], *NAMES[4:7], NAMES[3]] + NAMES[8:])[index]"}),
    Planted("random answers", (*UNSTABLE, *UNUSED), {ANSWER: "NAMES[np.random.default_rng().integers(len(NAMES))]"}),
    Planted("dropout at inference", UNSTABLE, {LOGITS: "    pixels = preprocess(image)\n    pixels *= np.random.default_rng().random(pixels.shape) < 0.5\n    logits = network(ms.Tensor(pixels)).asnumpy()\n"}),
    Planted("the answer to the image before", UNSTABLE, {"def predict": "last = [0]\n\n\ndef predict", ANSWER: "NAMES[last[-2]]", INDEX: INDEX + "    last.append(index)\n"}),
    Planted("logits summed over all images", UNSTABLE, {"def predict": "total = [0]\n\n\ndef predict", LOGITS: LOGITS + "    total[0] = logits = total[0] + logits\n"}),
    Planted("trained in BGR, asked in RGB", TRAINING, {}, learned_from_bgr, mended_lines=BGR),
    Planted("trained on 0 to 1, asked in the lab's way", TRAINING, {}, learned_from_unit, mended_lines=UNIT),
)  # fmt: skip

RIGHT = (
    Planted("as it is", (), {}),
    Planted("the course's transform", (), {"preprocess(image))": "evaluation_transform(image)[np.newaxis])", "import numpy as np\n": "import numpy as np\nfrom src_mindspore.transforms import evaluation_transform\n"}),
    Planted("mean and std of 0..255", (), {SCALE: "    pixels = image.astype(np.float32)\n", "MEAN) / STD": "MEAN * 255) / (STD * 255)"}),
    Planted("colours reversed by a slice", (), {TO_RGB: "    image = image[..., ::-1].copy()\n"}),
    Planted("resized without a crop", (), AT_ONCE),
    Planted("resized by area", (), {"(256, 256))": "(256, 256), interpolation=cv2.INTER_AREA)"}),
    Planted("two views, the second mirrored", (), {LOGITS: "    one = preprocess(image)\n    both = np.concatenate([one, one[..., ::-1]])\n    logits = network(ms.Tensor(both)).asnumpy().mean(axis=0, keepdims=True)\n"}),
    Planted("a softmax over the classes", (), {LOGITS: LOGITS + "    logits = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum(axis=1)\n"}),
    Planted("graph mode", (), {"network = load_network()": "ms.set_context(mode=ms.GRAPH_MODE)\nnetwork = load_network()"}),
    Planted("loaded at the first call", (), {"network = load_network()": "network = None", "    logits": "    global network\n    network = network or load_network()\n    logits"}),
    Planted("another order of classes, consistently", (), {ANSWER: "NAMES[::-1][index]"}, lambda arrays: {**arrays, "head.1.weight": arrays["head.1.weight"][::-1].copy(), "head.1.bias": arrays["head.1.bias"][::-1].copy()}),
    Planted("trained on BGR, consistently", (), BGR, lambda arrays: {**arrays, "features.0.features.0.weight": arrays["features.0.features.0.weight"][:, ::-1].copy()}),
)  # fmt: skip
