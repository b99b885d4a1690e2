"""The probes on answers made up to have one mistake, and no word where the evidence is thin."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from grader.diagnosis.choice import choose, shortlist
from grader.diagnosis.views import STANDARD, View, all_views
from grader.diagnosis.whitebox import Request, read

from grader.diagnosis import Subject, diagnose
from grader.diagnosis.case import FEW, NO_ANSWER, Case, CheckpointTrial, PublicTrial, Trial, spread
from grader.diagnosis.diagnosis import proved
from grader.diagnosis.evidence import LEAST_GAIN, Evidence
from grader.diagnosis.hypotheses import HYPOTHESES, After
from grader.model.dataset import SplitImage, split_of
from grader.model.predictions import NO_REPLAY, Answers, Prediction, Timing
from grader.model.submission import Submission

CLASSES = 26
TRUTH = np.repeat(np.arange(CLASSES), 5)
NAMES = tuple(f"class {index:02d}" for index in range(CLASSES))
ALL = np.arange(len(TRUTH))
ONE_VIEW = Request((STANDARD,), files=1, classes=CLASSES)
UNTRAINED = ("untrained-checkpoint", "nan-checkpoint")


def mostly_right(wrong=5, seed=0):
    """Answers with so many errors."""
    rng = np.random.default_rng(seed)
    said = TRUTH.copy()
    for index in rng.choice(len(said), wrong, replace=False):
        said[index] = (said[index] + rng.integers(1, CLASSES)) % CLASSES
    return said


def case_of(said, **more):
    return Case(names=NAMES, truth=TRUTH, said=np.asarray(said), channel_order="bgr", **more)


def checkpoint_of(own, best, own_view=STANDARD, best_view=STANDARD):
    return CheckpointTrial(own_view, Trial(ALL, own), best_view, Trial(ALL, best), "a.ckpt", "b.ckpt")


def explained(case, *codes):
    """What the first hypothesis of these codes that has anything to say of the case says, proved or not."""
    tried = (hypothesis.explain(case) for hypothesis in HYPOTHESES if hypothesis.code in codes)
    return next((explanation for explanation in tried if explanation is not None), None)


def code_of(explanation):
    """The code that passes the gate."""
    is_told = explanation is not None and explanation.evidence.is_proved
    return explanation.finding.code if is_told else None


def label_order(case):
    return explained(case, *(each.code for each in HYPOTHESES if each.after is After.GRADED_RUN))


def every_code(case):
    found = proved(case, After.CHECKPOINT, After.ALTERED_IMAGES, After.PUBLIC_IMAGES)
    return [each.finding.code for each in found]


@pytest.mark.parametrize(
    ("meant_to_said", "code"),
    [
        (np.roll(np.arange(CLASSES), 1), "labels-shifted"),
        (np.roll(np.arange(CLASSES), -1), "labels-shifted"),
        (np.array(sorted(range(CLASSES), key=str)), "labels-sorted-otherwise"),
        (np.arange(CLASSES)[::-1], "labels-sorted-otherwise"),
        (np.random.default_rng(3).permutation(CLASSES), "labels-permuted"),
        (np.array([1, 0, *range(2, CLASSES)]), "labels-exchanged"),
    ],
)
def test_a_wrong_order_of_names_is_found_in_the_confusion_matrix(meant_to_said, code):
    assert code_of(label_order(case_of(meant_to_said[mostly_right()]))) == code


def test_the_exact_map_is_told():
    said = np.array([1, 0, *range(2, CLASSES)])[mostly_right()]
    found = label_order(case_of(said)).finding
    assert "class 00 -> class 01; class 01 -> class 00." in found.rationale
    assert "class 00 -> class 01；class 01 -> class 00。" in found.rationale_zh


@pytest.mark.parametrize("seed", range(20))
def test_guesses_and_honest_errors_are_no_wrong_order(seed):
    rng = np.random.default_rng(seed)
    assert code_of(label_order(case_of(rng.integers(0, CLASSES, len(TRUTH))))) is None
    assert code_of(label_order(case_of(mostly_right(40, seed)))) is None
    # One class that is always taken for another is an error of the network's, not of its names.
    assert code_of(label_order(case_of(np.where(TRUTH == 3, 4, mostly_right(9, seed))))) is None


def test_answers_that_name_no_class_are_no_obstacle():
    said = np.roll(np.arange(CLASSES), 1)[mostly_right()]
    said[::10] = NO_ANSWER
    assert code_of(label_order(case_of(said))) == "labels-shifted"


def test_exchanged_colours_are_named_with_both_scores():
    said, best = mostly_right(25), mostly_right(5)
    case = case_of(said, checkpoint=checkpoint_of(said, best, View(colour="bgr")))
    found = explained(case, "channel-order")
    assert found.finding.code == "channel-order"
    assert (
        "behaves like BGR, mean/std (agrees on 130 of 130; RGB, mean/std would agree on"
        in found.finding.rationale
    )
    assert "96.2 % right instead of 80.8 %" in found.finding.rationale
    assert "BGR、减均值除标准差" in found.finding.rationale_zh
    assert every_code(case) == ["channel-order"]


def test_two_mistakes_at_once_are_named_as_such():
    said = mostly_right(60)
    case = case_of(said, checkpoint=checkpoint_of(said, mostly_right(5), View(colour="bgr", scale="unit")))
    assert "BGR, no mean/std, only /255" in explained(case, "wrong-preprocessing").finding.rationale
    assert every_code(case) == ["wrong-preprocessing"]


def test_a_gain_that_chance_explains_is_not_told():
    said = mostly_right(12)
    best = said.copy()
    wrong = np.flatnonzero(said != TRUTH)
    best[wrong[:6]] = TRUTH[wrong[:6]]
    case = case_of(said, checkpoint=checkpoint_of(said, best, View(colour="bgr")))
    assert every_code(case) == []


def test_a_view_that_costs_little_is_not_told_though_the_answers_are_certainly_its():
    best = mostly_right(6)
    said = best.copy()
    said[np.flatnonzero(best == TRUTH)[:4]] = 25  # lost by the view
    said[np.flatnonzero(best != TRUTH)[:6]] = 24  # wrong otherwise
    assert every_code(case_of(said, checkpoint=checkpoint_of(said, best, View(scale="signed")))) == []


def test_a_gain_must_hold_for_as_many_alternatives_as_were_tried():
    said = mostly_right(12)
    best = said.copy()
    wrong = np.flatnonzero(said != TRUTH)
    best[wrong[:9]] = TRUTH[wrong[:9]]
    trial = checkpoint_of(said, best, View(colour="bgr"))
    assert every_code(case_of(said, checkpoint=trial)) == ["channel-order"]
    assert every_code(case_of(said, checkpoint=replace(trial, tried=10))) == []
    asked = {"exchanged-colours": Trial(ALL, best)}
    assert every_code(case_of(said, asked=asked, alterations=3)) == ["channel-order"]
    assert every_code(case_of(said, asked=asked, alterations=10)) == []


def test_a_gain_that_is_certain_and_worth_nothing_is_not_told():
    found = Evidence(p=1e-9, gain=LEAST_GAIN / 2)
    assert not found.is_proved
    assert replace(found, gain=LEAST_GAIN).is_proved
    assert replace(found, gain=None).is_proved


def chosen(said, answers, tried=50):
    """The choice among views that answer so."""
    views = {view: Trial(ALL, np.asarray(each)) for view, each in answers.items()}
    return choose(case_of(said), views, tried)


def lost(answers, count, start=0):
    """The same answers, so many right ones of them wrong."""
    worse = answers.copy()
    worse[np.flatnonzero(answers == TRUTH)[start : start + count]] = 25
    return worse


def test_of_two_ways_that_are_as_good_that_with_fewer_changed_steps_is_named():
    right = mostly_right(6)
    both, one = View(colour="bgr", geometry="stretch"), View(geometry="stretch")
    answers = {
        both: lost(right, 20),
        one: lost(right, 1),
        STANDARD: right,
        View(colour="bgr"): lost(right, 19),
    }
    choice = chosen(answers[both], answers)
    assert (choice.own, choice.best, choice.tried) == (both, one, 2)


def test_the_labs_own_way_is_the_first_guess_and_others_are_corrected_for():
    right = mostly_right(6)
    own, other = View(scale="unit"), View(scale="signed")
    near = chosen(lost(right, 20), {own: lost(right, 20), STANDARD: lost(right, 2), other: right})
    far = chosen(lost(right, 20), {own: lost(right, 20), STANDARD: lost(right, 9), other: right})
    assert (near.best, near.tried) == (STANDARD, 2)
    assert (far.best, far.tried) == (other, 200)


def test_who_was_trained_in_his_own_way_is_not_told_of_a_view_that_is_luckier():
    right = mostly_right(20)
    luckier = right.copy()
    luckier[np.flatnonzero(right != TRUTH)[:4]] = TRUTH[right != TRUTH][:4]
    own = View(scale="signed")
    choice = chosen(right, {own: right, STANDARD: luckier})
    assert choice.own == choice.best == own


def test_where_two_explanations_do_as_well_neither_is_named():
    right = mostly_right(6)
    said = lost(right, 30)
    colours, pooling = View(colour="bgr"), View(readout="max")
    # Each gives all but two of the answers, and not the same two.
    one, other = said.copy(), said.copy()
    one[:2], other[-2:] = 24, 24
    choice = chosen(said, {colours: one, pooling: other, STANDARD: right})
    assert {choice.own, *choice.rivals} == {colours, pooling}
    trial = replace(checkpoint_of(one, right, choice.own, choice.best), rivals=choice.rivals)
    found = proved(case_of(said, checkpoint=trial), After.CHECKPOINT)
    assert [code_of(each) for each in found] == ["lost-on-the-way"]
    assert "something else may, too: BGR, mean/std; RGB, max pooling." in found[0].finding.rationale


@pytest.mark.parametrize(("has_warned", "code"), [(False, "lost-on-the-way"), (True, "checkpoint-unused")])
def test_one_answer_to_everything_proves_no_view(has_warned, code):
    said = np.full_like(TRUTH, 7)
    trial = checkpoint_of(said, mostly_right(5), View(scale="twice"))
    assert every_code(case_of(said, checkpoint=trial, has_warned=has_warned)) == [code]


def test_the_first_look_keeps_every_view_that_comes_near_and_the_steps_between():
    right = mostly_right(6)
    both = View(colour="bgr", scale="unit")
    said = lost(right, 60)
    answers = {STANDARD: right, both: said, View(scale="whole"): lost(right, 90, 30)}
    few = np.arange(0, len(TRUTH), 6)
    listed = shortlist(case_of(said), {view: Trial(few, each[few]) for view, each in answers.items()})
    steps = {both, STANDARD, View(colour="bgr"), View(scale="unit"), replace(both, geometry="stretch")}
    assert steps <= {*listed}


def test_images_are_chosen_without_luck():
    assert spread(np.arange(5), 9).tolist() == [0, 1, 2, 3, 4]
    assert spread(np.arange(100), 5).tolist() == [0, 25, 50, 74, 99]
    few = case_of(mostly_right(20)).few()
    assert len(few) == len({*few.tolist()}) == FEW


@pytest.mark.parametrize(
    ("right", "usual", "is_said"), [(110, 0.95, True), (122, 0.95, False), (110, None, False)]
)
def test_no_mistake_and_yet_less_than_usual_is_said_so(right, usual, is_said):
    case = case_of(mostly_right(len(TRUTH) - right), usual=usual, public=PublicTrial(99, 100))
    found = proved(case, After.EVERYTHING)
    assert [each.finding.code for each in found] == (["below-usual"] if is_said else [])
    if is_said:
        assert "usually gets about 95 % of them right" in found[0].finding.rationale
        assert "Of 100 public images predict() gets 99.0 % right." in found[0].finding.rationale


def test_one_answer_to_everything_is_told_apart_from_guesses():
    best = mostly_right(5)
    constant = case_of(np.zeros_like(TRUTH), checkpoint=checkpoint_of(mostly_right(9), best))
    guesses = case_of(
        np.random.default_rng(0).integers(0, CLASSES, len(TRUTH)),
        checkpoint=checkpoint_of(mostly_right(9), best),
    )
    assert code_of(explained(constant, "collapsed-output")) == "collapsed-output"
    assert code_of(explained(guesses, "checkpoint-unused")) == "checkpoint-unused"
    assert every_code(constant) == ["collapsed-output"]
    assert every_code(guesses) == ["checkpoint-unused"]


def test_answers_that_no_view_gives_are_said_to_be_lost_on_the_way_unless_they_change_by_themselves():
    said = np.where(ALL % 2, mostly_right(5), 0)
    case = case_of(said, checkpoint=checkpoint_of(np.where(ALL % 3, said, 1), mostly_right(5)))
    assert every_code(case) == ["lost-on-the-way"]
    assert explained(replace(case, unstable=0.5), "lost-on-the-way") is None


def test_an_untrained_checkpoint_and_one_of_nan_are_named():
    guesses = np.random.default_rng(0).integers(0, CLASSES, len(TRUTH))
    nothing = np.full_like(TRUTH, NO_ANSWER)
    untrained = case_of(guesses, checkpoint=checkpoint_of(guesses, guesses))
    of_nan = case_of(guesses * 0, checkpoint=checkpoint_of(nothing, nothing))
    assert code_of(explained(untrained, *UNTRAINED)) == "untrained-checkpoint"
    assert code_of(explained(of_nan, *UNTRAINED)) == "nan-checkpoint"


def test_a_network_that_was_trained_badly_is_not_called_untrained():
    said = mostly_right(60)
    assert explained(case_of(said, checkpoint=checkpoint_of(said, said)), *UNTRAINED) is None


def test_without_a_checkpoint_the_submission_itself_is_believed():
    asked = {"exchanged-colours": Trial(ALL, mostly_right(5))}
    found = explained(case_of(mostly_right(30), asked=asked), "channel-order")
    assert "Asked about 130 images" in found.finding.rationale


def test_every_view_has_words_in_both_languages_and_no_two_views_the_same():
    words = {(view.words("en"), view.words("zh")) for view in all_views()}
    assert len(words) == len([*all_views()])
    assert STANDARD.words("en") == "RGB, mean/std"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0|",
        "0|1",
        "0|1 2",
        "0|1 2 3 4 5",
        "9|1 2 3 4",
        "0;;|1 2 3 4",
        "0|1 2 3 9" + "9" * 40,
        "0|1 2 3",
        "0|a b c d",
        "|1 2 3 4",
        "0|1 2 3 4\n",
    ],
)
def test_what_the_program_inside_answers_is_not_believed(text):
    run = read([text, "0|1 2 3 4"], np.array([7, 8]), ONE_VIEW)
    assert run.images.tolist() == [8]
    assert run.answers.tolist() == [[[1, 2, 3, 4]]]


def test_an_index_that_is_no_class_is_no_answer():
    run = read(["0|1 26 -5 3"], np.array([0]), ONE_VIEW)
    assert run.answers.tolist() == [[[1, NO_ANSWER, NO_ANSWER, 3]]]


@pytest.mark.parametrize(
    ("opened", "of", "is_found"),
    [
        (20, 20, True),
        (11, 20, True),
        (10, 20, False),
        (1, 20, False),  # loaded at the first call, and kept
        (1, 1, False),
        (0, 20, False),
        (0, 0, False),
    ],
)
def test_loading_for_every_image_is_counted(opened, of, is_found, assignment, tmp_path):
    answers = tuple(Prediction("Hats", 1, has_opened=number < opened) for number in range(of))
    case = subject_of(assignment, tmp_path, answers).case()
    assert [each.finding.code for each in proved(case, After.NOTHING)] == ["reloads-model"] * is_found


def subject_of(assignment, folder, answers):
    """A graded run of so many images, three classes in turn, after which nothing may be started."""
    images = [SplitImage(f"{n}", n % 3, json.dumps(n).encode()) for n in range(len(answers))]
    seconds = Timing(1.0, 0.1, (0.1,) * (len(answers) - 1), 7.0)
    graded = Answers(tuple(answers), None, (), seconds, {}, "", 0)

    def never(*_):
        raise AssertionError("something was started")

    (folder / "main.py").write_text("def predict(image): ...", encoding="utf-8")
    submission = Submission("zhang", folder, (), "")
    return Subject(
        submission, split_of(images, ()), assignment, graded, NO_REPLAY, never, never, never, folder, 1
    )


def test_a_good_score_costs_no_diagnosis(assignment, tmp_path):
    names = [info.name for info in assignment.classes]
    indices = [number % 3 if number > 6 else 0 for number in range(60)]
    answers = [Prediction(names[index], index) for index in indices]
    assert diagnose(subject_of(assignment, tmp_path, answers)).status == "nothing-to-explain"
    assert diagnose(subject_of(assignment, tmp_path, [None, *answers[1:]])).status == "off"


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("ms.set_context(runtime_num_threads=1)", True),
        ("torch.set_num_threads(1)", True),
        ("torch.set_num_threads(64)", True),
        ("os.environ['OMP_NUM_THREADS'] = '1'", True),
        ('os.environ.setdefault("OMP_NUM_THREADS", "1")', True),
        ("torch.set_num_threads(2)", False),
        ("# torch.set_num_threads(1)", False),
        ("num_threads_of_wool = 1", False),
    ],
)
def test_a_number_of_threads_that_is_not_given_is_named(line, is_found):
    case = case_of(TRUTH, source=f"import os\n{line}\n", threads=2)
    assert [each.finding.code for each in proved(case, After.NOTHING)] == ["threads"] * is_found


@pytest.mark.parametrize("step", [1, -1, 2, -2])
def test_a_shift_is_told_by_its_number_of_places(step):
    explanation = label_order(case_of((mostly_right() + step) % CLASSES))
    assert code_of(explanation) == "labels-shifted"
    assert f"shifted by {step:+d} against" in explanation.finding.title


LONG = """
import resource
from types import SimpleNamespace
from grader.diagnosis.evidence import sets_threads
from grader.run.frames import MAX_TEXT, Raised
from grader.findings.exceptions import code_of, code_of_missing
from grader.printable import short
used = resource.getrusage(resource.RUSAGE_SELF)
resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 20,) * 2)
for unit in ("OMP_NUM_THREADS", "def predict(image): ", "a", "a (", "f(", "    a\\n"):
    for text in (unit + " " * 900_000, unit * (900_000 // len(unit)), "def predict():\\n " + unit * 90_000):
        sets_threads(SimpleNamespace(source=text, threads=1))
for unit in ("pip install ", ".so ", "shape ", "param shape", "'/", "0x", "A:/", "no "):
    message = (unit * MAX_TEXT)[:MAX_TEXT]
    for _ in range(20):
        code_of(Raised("Error", message, "", ""))
        code_of_missing(message, ["a.ckpt"])
        short(message)
"""


def test_a_look_at_a_students_words_takes_no_more_steps_than_there_are_words():
    # Of processor time, not of the clock: steps that grow with the square take hours.
    done = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
