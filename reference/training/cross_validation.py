"""Choose the head's weight decay and label smoothing by cross-validation on the training images alone.

The images are dealt into a few parts, copies of an image into the same one. Every pair of values gives as
many heads, each solved without one part and asked about its images. The pair with the most right answers is
taken; of equals the one whose weight decay is nearer to the middle of `START` (so that the search ends on a
set where all are right), then the one with the stronger weight decay, then the one with less smoothing. First
the weight decay is searched with one label smoothing, then the other label smoothings are tried with it: the
best weight decays of the two smoothings were equal or neighbours wherever both were searched.

A grid of weight decays may lie in the wrong place. So it is extended, one value at a time, for as long as its
best value is its first or its last; `Choice.at_limit` says if that went on to the end of `EXPONENTS`.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from src_mindspore.cpu import available_cores

from reference.errors import InputError, NotSolvedError
from reference.training.folds import assign_folds
from reference.training.head import IntArray, LabelledFeatures
from reference.training.solver import HeadProblem, Regularisation, single_threaded

FOLDS = 4  # two for each of two cores; five took twice as long there and chose the same
LABEL_SMOOTHINGS = (0.1, 0.0)
# Weight decays are 10 ** (exponent / 2): first these, and never others than those.
START = (-6, -5, -4)
EXPONENTS = range(-14, 5)
# Of the gradient. In single and in double precision, counts differed by at most 3 of 2213 images.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Trial:
    """What one pair of values came to.

    Attributes:
        regularisation: the pair.
        correct: right answers about images that the head had not learned from.
        images: how many were asked about: all training images, each once.
    """

    regularisation: Regularisation
    correct: int
    images: int

    @property
    def accuracy(self) -> float:
        """Top-1, between 0 and 1."""
        return self.correct / self.images


@dataclass(frozen=True)
class Choice:
    """What cross-validation says.

    Attributes:
        best: the pair that was taken.
        trials: all of them: by weight decay with the first label smoothing, then with the others.
        at_limit: the best weight decay is the first or last that is ever tried: a better one may lie beyond.
    """

    best: Trial
    trials: tuple[Trial, ...]
    at_limit: bool


def choose(
    train: LabelledFeatures,
    seen: LabelledFeatures,
    class_count: int,
    seed: int,
    smoothings: Sequence[float] = LABEL_SMOOTHINGS,
    weight_decay: float | None = None,
    advance: Callable[[], object] = lambda: None,
) -> Choice:
    """Try pairs of weight decay and label smoothing, and take the best.

    Args:
        train: the training images in all training views.
        seen: the same images as a submission sees them, one view; heads are asked about these.
        class_count: number of classes.
        seed: of the parts.
        smoothings: label smoothings to try; the weight decay is searched with the first.
        weight_decay: the only one to try; None to search for the best.
        advance: told of each finished trial.

    Raises:
        InputError: no class has two different images, so that none can be left out.
        NotSolvedError: a head could not be found.
    """
    # Equal images have equal features, so the features stand for the content.
    parts = assign_folds(train.labels, [row.tobytes() for row in seen.features[0]], FOLDS, seed)
    if not parts.any():
        raise InputError(
            "no class has two different training images, so nothing can be cross-validated; give"
            " --weight_decay and --label_smoothing, or --solver sgd"
        )

    def attempt(decays: Sequence[float], smoothing: float) -> list[Trial]:
        pairs = [Regularisation(decay, smoothing) for decay in decays]
        trials = cross_validate(train, seen, class_count, parts, pairs)
        for _ in trials:
            advance()
        return trials

    first, *others = smoothings
    if weight_decay is None:
        trials = _search(partial(attempt, smoothing=first))
        found = max(trials, key=_preference).regularisation.weight_decay
    else:
        trials, found = attempt([weight_decay], first), weight_decay
    for smoothing in others:
        trials += attempt([found], smoothing)
    best = max(trials, key=_preference)
    limits = {_decay(EXPONENTS[0]), _decay(EXPONENTS[-1])}
    return Choice(best, tuple(trials), weight_decay is None and best.regularisation.weight_decay in limits)


def cross_validate(
    train: LabelledFeatures,
    seen: LabelledFeatures,
    class_count: int,
    parts: IntArray,
    pairs: Sequence[Regularisation],
) -> list[Trial]:
    """Return what each pair comes to on the parts left out.

    Args:
        train: the training images in all training views.
        seen: the same images as a submission sees them, one view.
        class_count: number of classes.
        parts: (images,), as `assign_folds` makes them.
        pairs: the values; neighbours are solved faster if they are alike.
    """

    def leave_out(part: int) -> list[int]:
        kept, left_out = parts != part, parts == part
        learned = LabelledFeatures(train.features[:, kept], train.labels[kept])
        fast = HeadProblem(learned, class_count, np.float32)
        asked = LabelledFeatures(seen.features[:, left_out], seen.labels[left_out])
        correct, start = [], None
        for pair in pairs:
            try:
                solution = fast.solve(pair, start, TOLERANCE)
            except NotSolvedError:  # single precision may be too coarse near an optimum that is almost zero
                solution = HeadProblem(learned, class_count).solve(pair, start, TOLERANCE)
            correct.append(solution.head.count_correct(asked))
            start = solution.parameters
        return correct

    # A solver for each core, not all cores on each product: on a busy machine 1.0 s a solution, not 5.8.
    with single_threaded(), ThreadPoolExecutor(available_cores()) as pool:
        correct = np.sum(list(pool.map(leave_out, np.unique(parts))), axis=0)
    return [Trial(pair, int(right), len(train.labels)) for pair, right in zip(pairs, correct, strict=True)]


def table_csv(trials: Sequence[Trial]) -> str:
    """Return the trials as CSV, one a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("weight_decay", "label_smoothing", "correct", "images", "accuracy"))
    for trial in trials:
        values = trial.regularisation
        numbers = (values.weight_decay, values.label_smoothing, trial.correct, trial.images, trial.accuracy)
        writer.writerow(f"{number:.6g}" for number in numbers)
    return text.getvalue()


def _search(attempt: Callable[[Sequence[float]], list[Trial]]) -> list[Trial]:
    """Try the weight decays of `START`, and further ones until the best has a neighbour on each side."""
    strongest_first = sorted(START, reverse=True)
    tried = dict(zip(strongest_first, attempt([_decay(e) for e in strongest_first]), strict=True))
    while True:
        best = max(tried, key=lambda exponent: _preference(tried[exponent]))
        beyond = {min(tried): best - 1, max(tried): best + 1}.get(best)
        if beyond is None or beyond not in EXPONENTS:
            return [tried[exponent] for exponent in sorted(tried)]
        (tried[beyond],) = attempt([_decay(beyond)])


def _decay(exponent: int) -> float:
    return float(10 ** (exponent / 2))


def _preference(trial: Trial) -> tuple[int, float, float, float]:
    """Return what to sort by: the best trial last."""
    values = trial.regularisation
    from_middle = abs(round(2 * math.log10(values.weight_decay)) - START[len(START) // 2])
    return trial.correct, -from_middle, values.weight_decay, -values.label_smoothing
