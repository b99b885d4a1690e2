"""The table of hypotheses and the definition of the views hold together, and a diagnosis counts work, not time."""

import time
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest
from grader.diagnosis.views import _SPACE, READOUTS, STANDARD, View, all_views
from grader.diagnosis.whitebox import Request

from grader.diagnosis import blackbox, diagnose, subject
from grader.diagnosis.case import NO_ANSWER, Case, CheckpointTrial, Trial
from grader.diagnosis.diagnosis import _ask_altered, _explain
from grader.diagnosis.hypotheses import HYPOTHESES, After
from grader.model.dataset import SplitImage, split_of
from grader.model.predictions import NO_REPLAY, Answers, Prediction, Timing
from grader.model.records import Recording
from grader.model.submission import Submission
from grader.model.verdict import Stop, Verdict
from grader.wording import codes
from tests.submissions.mistakes.otherwise import OTHERWISE
from tests.submissions.mistakes.planted import MISTAKES

ELSEWHERE = {
    "public-gap",  # test_blackbox.py
    "threads",  # test_diagnosis.py
    "below-usual",  # test_diagnosis.py
}
"""What no planted mistake is named by, and where it is tested instead."""


def test_every_hypothesis_has_a_sentence_and_a_planted_mistake():
    ours = {hypothesis.code for hypothesis in HYPOTHESES}
    planted = {code for mistake in (*MISTAKES, *OTHERWISE) for code in mistake.codes}
    assert ours <= codes()
    assert ours - planted == ELSEWHERE


def test_no_hypothesis_stands_twice():
    rows = [(hypothesis.code, hypothesis.after) for hypothesis in HYPOTHESES]
    assert len(rows) == len({*rows})
    assert {hypothesis.after for hypothesis in HYPOTHESES} == {*After}


def test_the_views_are_defined_in_one_place_and_all_of_them_are_tried():
    coordinates = {field.name for field in fields(View)} - {"network"}
    assert coordinates == {*_SPACE} - {"tried"}
    for name in coordinates - {"readout"}:  # every view is read in every way
        assert {getattr(view, name) for view in all_views()} == {*_SPACE[name]}
    assert next(all_views()) == STANDARD
    assert STANDARD.readout == READOUTS[0]


def test_no_name_of_a_view_stands_in_the_program_that_runs_it():
    settings = View(colour="grey", geometry="stretch", weights="training").settings()
    assert settings["picture"][:3] == [["grey"], ["resize", 224], ["float32"]]
    assert settings["weights"] == [["training-mode"]]


def test_other_networks_are_asked_in_the_labs_own_view_alone():
    bgr = View(colour="bgr")
    request = Request((STANDARD, bgr), files=3, classes=5, with_others=True)
    assert request.answered(networks=2) == (STANDARD, bgr, replace(STANDARD, network=1))
    assert replace(request, with_others=False).answered(networks=2) == (STANDARD, bgr)


# What is tried.

TRUTH = np.repeat(np.arange(3), 20)
ALL = np.arange(len(TRUTH))
SAID = np.where(ALL % 4, TRUTH, (TRUTH + 1) % 3)
NAMES = ("Plastic Bottle", "Hats", "Newspaper")


def case_of(said=SAID, own=STANDARD, best=STANDARD, **more):
    trial = CheckpointTrial(own, Trial(ALL, SAID), best, Trial(ALL, SAID), "a.ckpt", "a.ckpt", **more)
    return Case(names=NAMES, truth=TRUTH, said=np.asarray(said), channel_order="bgr", checkpoint=trial)


@pytest.mark.parametrize(
    ("case", "is_accounted_for"),
    [
        (case_of(), True),
        (case_of(own=View(colour="bgr"), best=View(colour="bgr")), True),
        (replace(case_of(), checkpoint=None), False),
        (case_of(own=View(colour="bgr")), False),  # another view is better
        (case_of(rivals=(View(colour="bgr"),)), False),  # two views do as well
        (case_of(said=np.where((ALL + 1) % 8, SAID, NO_ANSWER)), False),  # the checkpoint knows what was lost
        (case_of(said=np.roll(SAID, 20)), False),
    ],
)
def test_a_submission_is_asked_again_unless_its_checkpoint_says_all(case, is_accounted_for, monkeypatch):
    asked = []
    monkeypatch.setattr(blackbox.BlackBox, "__init__", lambda *_: None)
    monkeypatch.setattr(blackbox.BlackBox, "ask_altered", lambda *_: asked.append(1) or {})
    _ask_altered(None, case)
    assert case.is_accounted_for == is_accounted_for == (not asked)


def sees_nothing(_, questions, rules):
    return Recording((None,) * len(questions))


@pytest.fixture
def graded(assignment, tmp_path, monkeypatch):
    """A graded run with wrong answers to be explained, of a submission without checkpoint or network."""
    monkeypatch.setattr(subject, "record", sees_nothing)
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
        lambda _: never,
        tmp_path,
        1,
    )


def never(*_):
    raise AssertionError("something was started")


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
    monkeypatch.setattr(subject, "record", never)
    monkeypatch.setattr(subject, "interview", never)
    found = diagnose(graded)
    assert (found.status, found.findings) == ("incomplete", ())


def test_time_that_is_over_at_the_test_charts_ends_the_diagnosis_too(graded, monkeypatch):
    stop = Stop(Verdict.TIMEOUT, "prediction")
    monkeypatch.setattr(
        subject, "record", lambda _, questions, rules: Recording((None,) * len(questions), None, stop)
    )
    found = diagnose(graded)
    assert (found.status, found.findings) == ("incomplete", ())


def test_a_program_that_dies_on_an_image_has_no_answer_to_it_and_the_rest_counts(graded, monkeypatch):
    def dies(launch, split, rules, seed):
        answers = tuple(Prediction(NAMES[image.label], image.label) for image in split.images)
        return Answers((*answers[:-1], None), None, (Stop(Verdict.CRASH, "prediction"),), Timing(), {}, "", 0)

    monkeypatch.setattr(subject, "interview", dies)
    _, found = _explain(graded, graded.case())
    assert [each.finding.code for each in found] == ["channel-order"]
