"""Whether everything was asked that was to be: time is the last resort, and decides no finding."""

from __future__ import annotations

from grader.model.predictions import Answers, Prediction
from grader.model.verdict import Verdict


class UnfinishedError(Exception):
    """Time was over before everything had been tried."""


def complete(asked: Answers) -> tuple[Prediction | None, ...]:
    """Return the answers; None where the program failed.

    Raises:
        UnfinishedError: time was over. What was answered until then depends on the machine, and is not used.
    """
    if any(stop.verdict is Verdict.TIMEOUT for stop in asked.stops):
        raise UnfinishedError
    return asked.predictions
