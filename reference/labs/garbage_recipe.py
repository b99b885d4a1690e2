"""The garbage lab's numbers for one stage of training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from reference.labs.schedules import Decay, FloatArray, build_lr

OptimizerName: TypeAlias = Literal["momentum", "adam"]
LR_MAX: dict[OptimizerName, float] = {"momentum": 0.02, "adam": 1e-3}
BACKBONE_SHARE: dict[OptimizerName, float] = {"momentum": 0.001, "adam": 0.05}


@dataclass(frozen=True)
class StageRecipe:
    """How a stage is trained.

    Attributes:
        epochs: passes over the training images, each `repeat` times.
        batch_size: images a step.
        optimizer: which.
        momentum: of "momentum".
        weight_decay: L2 strength, see `optimizers.py`.
        label_smoothing: share of the target that the wrong classes get.
        lr_init: learning rate that the warm-up begins from.
        lr_end: learning rate that the decay ends at.
        lr_max: learning rate between the two.
        warmup_steps: steps, not epochs.
        decay_type: the shape of the decay, see `schedules.build_lr`.
        backbone_share: in the second stage, the convolutions' learning rate as a share of the head's.
    """

    epochs: int = 40
    batch_size: int = 64
    optimizer: OptimizerName = "momentum"
    momentum: float = 0.9
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    lr_init: float = 0.005
    lr_end: float = 1e-4
    lr_max: float = LR_MAX["momentum"]
    warmup_steps: int = 5
    decay_type: Decay = "cosine"
    backbone_share: float = BACKBONE_SHARE["momentum"]

    def rates(self, steps: int) -> FloatArray:
        """Return the learning rate of every step of a stage with `steps` steps an epoch.

        A stage too short for the warm-up begins without one.
        """
        total = steps * self.epochs
        warmup = self.warmup_steps if self.warmup_steps < total else 0
        return build_lr(total, self.lr_init, self.lr_end, self.lr_max, warmup, self.decay_type)

    def second_stage(self, epochs: int) -> StageRecipe:
        """Return the recipe for the whole network: the same at half the learning rate."""
        return replace(
            self, epochs=epochs, lr_init=self.lr_init / 2, lr_end=self.lr_end / 2, lr_max=self.lr_max / 2
        )
