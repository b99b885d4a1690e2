"""Every ordinary preprocessing is identified from what it makes of the test charts."""

from functools import cache

import numpy as np
import pytest

from grader.diagnosis.charts import CARD, CHARTS
from grader.diagnosis.identify import identify
from grader.diagnosis.preprocessing import differences
from grader.diagnosis.recipes import corrections, steps_that_differ
from tests.grader.diagnosis.preprocessing_programs import PROGRAMS, bgr


def asked(prepare):
    """What a preprocessing makes of each chart; None where it fails."""
    seen = {}
    for chart in CHARTS:
        try:
            tensor = np.asarray(prepare(np.ascontiguousarray(chart.pixels[:, :, ::-1])))
        except ValueError:
            tensor = None
        seen.setdefault(chart.name, []).append(tensor)
    return seen


@cache
def seen_of(program):
    """What is identified of a program, and what it makes of the card; once for all tests."""
    arrays = asked(program.make())
    return identify(arrays), arrays[CARD][0]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_the_differences_of_a_program_are_named_and_no_others(program):
    found, _ = seen_of(program)
    assert found is not None
    assert {difference.code for difference in differences(found)} == program.codes


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_whatever_differs_can_be_put_right_altogether(program):
    found, _ = seen_of(program)
    named = differences(found)
    if named and found.channels == 3:
        assert steps_that_differ(named) <= corrections(found)[-1].steps


@pytest.mark.parametrize("seed", range(12))
def test_flips_by_chance_are_noticed_however_the_dice_fall(seed):
    rng = np.random.default_rng(seed)
    found = identify(asked(lambda image: bgr(image[:, ::-1] if rng.random() < 0.5 else image)))
    assert {difference.code for difference in differences(found)} == {"random", "bgr"}
