"""What a report shows of a preprocessing, made without a sandbox: programs are asked about the charts here."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from grader.diagnosis.case import Case, InputTrial, Sight, Trial
from grader.diagnosis.charts import CARD, CHARTS
from grader.diagnosis.differences import differences
from grader.diagnosis.identify import identify
from grader.diagnosis.recipes import steps_that_differ
from grader.diagnosis.showing import shown
from grader.model.report import NetworkInputPart
from tests.grader.diagnosis.test_identify import asked

SHOWN = next(chart.pixels for chart in CHARTS if chart.name == CARD)
TRUTH = np.repeat(np.arange(4), 10)
WRONG_BEFORE = np.where(np.arange(40) % 2, TRUTH, (TRUTH + 1) % 4)


def sight_of(prepare) -> Sight:
    """What is seen of a program that gives its network `prepare(image)`."""
    found = identify(asked(prepare))
    return Sight(found, np.asarray(prepare(np.ascontiguousarray(SHOWN[:, :, ::-1]))))


def case_of(sight: Sight | None, *steps: str, right: int | None = None) -> Case:
    """A run with half of its answers right, in which `right` are when these steps are put right."""
    case = Case(("a", "b", "c", "d"), TRUTH, WRONG_BEFORE, "bgr")
    trial = None
    if right is not None:
        answers = np.where(np.arange(40) < right, TRUTH, (TRUTH + 1) % 4)
        trial = Trial(np.arange(40), answers)
    named = tuple(each for each in differences(sight.found) if each.step in steps) if sight else ()
    put_right = steps_that_differ(named)
    return replace(case, at_input=InputTrial(named, trial, steps=put_right, sight=sight))


@cache
def part_of(prepare, *steps: str, right: int | None = None, codes=()) -> NetworkInputPart:
    """What a report shows then; `codes` are those of the findings, the first of which is about the input."""
    part = shown(case_of(sight_of(prepare), *steps, right=right), codes, is_input_proved=bool(codes))
    assert part is not None
    return part
