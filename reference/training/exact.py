"""The head as the exact optimum of a convex problem, by L-BFGS; what is not given is cross-validated before.

For features x_i, soft targets t_i, the weight W (classes, channels) and the bias b, minimise

    f(W, b) = -1/N sum_i t_i . log softmax(W x_i + b) + weight_decay / 2 |W|^2

This is multinomial logistic regression with L2 on the weight, and also what training by steps goes down: its
weight decay adds weight_decay * W to the gradient. f is convex, and W unique if the weight decay is above
zero, so there is no seed, no learning rate and no last epoch; `Solution.gradient` says how near the optimum
is. Label smoothing makes the targets (1 - smoothing) on the label and smoothing / classes more on every
class; f is linear in the targets, and stays convex.

The solver is SciPy's L-BFGS-B (Zhu, Byrd, Lu and Nocedal 1997), without its bounds. Features are centred
first: as the bias is not penalised, the solution is the same.

Weight decay and label smoothing are chosen on the training images alone. The images are dealt into a few
parts, copies of an image into the same one. Every pair of values gives as many heads, each solved without one
part and asked about its images. The pair with the most right answers is taken; of equals the one whose weight
decay is nearer to the middle of `START` (so that the search ends on a set where all are right), then the one
with the stronger weight decay, then the one with less smoothing. First the weight decay is searched with one
label smoothing, then the other label smoothings are tried with it: the best weight decays of the two
smoothings were equal or neighbours wherever both were searched.

A grid of weight decays may lie in the wrong place. So it is extended, one value at a time, for as long as its
best value is its first or its last; `Choice.at_limit` says if that went on to the end of `EXPONENTS`.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from src_mindspore.cpu import available_cores
from threadpoolctl import threadpool_limits

from reference.errors import InputError, NotSolvedError
from reference.values import (
    Choice,
    DoubleArray,
    ExactResult,
    Given,
    Head,
    IntArray,
    LabelledFeatures,
    Regularisation,
    Solution,
    Trial,
)

TOLERANCE = 1e-6  # of the largest entry of the gradient
MOST_ITERATIONS = 2000  # a hundred are usual

FOLDS = 4  # two for each of two cores; five took twice as long there and chose the same
LABEL_SMOOTHINGS = (0.1, 0.0)
# Weight decays are 10 ** (exponent / 2): first these, and never others than those.
START = (-6, -5, -4)
EXPONENTS = range(-14, 5)
# Of the gradient. In single and in double precision, counts differed by at most 3 of 2213 images.
TOLERANCE_OF_A_TRIAL = 1e-4
NOTHING_GIVEN = Given(None, None)


def solve_head(
    train: LabelledFeatures,
    seen: LabelledFeatures,
    class_count: int,
    given: Given,
    seed: int,
    advance: Callable[[], object] = lambda: None,
) -> ExactResult:
    """Choose weight decay and label smoothing, and solve the head.

    Args:
        train: the training images in all training views.
        seen: the same images as a submission sees them, one view.
        class_count: number of classes.
        given: what is not to be chosen.
        seed: of the parts of the cross-validation.
        advance: called after each finished trial.

    Raises:
        InputError: there is nothing to cross-validate with.
        NotSolvedError: a head could not be found.
    """
    choice = None
    if given.weight_decay is None or given.label_smoothing is None:
        choice = choose(train, seen, class_count, seed, given, advance)
        regularisation = choice.best.regularisation
    else:
        regularisation = Regularisation(given.weight_decay, given.label_smoothing)
    with single_threaded():
        solution = HeadProblem(train, class_count).solve(regularisation)
    return ExactResult(regularisation, choice, solution)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let numpy multiply matrices in one thread in the body, so that its bits do not depend on the cores."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


class HeadProblem:
    """Features and labels, for which heads are wanted.

    Args:
        data: every view of every image is one row x_i.
        class_count: number of classes; one that no label names has its place in the head all the same.
        precision: of the products with the features. Half of it saves time, and does for gradients of 1e-4.
    """

    def __init__(
        self, data: LabelledFeatures, class_count: int, precision: npt.DTypeLike = np.float64
    ) -> None:
        views, images, channels = data.features.shape
        rows = data.features.reshape(views * images, channels)
        self._mean = rows.mean(axis=0, dtype=np.float64)
        self._rows = (rows - self._mean).astype(precision)
        self._labels = np.tile(data.labels, views)
        self.shape = (class_count, channels + 1)

    def objective(self, parameters: DoubleArray, regularisation: Regularisation) -> tuple[float, DoubleArray]:
        """Return f and its gradient at `parameters`, both for centred features; see `Solution`."""
        weight, bias = parameters[:, :-1], parameters[:, -1]
        logits = self._rows @ weight.T.astype(self._rows.dtype) + bias
        logits -= logits.max(axis=1, keepdims=True)
        probabilities = np.exp(logits)
        sums = probabilities.sum(axis=1, keepdims=True)
        probabilities /= sums
        targets = self._targets(regularisation.label_smoothing)
        count, decay = len(logits), regularisation.weight_decay
        # -sum_i t_i . log p_i, where log p = logits - log(sums) and each t_i adds up to 1.
        loss = (np.log(sums).sum() - np.sum(targets * logits)) / count
        error = (probabilities - targets) / count
        gradient = np.empty_like(parameters)
        gradient[:, :-1] = error.T.astype(self._rows.dtype) @ self._rows + decay * weight
        gradient[:, -1] = error.sum(axis=0)
        return float(loss + decay / 2 * np.sum(weight * weight)), gradient

    def solve(
        self, regularisation: Regularisation, start: DoubleArray | None = None, tolerance: float = TOLERANCE
    ) -> Solution:
        """Minimise f. In `single_threaded`, the same arguments give the same bits on the same machine.

        Args:
            regularisation: weight decay and label smoothing.
            start: the `parameters` of another solution; zeros by default.
            tolerance: of the largest entry of the gradient.

        Raises:
            NotSolvedError: the gradient stayed above the tolerance.
        """
        values, objectives = [0.0], []

        def function(flat: DoubleArray) -> tuple[float, DoubleArray]:
            values[0], gradient = self.objective(flat.reshape(self.shape), regularisation)
            return values[0], gradient.ravel()

        # An iteration ends where f was asked last.
        def remember(_: DoubleArray) -> None:
            objectives.append(values[0])

        begin = np.zeros(self.shape) if start is None else start
        # ftol 0: nothing but the gradient says that it is done.
        options = {"gtol": tolerance, "ftol": 0.0, "maxiter": MOST_ITERATIONS, "maxfun": 2 * MOST_ITERATIONS}
        result = minimize(
            function, begin.ravel(), jac=True, method="L-BFGS-B", options=options, callback=remember
        )
        gradient, iterations = float(np.abs(result.jac).max()), int(result.nit)
        if not gradient <= tolerance:
            raise NotSolvedError(
                f"no head near the optimum at weight decay {regularisation.weight_decay:g}: the gradient is"
                f" {gradient:.2g} after {iterations} iterations, more than {tolerance:g} ({result.message});"
                " give another --weight_decay, or --solver sgd"
            )
        parameters = result.x.reshape(self.shape)
        objective, head = float(result.fun), self._head(parameters)
        return Solution(head, objective, gradient, iterations, parameters, tuple(objectives))

    def _targets(self, smoothing: float) -> DoubleArray:
        targets = np.full((len(self._labels), self.shape[0]), smoothing / self.shape[0])
        targets[np.arange(len(targets)), self._labels] += 1 - smoothing
        return targets

    def _head(self, parameters: DoubleArray) -> Head:
        weight, bias = parameters[:, :-1], parameters[:, -1]
        # W (x - mean) + b = W x + (b - W mean)
        return Head(weight.astype(np.float32), (bias - weight @ self._mean).astype(np.float32))


def assign_folds(labels: IntArray, contents: Sequence[bytes], folds: int, seed: int) -> IntArray:
    """Return the part of each image, (N,) in [0, folds): classes spread evenly, equal contents together."""
    rng = np.random.default_rng(seed)
    part_of: dict[bytes, int] = {}
    for label in np.unique(labels):
        new = sorted({contents[i] for i in np.flatnonzero(labels == label)} - part_of.keys())
        for place, index in enumerate(rng.permutation(len(new))):
            part_of[new[index]] = place % folds
    return np.array([part_of[content] for content in contents], dtype=np.int64)


def choose(
    train: LabelledFeatures,
    seen: LabelledFeatures,
    class_count: int,
    seed: int,
    given: Given = NOTHING_GIVEN,
    advance: Callable[[], object] = lambda: None,
) -> Choice:
    """Try pairs of weight decay and label smoothing, and take the best.

    Args:
        train: the training images in all training views.
        seen: the same images as a submission sees them, one view; heads are asked about these.
        class_count: number of classes.
        seed: of the parts.
        given: values that are the only ones to try.
        advance: called after each finished trial.

    Raises:
        InputError: no class has two different images, so that none can be left out.
        NotSolvedError: a head could not be found.
    """
    parts = _parts(train, seen, seed)

    def attempt(decays: Sequence[float], smoothing: float) -> list[Trial]:
        pairs = [Regularisation(decay, smoothing) for decay in decays]
        trials = cross_validate(train, seen, class_count, parts, pairs)
        for _ in trials:
            advance()
        return trials

    first, *others = LABEL_SMOOTHINGS if given.label_smoothing is None else (given.label_smoothing,)
    if given.weight_decay is None:
        trials = _search(partial(attempt, smoothing=first))
        found = max(trials, key=_preference).regularisation.weight_decay
    else:
        trials, found = attempt([given.weight_decay], first), given.weight_decay
    trials += [trial for smoothing in others for trial in attempt([found], smoothing)]
    best = max(trials, key=_preference)
    return Choice(best, tuple(trials), given.weight_decay is None and _is_at_limit(best))


def _is_at_limit(trial: Trial) -> bool:
    return trial.regularisation.weight_decay in {_decay(EXPONENTS[0]), _decay(EXPONENTS[-1])}


def _parts(train: LabelledFeatures, seen: LabelledFeatures, seed: int) -> IntArray:
    """Deal the training images into the parts of the cross-validation."""
    # Equal images have equal features, so the features stand for the content.
    parts = assign_folds(train.labels, [row.tobytes() for row in seen.features[0]], FOLDS, seed)
    if not parts.any():
        raise InputError(
            "no class has two different training images, so nothing can be cross-validated; give"
            " --weight_decay and --label_smoothing, or --solver sgd"
        )
    return parts


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
                solution = fast.solve(pair, start, TOLERANCE_OF_A_TRIAL)
            except NotSolvedError:  # single precision may be too coarse near an optimum that is almost zero
                solution = HeadProblem(learned, class_count).solve(pair, start, TOLERANCE_OF_A_TRIAL)
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
