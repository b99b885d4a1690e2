"""What differs at a network's seams is put right in as few steps as do, and only what was whole counts."""

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from types import SimpleNamespace

import numpy as np
import pytest

from grader.diagnosis.case import NO_ANSWER, Case, Sight
from grader.diagnosis.charts import CARD, CHARTS
from grader.diagnosis.diagnosis import proved
from grader.diagnosis.geometry import SHAPES, Box, crop_of
from grader.diagnosis.hypotheses import After
from grader.diagnosis.identify import identify
from grader.diagnosis.planes import Layout, planes_of
from grader.diagnosis.readout import rule_of
from grader.diagnosis.recipes import corrections, other_standards
from grader.diagnosis.seams import first_picture, look, try_ways
from grader.model.predictions import Raised, Unusable
from grader.model.records import CheckpointFile, Network, Parameter, Record, Recorded, Recording, Tensor
from grader.model.verdict import Stop, Verdict
from tests.grader.diagnosis import preprocessing_programs as programs
from tests.grader.diagnosis.test_identify import asked

CLASSES = 3
TRUTH = np.arange(60) % CLASSES
WRONG = np.where(np.arange(60) % 2, TRUTH, (TRUTH + 1) % CLASSES)
CASE = Case(names=("a", "b", "c"), truth=TRUTH, said=WRONG, channel_order="bgr")
FEW, REST = 20, 40
WAYS = 4
"""As it is, with the colours put right, with the geometry put right, with both."""
LAB = Sight(identify(asked(programs.the_labs_own)))
BGR_AND_STRETCHED = Sight(identify(asked(programs.bgr_stretched)))
UNSEEN = Sight(None)


def parameter(name, sha1):
    return Parameter(name, (8, 3), "float32", sha1, 0.0, 1.0, -1.0, 1.0, 0)


NOT_LOADED = {
    "networks": (Network("mindspore", "Net", (parameter("head.weight", "random"),)),),
    "files": (CheckpointFile("best.ckpt", (parameter("head.weight", "trained"),)),),
}


def tensor(shape, values=None):
    return Tensor("float32", shape, np.zeros(shape, np.float32) if values is None else values)


def answered(label, best=None, takes_input=True, loaded=0):
    """An answer that names a class, of a network that gives another one the highest score, if scores are seen."""
    records = ()
    if best is not None:
        scores = tensor((1, CLASSES), np.eye(CLASSES, dtype=np.float32)[[best]])
        records = (Record("mindspore", "Net", None, scores, False, 1),)
    return Recorded(str(label), None, records, 1, takes_input, (Network("mindspore", "Net", (), loaded),))


class Submission:
    """A submission whose answers follow from what is put right."""

    photos = ()

    def __init__(self, answer, stops=None, seed=1, found=BGR_AND_STRETCHED.found):
        self.seed = seed
        self.split = SimpleNamespace(images=range(len(TRUTH)))
        self._answer, self._stops = answer, stops or {}
        ways = (*other_standards(found), *corrections(found))
        self._steps = {way.recipe: frozenset() if way.is_another_standard else way.steps for way in ways}
        self.asked, self.images, self.tasks, self.names = [], [], [], set()

    @contextmanager
    def recording(self, name, images=0):
        assert name not in self.names, "a name stands for a copy that is used once"
        self.names.add(name)
        yield partial(self._record, len(self.names))

    def _record(self, worker, questions):
        """Note who was asked how many questions, about which images, and what was to be done meanwhile."""
        stop = self._stops.get(len(self.asked), {})
        self.asked.append((worker, len(questions)))
        self.images.append([each.image for each in questions])
        self.tasks.append({each.task for each in questions})
        answers = tuple(self._answer(each.image, self._of(each.task), each.task) for each in questions)
        return Recording(answers, **stop)

    def _of(self, task):
        return self._steps.get(task.recipe, frozenset())

    def classes_in(self, answers):
        return np.array([NO_ANSWER if answer is None else int(answer.text) for answer in answers])


def by_steps(*steps):
    """Answers that are right where all of these steps are put right."""
    return lambda image, done, _: answered((TRUTH if {*steps} <= done else WRONG)[image])


def codes_of(seams):
    return [each.code for each in seams.trial.differences]


def found_in(seams):
    """The findings that these seams prove."""
    return [each.finding.code for each in proved(replace(CASE, seams=seams), After.SEAMS)]


# The network's input.


def test_the_fewest_steps_that_do_are_named():
    seams = try_ways(Submission(by_steps("colour")), CASE, BGR_AND_STRETCHED)
    assert (codes_of(seams), seams.trial.way.correction.steps) == (["bgr"], {"colour"})
    assert (CASE.correct(seams.trial.trial), seams.trial.tried) == (len(TRUTH), WAYS - 1)
    assert (seams.is_settled, seams.is_read_right) == (True, None)
    assert found_in(seams) == ["channel-order"]


def test_two_steps_are_named_where_neither_does_by_itself():
    seams = try_ways(Submission(by_steps("colour", "geometry")), CASE, BGR_AND_STRETCHED)
    assert codes_of(seams) == ["bgr", "stretch"]
    assert found_in(seams) == ["wrong-preprocessing"]


def test_the_best_of_a_few_images_is_asked_about_the_rest_of_many():
    submission = Submission(by_steps("colour"))
    try_ways(submission, CASE, BGR_AND_STRETCHED)
    assert submission.asked == [(1, WAYS * FEW), (1, REST)]  # of two as good the simplest is the best
    assert {*submission.images[0]} | {*submission.images[1]} == {*range(len(TRUTH))}
    assert {*submission.images[0]} & {*submission.images[1]} == set()


def test_the_simplest_way_and_the_luckiest_of_a_few_images_are_both_asked_about_many():
    lucky = next(iter(CASE.few()))

    def luckier(image, done, _):
        is_right = "colour" in done and (image != lucky or "geometry" in done)
        return answered((TRUTH if is_right else (TRUTH + 1) % CLASSES)[image])

    submission = Submission(luckier)
    seams = try_ways(submission, CASE, BGR_AND_STRETCHED)
    assert submission.asked == [(1, WAYS * FEW), (1, REST), (1, REST)]
    assert codes_of(seams) == ["bgr"]  # one image more is luck


def test_the_order_of_the_images_is_secret_and_every_way_is_asked_about_each_in_turn():
    orders = []
    for seed in (1, 2):
        submission = Submission(by_steps("colour"), seed=seed)
        try_ways(submission, CASE, BGR_AND_STRETCHED)
        images = submission.images[0]
        assert images[::WAYS] == images[1::WAYS] == images[2::WAYS] == images[3::WAYS]
        orders.append(images)
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_where_the_few_images_speak_against_it_no_more_images_are_asked():
    """A network that was trained so does worse with what the lab gives it."""
    trained_so = Submission(lambda image, done, _: answered((TRUTH[image] + bool(done)) % CLASSES))
    seams = try_ways(trained_so, CASE, BGR_AND_STRETCHED)
    assert trained_so.asked == [(1, WAYS * FEW), (1, 6 * FEW)]
    assert (seams.trial, seams.is_settled) == (None, True)
    assert found_in(seams) == []


def test_answers_that_are_others_than_in_the_graded_run_are_counted():
    few = [int(image) for image in CASE.few()]
    changing = {*few[:5]}

    def answer(image, *_):
        return answered((CASE.said[image] + (image in changing)) % CLASSES)

    assert try_ways(Submission(answer), CASE, BGR_AND_STRETCHED).changed == 5 / FEW
    changing.clear()
    assert try_ways(Submission(answer), CASE, BGR_AND_STRETCHED).changed == 0


def test_a_step_that_costs_nothing_is_no_mistake():
    seams = try_ways(Submission(by_steps("nothing")), CASE, BGR_AND_STRETCHED)
    assert (seams.trial, seams.is_settled) == (None, True)
    assert found_in(seams) == []


def test_a_network_that_was_trained_otherwise_is_asked_so_where_the_labs_way_does_not_explain():
    learned = {way.recipe for way in other_standards(LAB.found) if way.standard.colour == "bgr"}
    is_so = Submission(lambda image, _, task: answered((TRUTH if task.recipe in learned else WRONG)[image]))
    seams = try_ways(is_so, CASE, LAB)
    assert is_so.asked == [(1, FEW), (1, len(other_standards(LAB.found)) * FEW), (1, REST)]
    assert codes_of(seams) == ["learned-bgr-standard"]  # of those as good, the one with the fewest steps
    assert (seams.trial.tried, found_in(seams)) == (len(other_standards(LAB.found)), ["trained-otherwise"])


def test_a_network_that_does_badly_however_it_is_asked_is_not_told_how_it_was_trained():
    seams = try_ways(Submission(lambda image, *_: answered(WRONG[image])), CASE, LAB)
    assert (seams.trial, found_in(seams)) == (None, [])


def test_what_many_are_trained_with_is_not_named_beside_a_cause_that_cannot_be_put_right_apart():
    sight = Sight(identify(asked(grey_and_stretched)))
    submission = Submission(by_steps("colour"), found=sight.found)
    seams = try_ways(submission, CASE, sight)
    assert seams.trial.way.correction.steps == {"colour", "geometry"}
    assert codes_of(seams) == ["grey"]


def grey_and_stretched(image):
    return programs.batch(programs.normalised(programs.squash(programs.rgb_of(image), 224) @ GREY))


GREY = np.repeat([[0.299], [0.587], [0.114]], 3, axis=1)


ENDS = {
    "memory": {"stop": Stop(Verdict.MEMORY, "prediction")},
    "crash": {"stop": Stop(Verdict.CRASH, "prediction")},
    "contract": {"stop": Stop(Verdict.CONTRACT, "prediction")},
    "not ready": {"not_ready": Unusable("import", Raised("OSError", "", "", ""))},
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("time", "asks"), [(0, 1), (1, 2)])
def test_a_worker_that_ended_early_tells_nothing(time, asks, end):
    submission = Submission(by_steps("colour"), {time: ENDS[end]})
    seams = try_ways(submission, CASE, BGR_AND_STRETCHED)
    assert (seams.trial, seams.is_settled, len(submission.asked)) == (None, False, asks)


def test_a_network_that_takes_no_other_input_tells_nothing():
    refuses = Submission(lambda image, *_: answered(WRONG[image], takes_input=False))
    seams = try_ways(refuses, CASE, BGR_AND_STRETCHED)
    assert (seams.trial, seams.is_settled) == (None, False)


# The network's scores.


def test_scores_that_are_right_are_read_in_place_of_the_answer():
    smallest = Submission(lambda image, *_: answered(WRONG[image], best=TRUTH[image]))
    seams = try_ways(smallest, CASE, LAB)
    assert smallest.asked == [(1, FEW), (1, REST)]
    way = seams.trial.way
    assert (way.correction, way.repair, way.by_scores, way.effort) == (None, None, True, 1)
    assert (seams.is_settled, seams.is_read_right, seams.trial.tried) == (True, False, 1)
    assert seams.trial.rule == rule_of(seams.trial.heard, CASE.names)
    assert (CASE.correct(seams.trial.heard.trial()), CASE.correct(seams.trial.trial)) == (30, 60)


def test_input_and_readout_may_both_be_wrong():
    def both(image, done, _):
        best = TRUTH[image] if "colour" in done else (TRUTH[image] + 1) % CLASSES
        return answered((best + 1) % CLASSES, best=best)

    seams = try_ways(Submission(both), CASE, BGR_AND_STRETCHED)
    assert (seams.trial.way.correction.steps, seams.trial.way.by_scores) == ({"colour"}, True)
    assert seams.trial.tried == 2 * WAYS - 1


def test_of_a_network_whose_input_is_not_seen_the_scores_are():
    submission = Submission(lambda image, *_: answered(WRONG[image], best=TRUTH[image]))
    seams = try_ways(submission, CASE, UNSEEN)
    assert (seams.trial.way.by_scores, seams.is_settled) == (True, False)


@pytest.mark.parametrize(("best", "is_read_right"), [(WRONG, True), ([None] * 60, None)])
def test_scores_that_say_what_is_answered_give_nothing_to_put_right(best, is_read_right):
    submission = Submission(lambda image, *_: answered(WRONG[image], best=best[image]))
    seams = try_ways(submission, CASE, LAB)
    assert submission.asked == [(1, FEW), (1, 7 * FEW)]
    assert (seams.trial, seams.is_settled, seams.is_read_right) == (None, True, is_read_right)


def test_scores_that_are_not_seen_are_no_answer():
    few = {*CASE.few().tolist()}
    hides = Submission(lambda image, *_: answered(WRONG[image], TRUTH[image] if image in few else None))
    trial = try_ways(hides, CASE, LAB).trial
    unseen = sorted({*range(len(TRUTH))} - few)
    assert np.isnan(trial.heard.scores[unseen]).all()
    assert (trial.trial.answers[unseen] == NO_ANSWER).all()
    assert (trial.trial.answers[[*few]] == TRUTH[[*few]]).all()
    shows_later = Submission(lambda image, *_: answered(WRONG[image], None if image in few else TRUTH[image]))
    assert try_ways(shows_later, CASE, LAB).trial is None


# The network's parameters.


def mended_by(is_mended, loaded=1):
    def answer(image, done, task):
        return answered((TRUTH if is_mended(done, task) else WRONG)[image], loaded=loaded if task.load else 0)

    return answer


def test_a_network_is_asked_with_the_parameters_that_were_handed_in():
    submission = Submission(mended_by(lambda _, task: task.load == "best.ckpt"))
    seams = try_ways(submission, CASE, Sight(LAB.found, **NOT_LOADED))
    assert submission.asked == [(1, FEW), (2, FEW), (2, REST)]
    (repaired,) = submission.tasks[2]
    assert (repaired.load, repaired.evaluate, repaired.recipe) == ("best.ckpt", True, None)
    way = seams.trial.way
    assert (way.repair.code, way.correction, way.effort) == ("checkpoint-unused", None, 1)
    assert found_in(seams) == ["checkpoint-unused"]


def test_a_network_is_asked_in_evaluation_mode():
    submission = Submission(mended_by(lambda _, task: task.evaluate))
    seams = try_ways(submission, CASE, Sight(LAB.found, is_training=True))
    (repaired,) = submission.tasks[1]
    assert (repaired.load, repaired.evaluate) == ("", True)
    assert (seams.trial.way.repair.code, seams.is_settled) == ("training-mode", True)
    assert found_in(seams) == ["training-mode"]


def test_parameters_and_input_are_put_right_together_where_both_are_wrong():
    submission = Submission(mended_by(lambda done, task: task.load and done == {"colour", "geometry"}))
    seams = try_ways(submission, CASE, Sight(BGR_AND_STRETCHED.found, **NOT_LOADED))
    assert submission.asked == [(1, WAYS * FEW), (2, 2 * FEW), (2, REST)]
    assert (seams.trial.way.repair.file, seams.trial.way.effort) == ("best.ckpt", 3)


def test_a_file_that_went_into_no_network_is_not_what_helped():
    submission = Submission(mended_by(lambda _, task: task.load, loaded=0))
    assert try_ways(submission, CASE, Sight(LAB.found, **NOT_LOADED)).trial is None


def test_of_what_helps_as_much_the_fewest_steps_are_chosen():
    submission = Submission(mended_by(lambda _, task: task.evaluate))
    seams = try_ways(submission, CASE, Sight(LAB.found, is_training=True, **NOT_LOADED))
    assert seams.trial.way.effort == 1
    assert seams.trial.tried == 2


# What is seen before anything is put right.


class Charts:
    """A submission that is asked about the charts alone; each answer has these records, the last one these things."""

    photos = ()
    submission = SimpleNamespace(checkpoints=[SimpleNamespace(path=PurePosixPath("best.ckpt"))])
    assignment = SimpleNamespace(classes=range(CLASSES))

    def __init__(self, *calls, answers=None, **last):
        self._calls, self._answers, self._last = calls, answers, last

    def classes_in(self, answers):
        return np.array([NO_ANSWER if answer is None else int(answer.text) for answer in answers])

    @contextmanager
    def recording(self, name, images=0):
        assert name == "charts"
        yield self._record

    def _record(self, questions):
        assert [each.task.parameters for each in questions] == [False] * len(CHARTS) + [True]
        every = [records(*self._calls) for _ in questions]
        return Recording(tuple(every if self._answers is None else self._answers(every)))


def records(*calls, training=False):
    noted = tuple(Record("mindspore", name, tensor(shape), None, training, 1) for name, shape in calls)
    return Recorded("0", None, noted, len(calls), False, NOT_LOADED["networks"], NOT_LOADED["files"])


NET = ("Net", (1, 3, 224, 224))


def test_the_first_picture_is_no_row_of_features():
    assert first_picture(records(("Head", (1, 1280)))) is None
    assert first_picture(records(("Head", (1, 1280)), ("Net", (1, 3, 8, 8)))).shape == (1, 3, 8, 8)


@pytest.mark.parametrize(
    ("calls", "is_one"),
    [
        ([NET], True),
        ([NET] * 2, True),  # two views
        ([("Backbone", (1, 3, 224, 224)), ("Head", (1, 1280, 7, 7))], True),
        ([("Normalise", (1, 3, 224, 224)), NET], False),
    ],
)
def test_of_several_networks_one_does_not_speak_for_all(calls, is_one, monkeypatch):
    monkeypatch.setattr("grader.diagnosis.seams.identify", lambda seen: LAB.found)
    sight = look(Charts(*calls))
    assert (sight.found is not None) is is_one
    assert sight.is_input_right is is_one
    assert (sight.networks, sight.files) == (NOT_LOADED["networks"], NOT_LOADED["files"])


def test_a_program_whose_networks_are_not_seen_shows_nothing():
    assert look(Charts()) is None
    assert look(Charts(NET, answers=lambda every: [None] * len(every))) is None


def test_a_worker_that_ended_early_shows_what_was_seen_until_then():
    sight = look(Charts(NET, answers=lambda every: every[:9] + [None] * (len(every) - 9)))
    assert (sight.networks, sight.files) == ((), ())


def test_one_part_in_training_mode_is_enough():
    def once(every):
        return [*every[:-2], records(NET, training=True), every[-1]]

    assert look(Charts(NET, answers=once)).is_training
    assert not look(Charts(NET)).is_training


def scored(*scores):
    """What is noted of a program that answers the class 0."""
    picture = tensor((1, 3, 40, 40))
    output = tensor((1, CLASSES), np.array([scores], np.float32))
    return Recorded("0", None, (Record("mindspore", "Net", picture, output, False, 1),), 1, False, ())


CARDS = [place for place, chart in enumerate(CHARTS) if chart.name == CARD]


def seen_with(again):
    """What is seen of a program that answers the card in one way, and all later ones in another."""
    answers = [scored(9, 1, 0)] * len(CHARTS)
    for place in CARDS[1:]:
        answers[place] = again
    return look(Charts(answers=lambda every: [*answers, every[-1]]))


def test_other_scores_for_the_same_picture_are_seen():
    assert len(CARDS) > 1
    assert not seen_with(scored(9, 1, 0)).is_random
    assert not seen_with(scored(9.0001, 1, 0)).is_random  # rounding
    assert seen_with(scored(9, 2, 0)).is_random


def test_answers_that_are_those_of_the_scores_are_seen():
    assert seen_with(scored(9, 1, 0)).is_read_right
    assert not seen_with(scored(1, 9, 0)).is_read_right
    assert not seen_with(scored(np.nan, 9, 0)).is_read_right
    assert not look(Charts(NET)).is_read_right  # no scores were seen


# Two shapes that were once taken for another.


def test_a_shape_of_another_layout_is_no_picture():
    array = np.zeros((1, 40, 34, 3), np.uint8)
    assert planes_of(array, Layout("NCHW")) is None
    assert planes_of(array, Layout("NHWC")).shape == (3, 40, 34)


def test_a_crop_of_a_few_pixels_has_a_name():
    boxes = (Box(0, 0.035, 0.965, 1), Box(0, 0, 0.959, 1), Box(0, 0, 0.959, 1), Box(0, 0, 0.959, 1))
    assert crop_of(dict(zip(SHAPES, boxes, strict=True)))
