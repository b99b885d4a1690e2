"""The linear head as the solution of a convex problem, by L-BFGS.

For features x_i, soft targets t_i, the weight W (classes, channels) and the bias b, minimise

    f(W, b) = -1/N sum_i t_i . log softmax(W x_i + b) + weight_decay / 2 |W|^2

This is multinomial logistic regression with L2 on the weight, and also what `head_training` goes down: its
weight decay adds weight_decay * W to the gradient. f is convex, and W unique if the weight decay is above
zero, so there is no seed, no learning rate and no last epoch; `Solution.gradient` says how near the optimum
is. Label smoothing makes the targets (1 - smoothing) on the label and smoothing / classes more on every
class; f is linear in the targets, and stays convex.

The solver is SciPy's L-BFGS-B (Zhu, Byrd, Lu and Nocedal 1997), without its bounds. Features are centred
first: as the bias is not penalised, the solution is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from reference.errors import NotSolvedError
from reference.training.head import Head, LabelledFeatures

DoubleArray: TypeAlias = npt.NDArray[np.float64]

TOLERANCE = 1e-6  # of the largest entry of the gradient
MOST_ITERATIONS = 2000  # a hundred are usual


@contextmanager
def single_threaded() -> Iterator[None]:
    """Let numpy multiply matrices in one thread in the body, so that its bits do not depend on the cores."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@dataclass(frozen=True)
class Regularisation:
    """What keeps a head from knowing its training images too well.

    Attributes:
        weight_decay: L2 strength on the weight, above 0.
        label_smoothing: share of the target that is spread evenly over all classes.
    """

    weight_decay: float
    label_smoothing: float


@dataclass(frozen=True)
class Solution:
    """A minimum of f.

    Attributes:
        head: weight and bias, for features as they are.
        objective: f there.
        gradient: largest entry of its gradient, in absolute value.
        iterations: of L-BFGS.
        parameters: (classes, channels + 1), weight and bias for centred features: where the search for the
            minimum of a similar f may begin.
        objectives: f after each iteration.
    """

    head: Head
    objective: float
    gradient: float
    iterations: int
    parameters: DoubleArray
    objectives: tuple[float, ...]


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
        self,
        regularisation: Regularisation,
        start: DoubleArray | None = None,
        tolerance: float = TOLERANCE,
    ) -> Solution:
        """Minimise f. In `single_threaded`, the same arguments give the same bits on the same machine.

        Args:
            regularisation: weight decay and label smoothing.
            start: the `parameters` of another solution; zeros by default.
            tolerance: of the largest entry of the gradient.

        Raises:
            NotSolvedError: the gradient stayed above the tolerance.
        """
        value, objectives = 0.0, []

        def function(flat: DoubleArray) -> tuple[float, DoubleArray]:
            nonlocal value
            value, gradient = self.objective(flat.reshape(self.shape), regularisation)
            return value, gradient.ravel()

        def remember(_: DoubleArray) -> None:
            # An iteration ends where f was asked last.
            objectives.append(value)

        begin = np.zeros(self.shape) if start is None else start
        # ftol 0: nothing but the gradient says that it is done.
        options = {"gtol": tolerance, "ftol": 0.0, "maxiter": MOST_ITERATIONS, "maxfun": 2 * MOST_ITERATIONS}
        result = minimize(
            function, begin.ravel(), jac=True, method="L-BFGS-B", options=options, callback=remember
        )
        gradient = float(np.abs(result.jac).max())
        if not gradient <= tolerance:
            raise NotSolvedError(
                f"no head near the optimum at weight decay {regularisation.weight_decay:g}: the gradient is"
                f" {gradient:.2g} after {result.nit} iterations, more than {tolerance:g} ({result.message});"
                " give another --weight_decay, or --solver sgd"
            )
        parameters = result.x.reshape(self.shape)
        head = self._head(parameters)
        return Solution(head, float(result.fun), gradient, int(result.nit), parameters, tuple(objectives))

    def _targets(self, smoothing: float) -> DoubleArray:
        targets = np.full((len(self._labels), self.shape[0]), smoothing / self.shape[0])
        targets[np.arange(len(targets)), self._labels] += 1 - smoothing
        return targets

    def _head(self, parameters: DoubleArray) -> Head:
        weight, bias = parameters[:, :-1], parameters[:, -1]
        # W (x - mean) + b = W x + (b - W mean)
        return Head(weight.astype(np.float32), (bias - weight @ self._mean).astype(np.float32))
