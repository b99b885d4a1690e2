"""Several workers of a submission that are asked at a time: all comes out as if there were one."""

import errno
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
EACH_TIME = """
    import contextlib, os, sys, threading, time
    kept = []
    def predict(image):
        {does}
        return "Hats"
"""
PROGRAMS = {
    "right": ORACLE,
    "fails at certain images": FAILS_AT_CERTAIN_IMAGES,
    "raises at some": "def predict(image): return ['Hats', 'Hats', 1 / 0][int(image[0, 0, 0]) // 80]",
    "no text": "def predict(image): return 7",
    "no import": "1 / 0",
    "ends in its import": "__import__('os')._exit(3)",
    "never answers": "def predict(image): __import__('os')._exit(3)",
    "dies after three": EACH_TIME.format(does="kept.append(1)\n        if len(kept) > 3: os._exit(5)"),
    "forges after four": EACH_TIME.format(
        does="kept.append(1)\n        if len(kept) > 4: [os.write(fd, b'nonsense' * 9) for fd in map(int, os.listdir('/proc/self/fd')) if os.path.exists(f'/proc/self/fd/{fd}') and 'socket' in os.readlink(f'/proc/self/fd/{fd}')]"
    ),
}
GREEDY = {
    "keeps memory": EACH_TIME.format(does="kept.append(bytearray(b'x') * (40 << 20)); time.sleep(.1)"),
    "keeps files open": EACH_TIME.format(does="kept.extend(open('/dev/null') for _ in range(30))"),
    "keeps threads": EACH_TIME.format(
        does="[threading.Thread(target=time.sleep, args=[99], daemon=True).start() for _ in range(6)]; time.sleep(.1)"
    ),
    "fills its folder": EACH_TIME.format(
        does="kept.append(1); time.sleep(.1)\n"
        "        with contextlib.suppress(OSError): open(f'{len(kept)}', 'wb').write(bytes(6 << 20))"
    ),
    "prints": EACH_TIME.format(does="print('x' * 100_000); time.sleep(.1)"),
    "computes": EACH_TIME.format(
        does="end = time.process_time() + .3\n        while time.process_time() < end: pass"
    ),
}
"""Of each, half is within the limits below, and the whole is not."""
TIGHT = {
    "memory_mib": 400,
    "open_files": 256,
    "processes": 40,
    "scratch_mib": 64,
    "output_kib": 800,
    "processor_seconds": 3.0,
    "total_seconds": 60.0,
}


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


def how_it_ended(answers):
    has_problems = any(each is not None and each.problem for each in answers.predictions)
    return [stop.verdict for stop in answers.stops], has_problems and not answers.stops


def what_is_known(answers):
    return answers.predictions, answers.not_ready, answers.stops, answers.unasked


@pytest.mark.parametrize("name", [*PROGRAMS])
def test_several_that_are_asked_at_a_time_say_what_one_alone_says(starts, split, name):
    launches, rules = starts(PROGRAMS[name])
    alone, together = (interview(some, split, rules, seed=3) for some in (launches[:1], launches))
    assert what_is_known(together) == what_is_known(alone)


@pytest.mark.parametrize("name", [*GREEDY])
def test_what_one_alone_may_not_use_two_may_not_use_together(starts, split, name):
    """Where it ends hangs on when somebody looks; how does not."""
    launches, rules = starts(GREEDY[name], **TIGHT)
    alone, together = (interview(some, split, rules, seed=3) for some in (launches[:1], launches))
    assert how_it_ended(together) == how_it_ended(alone) != ([], False)


def test_the_time_for_all_is_the_same_for_one_and_for_two(starts, split):
    launches, rules = starts(EACH_TIME.format(does="time.sleep(.3)"), total_seconds=2.0)
    for some in (launches[:1], launches):
        (stop,) = interview(some, split, rules, seed=3).stops
        assert stop.is_deadline_of_total


def test_who_cannot_be_asked_beside_the_first_takes_nothing_away(starts, split):
    good, rules = starts(ORACLE, 1)
    alone = interview(good, split, rules, seed=1)

    def has_no_sandbox(_channel):
        raise HarnessError("no-reason")

    for other in ("1 / 0", "import os; os._exit(1)", FAILS_AT_CERTAIN_IMAGES, EACH_TIME.format(does="1 / 0")):
        bad, _ = starts(other, 1)
        assert what_is_known(interview([*good, *bad], split, rules, seed=1)) == what_is_known(alone)
    assert what_is_known(interview([*good, has_no_sandbox], split, rules, seed=1)) == what_is_known(alone)
    with pytest.raises(HarnessError):
        interview([has_no_sandbox, *good], split, rules, seed=1)


def test_a_machine_that_cannot_start_another_worker_beside_others_starts_it_alone(starts, split):
    (launch, other), rules = starts(PROGRAMS["dies after three"])
    alone = interview([launch], split, rules, seed=3)
    started = []

    def fails_at_the_second(channel):
        started.append(channel)
        if len(started) == 2:
            raise HarnessError("no-reason")
        return launch(channel)

    assert what_is_known(interview([fails_at_the_second, other], split, rules, seed=3)) == what_is_known(
        alone
    )
    assert len(started) > 2


def test_the_others_are_asked_what_the_seed_says_and_nothing_before_the_first_has_answered(starts, split):
    launches, rules = starts(EACH_TIME.format(does="kept.append(1); return str(len(kept))"), 3)
    one, two = (interview(launches, split, rules, seed=5) for _ in range(2))
    assert one.predictions == two.predictions
    assert sorted(int(each.text) for each in one.predictions) == sorted([1, 2, 3, 4] * 3)
    assert len(one.timing.rest) == TOTAL - 1


def test_who_is_stopped_between_two_images_leaves_nobody_behind(starts, split):
    launches, rules = starts(ORACLE)

    def stop_after_two(asked):
        if asked >= 2:
            raise StopAsked

    with pytest.raises(StopAsked):
        interview(launches, split, rules, seed=0, progress=stop_after_two)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("asking")]


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


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_start_that_is_cut_short_is_no_fault_of_the_harness(starts, many_images, seed):  # noqa: F811
    source = "import os\ndef predict(image):\n    if image.shape[1] % 3 == 0: os._exit(4)\n    return 'Hats'"
    launches, rules = starts(source)
    alone, together = (interview(some, many_images, rules, seed) for some in (launches[:1], launches))
    assert together.predictions == alone.predictions


def test_where_there_is_no_room_for_another_copy_one_worker_is_asked(graded, monkeypatch):
    def has_no_room(_folder, copy):
        copy.mkdir(parents=True)
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(stages.shutil, "copytree", has_no_room)
    grading = graded(TELLS_WHERE, 2)
    assert grading.verdict is Verdict.GRADED
    assert len({answer.text for answer in grading.answers.predictions}) == 1
