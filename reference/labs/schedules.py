"""The learning rate of every step, as each of the two labs computes it.

Both warm up linearly and then follow half a cosine; they differ in what they call a warm-up.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
Decay: TypeAlias = Literal["cosine", "square", "constant"]


def get_lr(
    global_step: int,
    lr_init: float,
    lr_end: float,
    lr_max: float,
    warmup_epochs: int,
    total_epochs: int,
    steps_per_epoch: int,
) -> FloatArray:
    """Return the flower lab's learning rates of the steps from `global_step` to the end, float32.

    With T = `total_epochs` * `steps_per_epoch` and W = `warmup_epochs` * `steps_per_epoch`:

    1. i < W:   lr_init + (lr_max - lr_init) * i / W
    2. i >= W:  lr_end + (lr_max - lr_end) * (1 + cos(pi * (i - W) / (T - W))) / 2, but never below 0

    Raises:
        ValueError: the warm-up leaves no step to learn in, or there is no such `global_step`.
    """
    total, warmup = total_epochs * steps_per_epoch, warmup_epochs * steps_per_epoch
    _check(total, warmup)
    if not 0 <= global_step < total:
        raise ValueError(f"there is no step {global_step} in a training of {total} steps")
    step = np.arange(total, dtype=np.float64)
    rising = lr_init + (lr_max - lr_init) * step / max(1, warmup)
    rates = np.where(step < warmup, rising, _half_cosine(step, warmup, total, lr_max, lr_end))
    return np.maximum(rates, 0).astype(np.float32)[global_step:]


def build_lr(
    total_steps: int,
    lr_init: float = 0.005,
    lr_end: float = 1e-4,
    lr_max: float = 0.1,
    warmup_steps: int = 0,
    decay_type: Decay = "cosine",
) -> FloatArray:
    """Return the garbage lab's learning rate of every step, float32.

    With T = `total_steps` and W = `warmup_steps`, which are steps here and not epochs:

    1. i < W:              lr_init + (lr_max - lr_init) / W * (i + 1)
    2. i >= W, "cosine":   lr_end + (lr_max - lr_end) * (1 + cos(pi * (i - W) / (T - W))) / 2
    3. i >= W, "square":   (lr_max - lr_end) * (1 - (i - W) / (T - W)) ** 2 + lr_end
    4. i >= W, "constant": lr_max

    The lab's own function takes every other word for "constant", so that a slip of the pen changes the
    training; here it is refused.

    Raises:
        ValueError: the warm-up leaves no step to learn in, or there is no such decay.
    """
    _check(total_steps, warmup_steps)
    step = np.arange(total_steps, dtype=np.float64)
    rising = lr_init + (lr_max - lr_init) / max(1, warmup_steps) * (step + 1)
    if decay_type == "cosine":
        decaying = _half_cosine(step, warmup_steps, total_steps, lr_max, lr_end)
    elif decay_type == "square":
        left = 1 - (step - warmup_steps) / (total_steps - warmup_steps)
        decaying = (lr_max - lr_end) * left**2 + lr_end
    elif decay_type == "constant":
        decaying = np.full(total_steps, lr_max)
    else:
        raise ValueError(f"{decay_type!r} is not a decay; there are cosine, square and constant")
    return np.where(step < warmup_steps, rising, decaying).astype(np.float32)


def _half_cosine(
    step: npt.NDArray[np.float64], warmup: int, total: int, peak: float, end: float
) -> npt.NDArray[np.float64]:
    share = (1 + np.cos(np.pi * (step - warmup) / (total - warmup))) / 2
    return np.asarray(end + (peak - end) * share)


def _check(total: int, warmup: int) -> None:
    if not 0 <= warmup < total:
        raise ValueError(f"{warmup} warm-up steps do not fit into {total}")
