"""What a training does with whole networks: where they compute, what they answer, how they are kept."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import mindspore as ms
import numpy as np
import numpy.typing as npt
from mindspore import nn

from src_mindspore.engine import accelerate
from src_mindspore.files import Batch, replace_file, working_in
from src_mindspore.interrupts import stoppable

__all__ = [
    "Batch",
    "choose_device",
    "compute_features",
    "evaluate",
    "export_mindir",
    "freeze_batch_norm",
    "images_of",
    "load_parameters",
    "save_parameters",
]

Cell = TypeVar("Cell", bound=nn.Cell)


def choose_device() -> str:
    """Let MindSpore compute whole graphs on a GPU where there is one that it can use, else on the CPU.

    Returns:
        "GPU" or "CPU", which is printed, too.
    """
    device = "CPU"
    # As the lab does: a machine with a GPU has this command. 有此命令即认为有 GPU。
    if shutil.which("nvidia-smi"):
        try:
            ms.set_device("GPU")
            device = "GPU"
        except (RuntimeError, ValueError):
            print("note: this MindSpore cannot use the GPU 当前安装的 MindSpore 不支持 GPU")
    ms.set_context(mode=ms.GRAPH_MODE)
    print(f"Executing with {device}.")
    return device


def load_parameters(cell: Cell, checkpoint: Path) -> Cell:
    """Load every parameter of a cell, and return it.

    `load_checkpoint` matches by name and only warns about names it does not know: the random weights would
    stay.

    Raises:
        ValueError: the file is no checkpoint, or a parameter is not in it.
    """
    not_loaded, _ = ms.load_param_into_net(cell, ms.load_checkpoint(str(checkpoint)))
    if not_loaded:
        raise ValueError(f"{checkpoint}: {len(not_loaded)} parameters are not in it, such as {not_loaded[0]}")
    return cell


def save_parameters(network: nn.Cell, checkpoint: Path) -> None:
    """Save a network's parameters; an earlier checkpoint is replaced once the new one is whole.

    Raises:
        OSError: it cannot be saved.
    """

    def write(path: Path) -> None:
        ms.save_checkpoint(network, str(path))

    replace_file(checkpoint, write)


def images_of(data: ms.dataset.Dataset) -> Iterator[Batch]:
    """Yield the images (N, 3, 224, 224) and labels of each batch."""
    for image, label in stoppable(data.create_tuple_iterator(num_epochs=1)):
        yield image.asnumpy(), label.asnumpy()


def compute_features(net: nn.Cell, data: ms.dataset.Dataset, reduction: str) -> Iterator[Batch]:
    """Yield the features of each batch, pooled as the head pools them; with "none" (N, 1280 * 7 * 7)."""
    pool: dict[str, Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]] = {
        "mean": lambda maps: maps.mean(axis=(2, 3)),
        "max": lambda maps: maps.max(axis=(2, 3)),
        "none": lambda maps: maps.reshape(len(maps), -1),
    }
    # ONNX Runtime answers in MindSpore's place, several times faster. 推理由 ONNX Runtime 加速，结果一致。
    accelerate(net)
    for image, label in stoppable(data.create_tuple_iterator(num_epochs=1)):
        yield pool[reduction or "none"](net(image).asnumpy()), label.asnumpy()


def evaluate(net: nn.Cell, batches: Iterable[Batch], loss: nn.Cell) -> dict[str, float]:
    """Return the top-1 accuracy, between 0 and 1, and the mean loss."""
    net.set_train(False)
    images, right, loss_sum = 0, 0, 0.0
    for inputs, labels in batches:
        logits = net(ms.Tensor(inputs))
        right += int((logits.asnumpy().argmax(axis=1) == labels).sum())
        loss_sum += float(loss(logits, ms.Tensor(labels)).asnumpy()) * len(labels)
        images += len(labels)
    return {"acc": right / images, "loss": loss_sum / images}


def freeze_batch_norm(network: nn.Cell) -> None:
    """Let batch normalisation keep its statistics, gamma and beta in training."""
    for _, cell in network.cells_and_names():
        if isinstance(cell, nn.BatchNorm2d):
            cell.set_train(False)
            cell.gamma.requires_grad = cell.beta.requires_grad = False


def export_mindir(network: nn.Cell, size: tuple[int, int], target: Path) -> None:
    """Export a network that was never exported before, for images of this height and width.

    Raises:
        OSError: it cannot be saved.
    """
    network.set_train(False)  # MindSpore would export the network as it is in training
    image = ms.Tensor(np.zeros((1, 3, *size), np.float32))

    def write(path: Path) -> None:
        with working_in(path.parent):
            ms.export(network, image, file_name=path.name, file_format="MINDIR")

    replace_file(target, write)
