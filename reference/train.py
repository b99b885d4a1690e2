"""The flower lab's training: MobileNetV2 on five kinds of flowers, or on any other set of class folders.

    python -m reference.train --dataset_path D --platform CPU --freeze_layer backbone --pretrain_ckpt W

`--freeze_layer` and `--pretrain_ckpt` choose one of three ways:

    none                      from scratch: the whole network, from random weights
    none, with a checkpoint   fine-tuning: the whole network, from these weights
    backbone, with one        the head alone, on features that are computed once; seconds instead of hours

A checkpoint's head goes on learning if it is for as many classes; if not, a new one begins.
Checkpoints go to `ckpt_0/` (or the process's number) below the configuration's `save_checkpoint_path`, every
`save_checkpoint_epochs` and after the last epoch; `python -m reference.eval` takes them.
Those of an earlier training are kept under another name. `reference/labs/flower_config.py` holds all numbers.

With the weights of `python -m reference.pretrained`, 1018 training photos and the head alone, 339 of 376 test
photos are recognised (.9016), after about twelve seconds of one core.

The lab's own script refuses the first two ways on a CPU, where they are slow; here they run, and say after
three steps how long they will take. They need about 6 GB of memory with batches of 64.

Exit codes: 0 done, 1 something failed that should not (no space left, the loss is no number any more), 2
wrong input (one line says what), 130 interrupted; `--resume` then goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from reference.command_line import interruptible, run_command, true_or_false
from reference.errors import InputError
from reference.images.reading import check_readable, file_digest
from reference.labs.checkpoints import CheckpointFolder, Weights, read_weights
from reference.labs.flower_config import PLATFORMS, set_config
from reference.labs.flower_images import LabelledImages, training_images
from reference.labs.printed_lines import total_line
from reference.training.snapshot import Snapshot

# What needs MindSpore is imported where it is needed: a wrong path should not wait for it.

FREEZE_LAYERS = ("none", "backbone")
HOW_TO_GET_WEIGHTS = "python -m reference.pretrained makes one and says where it is"


def train(options: argparse.Namespace) -> None:
    """Do the whole training, and print its lines.

    Raises:
        InputError: the data set, an image, the platform or the checkpoints' folder does not do.
        SourceError: reading the checkpoint needs a package that is not installed.
        WeightsError: the checkpoint is not what it should be.
        DivergedError: the loss is no number any more.
        OSError: a checkpoint cannot be written.
    """
    begun = time.perf_counter()
    # 1. All that can be wrong with the input. Processes that train together all find it out, and all end.
    config = set_config(options.platform, options.run_distribute)
    weights = read_pretrained(options)
    images = training_images(options.dataset_path)
    config.num_classes = len(images.classes)
    if options.freeze_layer == "none":
        check_readable(images.split.paths)  # for the head alone, all are read before its training anyway

    from reference.labs import device, flower_training

    device.use_platform(options.platform)
    count = device.launched_processes() if options.run_distribute else 1
    check_fills_a_batch(images, config.batch_size, count)
    # 2. The other processes, and a place for the checkpoints.
    processes = device.join_processes() if options.run_distribute else device.Processes()
    checkpoints = CheckpointFolder(
        Path(config.save_checkpoint_path) / f"ckpt_{processes.rank}", config.keep_checkpoint_max
    )
    checkpoints.check(options.resume)
    print(f"train args: {options}\ncfg: {dict(config)}", flush=True)
    if weights and weights.head and not flower_training.begins_with_head(weights, config.num_classes):
        print(f"note: the head in {options.pretrain_ckpt} is for other classes; a new one begins", flush=True)
    # 3. The training.
    # Processes keep no state: they would not keep that of the same step, and could not go on together.
    snapshot = Snapshot(checkpoints.state, describe(options, config, images)) if processes.size == 1 else None
    training = flower_training.FlowerTraining(
        config, images.split, weights, checkpoints, processes, snapshot, options.resume
    )
    if options.freeze_layer == "backbone":
        flower_training.train_head(training)
    else:
        flower_training.train_network(training)
    if snapshot:
        snapshot.remove()
    print(total_line(time.perf_counter() - begun))


def read_pretrained(options: argparse.Namespace) -> Weights | None:
    """Read the checkpoint of the command line, if there is one.

    Raises:
        InputError: it is not there, or there is none and the backbone is not to learn.
        SourceError: reading it needs a package that is not installed.
        WeightsError: it is not what it should be.
    """
    checkpoint = options.pretrain_ckpt
    if checkpoint is None:
        if options.freeze_layer == "backbone":
            raise InputError(f"--freeze_layer backbone needs a --pretrain_ckpt: {HOW_TO_GET_WEIGHTS}")
        return None
    if not checkpoint.exists():
        raise InputError(f"{checkpoint}: no such file; {HOW_TO_GET_WEIGHTS}")
    return read_weights(checkpoint)


def check_fills_a_batch(images: LabelledImages, batch_size: int, processes: int) -> None:
    """Raise InputError if there are too few images for a step."""
    needed, found = batch_size * processes, len(images.split.paths)
    if found < needed:
        among = f" in each of {processes} processes" if processes > 1 else ""
        raise InputError(
            f"{found} training images do not fill one batch of {batch_size}{among}; add images, or lower"
            " batch_size in reference/labs/flower_config.py"
        )


def describe(options: argparse.Namespace, config: Any, images: LabelledImages) -> dict[str, object]:
    """Return what decides the result of a training: one that is resumed must have the same."""
    content = hashlib.sha256()
    for path in images.split.paths:
        content.update(path.parent.name.encode() + file_digest(path))
    checkpoint = options.pretrain_ckpt
    return {
        **config,
        "freeze_layer": options.freeze_layer,
        "images": content.hexdigest(),
        "pretrain_ckpt": file_digest(checkpoint).hex() if checkpoint else None,
        "versions": {"mindspore": version("mindspore"), "numpy": np.__version__, "cv2": cv2.__version__},
    }


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; exits with 2 when it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m reference.train", description="Train MobileNetV2 as the flower lab does."
    )
    add = parser.add_argument
    add(
        "--dataset_path",
        type=Path,
        required=True,
        metavar="D",
        help="folder of class folders, or with train/",
    )
    add("--platform", choices=PLATFORMS, default="CPU", help="(%(default)s)")
    add("--freeze_layer", choices=FREEZE_LAYERS, default="none", help="what does not learn (%(default)s)")
    add("--pretrain_ckpt", type=Path, metavar="FILE", help=f"weights to begin with; {HOW_TO_GET_WEIGHTS}")
    add("--run_distribute", type=true_or_false, default=False, metavar="True|False", help="(%(default)s)")
    add("--resume", action="store_true", help="go on with a training that was interrupted")
    options = parser.parse_args(arguments)
    if options.resume and options.run_distribute:
        parser.error("--resume goes on with a training in one process, not with --run_distribute True")
    return options


@interruptible()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    options = parse_arguments(arguments)
    return run_command(lambda: train(options))


if __name__ == "__main__":
    sys.exit(main())
