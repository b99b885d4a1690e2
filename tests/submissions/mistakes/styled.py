"""Mistakes in nine styles of program: a script, the lab's own, classes, two parts, PIL, ONNX Runtime, OpenCV's
`dnn`, PyTorch, and numpy alone.

What must be said first follows from what is wrong, not from what the diagnosis can find.
"""

from __future__ import annotations

import numpy as np

from tests.submissions.mistakes.planted import (
    COLOURS,
    SCALING,
    SHAPE,
    SORTED,
    UNSTABLE,
    UNUSED,
    Arrays,
    blurred_head,
    only,
    same,
    untrained_head,
)
from tests.submissions.mistakes.styles import (
    CLASSIFIER,
    DNN,
    LAB,
    NUMPY,
    PILLOW,
    SCRIPT,
    SESSION,
    TORCH,
    TWO_PARTS,
)

OTHER_FILE = ("other-checkpoint",)
READOUT = ("wrong-readout",)
CONSTANT = ("collapsed-output", "wrong-readout", "constant-answer")
SHIFTED = ("labels-shifted",)
LAYOUT = ("wrong-layout",)
FORWARD_PASS = ("wrong-forward-pass",)
TRAINING = ("training-mode",)
VALUES = ("wrong-preprocessing", *SCALING)
"""Pixels that no scale explains: wrapped, clipped, rounded."""
FEW_TONES = ("wrong-preprocessing", "wrong-scale", *COLOURS)
ORIENTATION = ("turned", *SHAPE)
AXES = ("turned", *SHAPE, *LAYOUT)
BLURRED = (*SHAPE, "wrong-preprocessing")
TWO_AT_ONCE = ("wrong-preprocessing", *COLOURS, *SCALING)


def _drifted(arrays: Arrays) -> Arrays:
    """Return a backbone whose batch norm statistics drifted while another head was trained on it."""
    rng = np.random.default_rng(4)
    return {
        name: array * rng.lognormal(0, 0.3, array.shape).astype(np.float32)
        if name.endswith("moving_variance")
        else array
        for name, array in arrays.items()
    }


_RGB = "    img = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)\n"
_SIZE = "    img = cv2.resize(img, (224, 224), interpolation=cv2.INTER_LINEAR)\n"
_FLOAT = "    img = img.astype(np.float32)\n"
_RED = "    img[:, :, 0] = (img[:, :, 0] - 123.675) / 58.395\n"
_GREEN = "    img[:, :, 1] = (img[:, :, 1] - 116.28) / 57.12\n"
_BLUE = "    img[:, :, 2] = (img[:, :, 2] - 103.53) / 57.375\n"
_ANSWER = "    return index2name[label]\n"

SCRIPT_MISTAKES = (
    SCRIPT.with_mistake("channels merged in another order", COLOURS, {_RGB: "    b, g, r = cv2.split(image)\n    img = cv2.merge([g, r, b])\n"}),
    SCRIPT.with_mistake("np.resize for transpose", LAYOUT, {"np.transpose(img, (2, 0, 1))": "np.resize(img, (3, 224, 224))"}),
    SCRIPT.with_mistake("bytes less bytes", VALUES, {_FLOAT: "    img = img - np.array([124, 116, 104], np.uint8)\n    img = img.astype(np.float32) / 57\n", _RED: "", _GREEN: "", _BLUE: ""}),
    SCRIPT.with_mistake("normalised within an array of bytes", VALUES, {_FLOAT: ""}),
    SCRIPT.with_mistake("the first channel normalised three times", SCALING, {_GREEN: _GREEN.replace("1]", "0]"), _BLUE: _BLUE.replace("2]", "0]")}),
    SCRIPT.with_mistake("pasted into a corner", SHAPE, {_SIZE: "    h, w = img.shape[:2]\n    s = 120 / max(h, w)\n    small = cv2.resize(img, (int(w * s), int(h * s)))\n    img = np.zeros((224, 224, 3), np.uint8)\n    img[: small.shape[0], : small.shape[1]] = small\n"}),
    SCRIPT.with_mistake("the corner of 400 pixels", SHAPE, {_SIZE: "    img = cv2.resize(img, (400, 400))[:224, :224]\n"}),
    SCRIPT.with_mistake("Otsu's threshold", FEW_TONES, {_RGB: "    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)\n    _, mask = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)\n    img = cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB)\n"}),
    SCRIPT.with_mistake("names counted from 1", SHIFTED, {"index2name[i] = name": "index2name[i + 1] = name", _ANSWER: "    return index2name.get(label, index2name[1])\n"}),
    SCRIPT.with_mistake("a strong blur", BLURRED, {_SIZE: _SIZE + "    img = cv2.GaussianBlur(img, (31, 31), 0)\n"}),
    SCRIPT.with_mistake("each channel equalised", ("wrong-preprocessing", "wrong-scale"), {_SIZE: _SIZE + "    img = cv2.merge([cv2.equalizeHist(channel) for channel in cv2.split(img)])\n"}),
    SCRIPT.with_mistake("the vote of the last five", (*UNSTABLE, "kept-answer"), {"def predict": "history = []\n\n\ndef predict", _ANSWER: "    history.append(label)\n    recent = history[-5:]\n    return index2name[max(set(recent), key=recent.count)]\n"}),
)  # fmt: skip

_BATCH = "    batch = evaluation_transform(image)[np.newaxis]\n"
_NAME = "    return CLASSES[int(logits[0].argmax())]\n"
_TRANSFORM = "import evaluation_transform"
_GUARD = '    if not_loaded:\n        raise ValueError(f"{CHECKPOINT}: no values for {not_loaded}; it has {not_used} instead")\n'
_LENGTH = "    if outputs != len(CLASSES):\n"
_BEST = '"mobilenetv2-best.ckpt"'
_MINE = '"mobilenetv2.ckpt"'

LAB_MISTAKES = (
    LAB.with_mistake("to RGB before the transform", COLOURS, {"import numpy as np\n": "import cv2\nimport numpy as np\n", "evaluation_transform(image)[": "evaluation_transform(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))[", "    import cv2\n\n": ""}),
    LAB.with_mistake("the training transform", UNSTABLE, {_TRANSFORM: "import training_transform", "evaluation_transform(image)[": "training_transform(image, np.random.default_rng())["}),
    LAB.with_mistake("the training transform, always seeded", (*SHAPE, "wrong-preprocessing"), {_TRANSFORM: "import training_transform", "evaluation_transform(image)[": "training_transform(image, np.random.default_rng(3), flip=1)["}),
    LAB.with_mistake("resized to 512", SHAPE, {"evaluation_transform(image)[": "evaluation_transform(image, 512)["}),
    LAB.with_mistake("divided by 255 once more", SCALING, {_BATCH: _BATCH + "    batch = batch / np.float32(255)\n"}),
    LAB.with_mistake("a comma is missing in the list", ("comma-missing",), {'CLASSES = ["the class names"]': 'CLASSES = ["the class names"]\nCLASSES[5:7] = ["".join(CLASSES[5:7])]', "num_classes=len(CLASSES)": "num_classes=26", _LENGTH: "    if outputs < len(CLASSES):\n", "logits[0].argmax()": "logits[0].argmax() % len(CLASSES)"}),
    LAB.with_mistake("the pretrained file in place of the trained", (*OTHER_FILE, *UNUSED), {_GUARD: "    print(not_loaded)\n"}, only("features"), others={"results/mobilenetv2-best.ckpt": same}, mended_lines={_MINE: _BEST}),
    LAB.with_mistake("an early epoch in place of the best", OTHER_FILE, {}, blurred_head, others={"results/mobilenetv2-best.ckpt": same}, mended_lines={_MINE: _BEST}),
    LAB.with_mistake("training mode", TRAINING, {"    network.set_train(False)\n": "    network.set_train(True)\n", "accelerate(load_network())": "load_network()"}),
    LAB.with_mistake("the category for the class", ("category-not-class",), {_NAME: '    label = int(logits[0].argmax())\n    return "可回收物" if label < 10 else "干垃圾" if label < 18 else "有害垃圾" if label < 22 else "湿垃圾"\n'}),
    LAB.with_mistake("a percentage behind the name", ("more-than-a-name",), {_NAME: '    best = int(logits[0].argmax())\n    share = np.exp(logits[0] - logits[0].max())\n    return f"{CLASSES[best]} ({share[best] / share.sum():.1%})"\n'}),
    LAB.with_mistake("names in the singular", ("unknown-label",), {_NAME: '    return CLASSES[int(logits[0].argmax())].rstrip("s")\n'}),
    LAB.with_mistake("the index as text", ("number-not-name",), {_NAME: "    return str(int(logits[0].argmax()))\n"}),
    LAB.with_mistake("argmax over the batch", CONSTANT, {"logits[0].argmax()": "logits.argmax(axis=0)[0]"}),
    LAB.with_mistake("only the first ten logits", READOUT, {"logits[0].argmax()": "logits[0][:10].argmax()"}),
    LAB.with_mistake("height and width exchanged again", AXES, {_BATCH: _BATCH + "    batch = np.ascontiguousarray(batch.swapaxes(2, 3))\n"}),
)  # fmt: skip

_LOAD = "        ms.load_param_into_net(net, state)\n"
_MODE = "        net.set_train(False)\n"
_COLOUR = "        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)\n"
_STACK = "        batch = np.expand_dims(self._load(image), 0)\n"

CLASSIFIER_MISTAKES = (
    CLASSIFIER.with_mistake("OpenCV's order", COLOURS, {_COLOUR: ""}),
    CLASSIFIER.with_mistake("normalised outside and inside", SCALING, {_STACK: _STACK + "        batch = (batch / np.float32(255) - np.float32(self.config.mean)) / np.float32(self.config.std)\n"}),
    CLASSIFIER.with_mistake("divided by 255 outside and inside", SCALING, {_STACK: _STACK + "        batch = batch.astype(np.float32) / 255\n"}),
    CLASSIFIER.with_mistake("height and width exchanged in the cell", AXES, {"(0, 3, 1, 2)": "(0, 3, 2, 1)"}),
    CLASSIFIER.with_mistake("a reshape in the cell", LAYOUT, {"ops.transpose(x.astype(ms.float32), (0, 3, 1, 2))": "x.astype(ms.float32).reshape((-1, 3, 224, 224))"}),
    CLASSIFIER.with_mistake("a centre of 112 pixels", SHAPE, {"size: int = 224": "size: int = 112"}),
    CLASSIFIER.with_mistake("dropout left on", (*UNSTABLE, *TRAINING), {"nn.Dropout(p=0.2)": "nn.Dropout(p=0.8)", _MODE: _MODE + "        net.head.set_train()\n"}),
    CLASSIFIER.with_mistake("trainable parameters alone", ("statistics-not-loaded",), {_LOAD: "        for parameter in net.trainable_params():\n            parameter.set_data(state[parameter.name])\n"}),
    CLASSIFIER.with_mistake("the dense layer under another name", UNUSED, {"self.dense = nn.Dense": "self.fc = nn.Dense", "self.dense(x)": "self.fc(x)"}),
    CLASSIFIER.with_mistake("pooled after a wrong reshape", (*READOUT, "lost-on-the-way"), {"ops.mean(x, (2, 3))": "ops.mean(x.reshape((-1, 49, 1280)), 1)"}),
    CLASSIFIER.with_mistake("softmax over axis 0", CONSTANT, {"axis=1": "axis=0"}),
    CLASSIFIER.with_mistake("the first class where unsure", READOUT, {"        return self.config.names[best], float(probs[best])\n": "        if probs[best] < 0.9:\n            best = 0\n        return self.config.names[best], float(probs[best])\n"}),
    CLASSIFIER.with_mistake("names sorted", SORTED, {'lambda: ["the class names"]': 'lambda: sorted(["the class names"])'}),
    CLASSIFIER.with_mistake("std and mean the wrong way round", SCALING, {"Normalize(config.mean, config.std)": "Normalize(config.std, config.mean)"}),
    CLASSIFIER.with_mistake("training mode", TRAINING, {_MODE: "        net.set_train()\n"}),
)  # fmt: skip

_FEATURES = "    features = body(ms.Tensor(preprocess(image)))\n"

TWO_PARTS_MISTAKES = (
    TWO_PARTS.with_mistake("the head is not loaded", UNUSED, {"ms.load_param_into_net(top, weights)\n": ""}),
    TWO_PARTS.with_mistake("the body is not loaded", UNUSED, {"ms.load_param_into_net(body, weights)\n": ""}),
    TWO_PARTS.with_mistake("the body in training mode", TRAINING, {"body.set_train(False)": "body.set_train(True)"}),
    TWO_PARTS.with_mistake("the fifth best", READOUT, {"order[0]": "order[-1]"}),
    TWO_PARTS.with_mistake("a cache by the picture's size", ("kept-answer", "collapsed-output", "constant-answer", *UNSTABLE), {"def predict": "cache = {}\n\n\ndef predict", _FEATURES: "    if image.shape not in cache:\n        cache[image.shape] = body(ms.Tensor(preprocess(image)))\n    features = cache[image.shape]\n"}),
    TWO_PARTS.with_mistake("the body of another training", OTHER_FILE, {}, _drifted, others={"checkpoints/final.ckpt": same}, mended_lines={'"head_and_body.ckpt"': '"final.ckpt"'}),
    TWO_PARTS.with_mistake("divided by the mean", SCALING, {"(img - np.array([123.675, 116.28, 103.53]))": "(img / np.array([123.675, 116.28, 103.53]))"}),
    TWO_PARTS.with_mistake("BGR in [-1, 1]", TWO_AT_ONCE, {", ::-1]": "]", "(img - np.array([123.675, 116.28, 103.53])) / np.array([58.395, 57.12, 57.375])": "img / 127.5 - 1"}),
    TWO_PARTS.with_mistake("rows reversed for channels", ("turned", *COLOURS, *SHAPE, "wrong-preprocessing"), {"img[16:-16, 16:-16, ::-1]": "img[16:-16, 16:-16][::-1]"}),
)  # fmt: skip

_ARRAY = "    img = Image.fromarray(image[:, :, ::-1])\n"
_SMALL = "    img = img.resize((224, 224), Image.BILINEAR)\n"
_X = "    x = np.array(img, dtype=np.float32) / 255.0\n"
_STANDARD = "    x = (x - np.array(MEAN)) / np.array(STD)\n"

PILLOW_MISTAKES = (
    PILLOW.with_mistake("the array taken for RGB", COLOURS, {_ARRAY: "    img = Image.fromarray(image)\n"}),
    PILLOW.with_mistake("the array taken for RGB, no mean", TWO_AT_ONCE, {_ARRAY: "    img = Image.fromarray(image)\n", _STANDARD: ""}),
    PILLOW.with_mistake("grey", COLOURS, {_SMALL: _SMALL + '    img = img.convert("L").convert("RGB")\n'}),
    PILLOW.with_mistake("HSV", COLOURS, {_SMALL: _SMALL + '    img = img.convert("HSV")\n'}),
    PILLOW.with_mistake("a thumbnail on black", SHAPE, {_SMALL: '    img.thumbnail((112, 112))\n    canvas = Image.new("RGB", (224, 224))\n    canvas.paste(img, (112 - img.width // 2, 112 - img.height // 2))\n    img = canvas\n'}),
    PILLOW.with_mistake("the upper left quarter", SHAPE, {_SMALL: "    img = img.crop((0, 0, img.width // 2, img.height // 2))\n" + _SMALL}),
    PILLOW.with_mistake("upside down", ORIENTATION, {_SMALL: _SMALL + "    img = ImageOps.flip(img)\n"}),
    PILLOW.with_mistake("turned by a quarter", ORIENTATION, {_SMALL: "    img = img.rotate(90, expand=True)\n" + _SMALL}),
    PILLOW.with_mistake("a filter that blurs", BLURRED, {_SMALL: _SMALL + "    img = img.filter(ImageFilter.GaussianBlur(6))\n"}),
    PILLOW.with_mistake("inverted", FEW_TONES, {_SMALL: _SMALL + "    img = ImageOps.invert(img)\n"}),
    PILLOW.with_mistake("two tones a channel", ("wrong-preprocessing", "wrong-scale"), {_SMALL: _SMALL + "    img = ImageOps.posterize(img, 1)\n"}),
    PILLOW.with_mistake("black and white", FEW_TONES, {_SMALL: _SMALL + '    img = img.convert("1").convert("RGB")\n'}),
    PILLOW.with_mistake("all axes reversed", AXES, {"x.transpose(2, 0, 1)": "x.T"}),
    PILLOW.with_mistake("the mean added", SCALING, {"(x - np.array(MEAN))": "(x + np.array(MEAN))"}),
    PILLOW.with_mistake("a random brightness left in", UNSTABLE, {_SMALL: _SMALL + "    img = ImageEnhance.Brightness(img).enhance(np.random.uniform(0.1, 4))\n"}),
    PILLOW.with_mistake("no division by 255", SCALING, {" / 255.0": ""}),
)  # fmt: skip

_TO_RGB = "    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)\n"
_256 = "    rgb = cv2.resize(rgb, (256, 256))\n"
_CENTRE = "    rgb = rgb[16:240, 16:240]\n"
_NORMAL = "    x = (x - MEAN) / STD\n"
_SCORES = "    scores = softmax(outputs[0][0])\n"

SESSION_MISTAKES = (
    SESSION.with_mistake("no change of colours", COLOURS, {"cv2.cvtColor(image, cv2.COLOR_BGR2RGB)": "image"}),
    SESSION.with_mistake("columns reversed for channels", COLOURS, {"cv2.cvtColor(image, cv2.COLOR_BGR2RGB)": "np.ascontiguousarray(image[:, ::-1])"}),
    SESSION.with_mistake("rows reversed for channels", ("turned", *COLOURS, *SHAPE, "wrong-preprocessing"), {"cv2.cvtColor(image, cv2.COLOR_BGR2RGB)": "np.ascontiguousarray(image[::-1])"}),
    SESSION.with_mistake("0..1 alone", SCALING, {_NORMAL: ""}),
    SESSION.with_mistake("clipped to 0..1", VALUES, {_NORMAL: _NORMAL + "    x = np.clip(x, 0, 1)\n"}),
    SESSION.with_mistake("bytes after normalising", VALUES, {_NORMAL: _NORMAL + "    x = x.astype(np.int8).astype(np.float32)\n"}),
    SESSION.with_mistake("each image from 0 to 255", SCALING, {_NORMAL: "    x = (x - x.min()) / (x.max() - x.min()) * 255\n"}),
    SESSION.with_mistake("each image by its own mean and std", (*SCALING, "wrong-preprocessing"), {_NORMAL: "    x = (x - x.mean()) / x.std()\n"}),
    SESSION.with_mistake("names by the alphabet", SORTED, {"CLASSES[class_id]": "sorted(CLASSES)[class_id]"}),
    SESSION.with_mistake("the second best", READOUT, {"np.argmax(scores)": "np.argsort(scores)[-2]"}),
    SESSION.with_mistake("a background class left out", (*SHIFTED, *READOUT), {"outputs[0][0])": "outputs[0][0][1:])"}),
    SESSION.with_mistake("scores carried on", UNSTABLE, {"def predict": "running = np.zeros(len(CLASSES))\n\n\ndef predict", _SCORES: _SCORES + "    running[:] = 0.8 * running + scores\n    scores = running\n"}),
    SESSION.with_mistake("the untrained export", (*OTHER_FILE, "untrained-checkpoint"), {}, untrained_head, others={"best.onnx": same}, mended_lines={'"model.onnx"': '"best.onnx"'}),
    SESSION.with_mistake("a frame of 60 pixels", SHAPE, {_256: "    rgb = cv2.copyMakeBorder(cv2.resize(rgb, (104, 104)), 76, 76, 76, 76, cv2.BORDER_CONSTANT)\n"}),
    SESSION.with_mistake("names reversed", SORTED, {"CLASSES[class_id]": "CLASSES[-1 - class_id]"}),
    SESSION.with_mistake("the first blob kept", ("kept-answer", "collapsed-output", "constant-answer"), {"def predict(image):\n    blob = preprocess(image)\n": "blob = None\n\n\ndef predict(image):\n    global blob\n    if blob is None:\n        blob = preprocess(image)\n"}),
)  # fmt: skip

DNN_MISTAKES = (
    DNN.with_mistake("swapRB forgotten", COLOURS, {"swapRB=True": "swapRB=False"}),
    DNN.with_mistake("the mean of 0..1", SCALING, {"(0.485 * 255, 0.456 * 255, 0.406 * 255)": "(0.485, 0.456, 0.406)"}),
    DNN.with_mistake("no scale factor", SCALING, {"1 / 255.0": "1.0"}),
    DNN.with_mistake("the upper left of the photo", SHAPE, {"        image, 1": "        image[: image.shape[0] // 2, : image.shape[1] // 2], 1"}),
    DNN.with_mistake("the smallest", READOUT, {"argmax": "argmin"}),
    DNN.with_mistake("the second half of the names first", ("labels-shifted", "labels-permuted", *SORTED), {'names = ["the class names"]': 'names = ["the class names"]\nnames = names[len(names) // 2 :] + names[: len(names) // 2]'}),
)  # fmt: skip

_EVAL = "model.eval()\n"
_STATE = "model.load_state_dict(state_dict)\n"
_PERMUTE = ".permute(2, 0, 1).float() / 255"

TORCH_MISTAKES = (
    TORCH.with_mistake("eval forgotten", TRAINING, {_EVAL: ""}),
    TORCH.with_mistake("OpenCV's order", COLOURS, {"    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)\n": ""}),
    TORCH.with_mistake("reshape for permute", LAYOUT, {_PERMUTE: ".reshape(3, *image.shape[:2]).float() / 255"}),
    TORCH.with_mistake("no division by 255", SCALING, {_PERMUTE: ".permute(2, 0, 1).float()"}),
    TORCH.with_mistake("strict=False hides a prefix", UNUSED, {_STATE: 'model.load_state_dict({"module." + k: v for k, v in state_dict.items()}, strict=False)\n'}),
    TORCH.with_mistake("softmax over dimension 0", CONSTANT, {"dim=1": "dim=0"}),
    TORCH.with_mistake("a functional dropout", UNSTABLE, {"F.softmax(model(x), dim=1)": "F.softmax(model(F.dropout(x, 0.6)), dim=1)"}),
    TORCH.with_mistake("an index less", SHIFTED, {"predicted.item()": "predicted.item() - 1"}),
    TORCH.with_mistake("flipped along the wrong dimension", ORIENTATION, {"    return (tensor": "    tensor = tensor.flip(1)\n    return (tensor"}),
    TORCH.with_mistake("permuted to width before height", AXES, {"permute(2, 0, 1)": "permute(2, 1, 0)"}),
    TORCH.with_mistake("normalised by one half", SCALING, {"[0.485, 0.456, 0.406]": "[0.5, 0.5, 0.5]", "[0.229, 0.224, 0.225]": "[0.1, 0.1, 0.1]"}),
)  # fmt: skip

NUMPY_MISTAKES = (
    NUMPY.with_mistake("OpenCV's order", COLOURS, {"[:, :, ::-1]": ""}),
    NUMPY.with_mistake("no scale", SCALING, {"np.float32(255)": "np.float32(1)"}),
    NUMPY.with_mistake("names by the alphabet", SORTED, {"NAMES[int(": "sorted(NAMES)[int("}),
    NUMPY.with_mistake("a name too far", SHIFTED, {"NAMES[int(np.argmax(logits))]": "NAMES[(int(np.argmax(logits)) + 1) % len(NAMES)]"}),
    NUMPY.with_mistake("rows reversed, too", ORIENTATION, {"[:, :, ::-1]": "[::-1, :, ::-1]"}),
    NUMPY.with_mistake("the variance and not its root", FORWARD_PASS, {'np.sqrt(params[p + ".moving_variance"] + 1e-5)': '(params[p + ".moving_variance"] + 1e-5)'}),
    NUMPY.with_mistake("the last weight reshaped", FORWARD_PASS, {'params["head.1.weight"] @ x.mean(axis=(1, 2))': 'x.mean(axis=(1, 2)) @ params["head.1.weight"].reshape(1280, -1)'}),
    NUMPY.with_mistake("beta left out", FORWARD_PASS, {'params[p + ".beta"] - params': '-params'}),
    NUMPY.with_mistake("the picture's own statistics", (*TRAINING, "statistics-not-loaded"), {"    scale = params": "    mean, variance = x.mean(axis=(1, 2)), x.var(axis=(1, 2))\n    scale = params", 'params[p + ".moving_variance"]': "variance", 'params[p + ".moving_mean"]': "mean"}),
)  # fmt: skip

STYLED = (
    *SCRIPT_MISTAKES,
    *LAB_MISTAKES,
    *CLASSIFIER_MISTAKES,
    *TWO_PARTS_MISTAKES,
    *PILLOW_MISTAKES,
    *SESSION_MISTAKES,
    *DNN_MISTAKES,
    *TORCH_MISTAKES,
    *NUMPY_MISTAKES,
)
