"""The numbers of the two labs, and the learning rate of every step, as each of them computes it.

The flower lab has a table for each platform. `CPU` is the table of the lab's text: five flowers on a laptop.
`GPU` and `ASCEND` are for ImageNet, as in the model's original repository. Change the numbers here, as the
lab has students do; here, too, is what the scripts do without arguments. The garbage lab takes its numbers
from the command line; here are its defaults.

Both labs warm up linearly and then follow half a cosine; they differ in what they call a warm-up.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from reference.errors import InputError
from reference.values import FloatArray

Activation: TypeAlias = Literal["None", "Softmax"]
Decay: TypeAlias = Literal["cosine", "square", "constant"]
OptimizerName: TypeAlias = Literal["momentum", "adam"]
LR_MAX: dict[OptimizerName, float] = {"momentum": 0.02, "adam": 1e-3}
BACKBONE_SHARE: dict[OptimizerName, float] = {"momentum": 0.001, "adam": 0.05}
SMALLEST_IMAGE = 32  # the edge of which one position is left


# -- the flower lab ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FlowerConfig:
    """The flower lab's numbers; those given here are the lab's for a CPU.

    Attributes:
        num_classes: of the lab's data set; one with another number of classes changes it.
        image_height: of the images that the network is given, like the next.
        image_width: see above.
        batch_size: images a step.
        epoch_size: epochs.
        warmup_epochs: epochs in which the learning rate rises.
        lr_init: learning rate that the warm-up begins from.
        lr_end: learning rate at the end.
        lr_max: learning rate after the warm-up.
        momentum: of the optimizer.
        weight_decay: L2 strength, see `network.py`.
        label_smooth: share of the target that the wrong classes get.
        loss_scale: while the whole network learns, see `network.py`.
        save_checkpoint: write checkpoints at all.
        save_checkpoint_epochs: epochs between two checkpoints.
        keep_checkpoint_max: how many checkpoints stay.
        save_checkpoint_path: where their folder is made.
        platform: where MindSpore computes.
        run_distribute: train in several processes, see `network.py`.
        activation: of the network that is evaluated; training needs logits.
        eval_batch_size: images a call in evaluation; the lab's text has it, its configuration not.
    """

    num_classes: int = 5
    image_height: int = 224
    image_width: int = 224
    batch_size: int = 64
    epoch_size: int = 20
    warmup_epochs: int = 0
    lr_init: float = 0.0
    lr_end: float = 0.0
    lr_max: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 4e-5
    label_smooth: float = 0.1
    loss_scale: float = 1024
    save_checkpoint: bool = True
    save_checkpoint_epochs: int = 5
    keep_checkpoint_max: int = 20
    save_checkpoint_path: str = "./"
    platform: str = "CPU"
    run_distribute: bool = False
    activation: Activation = "Softmax"
    eval_batch_size: int = 1

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images that the network is given."""
        return self.image_height, self.image_width

    def printed(self) -> dict[str, object]:
        """Return what the lab's scripts print as `cfg`: the same keys in the same order."""
        return {name: value for name, value in asdict(self).items() if name != "eval_batch_size"}

    def rates(self, steps: int, first_step: int = 0) -> FloatArray:
        """Return the learning rate of every step from `first_step` to the end, float32.

        With T = `epoch_size` * `steps` and W = `warmup_epochs` * `steps`, where an epoch has `steps` steps:

        1. i < W:   lr_init + (lr_max - lr_init) * i / W
        2. i >= W:  lr_end + (lr_max - lr_end) * (1 + cos(pi * (i - W) / (T - W))) / 2, but never below 0

        Raises:
            ValueError: the warm-up leaves no step to learn in, or there is no such `first_step`.
        """
        total, warmup = self.epoch_size * steps, self.warmup_epochs * steps
        _check(total, warmup)
        if not 0 <= first_step < total:
            raise ValueError(f"there is no step {first_step} in a training of {total} steps")
        step = np.arange(total, dtype=np.float64)
        rising = self.lr_init + (self.lr_max - self.lr_init) * step / max(1, warmup)
        rates = np.where(step < warmup, rising, _half_cosine(step, warmup, total, self.lr_max, self.lr_end))
        return np.maximum(rates, 0).astype(np.float32)[first_step:]


CPU = FlowerConfig()
GPU = FlowerConfig(
    num_classes=1000,
    batch_size=150,
    epoch_size=200,
    lr_max=0.8,
    save_checkpoint_epochs=1,
    keep_checkpoint_max=200,
    platform="GPU",
)
ASCEND = replace(GPU, batch_size=256, warmup_epochs=4, lr_max=0.4, platform="Ascend")

TABLES = {config.platform: config for config in (CPU, GPU, ASCEND)}
PLATFORMS = tuple(TABLES)


def flower_config(platform: str, run_distribute: bool = False) -> FlowerConfig:
    """Return a platform's configuration.

    Args:
        platform: one of `PLATFORMS`.
        run_distribute: train in several processes, see `network.py`.

    Raises:
        InputError: an image size of which the network leaves nothing.
    """
    table = TABLES[platform]
    if min(table.image_size) < SMALLEST_IMAGE:
        raise InputError(
            f"reference/labs/recipes.py: images of {table.image_height} x {table.image_width} are too small;"
            f" the network halves them five times: take at least {SMALLEST_IMAGE} x {SMALLEST_IMAGE}"
        )
    return replace(table, run_distribute=run_distribute)


@dataclass(frozen=True)
class TrainDefaults:
    """What `python -m reference.train` does without arguments; change it here, as the lab has students do.

    Attributes:
        dataset_path: folder of class folders, or with train/.
        platform: of PLATFORMS.
        freeze_layer: "none" or "backbone".
        pretrain_ckpt: weights to begin with; "" for none.
        run_distribute: train in several processes.
    """

    dataset_path: str = "../data/flower_photos_train"
    platform: str = "CPU"
    freeze_layer: str = "backbone"
    pretrain_ckpt: str = "../pretrain_checkpoint/mobilenetv2_cpu_gpu.ckpt"
    run_distribute: bool = False


@dataclass(frozen=True)
class EvalDefaults:
    """What `python -m reference.eval` does without arguments.

    Attributes:
        dataset_path: folder of class folders, or with test/ or val/.
        platform: of PLATFORMS.
        pretrain_ckpt: the trained network.
        run_distribute: changes nothing.
    """

    dataset_path: str = "../data/flower_photos_test"
    platform: str = "CPU"
    pretrain_ckpt: str = "./ckpt_0/mobilenetv2_20.ckpt"
    run_distribute: bool = False


# -- the garbage lab ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StageRecipe:
    """How a stage is trained.

    Attributes:
        epochs: passes over the training images, each `repeat` times.
        batch_size: images a step.
        optimizer: which.
        momentum: of "momentum".
        weight_decay: L2 strength, see `network.py`.
        label_smoothing: share of the target that the wrong classes get.
        lr_init: learning rate that the warm-up begins from.
        lr_end: learning rate that the decay ends at.
        lr_max: learning rate between the two.
        warmup_steps: steps, not epochs.
        decay_type: the shape of the decay, see `build_lr`.
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
