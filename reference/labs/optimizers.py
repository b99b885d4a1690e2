"""The labs' optimizers.

Weight decay adds wd * w to the gradient. It leaves batch normalisation alone (every name with "gamma" or
"beta" in it), but not the biases; so MindSpore does by itself, unless parameters come in groups. Momentum is

    v = mu * v + (g + wd * w);  w = w - lr * v

A loss scale multiplies the loss and divides the gradients by the same number, so that small gradients survive
half precision. On the CPU, in float32, it is a power of two and changes nothing, not a bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from src_mindspore.cpu import cap_onednn_isa

from reference.labs.garbage_recipe import OptimizerName
from reference.labs.schedules import FloatArray

cap_onednn_isa()

from mindspore import Parameter, Tensor, nn  # noqa: E402


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
