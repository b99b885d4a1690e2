"""Where fast inference is turned on: `accelerate(network)`, one visible line of a program."""

from __future__ import annotations

from typing import Any, TypeVar

from src_mindspore.engine.switch import is_switched_on

Network = TypeVar("Network", bound=Any)


def accelerate(network: Network) -> Network:
    """Have ONNX Runtime answer a network's plain inference, several times faster than MindSpore on the CPU.

    The network stays the same object with the same parameters, and its answers stay the same to float32
    rounding. Training, gradients, hooks and whatever else is no plain inference are MindSpore's, as ever. A
    network that changes is noticed. `SRC_MINDSPORE_ENGINE=off` in the environment leaves all to MindSpore.

    Args:
        network: a backbone, a combined network, or any cell that holds one.

    Returns:
        The same network.
    """
    if is_switched_on():
        from src_mindspore.engine.live import attach

        for _, cell in network.cells_and_names():
            attach(cell)
    return network


def accelerate_every_network() -> None:
    """Do that for every network of the course library: for a program in which there is no such line."""
    if is_switched_on():
        from src_mindspore.engine.live import attach_to_all
        from src_mindspore.mobilenetv2 import MobileNetV2, MobileNetV2Backbone, MobileNetV2Combine

        attach_to_all([MobileNetV2Backbone, MobileNetV2Combine, MobileNetV2])
