"""The head by the exact solver: cross-validate what is not given, then solve on all training images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reference.training.cross_validation import LABEL_SMOOTHINGS, Choice, choose
from reference.training.head import LabelledFeatures
from reference.training.solver import HeadProblem, Regularisation, Solution, single_threaded


@dataclass(frozen=True)
class Given:
    """What is given to the solver; None where cross-validation is to choose.

    Attributes:
        weight_decay: L2 strength, above 0.
        label_smoothing: share of the target that is spread evenly over all classes.
    """

    weight_decay: float | None
    label_smoothing: float | None


@dataclass(frozen=True)
class ExactResult:
    """What the exact solver leaves.

    Attributes:
        regularisation: that the head was solved with.
        choice: the cross-validation that chose it; None if both numbers were given.
        solution: the optimum on all training images.
    """

    regularisation: Regularisation
    choice: Choice | None
    solution: Solution


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
        advance: told of each finished trial.

    Raises:
        InputError: there is nothing to cross-validate with.
        NotSolvedError: a head could not be found.
    """
    choice = None
    if given.weight_decay is None or given.label_smoothing is None:
        smoothings = LABEL_SMOOTHINGS if given.label_smoothing is None else (given.label_smoothing,)
        choice = choose(train, seen, class_count, seed, smoothings, given.weight_decay, advance)
        regularisation = choice.best.regularisation
    else:
        regularisation = Regularisation(given.weight_decay, given.label_smoothing)
    with single_threaded():
        solution = HeadProblem(train, class_count).solve(regularisation)
    return ExactResult(regularisation, choice, solution)
