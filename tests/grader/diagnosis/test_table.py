"""The table of hypotheses holds together, its plan stops at what explains, and a diagnosis counts work, not time."""

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from grader.diagnosis import diagnose, diagnosis, experiments, subject
from grader.diagnosis.case import Heard, Seams, SeamTrial, Sight, Way
from grader.diagnosis.diagnosis import _ask_altered, _explain
from grader.diagnosis.hypotheses import _OF_THE_INPUT, HYPOTHESES, After
from grader.diagnosis.preprocessing import LAB, Difference
from grader.model.dataset import SplitImage, split_of
from grader.model.predictions import NO_REPLAY, Answers, Prediction, Timing
from grader.model.records import Recording
from grader.model.submission import Submission
from grader.model.verdict import Stop, Verdict
from grader.wording import codes
from tests.submissions.mistakes.otherwise import OTHERWISE
from tests.submissions.mistakes.planted import MISTAKES
from tests.submissions.mistakes.styled import STYLED

ELSEWHERE = {
    "public-gap",  # test_blackbox.py
    "threads",  # test_diagnosis.py
    "below-usual",  # test_diagnosis.py
}
"""What no planted mistake is named by, and where it is tested instead."""


def test_every_hypothesis_has_a_sentence_and_a_planted_mistake():
    ours = {hypothesis.code for hypothesis in HYPOTHESES}
    planted = {code for mistake in (*MISTAKES, *OTHERWISE, *STYLED) for code in mistake.codes}
    assert ours <= codes()
    assert ours - planted == ELSEWHERE


def test_no_hypothesis_stands_twice():
    rows = [(hypothesis.code, hypothesis.after) for hypothesis in HYPOTHESES]
    assert len(rows) == len({*rows})
    assert {hypothesis.after for hypothesis in HYPOTHESES} == {*After}


def test_each_row_is_judged_at_a_step_of_the_plan_and_the_plan_names_none_twice():
    steps = [step.after for step in diagnosis._PLAN]
    assert len(steps) == len({*steps})
    assert {*steps} == {*After} - {After.NOTHING}  # which is told beside whatever explains
    order = [*After]
    assert [order.index(step) for step in steps] == sorted(order.index(step) for step in steps)


def test_what_is_said_of_the_input_is_judged_by_what_was_seen_or_guessed_where_nothing_was():
    ours = {hypothesis.code for hypothesis in HYPOTHESES}
    assert ours >= _OF_THE_INPUT
    guessed = [hypothesis for hypothesis in HYPOTHESES if hypothesis.guesses_input]
    assert {hypothesis.after for hypothesis in guessed} == {After.ALTERED_IMAGES, After.TWINS}
    seen = {hypothesis.code for hypothesis in HYPOTHESES if hypothesis.after is After.SEAMS}
    assert seen >= _OF_THE_INPUT


# What is tried.

TRUTH = np.repeat(np.arange(3), 20)
ALL = np.arange(len(TRUTH))
SAID = np.where(ALL % 4, TRUTH, (TRUTH + 1) % 3)
NAMES = ("Plastic Bottle", "Hats", "Newspaper")


RIGHT = Heard(ALL, TRUTH, None)
BGR = SeamTrial(Way(), RIGHT, (Difference("colour", "bgr"),))


@pytest.mark.parametrize(
    ("seams", "is_asked"),
    [
        (None, True),  # nothing was seen
        (Seams(Sight(None)), True),  # a network, but no picture
        (Seams(Sight(replace(LAB, colour="bgr"))), True),  # it took no other input
        (Seams(Sight(LAB), is_settled=True), False),
        (Seams(Sight(replace(LAB, colour="bgr")), BGR, is_settled=True), False),
    ],
)
def test_a_submission_is_asked_about_altered_images_unless_it_was_seen_what_arrives(
    seams, is_asked, graded, monkeypatch
):
    asked = []
    monkeypatch.setattr(experiments.BlackBox, "__init__", lambda *_: None)
    monkeypatch.setattr(experiments.BlackBox, "ask_altered", lambda *_: asked.append(1) or {})
    case = _ask_altered(None, replace(graded.case(), seams=seams))
    assert bool(asked) is is_asked is not case.is_input_seen


class SeesNothing:
    """A recorded worker whose submission has no network."""

    stop = None

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self, questions):
        return Recording((None,) * len(questions), None, self.stop)


@pytest.fixture
def graded(assignment, tmp_path, monkeypatch):
    """A graded run with wrong answers to be explained, of a submission without checkpoint or network."""
    monkeypatch.setattr(subject, "RecordedWorker", SeesNothing)
    picture = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    images = [SplitImage(f"{n}", int(label), picture) for n, label in enumerate(TRUTH)]
    answers = tuple(Prediction(NAMES[said], int(said)) for said in SAID)
    run = Answers(answers, None, (), Timing(1.0, 0.1, (0.1,) * (len(SAID) - 1), 7.0), {}, "", 0)
    (tmp_path / "main.py").write_text("def predict(image): ...", encoding="utf-8")
    submission = Submission("zhang", tmp_path, (), "")
    return subject.Subject(
        submission,
        split_of(images, ()),
        assignment,
        run,
        NO_REPLAY,
        never,
        lambda _: never,
        lambda *_: [never],
        tmp_path,
        1,
    )


def never(*_):
    raise AssertionError("something was started")


def test_where_nothing_was_seen_nothing_is_put_right(graded, monkeypatch):
    monkeypatch.setattr(diagnosis, "try_ways", never)
    monkeypatch.setattr(subject, "interview", all_right)
    traces = []
    case, _ = _explain(graded, graded.case(), traces)
    assert (case.seams, traces) == (None, [])


def all_right(launch, split, rules, seed):
    answers = tuple(Prediction(NAMES[image.label], image.label) for image in split.images)
    return Answers(answers, None, (), Timing(), {}, "", 0)


def test_the_first_step_that_explains_is_the_last_that_is_taken(graded, monkeypatch):
    """Whoever is asked again here raises: no worker of this subject can be started."""
    sight = Sight(replace(LAB, colour="bgr"))
    monkeypatch.setattr(diagnosis, "look", lambda _: sight)
    monkeypatch.setattr(diagnosis, "try_ways", lambda subject, case, seen: Seams(seen, BGR, is_settled=True))
    found = diagnose(graded)
    assert found.status == "done"
    assert [each.code for each in found.findings] == ["channel-order"]
    assert found.network_input.broken == "preprocessing"


def test_names_in_another_order_need_no_worker_but_that_of_the_charts(graded, monkeypatch):
    monkeypatch.setattr(diagnosis, "try_ways", never)
    shifted = tuple(Prediction(NAMES[(label + 1) % 3], int((label + 1) % 3)) for label in TRUTH)
    run = replace(graded, answers=replace(graded.answers, predictions=shifted))
    found = diagnose(run)
    assert (found.status, [each.code for each in found.findings]) == ("done", ["labels-shifted"])


def fails(*_):
    raise ZeroDivisionError("a fault of ours")


@pytest.mark.parametrize("experiment", ["look", "run_checkpoints"])
def test_a_fault_in_one_experiment_costs_none_of_the_others(graded, experiment, monkeypatch):
    monkeypatch.setattr(diagnosis, experiment, fails)
    monkeypatch.setattr(subject, "interview", all_right)
    monkeypatch.setattr(
        diagnosis, "BlackBox", Unaltered if experiment == "run_checkpoints" else experiments.BlackBox
    )
    found = diagnose(graded)
    assert found.status == "failed"
    assert [each.code for each in found.findings] == (["channel-order"] if experiment == "look" else [])
    assert ["a fault of ours" in trace for trace in found.traces] == [True]


class Unaltered:
    """Asking about altered images changes nothing."""

    def __init__(self, *_):
        pass

    def ask_altered(self, case):
        return {}


def test_a_fault_where_things_are_shown_costs_no_finding(graded, monkeypatch):
    monkeypatch.setattr(diagnosis, "shown", fails)
    monkeypatch.setattr(subject, "interview", all_right)
    found = diagnose(graded)
    assert (found.status, [each.code for each in found.findings]) == ("failed", ["channel-order"])
    assert found.network_input is None


def test_what_is_seen_and_does_not_explain_is_shown_all_the_same(graded, monkeypatch):
    monkeypatch.setattr(diagnosis, "look", lambda _: Sight(LAB))
    monkeypatch.setattr(diagnosis, "try_ways", lambda subject, case, seen: Seams(seen, is_settled=True))
    monkeypatch.setattr(subject, "interview", never)
    found = diagnose(graded)
    assert (found.status, found.findings) == ("done", ())
    assert (found.network_input.differences, found.network_input.broken) == ((), None)


def test_time_that_is_over_ends_the_diagnosis_as_incomplete_and_decides_nothing(graded, monkeypatch):
    """What was answered until then would depend on how fast the machine is."""
    limits = []

    def hangs(launch, split, rules, seed):
        limits.append(rules.limits)
        answers = tuple(Prediction(NAMES[image.label], image.label) for image in split.images)
        stop = Stop(Verdict.TIMEOUT, "prediction")
        return Answers((*answers[:-1], None), None, (stop,), Timing(), {}, "", 0)

    monkeypatch.setattr(subject, "interview", hangs)
    monkeypatch.setattr(time, "monotonic", lambda: graded.began)
    found = diagnose(graded)
    assert (found.status, found.findings) == ("incomplete", ())
    assert len(limits) == 1
    allowed = graded.assignment.limits
    for name in (
        "import_seconds",
        "first_prediction_seconds",
        "image_seconds",
        "total_seconds",
        "processor_seconds",
    ):
        assert getattr(limits[0], name) == subject.LAST_RESORT * getattr(allowed, name)
    assert limits[0].memory_mib == allowed.memory_mib


def test_a_submission_that_is_slow_in_each_worker_has_no_more_time_than_in_one(graded, monkeypatch):
    most = subject.LAST_RESORT * graded.assignment.limits.total_seconds
    monkeypatch.setattr(time, "monotonic", lambda: graded.began + most - 7)
    assert graded.patient_rules.limits.total_seconds == pytest.approx(7)
    assert graded.patient_rules.limits.image_seconds == 4 * graded.assignment.limits.image_seconds
    monkeypatch.setattr(time, "monotonic", lambda: graded.began + most)
    monkeypatch.setattr(subject, "RecordedWorker", never)
    monkeypatch.setattr(subject, "interview", never)
    found = diagnose(graded)
    assert (found.status, found.findings) == ("incomplete", ())


def test_time_that_is_over_at_the_test_charts_ends_the_diagnosis_too(graded, monkeypatch):
    stop = Stop(Verdict.TIMEOUT, "prediction")
    monkeypatch.setattr(SeesNothing, "stop", stop)
    found = diagnose(graded)
    assert (found.status, found.findings) == ("incomplete", ())


def test_time_that_is_over_while_something_is_put_right_ends_it_too(graded, monkeypatch):
    def unfinished(*_):
        raise subject.UnfinishedError

    monkeypatch.setattr(diagnosis, "look", lambda _: Sight(LAB))
    monkeypatch.setattr(diagnosis, "try_ways", unfinished)
    found = diagnose(graded)
    assert (found.status, found.findings, found.network_input) == ("incomplete", (), None)


def test_a_program_that_dies_on_an_image_has_no_answer_to_it_and_the_rest_counts(graded, monkeypatch):
    def dies(launch, split, rules, seed):
        answers = tuple(Prediction(NAMES[image.label], image.label) for image in split.images)
        return Answers((*answers[:-1], None), None, (Stop(Verdict.CRASH, "prediction"),), Timing(), {}, "", 0)

    monkeypatch.setattr(subject, "interview", dies)
    _, found = _explain(graded, graded.case(), [])
    assert [each.finding.code for each in found] == ["channel-order"]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_several_workers_share_questions_and_answers_keep_their_order(graded, monkeypatch, workers):
    class Echo(SeesNothing):
        def ask(self, questions):
            asked.append(len(questions))
            return Recording(tuple(questions), None, stops.get(questions[0]))

    asked, stops = [], {}
    monkeypatch.setattr(subject, "RecordedWorker", Echo)
    with replace(graded, recorded=lambda *_: [never] * workers).recording("all", 99) as record:
        assert record(range(7)).answers == tuple(range(7))
        assert sorted(asked) == {1: [7], 2: [3, 4], 3: [2, 2, 3]}[workers]
        stops[7 * (workers - 1) // workers] = Stop(Verdict.CRASH, "prediction")
        assert record(range(7)).stop.verdict is Verdict.CRASH
