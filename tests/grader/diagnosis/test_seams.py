"""What differs at the network's input is put right in as few steps as do, and only what was whole counts."""

from types import SimpleNamespace

import numpy as np
import pytest

from grader.diagnosis.case import NO_ANSWER, Case, Sight
from grader.diagnosis.geometry import SHAPES, Box, crop_of
from grader.diagnosis.identify import identify
from grader.diagnosis.planes import Layout, planes_of
from grader.diagnosis.recipes import corrections
from grader.diagnosis.seams import first_picture, look_at_input, try_corrections
from grader.model.records import Record, Recorded, Recording, Tensor
from grader.model.verdict import Stop, Verdict
from tests.grader.diagnosis import preprocessing_programs as programs
from tests.grader.diagnosis.test_identify import asked

TRUTH = np.arange(60) % 3
WRONG = np.where(np.arange(60) % 2, TRUTH, (TRUTH + 1) % 3)
CASE = Case(names=("a", "b", "c"), truth=TRUTH, said=WRONG, channel_order="bgr")
BGR_AND_STRETCHED = Sight(identify(asked(programs.bgr_stretched)), None)


def tensor(shape):
    return Tensor("float32", shape, np.zeros(shape, np.float32))


def answered(label, is_replaced=True):
    """An answer that names a class, of a network that took the recipe or not."""
    return Recorded(str(label), None, (), 1, is_replaced, ())


class Submission:
    """A submission whose answers follow from the steps that are put right."""

    def __init__(self, answer, stop=None):
        self.seed, self.patient_rules, self.photos = 1, None, ()
        self.split = SimpleNamespace(images=range(len(TRUTH)))
        self._answer, self._stop = answer, stop
        self._steps = {way.recipe: way.steps for way in corrections(BGR_AND_STRETCHED.found)}
        self.asked = []

    def record(self, name, questions, rules):
        self.asked.append(len(questions))
        answers = [self._answer(each.image, self._steps[each.task.recipe]) for each in questions]
        return Recording(tuple(answers), None, self._stop)

    def classes_in(self, answers):
        return np.array([NO_ANSWER if answer is None else int(answer.text) for answer in answers])


def by_colour(image, steps):
    return answered(TRUTH[image] if "colour" in steps else WRONG[image])


def test_the_fewest_steps_that_do_are_named():
    trial = try_corrections(Submission(by_colour), CASE, BGR_AND_STRETCHED)
    assert ([each.code for each in trial.differences], trial.steps) == (["bgr"], {"colour"})
    assert CASE.correct(trial.trial) == len(TRUTH)
    assert trial.tried == 3


def test_what_the_few_images_speak_against_is_not_asked_about_all():
    submission = Submission(by_colour)
    try_corrections(submission, CASE, BGR_AND_STRETCHED)
    assert submission.asked == [3 * 20, len(TRUTH)]  # of two that do as well, the simplest is the best


@pytest.mark.parametrize("verdict", [Verdict.MEMORY, Verdict.CRASH, Verdict.CONTRACT])
def test_a_worker_that_ended_early_tells_nothing(verdict):
    submission = Submission(by_colour, Stop(verdict, "prediction"))
    trial = try_corrections(submission, CASE, BGR_AND_STRETCHED)
    assert (trial.trial, trial.differences, trial.is_settled) == (None, (), False)


def test_a_network_that_takes_no_other_input_tells_nothing():
    trial = try_corrections(
        Submission(lambda image, _: answered(WRONG[image], is_replaced=False)), CASE, BGR_AND_STRETCHED
    )
    assert (trial.trial, trial.is_settled) == (None, False)


def records(*calls):
    noted = tuple(Record("mindspore", name, tensor(shape), None, False, 1) for name, shape in calls)
    return Recorded("0", None, noted, len(calls), False, ())


def test_the_first_picture_is_no_row_of_features():
    assert first_picture(records(("Head", (1, 1280)))) is None
    assert first_picture(records(("Head", (1, 1280)), ("Net", (1, 3, 8, 8)))).shape == (1, 3, 8, 8)


@pytest.mark.parametrize(
    ("calls", "is_one"),
    [
        ([("Net", (1, 3, 224, 224))], True),
        ([("Net", (1, 3, 224, 224))] * 2, True),  # two views
        ([("Backbone", (1, 3, 224, 224)), ("Head", (1, 1280, 7, 7))], True),
        ([("Normalise", (1, 3, 224, 224)), ("Net", (1, 3, 224, 224))], False),
    ],
)
def test_of_several_networks_one_does_not_speak_for_all(calls, is_one, monkeypatch):
    class Charts:
        photos, patient_rules = (), None

        def record(self, name, questions, rules):
            return Recording(tuple(records(*calls) for _ in questions))

    found = BGR_AND_STRETCHED.found
    monkeypatch.setattr("grader.diagnosis.seams.identify", lambda seen: found)
    assert (look_at_input(Charts()) is not None) is is_one


def test_a_shape_of_another_layout_is_no_picture():
    array = np.zeros((1, 40, 34, 3), np.uint8)
    assert planes_of(array, Layout("NCHW")) is None
    assert planes_of(array, Layout("NHWC")).shape == (3, 40, 34)


def test_a_crop_of_a_few_pixels_has_a_name():
    boxes = (Box(0, 0.035, 0.965, 1), Box(0, 0, 0.959, 1), Box(0, 0, 0.959, 1), Box(0, 0, 0.959, 1))
    assert crop_of(dict(zip(SHAPES, boxes, strict=True)))
