"""The labs' network in MindSpore: platform and processes, weights, loss, optimizers, accuracy.

Training in several processes is data parallel: each reads its share of a step's images, the gradients are
averaged, and all make the same step. MindSpore's own launcher starts the processes, and one more, which
brings them together:

    msrun --worker_num=2 --local_worker_num=2 --join=True python -m reference.train --run_distribute True ...

Its wheels for the CPU can do that too (seen with MindSpore 2.10: two processes, the same weights in both).

Weight decay adds wd * w to the gradient. It leaves batch normalisation alone (every name with "gamma" or
"beta" in it), but not the biases; so MindSpore does by itself, unless parameters come in groups. Momentum is

    v = mu * v + (g + wd * w);  w = w - lr * v

A loss scale multiplies the loss and divides the gradients by the same number, so that small gradients survive
half precision. On the CPU, in float32, it is a power of two and changes nothing, not a bit.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from src_mindspore.cpu import available_cores
from src_mindspore.transforms import SIZE, evaluation_transform

from reference.errors import InputError, WeightsError
from reference.framework import (
    MobileNetV2Backbone,
    MobileNetV2Head,
    Parameter,
    Tensor,
    accelerate,
    communication,
    mobilenet_v2,
    ms,
    nn,
    ops,
)
from reference.images import Split, read_image
from reference.labs.recipes import OptimizerName
from reference.values import Arrays, FloatArray

# Set by msrun for every process that it starts.
COUNT = "MS_WORKER_NUM"
LAUNCH = "msrun --worker_num=2 --local_worker_num=2 --join=True python -m reference.train ..."


@dataclass(frozen=True)
class Processes:
    """Who trains together.

    Attributes:
        rank: this process's number, from 0.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1


def use_platform(platform: str) -> None:
    """Let MindSpore compile whole graphs, on this platform.

    Raises:
        InputError: this build of MindSpore cannot use it.
    """
    try:
        # It may be set once only, before MindSpore has computed anything.
        if ms.get_context("device_target") != platform:
            with _silent():
                ms.set_device(platform)
    except (RuntimeError, ValueError):
        raise InputError(
            f"--platform {platform}: not available to MindSpore {ms.__version__} on this machine;"
            " take --platform CPU, or a MindSpore that is built for it"
        ) from None
    ms.set_context(mode=ms.GRAPH_MODE)


@contextmanager
def _silent() -> Iterator[None]:
    """Drop what is written to standard error in the body: MindSpore logs an error for each library."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def launched_processes() -> int:
    """Return how many processes MindSpore's launcher has started for the training.

    Raises:
        InputError: it was not used.
    """
    count = os.environ.get(COUNT, "")
    if not count.isdecimal():
        raise InputError(f"--run_distribute True: start it with MindSpore's launcher: {LAUNCH}")
    return int(count)


def join_processes() -> Processes:
    """Wait for the other processes and agree on averaging gradients; call it when all input is checked.

    The launcher's own process does not return from here until the others have ended. Were one of them to end
    before it gets here, it would wait for ten minutes: all processes make the same checks first.

    Raises:
        InputError: this build of MindSpore cannot, or the others did not come.
    """
    try:
        communication.init()
    except (RuntimeError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), "no reason given")
        raise InputError(f"--run_distribute True: MindSpore cannot join the processes: {reason}") from None
    processes = Processes(communication.get_rank(), communication.get_group_size())
    ms.set_auto_parallel_context(
        parallel_mode=ms.ParallelMode.DATA_PARALLEL, gradients_mean=True, device_num=processes.size
    )
    return processes


def define_net(num_classes: int, activation: str = "None") -> tuple[nn.Cell, nn.Cell, nn.Cell]:
    """Return the backbone, the head, and both as one network, with random weights.

    Args:
        num_classes: of the head.
        activation: what the network ends in. Training needs logits, hence "None": the loss has a softmax of
            its own.
    """
    backbone = MobileNetV2Backbone()
    head = MobileNetV2Head(backbone.out_channels, num_classes, activation=activation)
    return backbone, head, mobilenet_v2(backbone, head)


def fill(cell: nn.Cell, arrays: Arrays) -> None:
    """Give every parameter of a cell its array, by name.

    Raises:
        WeightsError: one is missing or has another shape.
    """
    for parameter in cell.get_parameters():
        array = arrays.get(parameter.name)
        if array is None:
            raise WeightsError(f"{parameter.name} is missing")
        if array.shape != tuple(parameter.shape):
            raise WeightsError(
                f"{parameter.name} has shape {array.shape} instead of {tuple(parameter.shape)}"
            )
        parameter.set_data(ms.Tensor(np.ascontiguousarray(array)))


def arrays_of(cell: nn.Cell) -> Arrays:
    """Return copies of a cell's parameters, by name."""
    return {parameter.name: parameter.asnumpy().copy() for parameter in cell.get_parameters()}


class CrossEntropyWithLabelSmooth(nn.Cell):
    """Mean cross entropy of logits (N, K) and labels (N,), where a part of the target is moved.

    The true class's target is 1 - eps and that of every other class is eps / (K - 1), so that the loss
    cannot fall below

        -(1 - eps) log(1 - eps) - eps log(eps / (K - 1)),

    which is .4637 for five classes and eps .1, and .6470 for 26. `nn.CrossEntropyLoss(label_smoothing=eps)`,
    like PyTorch, spreads eps over all K classes, the true one too.

    Args:
        smooth_factor: eps.
        num_classes: K, at least 2.
    """

    def __init__(self, smooth_factor: float = 0.0, num_classes: int = 1000) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.on_value = Tensor(1.0 - smooth_factor, ms.float32)
        self.off_value = Tensor(smooth_factor / (num_classes - 1), ms.float32)

    def construct(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        targets = ops.one_hot(labels, self.num_classes, self.on_value, self.off_value)
        return -(targets * ops.log_softmax(logits, 1)).sum(1).mean()


def optimizer(
    name: OptimizerName,
    parameters: Sequence[Parameter] | Sequence[dict[str, Any]],
    rates: FloatArray,
    weight_decay: float,
    momentum: float = 0.9,
    loss_scale: float = 1.0,
) -> nn.Optimizer:
    """Return an optimizer.

    Args:
        name: which.
        parameters: those that learn, or groups of them with rates of their own, as MindSpore takes them.
            Weight decay leaves nothing in a group alone.
        rates: the learning rate of each step.
        weight_decay: see above.
        momentum: mu, for "momentum".
        loss_scale: what the training step multiplies the loss by.
    """
    rate = Tensor(rates)
    if name == "adam":
        return nn.Adam(parameters, rate, weight_decay=weight_decay, loss_scale=loss_scale)
    return nn.Momentum(parameters, rate, momentum, weight_decay, loss_scale)


READ_TOGETHER = 64


def accuracy(
    network: nn.Cell, images: Split, batch_size: int, image_size: tuple[int, int] = (SIZE, SIZE)
) -> float:
    """Return the network's top-1 accuracy, between 0 and 1; every image counts once.

    On the CPU ONNX Runtime answers for images of 224x224 in MindSpore's place, the same at any batch size.

    Args:
        network: from images (N, 3, *image_size) to logits or probabilities (N, classes); set to inference
            here.
        images: files and labels.
        batch_size: images a call; the last call may have fewer.
        image_size: height and width of what the network is given.

    Raises:
        InputError: an image cannot be read.
    """
    accelerate(network.set_train(False))
    correct = 0
    with ThreadPoolExecutor(available_cores()) as pool:
        for start in range(0, len(images.paths), READ_TOGETHER):
            paths = images.paths[start : start + READ_TOGETHER]
            inputs = list(
                pool.map(lambda path: evaluation_transform(read_image(path), size=image_size), paths)
            )
            labels = images.labels[start : start + READ_TOGETHER]
            for first in range(0, len(inputs), batch_size):
                batch = np.stack(inputs[first : first + batch_size])
                answers = network(ms.Tensor(batch)).asnumpy().argmax(axis=1)
                correct += int(np.sum(answers == labels[first : first + batch_size]))
    return correct / len(images.paths)
