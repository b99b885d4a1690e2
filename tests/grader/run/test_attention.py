"""Deadlines run while the grader looks, and stand still while it cannot."""

import pytest

from grader import Verdict
from grader.model.grading import NO_CHECKS
from grader.run import asking, usage
from grader.run.asking import LONGEST_STRETCH_SECONDS, AttentiveClock
from tests.grader.gradings import report_of


class Times:
    """A wall clock and a thread's processor time, set by hand."""

    def __init__(self):
        self.wall, self.worked = 1000.0, 5.0

    def clock(self):
        return AttentiveClock(lambda: self.wall, lambda: self.worked)


def test_time_between_looks_counts():
    times = Times()
    clock = times.clock()
    for _ in range(40):
        times.wall += 0.05
        clock.now()
    assert clock.now() == pytest.approx(2.0)


def test_a_stretch_in_which_nobody_looked_counts_no_more_than_a_long_look():
    times = Times()
    clock = times.clock()
    times.wall += 3600
    assert clock.now() == pytest.approx(LONGEST_STRETCH_SECONDS)
    times.wall += 0.05
    assert clock.now() == pytest.approx(LONGEST_STRETCH_SECONDS + 0.05)


def test_a_look_that_is_work_counts():
    times = Times()
    clock = times.clock()
    times.wall, times.worked = times.wall + 3.0, times.worked + 2.9
    assert clock.now() == pytest.approx(3.0)


def test_the_work_of_another_thread_is_none_of_it():
    times = Times()
    clock = times.clock()
    times.wall, times.worked = times.wall + 1.0, 0.0
    assert clock.now() == pytest.approx(LONGEST_STRETCH_SECONDS)


@pytest.fixture
def held_up(monkeypatch):
    """Have the grader sleep through an hour in each of its first looks; gives how often it did."""
    times, held = Times(), []
    real, measure = AttentiveClock(), usage.measure

    def sleep_through(*roots):
        if len(held) < 4:
            held.append(roots)
            times.wall += 3600
        return measure(*roots)

    def clock():
        return AttentiveClock(lambda: times.wall + real.now(), lambda: 0.0)

    monkeypatch.setattr(asking, "AttentiveClock", clock)
    monkeypatch.setattr(usage, "measure", sleep_through)
    return held


def test_a_grader_that_was_held_up_costs_a_submission_nothing(write_submission, split, assignment, held_up):
    report = report_of(write_submission(), split, assignment, checks=NO_CHECKS)
    assert report.verdict is Verdict.GRADED
    assert report.score.correct == report.score.total
    assert report.run.total_seconds < assignment.limits.total_seconds
    assert held_up


def test_a_deadline_comes_all_the_same(write_submission, split, assignment, held_up):
    limits = assignment.limits.model_copy(update={"import_seconds": 3.0})
    rules = assignment.model_copy(update={"limits": limits})
    folder = write_submission("import time\ntime.sleep(600)")
    report = report_of(folder, split, rules, checks=NO_CHECKS)
    assert report.verdict is Verdict.TIMEOUT
    assert held_up
