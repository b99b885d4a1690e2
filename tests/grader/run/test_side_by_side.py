"""Several workers of a submission that are asked at a time: all comes out as if there were one."""

import itertools
import json
import os
import threading

import pytest

from grader import Verdict
from grader.errors import HarnessError
from grader.intake import take_in
from grader.model.grading import ALL_CHECKS, NO_CHECKS, Exam
from grader.run import interview
from grader.run.asking import AttentiveClock, _Asking, _Interview
from grader.sandbox import best_isolation
from grader.session import Session, StopAsked, stages
from tests.grader.conftest import ORACLE

from .test_replay import HONEST
from .test_replay import split as many_images  # noqa: F401 - a fixture

TOTAL = 12
TELLS_WHERE = """
    import json, os
    def predict(image):
        return json.dumps([sorted(os.sched_getaffinity(0)), os.stat("/submission/main.py").st_ino])
"""
FAILS_AT_CERTAIN_IMAGES = """
    import os, time
    NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
    def predict(image):
        number = int(image[0, 0, 0])
        if number in (1, 80, 163): os._exit(4)
        if number == 81: raise ValueError("no")
        return NAMES[number // 80]
"""
NEVER_ANSWERS = "def predict(image): __import__('os')._exit(3)"
FILLS_MEMORY = """
    asked = 0
    def predict(image):
        global asked
        asked += 1
        if asked == 3: x = bytearray(b"x") * (3 << 30)
        return "Hats"
"""
IS_LATE = """
    import time
    def predict(image):
        time.sleep(.3)
        return "Hats"
"""


@pytest.fixture
def starts(write_submission, assignment, tmp_path):
    """Return how to start workers of a program, each over files of its own."""

    def make(source, count=2, **limits):
        rules = assignment.with_limits(**limits)
        found = []
        for _ in range(count):
            number = len(list(tmp_path.glob("workspace-*")))
            workspace = tmp_path / f"workspace-{number}"
            workspace.mkdir()
            submission = take_in(write_submission(source, name=f"zhang-{number}"), workspace, rules.limits)
            place = best_isolation(official=True).sandbox(submission, workspace, rules.limits)
            found.append(place.launch)
        return found, rules

    return make


def what_is_known(answers):
    return answers.predictions, answers.not_ready, answers.stops, answers.unasked, answers.output


@pytest.mark.parametrize("source", [ORACLE, FAILS_AT_CERTAIN_IMAGES, "1 / 0", "__import__('os')._exit(3)"])
def test_two_that_are_asked_at_a_time_answer_as_one_alone(starts, split, source):
    launches, rules = starts(source)
    alone, together = (interview(some, split, rules, seed=3) for some in (launches[:1], launches))
    assert together.predictions == alone.predictions
    assert (
        sorted(map(str, together.stops)) == sorted(map(str, alone.stops)) or source is FAILS_AT_CERTAIN_IMAGES
    )
    assert [stop.verdict for stop in together.stops] == [stop.verdict for stop in alone.stops]
    assert (together.not_ready is None) == (alone.not_ready is None)
    assert together.unasked == alone.unasked


@pytest.mark.parametrize("_time", range(3))
def test_how_one_ends_that_never_answers_hangs_on_nobodys_speed(starts, split, _time):
    launches, rules = starts(NEVER_ANSWERS, 3)
    answers = interview(launches, split, rules, seed=0)
    assert [stop.verdict for stop in answers.stops] == [Verdict.CRASH] * 3
    assert answers.unasked == TOTAL - 3


def test_one_that_does_not_come_up_leaves_its_images_to_the_first(starts, split):
    good, rules = starts(ORACLE, 1)
    alone = interview(good, split, rules, seed=1)

    def has_no_sandbox(_channel):
        raise HarnessError("no-reason")

    for other in ("1 / 0", "import os; os._exit(1)", "x = bytearray(b'x') * (3 << 30)"):
        bad, _ = starts(other, 1)
        assert what_is_known(interview([*good, *bad], split, rules, seed=1)) == what_is_known(alone)
    assert what_is_known(interview([*good, has_no_sandbox], split, rules, seed=1)) == what_is_known(alone)
    with pytest.raises(HarnessError):
        interview([has_no_sandbox, *good], split, rules, seed=1)


def test_a_limit_that_one_passes_is_the_end_of_all(starts, split):
    launches, rules = starts(FILLS_MEMORY)
    answers = interview(launches, split, rules, seed=0)
    assert {stop.verdict for stop in answers.stops} == {Verdict.MEMORY}
    assert answers.unasked > 0


def test_the_time_for_all_is_the_sum_of_theirs(starts, split, assignment):
    common = _Interview(split, assignment.with_limits(total_seconds=10), 3, lambda _: None)
    common.spent[:] = [1.0, 2.0, 4.0]
    assert [common.left_to(number) for number in range(3)] == [4.0, 5.0, 7.0]

    launches, rules = starts(IS_LATE, total_seconds=1.0)
    answers = interview(launches, split, rules, seed=0)
    assert [stop.verdict for stop in answers.stops if stop.is_deadline_of_total]
    assert answers.unasked > 0


def test_while_another_has_not_answered_time_counts_for_nobody_else(starts, split, monkeypatch):
    seen = []
    monkeypatch.setattr(AttentiveClock, "now", lambda clock: seen.append(clock) or 5.0)
    launches, rules = starts(ORACLE)
    common = _Interview(split, rules, 2, lambda _: None)
    first, second = (_Asking(common, launch, number, []) for number, launch in enumerate(launches))
    assert [first._now(), second._now()] == [5.0, 5.0]
    assert common.spent == [5.0, 0.0]


def test_who_is_stopped_between_two_images_leaves_nobody_behind(starts, split):
    launches, rules = starts(ORACLE)

    def stop_after_two(asked):
        if asked >= 2:
            raise StopAsked

    with pytest.raises(StopAsked):
        interview(launches, split, rules, seed=0, progress=stop_after_two)
    assert not [thread for thread in threading.enumerate() if thread.name == "asking"]


@pytest.fixture
def graded(write_submission, many_images, assignment):  # noqa: F811
    names = (f"li-{number}" for number in itertools.count())

    def run(source, jobs, checks=NO_CHECKS):
        session = Session(Exam(many_images, assignment, checks=checks), has_passed_canary=True, jobs=jobs)
        return session.grade(write_submission(source, name=next(names)))

    return run


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core alone")
def test_each_has_cores_and_files_of_its_own_and_a_small_split_is_one_workers(graded, monkeypatch):
    def places(jobs):
        return {answer.text for answer in graded(TELLS_WHERE, jobs).answers.predictions}

    together = [json.loads(place) for place in places(2)]
    assert [len(cores) for cores, _ in together] == [1, 1]
    assert len({tuple(cores) for cores, _ in together}) == len({file for _, file in together}) == 2
    assert len(places(1)) == 1
    monkeypatch.setattr(stages, "_FEWEST_IMAGES", 99)
    assert len(places(2)) == 1


def test_what_is_asked_again_is_asked_of_several_too(graded):
    one, two = (graded(HONEST, jobs, ALL_CHECKS) for jobs in (1, 2))
    for grading in (one, two):
        assert (grading.replay.status, grading.replay.differed, grading.replay.lost) == ("done", 0, 0)
    assert len(two.replay.probes) == len(one.replay.probes)
    assert two.tally.correct == one.tally.correct
