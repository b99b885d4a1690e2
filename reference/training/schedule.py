"""The learning rate of each step: linear warm-up, then half a cosine (Loshchilov and Hutter 2017)."""

from __future__ import annotations

import math

from reference.training.head import Recipe


def learning_rates(total_steps: int, warmup_steps: int, peak: float, end: float = 0.0) -> list[float]:
    """Return the learning rate of every step i, 0 <= i < T = `total_steps`, with W = `warmup_steps`.

    1. i < W:   peak * (i + 1) / W
    2. i >= W:  end + (peak - end) * (1 + cos(pi * (i - W) / (T - W))) / 2

    Raises:
        ValueError: the warm-up leaves no step to learn in.
    """
    if not 0 <= warmup_steps < total_steps:
        raise ValueError(f"{warmup_steps} warm-up steps do not fit into {total_steps}")
    rates = [peak * (step + 1) / warmup_steps for step in range(warmup_steps)]
    decaying = total_steps - warmup_steps
    for step in range(decaying):
        rates.append(end + (peak - end) * (1 + math.cos(math.pi * step / decaying)) / 2)
    return rates


def recipe_rates(recipe: Recipe, steps: int) -> list[float]:
    """Return the learning rate of every step of a recipe's training, `steps` an epoch.

    A training too short for the recipe's warm-up warms up in all its epochs but one.
    """
    warmup_epochs = min(recipe.warmup_epochs, recipe.epochs - 1)
    return learning_rates(steps * recipe.epochs, steps * warmup_epochs, recipe.learning_rate)
