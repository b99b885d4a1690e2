"""The flower lab's numbers, a table for each platform.

`CPU` is the table of the lab's text: five flowers on a laptop. `GPU` and `ASCEND` are for ImageNet, as in the
model's original repository. Change the numbers here, as the lab has students do.
"""

from __future__ import annotations

from typing import Any

from easydict import EasyDict
from src_mindspore.transforms import SIZE

from reference.errors import InputError

CPU = {
    "num_classes": 5,  # of the lab's data set; one with another number of classes changes it
    "image_height": 224,
    "image_width": 224,
    "batch_size": 64,
    "eval_batch_size": 1,
    "epoch_size": 20,
    "warmup_epochs": 0,
    "lr_init": 0.0,
    "lr_end": 0.0,
    "lr_max": 0.01,
    "momentum": 0.9,
    "weight_decay": 4e-5,
    "label_smooth": 0.1,  # share of the target that the wrong classes get
    "loss_scale": 1024,  # while the whole network learns, see optimizers.py
    "save_checkpoint": True,
    "save_checkpoint_epochs": 5,
    "keep_checkpoint_max": 20,
    "save_checkpoint_path": "./",
    "activation": "Softmax",  # of the network that is evaluated; training needs logits
}
GPU = {
    **CPU,
    "num_classes": 1000,
    "batch_size": 150,
    "epoch_size": 200,
    "lr_max": 0.8,
    "save_checkpoint_epochs": 1,
    "keep_checkpoint_max": 200,
}
ASCEND = {**GPU, "batch_size": 256, "warmup_epochs": 4, "lr_max": 0.4}

TABLES = {"CPU": CPU, "GPU": GPU, "Ascend": ASCEND}
PLATFORMS = tuple(TABLES)


def set_config(platform: str, run_distribute: bool = False) -> Any:
    """Return a platform's configuration, an EasyDict.

    Args:
        platform: one of `PLATFORMS`.
        run_distribute: train in several processes, see `device.py`.

    Raises:
        InputError: an image size that the transforms do not make.
    """
    table = TABLES[platform]
    if (table["image_height"], table["image_width"]) != (SIZE, SIZE):
        raise InputError(
            f"reference/labs/flower_config.py: the transforms make images of {SIZE} x {SIZE}, and no others"
        )
    return EasyDict(table, platform=platform, run_distribute=run_distribute)
