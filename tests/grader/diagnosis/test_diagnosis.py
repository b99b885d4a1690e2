"""The hypotheses on answers made up to have one mistake, and no word where the evidence is thin."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from grader.diagnosis import Subject, diagnose
from grader.diagnosis.case import (
    FEW,
    NO_ANSWER,
    Case,
    FileTrial,
    Heard,
    PublicTrial,
    Seams,
    SeamTrial,
    Sight,
    Trial,
    Way,
    spread,
)
from grader.diagnosis.diagnosis import proved
from grader.diagnosis.evidence import ALPHA, LEAST_GAIN, Evidence
from grader.diagnosis.hypotheses import HYPOTHESES, After
from grader.diagnosis.parameters import Repair
from grader.diagnosis.preprocessing import LAB, Difference
from grader.diagnosis.readout import open_images, rule_of
from grader.model.dataset import SplitImage, split_of
from grader.model.predictions import NO_REPLAY, Answers, Prediction, Timing
from grader.model.records import CheckpointFile, Network, Parameter
from grader.model.submission import Submission

CLASSES = 26
TRUTH = np.repeat(np.arange(CLASSES), 5)
NAMES = tuple(f"class {index:02d}" for index in range(CLASSES))
ALL = np.arange(len(TRUTH))
UNSEEN = Seams(Sight(None))
"""A network, of which it was not seen what it is given."""
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


def seams_of(answers, *put_right, repair=None, scores=None, by_scores=False, tried=1, **seen):
    """What came of putting right some differences of the input, the network's parameters, or the readout.

    Args:
        answers: what `predict` said then.
        put_right: the differences, as (step, code).
        repair: what was put right in the network.
        scores: the class of the network's highest score to each image; None if no scores were seen.
        by_scores: whether these are taken for the answer.
        tried: how many ways were.
        seen: what else was seen of the network.
    """
    found = tuple(Difference(step, code, {"share": 40}) for step, code in put_right)
    logits = None if scores is None else np.eye(CLASSES)[scores]
    heard = Heard(ALL, np.asarray(answers), logits)
    rule = rule_of(heard, NAMES) if by_scores else None
    trial = SeamTrial(Way(None, repair, by_scores), heard, found, tried, rule)
    return Seams(Sight(LAB, **seen), trial, is_settled=True, is_read_right=not by_scores)


def file_of(answers, name="a.ckpt"):
    """What a checkpoint answers by itself."""
    return FileTrial(name, Trial(ALL, np.asarray(answers)))


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
    found = proved(
        case, After.SEAMS, After.ALTERED_IMAGES, After.CHECKPOINT, After.TWINS, After.PUBLIC_IMAGES
    )
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


def without_a_name(lost=7, wrong=5):
    """What is said by a list that has lost a name: those behind it are one place ahead, the last is none."""
    meant = mostly_right(wrong)
    said = meant + (meant >= lost)
    return np.where(said == CLASSES, NO_ANSWER, said)


def scored(case, highest):
    """The case with scores for the images about which they are to be asked."""
    images = open_images(case)
    return replace(case, scored=Heard(images, case.said[images], np.eye(CLASSES)[highest[images]]))


def test_a_name_that_a_list_has_lost_is_promised_by_the_scores():
    case = case_of(without_a_name())
    renamed, asked = label_order(case), label_order(scored(case, mostly_right()))
    assert code_of(renamed) == code_of(asked) == "labels-permuted"
    assert "are right for 92.3 % of the images instead of 26.2 %" in renamed.finding.rationale
    assert "are right for 96.2 % of the images instead of 26.2 %" in asked.finding.rationale


def test_scores_in_an_order_of_their_own_promise_nothing():
    case = case_of(without_a_name())
    own = np.random.default_rng(3).permutation(CLASSES)
    assert label_order(scored(case, own[TRUTH])).finding == label_order(case).finding


def test_scores_are_asked_only_where_names_alone_do_not_tell():
    assert open_images(case_of(mostly_right())) is None
    assert open_images(case_of(np.roll(np.arange(CLASSES), 1)[TRUTH])) is None
    images = open_images(case_of(without_a_name()))
    wrong = np.flatnonzero((TRUTH == CLASSES - 1) | (mostly_right() != TRUTH))
    assert set(wrong) <= set(images)
    assert len(images) == len(wrong) + FEW


def test_a_name_that_is_never_said_is_not_in_the_map():
    said = np.where(np.isin(TRUTH, (3, 4)), NO_ANSWER, (TRUTH + 1) % CLASSES)
    found = label_order(case_of(said)).finding
    assert "class 04 ->" not in found.rationale
    assert "class 03 -> class 02" in found.rationale


BGR, UPSIDE_DOWN = ("colour", "bgr"), ("geometry", "upside-down")


def test_what_differs_at_the_input_is_named_with_both_scores():
    case = case_of(mostly_right(25), seams=seams_of(mostly_right(5), BGR))
    found = explained(case, "channel-order").finding
    assert found.rationale.startswith(
        "Red and blue are swapped. With that put right, your own program gets 96.2 % right instead of 80.8 % "
        "(24 of 130 images gained, 4 lost;"
    ), found.rationale
    assert found.rationale_zh.startswith(
        "红色和蓝色互换了。改正后，你的程序的正确率为 96.2 %，而不是 80.8 %（130 张中多对 24 张，多错 4 张；"
    ), found.rationale_zh
    assert every_code(case) == ["channel-order"]


@pytest.mark.parametrize(
    ("put_right", "code"),
    [
        ([BGR], "channel-order"),
        ([("colour", "permuted")], "other-colours"),
        ([("colour", "grey")], "other-colours"),
        ([("colour", "negative"), BGR], "other-colours"),
        ([("scale", "unit")], "wrong-scale"),
        ([("linearity", "clipped")], "wrong-scale"),
        ([("by-image", "own-mean"), ("linearity", "wrapped")], "wrong-scale"),
        ([("layout", "reshaped")], "wrong-layout"),
        ([UPSIDE_DOWN], "turned"),
        ([UPSIDE_DOWN, ("geometry", "top-left")], "turned"),
        ([("geometry", "top-left")], "wrong-resize"),
        ([("sharpness", "blurred")], "wrong-resize"),
        ([("random", "random")], "random-input"),
        ([BGR, UPSIDE_DOWN], "wrong-preprocessing"),
        ([BGR, ("sharpness", "coarse"), ("linearity", "rounded")], "wrong-preprocessing"),
        ([("training", "learned-bgr-unit")], "trained-otherwise"),
        ([("state", "constant")], "wrong-preprocessing"),
        ([("state", "stateful")], "wrong-preprocessing"),
    ],
)
def test_each_difference_of_the_input_has_one_finding(put_right, code):
    details = {"black": "0", "white": "1", "right_black": "-2", "right_white": "2", "side": 64}
    seams = seams_of(mostly_right(5), *put_right)
    told = tuple(replace(each, details={**each.details, **details}) for each in seams.trial.differences)
    case = case_of(mostly_right(60), seams=replace(seams, trial=replace(seams.trial, differences=told)))
    assert every_code(case) == [code]
    for each in told:
        assert each.sentence("en") in explained(case, code).finding.rationale
        assert each.sentence("zh") in explained(case, code).finding.rationale_zh


@pytest.mark.parametrize(
    ("put_right", "title", "title_zh", "advice"),
    [
        ([BGR], "Red and blue are swapped", "红色和蓝色互换了", "exchanges red and blue, once"),
        (
            [("colour", "permuted")],
            "The three colour channels are in a wrong order",
            "顺序不对",
            "Exchange red",
        ),
        (
            [("colour", "grey")],
            "The network sees a grey picture, without colours",
            "灰度图",
            "COLOR_BGR2GRAY",
        ),
        ([UPSIDE_DOWN], "The network sees the photo upside down", "上下颠倒", "Leave out the flip"),
        ([("sharpness", "blurred")], "The photo is blurred", "图像变模糊了", "leave out filters"),
        (
            [BGR, UPSIDE_DOWN],
            "Red and blue are swapped. The network sees the photo upside down",
            "红色和蓝色互换了。网络看到的图像上下颠倒",
            "Use one function for validation and for predict()",
        ),
        (
            [("training", "learned-bgr-unit")],
            "Your network seems to have been trained on photos that were prepared in another way",
            "网络训练时对图像的处理很可能与 predict() 中不同",
            "Use one function for training",
        ),
    ],
)
def test_a_title_says_what_went_wrong_and_the_help_is_for_that(put_right, title, title_zh, advice):
    seams = seams_of(mostly_right(5), *put_right)
    (found,) = proved(case_of(mostly_right(60), seams=seams), After.SEAMS)
    assert found.finding.title.startswith(title)
    assert title_zh in found.finding.title_zh
    assert advice in found.finding.help
    assert not found.finding.title.endswith(".")


def test_a_list_in_another_order_is_told_from_a_network_that_learned_in_that_order():
    order = np.array(sorted(range(CLASSES), key=str))
    sorted_list = explained(case_of(order[mostly_right(5)]), "labels-sorted-otherwise").finding
    assert sorted_list.title.startswith("Your class names are sorted by their numbers as text, 10 before 2")
    assert sorted_list.title_zh.startswith("类别名称按编号的文本排序（10 在 2 之前）")
    learned = explained(case_of(np.argsort(order)[mostly_right(5)]), "labels-sorted-otherwise").finding
    assert learned.title.startswith("The network learned the classes by their numbers sorted as text")
    assert "train" in learned.help and "train" in sorted_list.help


DETAILS = {"file": "last.ckpt", "best_file": "best.ckpt", "count": 2, "total": 9, "dense": 1}


@pytest.mark.parametrize(
    ("code", "words", "words_zh"),
    [
        ("training-mode", "is in training mode while predict() runs.", "处于训练模式。"),
        ("statistics-not-loaded", "2 of 9 moving means and variances", "9 个滑动均值和方差里"),
        ("other-checkpoint", "are those of last.ckpt, and not of best.ckpt.", "而不是 best.ckpt。"),
        ("checkpoint-unused", "2 of 9 weights there are not the file's", "9 个权重中"),
    ],
)
def test_what_the_network_consists_of_is_named_with_both_scores(code, words, words_zh):
    seams = seams_of(mostly_right(5), repair=Repair(code, "best.ckpt", DETAILS))
    found = explained(case_of(mostly_right(60), seams=seams), code).finding
    assert every_code(case_of(mostly_right(60), seams=seams)) == [code]
    assert words in found.rationale
    assert words_zh in found.rationale_zh
    assert "your own program gets 96.2 % right instead of 53.8 %" in found.rationale
    assert (found.title == "The dense layer of last.ckpt is not in the network") == (
        code == "checkpoint-unused"
    )
    assert "{" not in "".join([found.title, found.title_zh, found.rationale, found.rationale_zh, found.help])


def read_from(best, said, **more):
    """A run whose network has `best` for its highest score, and which answers `said`."""
    return case_of(said, seams=seams_of(said, scores=best, by_scores=True, **more))


@pytest.mark.parametrize(
    ("read", "code", "words"),
    [
        (lambda best: np.full_like(best, 7), "collapsed-output", "The answer is class 07 whatever scores"),
        (lambda best: np.where(best < 20, best, 0), "wrong-readout", "Only the first 20 of 26 scores"),
        (
            lambda best: np.random.default_rng(1).integers(0, CLASSES, len(best)),
            "wrong-readout",
            "The answer is not",
        ),
    ],
)
def test_a_wrong_readout_is_named_by_its_rule(read, code, words):
    best = mostly_right(5)
    case = read_from(best, read(best))
    assert every_code(case) == [code]
    found = explained(case, code).finding
    assert words in found.rationale
    assert found.title.startswith(words) == (code == "wrong-readout")
    assert "With that put right, your own program gets 96.2 % right" in found.rationale


def test_answers_that_change_by_themselves_follow_a_rule_or_come_from_elsewhere():
    best = mostly_right(5)
    rng = np.random.default_rng(1)
    no_rule = read_from(best, rng.integers(0, CLASSES, len(best)))
    first_alone = read_from(best, np.where(best < 20, best, 0))
    assert every_code(no_rule) == every_code(first_alone) == ["wrong-readout"]
    changing = replace(no_rule, unstable=0.5)
    assert every_code(changing) == ["answer-from-elsewhere"]
    told = explained(changing, "answer-from-elsewhere").finding
    assert "right for 96.2 % of the images" in told.rationale
    assert "50 % of the answers changed" in told.rationale
    assert "有 50 % 的回答改变了" in told.rationale_zh
    assert every_code(replace(first_alone, unstable=0.5)) == ["wrong-readout"]
    seen_by_the_diagnosis = replace(no_rule, seams=replace(no_rule.seams, changed=0.5))  # without a replay
    assert every_code(seen_by_the_diagnosis) == ["answer-from-elsewhere"]


@pytest.mark.parametrize(
    ("found", "seen", "is_told"),
    [
        (LAB, {}, True),
        (LAB, {"is_training": True}, False),
        (replace(LAB, is_random=True), {}, False),
        (replace(LAB, is_stateful=True), {}, False),
        (None, {}, False),  # it was not seen what the network is given
    ],
)
def test_a_network_is_random_itself_only_where_its_input_is_the_same(found, seen, is_told):
    sight = Sight(found, is_random=True, **seen)
    case = case_of(mostly_right(60), seams=Seams(sight), unstable=0.5)
    assert (code_of(explained(case, "random-network")) == "random-network") is is_told
    assert explained(replace(case, unstable=0.0), "random-network") is None


def test_names_in_another_order_are_told_as_by_the_confusion_matrix():
    best, meant_to_said = mostly_right(5), np.random.default_rng(3).permutation(CLASSES)
    case = read_from(best, meant_to_said[best])
    (at_seam,) = [each.finding for each in proved(case, After.SEAMS)]
    in_matrix = label_order(case).finding
    assert (at_seam.code, in_matrix.code) == ("labels-permuted", "labels-permuted")
    for found in (at_seam, in_matrix):
        assert found.rationale.startswith(
            "With the names in the right order, your answers are right for 96.2 % of the images"
        )
        told = found.rationale.partition("What is said -> what is meant: ")[2].split("; ")[0].split(" -> ")
        said, meant = (int(name.removeprefix("class ")) for name in told)
        assert meant_to_said[meant] == said
        assert f"回答 -> 实际含义：class {said:02d} -> class {meant:02d}；" in found.rationale_zh


def test_input_and_readout_that_were_both_put_right_are_both_told():
    best = mostly_right(5)
    said = np.full_like(best, 3)
    case = case_of(said, seams=seams_of(said, BGR, scores=best, by_scores=True))
    assert every_code(case)[0] in ("channel-order", "collapsed-output")
    rationale = proved(case, After.SEAMS)[0].finding.rationale
    assert "Red and blue are swapped. The answer is class 03 whatever" in rationale


def some_right(said, count):
    """The same answers, so many wrong ones of them right."""
    better = said.copy()
    wrong = np.flatnonzero(said != TRUTH)[:count]
    better[wrong] = TRUTH[wrong]
    return better


def lost(answers, count, start=0):
    """The same answers, so many right ones of them wrong."""
    worse = answers.copy()
    worse[np.flatnonzero(answers == TRUTH)[start : start + count]] = 25
    return worse


EVERY_SEAM = {
    "channel-order": {"put_right": [BGR]},
    "training-mode": {"repair": Repair("training-mode")},
    "wrong-readout": {"by_scores": True},
}


def seams_by(code, said, best, **more):
    """The same answers, gained at one seam."""
    how = dict(EVERY_SEAM[code])
    if how.get("by_scores"):
        return seams_of(said, scores=best, **how, **more)
    return seams_of(best, *how.pop("put_right", ()), **how, **more)


@pytest.mark.parametrize("code", EVERY_SEAM)
def test_a_gain_that_chance_explains_is_not_told(code):
    said = mostly_right(12)
    for gained, is_told in ((6, False), (7, True)):
        assert (0.5**gained < ALPHA) == is_told
        case = case_of(said, seams=seams_by(code, said, some_right(said, gained)))
        assert every_code(case) == [code] * is_told, gained


@pytest.mark.parametrize("code", EVERY_SEAM)
def test_what_loses_as_much_as_it_gains_is_not_told(code):
    """A network that was trained so has other images right with the lab's way, not more of them."""
    said = mostly_right(30)
    best = some_right(lost(said, 14), 20)
    assert every_code(case_of(said, seams=seams_by(code, said, best))) == []
    assert every_code(case_of(said, seams=seams_by(code, said, lost(said, 20)))) == []


def test_a_difference_that_costs_nothing_is_not_told():
    """What was seen is certain; whether it matters is not."""
    best = mostly_right(6)
    said = best.copy()
    said[np.flatnonzero(best == TRUTH)[:4]] = 25  # lost by the difference
    said[np.flatnonzero(best != TRUTH)[:6]] = 24  # wrong otherwise
    assert every_code(case_of(said, seams=seams_of(best, ("scale", "signed")))) == []
    assert every_code(case_of(said, seams=Seams(Sight(LAB), is_settled=True))) == []


def test_a_gain_must_hold_for_as_many_alternatives_as_were_tried():
    said = mostly_right(12)
    best = some_right(said, 9)
    for code in EVERY_SEAM:
        assert every_code(case_of(said, seams=seams_by(code, said, best, tried=5))) == [code]
        assert every_code(case_of(said, seams=seams_by(code, said, best, tried=10))) == []
    asked = {"exchanged-colours": Trial(ALL, best)}
    assert every_code(case_of(said, asked=asked, alterations=3)) == ["channel-order"]
    assert every_code(case_of(said, asked=asked, alterations=10)) == []
    files = (file_of(best), *[file_of(said)] * 9)
    assert every_code(case_of(said, files=files[:3])) == ["lost-on-the-way"]
    assert every_code(case_of(said, files=files)) == []


def test_a_gain_that_is_certain_and_worth_nothing_is_not_told():
    found = Evidence(p=1e-9, gain=LEAST_GAIN / 2)
    assert not found.is_proved
    assert replace(found, gain=LEAST_GAIN).is_proved
    assert replace(found, gain=None).is_proved


@pytest.mark.parametrize("has_warned", [False, True])
def test_one_answer_to_everything_that_is_not_the_first_class_is_of_random_weights(has_warned):
    case = case_of(
        np.full_like(TRUTH, 7), seams=UNSEEN, files=(file_of(mostly_right(5)),), has_warned=has_warned
    )
    assert every_code(case) == ["checkpoint-unused"]


def test_a_forward_pass_by_hand_is_no_network_that_parameters_are_missing_from():
    case = case_of(GUESSES, files=(file_of(mostly_right(5), "weights.npz"),))
    assert every_code(case) == ["lost-on-the-way"]
    assert every_code(replace(case, has_warned=True)) == ["checkpoint-unused"]


def test_one_answer_after_a_warning_that_parameters_were_not_loaded_is_of_random_weights():
    case = case_of(np.zeros_like(TRUTH), files=(file_of(mostly_right(5)),))
    assert every_code(case) == ["collapsed-output"]
    assert every_code(replace(case, has_warned=True)) == ["checkpoint-unused"]


def test_of_several_checkpoints_the_best_one_is_told():
    files = (file_of(mostly_right(60), "a.ckpt"), file_of(mostly_right(5), "b.ckpt"))
    found = explained(case_of(mostly_right(70), files=files), "lost-on-the-way").finding
    assert (
        "Run without your code, with the lab's preprocessing, b.ckpt gets 96.2 % right instead of 46.2 %"
        in (found.rationale)
    )
    assert "按实验的预处理运行 b.ckpt，正确率为 96.2 %，而不是 46.2 %" in found.rationale_zh


def test_where_the_input_was_seen_altered_images_guess_nothing_of_it():
    asked = {"exchanged-colours": Trial(ALL, mostly_right(5))}
    case = case_of(mostly_right(30), asked=asked)
    assert every_code(case) == ["channel-order"]
    settled = Seams(Sight(LAB), is_settled=True)
    assert every_code(replace(case, seams=settled)) == []
    assert every_code(replace(case, seams=replace(settled, is_settled=False))) == ["channel-order"]


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


GUESSES = np.random.default_rng(0).integers(0, CLASSES, len(TRUTH))


def test_one_answer_to_everything_is_told_apart_from_guesses():
    files = (file_of(mostly_right(5)),)
    constant, guesses = (case_of(said, seams=UNSEEN, files=files) for said in (np.zeros_like(TRUTH), GUESSES))
    assert code_of(explained(constant, "collapsed-output")) == "collapsed-output"
    assert code_of(explained(guesses, "checkpoint-unused")) == "checkpoint-unused"
    assert every_code(constant) == ["collapsed-output"]
    assert every_code(guesses) == ["checkpoint-unused"]
    assert every_code(replace(guesses, unstable=0.5)) == []
    assert every_code(replace(guesses, unstable=0.5, has_warned=True)) == ["checkpoint-unused"]


def test_a_checkpoint_that_does_better_is_said_to_be_lost_on_the_way_unless_answers_change_by_themselves():
    case = case_of(np.where(ALL % 2, mostly_right(5), 0), files=(file_of(mostly_right(5)),))
    assert every_code(case) == ["lost-on-the-way"]
    assert explained(replace(case, unstable=0.5), "lost-on-the-way") is None


def test_answers_that_name_no_class_are_not_lost_on_the_way():
    said, files = mostly_right(5), (file_of(mostly_right(5)),)
    assert every_code(case_of(np.where(ALL % 5, said, NO_ANSWER), files=files)) == []
    assert every_code(case_of(np.where(ALL % 5, np.where(ALL % 2, said, 0), NO_ANSWER), files=files)) == [
        "lost-on-the-way"
    ]


def test_a_checkpoint_that_does_no_better_has_lost_nothing():
    said = mostly_right(20)
    assert every_code(case_of(said, files=(file_of(said),))) == []
    assert every_code(case_of(said, files=(file_of(some_right(said, 5)),))) == []
    assert every_code(case_of(said, files=(file_of(lost(said, 40)),))) == []


def test_an_untrained_checkpoint_and_one_of_nan_are_named():
    nothing = np.full_like(TRUTH, NO_ANSWER)
    untrained = case_of(GUESSES, files=(file_of(GUESSES),))
    of_nan = case_of(GUESSES * 0, files=(file_of(nothing),))
    assert code_of(explained(untrained, *UNTRAINED)) == "untrained-checkpoint"
    assert code_of(explained(of_nan, *UNTRAINED)) == "nan-checkpoint"
    assert (every_code(untrained), every_code(of_nan)) == ([UNTRAINED[0]], [UNTRAINED[1]])


def test_a_network_with_an_order_of_its_own_is_not_called_untrained():
    """Fewer than half are right under any names, so that no order is told; and yet it is no guessing."""
    meant_to_said = np.roll(np.arange(CLASSES), 7)
    own_order = meant_to_said[mostly_right(75)]
    assert every_code(case_of(own_order, files=(file_of(own_order),))) == []
    assert every_code(case_of(GUESSES, files=(file_of(own_order),))) == []
    assert every_code(case_of(GUESSES, files=(file_of(GUESSES),))) == [UNTRAINED[0]]


def test_a_network_that_was_trained_badly_is_not_called_untrained():
    said = mostly_right(60)
    assert explained(case_of(said, files=(file_of(said),)), *UNTRAINED) is None
    assert explained(case_of(GUESSES, files=(file_of(said),)), *UNTRAINED) is None
    assert explained(case_of(said, files=(file_of(GUESSES),)), *UNTRAINED) is None


def weights(sha1="trained", not_finite=0):
    return (Parameter("head.weight", (CLASSES, 9), "float32", sha1, 0.0, 1.0, -1.0, 1.0, not_finite),)


def consists_of(held, *files, said=GUESSES, **seams):
    """A run whose network has these parameters, its input and its readout being the lab's."""
    sight = Sight(
        LAB,
        networks=(Network("mindspore", "Net", held),),
        files=tuple(CheckpointFile(name, parameters) for name, parameters in files),
        is_training=seams.pop("is_training", False),
    )
    return case_of(said, seams=Seams(sight, **{"is_settled": True, "is_read_right": True, **seams}))


def test_a_network_that_is_the_one_handed_in_and_guesses_is_told_so():
    case = consists_of(weights(), ("best.ckpt", weights()))
    assert every_code(case) == ["untrained-checkpoint"]
    found = explained(case, "untrained-checkpoint").finding
    assert (found.title, found.title_zh) == (
        "The network of best.ckpt answers no better than guessing",
        "best.ckpt：网络的回答与随机猜测无异",
    )
    right = int((GUESSES == TRUTH).sum())
    assert f"it gets {right} of 130 images right" in found.rationale


def test_a_network_whose_parameters_cannot_be_read_is_told_so_too():
    found = explained(consists_of((), ("net.onnx", ())), "untrained-checkpoint").finding
    assert found.title == "The network of your program answers no better than guessing"
    assert found.title_zh == "你的程序：网络的回答与随机猜测无异"


@pytest.mark.parametrize(
    "more",
    [
        {"said": mostly_right(60)},
        {"is_training": True},
        {"is_read_right": False},
        {"is_read_right": None},
        {"trial": seams_of(mostly_right(5), repair=Repair("other-checkpoint", "", DETAILS)).trial},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_network_is_not_called_untrained_while_anything_else_may_explain_it(more):
    held = weights(), ("best.ckpt", weights())
    assert "untrained-checkpoint" not in every_code(consists_of(*held, **more))
    assert every_code(replace(consists_of(*held), unstable=0.5)) == []
    assert every_code(consists_of(weights("random"), ("best.ckpt", weights()))) == []
    unlike = replace(LAB, colour="bgr")
    seen = consists_of(*held).seams
    differing = replace(seen, sight=replace(seen.sight, found=unlike))
    assert every_code(case_of(GUESSES, seams=differing)) == []


def test_a_network_that_consists_of_a_file_of_nan_is_told_so():
    of_nan = weights("nan", not_finite=5)
    case = consists_of(
        of_nan, ("good.ckpt", weights()), ("nan.ckpt", of_nan), said=GUESSES * 0, is_read_right=False
    )
    assert every_code(case) == ["nan-checkpoint"]
    assert explained(case, "nan-checkpoint").finding.title == "The checkpoint nan.ckpt gives no numbers (NaN)"
    assert every_code(replace(case, said=mostly_right(60))) == []
    unused = consists_of(weights(), ("good.ckpt", weights()), ("nan.ckpt", of_nan), said=GUESSES * 0)
    assert "nan-checkpoint" not in every_code(unused)


def test_without_a_checkpoint_the_submission_itself_is_believed():
    asked = {"exchanged-colours": Trial(ALL, mostly_right(5))}
    found = explained(case_of(mostly_right(30), asked=asked), "channel-order")
    assert "Asked about 130 images" in found.finding.rationale


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
