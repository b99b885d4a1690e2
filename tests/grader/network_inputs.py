"""What a report shows of a preprocessing, made without a sandbox: programs are asked about the charts here."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from grader.diagnosis.case import Case, Heard, Seams, SeamTrial, Sight, Way
from grader.diagnosis.charts import CARD, CHARTS
from grader.diagnosis.identify import identify
from grader.diagnosis.parameters import Repair
from grader.diagnosis.preprocessing import differences
from grader.diagnosis.recipes import correction, steps_that_differ
from grader.diagnosis.showing import shown
from grader.model.report import NetworkInputPart
from tests.grader.diagnosis.test_identify import asked

SHOWN = next(chart.pixels for chart in CHARTS if chart.name == CARD)
TRUTH = np.repeat(np.arange(4), 10)
ALL = np.arange(len(TRUTH))
WRONG_BEFORE = np.where(ALL % 2, TRUTH, (TRUTH + 1) % 4)


def sight_of(prepare) -> Sight:
    """What is seen of a program that gives its network `prepare(image)`."""
    found = identify(asked(prepare))
    return Sight(found, np.asarray(prepare(np.ascontiguousarray(SHOWN[:, :, ::-1]))))


def with_right(count: int):
    """Answers of which so many, the first ones, are right."""
    return np.where(count > ALL, TRUTH, (TRUTH + 1) % 4)


def heard_of(answers, scored=None) -> Heard:
    """What was heard: answers, and the scores of a network whose highest ones are right so often."""
    scores = None if scored is None else np.eye(4)[with_right(scored)]
    return Heard(ALL, answers, scores)


def case_of(
    sight: Sight | None, *steps: str, right: int | None = None, scored: int | None = None, repair: str = ""
) -> Case:
    """A run with half of its answers right.

    Args:
        sight: what was seen at its network's seams.
        steps: kinds of steps that were put right at the network's input.
        right: how many answers are right then; None if nothing was tried, or nothing is gained.
        scored: how often the class of the highest score is right then; None if no scores were seen.
        repair: what was put right in the network besides.
    """
    case = Case(("a", "b", "c", "d"), TRUTH, WRONG_BEFORE, "bgr")
    if sight is None:
        return case
    named = tuple(each for each in differences(sight.found) if each.step in steps)
    put_right = correction(sight.found, steps_that_differ(named)) if named else None
    if right is None:
        return replace(case, seams=Seams(sight, is_settled=not differences(sight.found)))
    by_scores = scored is not None and scored != right
    way = Way(put_right, Repair(repair) if repair else None, by_scores)
    trial = SeamTrial(way, heard_of(with_right(right), scored), named)
    return replace(case, seams=Seams(sight, trial, is_settled=True))


@cache
def part_of(prepare, *steps: str, right: int | None = None, codes=(), **more) -> NetworkInputPart:
    """What a report shows then; `codes` are those of the findings."""
    part = shown(case_of(sight_of(prepare), *steps, right=right, **more), codes)
    assert part is not None
    return part
