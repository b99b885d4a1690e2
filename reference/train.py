"""The flower lab's training: MobileNetV2 on five kinds of flowers, or on any other set of class folders.

    python -m reference.train --dataset_path D --platform CPU --freeze_layer backbone --pretrain_ckpt W \
        --run_distribute False
    python -m reference.train            # as `TrainDefaults` in reference/labs/recipes.py says

`--freeze_layer` and `--pretrain_ckpt` choose one of three ways:

    none                      from scratch: the whole network, from random weights
    none, with a checkpoint   fine-tuning: the whole network, from these weights
    backbone, with one        the head alone, on features that are computed once; seconds instead of hours

A checkpoint's head goes on learning if it is for as many classes; if not, a new one begins.
Checkpoints go to `ckpt_0/` (or the process's number) below the configuration's `save_checkpoint_path`, every
`save_checkpoint_epochs` and after the last epoch; `python -m reference.eval` takes them.
Those of an earlier training are kept under another name. `reference/labs/recipes.py` holds all numbers.

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
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

from reference import labs
from reference.command_line import interruptible, run_command, true_or_false
from reference.errors import InputError
from reference.images import LabelledImages, check_readable, file_digest, training_images
from reference.labs import (
    PLATFORMS,
    CheckpointFolder,
    FlowerConfig,
    TrainDefaults,
    flower_config,
    total_line,
)
from reference.training import Snapshot
from reference.weights import Weights, read_weights

FREEZE_LAYERS = ("none", "backbone")
HOW_TO_GET_WEIGHTS = "python -m reference.pretrained makes one and says where it is"


@dataclass(frozen=True)
class Settings:
    """What the command line says.

    Attributes:
        dataset_path: folder of class folders, or with train/.
        platform: of PLATFORMS.
        freeze_layer: of FREEZE_LAYERS.
        pretrain_ckpt: weights to begin with, as it was given; "" for none.
        run_distribute: train in several processes.
        resume: go on with a training that was interrupted.
    """

    dataset_path: str
    platform: str
    freeze_layer: str
    pretrain_ckpt: str
    run_distribute: bool
    resume: bool

    @property
    def checkpoint(self) -> Path | None:
        """The file of the weights to begin with, or None."""
        return Path(self.pretrain_ckpt) if self.pretrain_ckpt else None

    def printed(self) -> argparse.Namespace:
        """Return what the lab's script prints as `train args`: the same fields in the same order."""
        fields = {name: value for name, value in asdict(self).items() if name != "resume"}
        return argparse.Namespace(**dict(sorted({**fields, "is_training": True}.items())))


def train(settings: Settings) -> None:
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
    config = flower_config(settings.platform, settings.run_distribute)
    weights = read_pretrained(settings)
    images = training_images(Path(settings.dataset_path))
    config = replace(config, num_classes=len(images.classes))
    if settings.freeze_layer == "none":
        check_readable(images.split.paths)  # for the head alone, all are read before its training anyway
    labs.use_platform(settings.platform)
    count = labs.launched_processes() if settings.run_distribute else 1
    check_fills_a_batch(images, config.batch_size, count)
    # 2. The other processes, and a place for the checkpoints.
    processes = labs.join_processes() if settings.run_distribute else labs.Processes()
    folder = Path(config.save_checkpoint_path) / f"ckpt_{processes.rank}"
    checkpoints = CheckpointFolder(folder, config.keep_checkpoint_max)
    checkpoints.check(settings.resume)
    print(f"train args: {settings.printed()}\ncfg: {config.printed()}", flush=True)
    # 3. The training.
    # Processes keep no state: they would not keep that of the same step, and could not go on together.
    is_alone = processes.size == 1
    snapshot = Snapshot(checkpoints.state, describe(settings, config, images)) if is_alone else None
    train_flowers(
        settings,
        labs.FlowerTraining(config, images.split, weights, checkpoints, processes, snapshot, settings.resume),
    )
    print(total_line(time.perf_counter() - begun))


def train_flowers(settings: Settings, training: labs.FlowerTraining) -> None:
    """Train what the command line says; the state to resume from is gone when all is done."""
    weights, classes = training.weights, training.config.num_classes
    if weights and weights.head and not labs.begins_with_head(weights, classes):
        print(
            f"note: the head in {settings.pretrain_ckpt} is for other classes; a new one begins", flush=True
        )
    if settings.freeze_layer == "backbone":
        labs.train_flower_head(training)
    else:
        labs.train_flower_network(training)
    if training.snapshot:
        training.snapshot.remove()


def read_pretrained(settings: Settings) -> Weights | None:
    """Read the checkpoint of the command line, if there is one.

    Raises:
        InputError: it is not there, or there is none and the backbone is not to learn.
        SourceError: reading it needs a package that is not installed.
        WeightsError: it is not what it should be.
    """
    checkpoint = settings.checkpoint
    if checkpoint is None:
        if settings.freeze_layer == "backbone":
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
            " batch_size in reference/labs/recipes.py"
        )


def describe(settings: Settings, config: FlowerConfig, images: LabelledImages) -> dict[str, object]:
    """Return what decides the result of a training: one that is resumed must have the same."""
    content = hashlib.sha256()
    for path in images.split.paths:
        content.update(path.parent.name.encode() + file_digest(path))
    checkpoint = settings.checkpoint
    return {
        **asdict(config),
        "freeze_layer": settings.freeze_layer,
        "images": content.hexdigest(),
        "pretrain_ckpt": file_digest(checkpoint).hex() if checkpoint else None,
        "versions": {"mindspore": version("mindspore"), "numpy": np.__version__, "cv2": cv2.__version__},
    }


def parse_arguments(arguments: Sequence[str] | None) -> Settings:
    """Read the command line; exits with 2 when it makes no sense.

    What is not given is the training from scratch on the CPU. Where nothing is given, `TrainDefaults` count.
    """
    given = sys.argv[1:] if arguments is None else arguments
    parser = _parser(needs_data=any(argument != "--resume" for argument in given))
    options = parser.parse_args(given)
    if options.resume and options.run_distribute:
        parser.error("--resume goes on with a training in one process, not with --run_distribute True")
    return Settings(**vars(options))


def _parser(needs_data: bool) -> argparse.ArgumentParser:
    """Return the reader of the command line; where the data set need not be given, defaults stand for all."""
    parser = argparse.ArgumentParser(
        prog="python -m reference.train", description="Train MobileNetV2 as the flower lab does."
    )
    add = parser.add_argument
    add(
        "--dataset_path",
        required=needs_data,
        metavar="D",
        help="folder with one folder per class, or with train/",
    )
    add("--platform", choices=PLATFORMS, default="CPU", help="device (%(default)s)")
    add(
        "--freeze_layer",
        choices=FREEZE_LAYERS,
        default="none",
        help="the part that is not trained (%(default)s)",
    )
    add("--pretrain_ckpt", default="", metavar="FILE", help=f"weights to begin with; {HOW_TO_GET_WEIGHTS}")
    add(
        "--run_distribute",
        type=true_or_false,
        default=False,
        metavar="True|False",
        help="train in several processes (%(default)s)",
    )
    add("--resume", action="store_true", help="go on with a training that was interrupted")
    if not needs_data:
        parser.set_defaults(**asdict(TrainDefaults()))
    return parser


@interruptible()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    settings = parse_arguments(arguments)
    return run_command(lambda: train(settings))


if __name__ == "__main__":
    sys.exit(main())
