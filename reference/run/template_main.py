"""A MobileNetV2 fine-tuned by `python -m reference.finetune`.

`predict(image)` names what a photo shows. It needs the course library `src_mindspore` and the checkpoint
beside this file.
"""

from pathlib import Path

import mindspore as ms
import numpy as np
import numpy.typing as npt
from src_mindspore.engine import accelerate
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2
from src_mindspore.transforms import evaluation_transform

CHECKPOINT = Path(__file__).resolve().parent / "mobilenetv2-best.ckpt"
CLASS_NAMES = ["the names of the classes", "in the order of their indices"]
# The network looks at an image in each of these ways, and its logits are averaged: (edge of the square that
# the image is resized to before its 224x224 centre is taken, left and right exchanged).
TEST_VIEWS = [(256, False)]


def load_network() -> ms.nn.Cell:
    """Build the network and load the checkpoint into it.

    Raises:
        RuntimeError: the checkpoint leaves a parameter at its random initial value, which MindSpore only
            warns of.
    """
    backbone = MobileNetV2Backbone()
    network = mobilenet_v2(backbone, MobileNetV2Head(backbone.out_channels, len(CLASS_NAMES)))
    missing, _ = ms.load_param_into_net(network, ms.load_checkpoint(str(CHECKPOINT)), strict_load=True)
    if missing:
        raise RuntimeError(f"{CHECKPOINT}: no values for {', '.join(sorted(missing))}")
    return network.set_train(False)


ms.set_context(mode=ms.GRAPH_MODE)
network = accelerate(load_network())  # ONNX Runtime answers in MindSpore's place, several times faster


def predict(image: npt.NDArray[np.uint8]) -> str:
    """Name the class of an image, uint8 (H, W, 3) in BGR order as `cv2.imread` returns it."""
    views = [
        evaluation_transform(image[:, ::-1] if mirrored else image, resized)
        for resized, mirrored in TEST_VIEWS
    ]
    logits = network(ms.Tensor.from_numpy(np.stack(views))).asnumpy().mean(axis=0)
    return CLASS_NAMES[int(logits.argmax())]
