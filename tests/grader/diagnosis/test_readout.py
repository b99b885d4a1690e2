"""How an answer follows from scores: each rule that programs get wrong is found by name, and no other is made up."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from grader.diagnosis.case import NO_ANSWER, Heard
from grader.diagnosis.readout import rule_of, scores_of
from grader.model.records import Record, Recorded, Tensor

CLASSES, IMAGES = 8, 160
NAMES = tuple(f"class {index}" for index in range(CLASSES))
LOGITS = np.random.default_rng(5).normal(0, 2, (IMAGES, CLASSES))


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def heard(answers, scores=LOGITS):
    return Heard(np.arange(len(scores)), np.asarray(answers), scores)


def rank(number):
    return lambda scores: np.argsort(-scores, axis=1)[:, number - 1]


def renamed(table):
    return lambda scores: np.array(table)[scores.argmax(axis=1)]


def default(answer, share):
    """An answer for this share of the images, those with the least probability of any class."""

    def read(scores):
        probability = scores if (scores >= 0).all() else softmax(scores)
        highest = probability.max(axis=1)
        return np.where(highest < np.quantile(highest, share), answer, scores.argmax(axis=1))

    return read


EXCHANGED = [1, 0, *range(2, CLASSES)]
REVERSED = [*range(CLASSES)][::-1]
NO_NAME = [NO_ANSWER, *range(1, CLASSES)]
RULES = {
    "argmin": (
        lambda scores: scores.argmin(axis=1),
        "smallest",
        "The answer is the class with the smallest score, not the highest.",
        "回答的是分数最小的类别，而不是分数最高的。",
    ),
    "second": (
        rank(2),
        "rank",
        "The answer is the class with the score that is number 2 from the top, not the highest.",
        "回答的是分数排在第 2 位的类别，而不是分数最高的。",
    ),
    "last but one": (
        rank(CLASSES - 1),
        "rank",
        "The answer is the class with the score that is number 7 from the top, not the highest.",
        "回答的是分数排在第 7 位的类别，而不是分数最高的。",
    ),
    "first five": (
        lambda scores: scores[:, :5].argmax(axis=1),
        "first-alone",
        "Only the first 5 of 8 scores are looked at.",
        "8 个分数中只看了前 5 个。",
    ),
    "last six": (
        lambda scores: scores[:, 2:].argmax(axis=1) + 2,
        "last-alone",
        "Only the last 6 of 8 scores are looked at.",
        "8 个分数中只看了后 6 个。",
    ),
    "last seven, counted from 0": (
        lambda scores: scores[:, 1:].argmax(axis=1),
        "last-alone",
        "Only the last 7 of 8 scores are looked at.",
        "8 个分数中只看了后 7 个。",
    ),
    "a class for what is unsure": (
        default(3, 0.5),
        "default",
        "Where the network is not sure, the answer is class 3: ",
        "网络把握不大时，回答总是 class 3：160 张图像中有 ",
    ),
    "no class for what is unsure": (
        default(NO_ANSWER, 0.6),
        "default",
        "Where the network is not sure, the answer is (no class): ",
        "网络把握不大时，回答总是 （不是类别名称）：160 张图像中有 ",
    ),
    "two names exchanged": (
        renamed(EXCHANGED),
        "renamed",
        "what is answered -> what the network means: class 1 -> class 0; class 0 -> class 1.",
        "程序的回答 -> 网络的判断：class 1 -> class 0；class 0 -> class 1。",
    ),
    "list reversed": (
        renamed(REVERSED),
        "renamed",
        "class 7 -> class 0; class 6 -> class 1; class 5 -> class 2; class 4 -> class 3; and 4 more.",
        "class 4 -> class 3；另有 4 个。",
    ),
    "a name misspelt": (
        renamed(NO_NAME),
        "no-class",
        "The answers name no class.",
        "回答不是任何类别的名称。",
    ),
    "always the same": (
        lambda scores: np.full(len(scores), 2),
        "one-answer",
        "The answer is class 2 whatever scores the network gives.",
        "无论网络给出什么分数，回答都是 class 2。",
    ),
    "never a class": (
        lambda scores: np.full(len(scores), NO_ANSWER),
        "no-class",
        "The answers name no class.",
        "回答不是任何类别的名称。",
    ),
}


@pytest.mark.parametrize(
    "scores",
    [LOGITS, softmax(LOGITS), LOGITS.astype(np.float32) / 50],
    ids=["logits", "probabilities", "small logits"],
)
@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_found_by_what_it_answers(name, scores):
    read, code, english, chinese = RULES[name]
    found = rule_of(heard(read(scores), scores), NAMES)
    assert found.code == code
    assert english in found.sentence("en")
    assert chinese in found.sentence("zh")


@pytest.mark.parametrize(
    "name", [name for name in RULES if RULES[name][1] not in ("one-answer", "default", "no-class")]
)
def test_a_rule_holds_where_a_few_answers_are_otherwise(name):
    said = RULES[name][0](LOGITS).copy()
    few = np.random.default_rng(3).choice(IMAGES, IMAGES // 40, replace=False)
    said[few] = (said[few] + 1) % CLASSES
    assert rule_of(heard(said), NAMES).code == RULES[name][1]


@pytest.mark.parametrize("answer", [3, NO_ANSWER])
def test_what_is_unsure_may_be_told_by_the_score_itself(answer):
    highest = LOGITS.max(axis=1)
    said = np.where(highest < np.quantile(highest, 0.5), answer, LOGITS.argmax(axis=1))
    assert rule_of(heard(said), NAMES).code == "default"


def test_rows_that_are_no_numbers_tell_nothing_of_the_rule():
    scores = LOGITS.copy()
    scores[::3] = np.nan
    scores[1] = np.inf
    said = np.where(np.isfinite(scores).all(axis=1), LOGITS.argmin(axis=1), 0)
    assert rule_of(heard(said, scores), NAMES).code == "smallest"
    assert rule_of(heard(said, np.full_like(LOGITS, np.nan)), NAMES).code == "no-rule"


def test_answers_that_are_lost_now_and_then_are_no_slice_of_the_scores():
    """No image is of the last class; so the first seven scores say as much as all."""
    scores = LOGITS.copy()
    scores[:, -1] = -9
    said = scores.argmax(axis=1)
    said[:7] = NO_ANSWER
    assert rule_of(heard(said, scores), NAMES).code == "no-class"


def test_a_category_in_place_of_a_class_is_told_by_its_map_and_one_name_for_several_is_none():
    said = np.where(LOGITS.argmax(axis=1) < 4, 0, 5)
    assert rule_of(heard(said), NAMES).details["map"] == (
        "class 0 -> class 1; class 0 -> class 2; class 0 -> class 3; class 5 -> class 4; and 2 more"
    )
    said = np.where(LOGITS.argmax(axis=1) < 4, 0, LOGITS.argmax(axis=1))
    assert rule_of(heard(said), NAMES).code == "no-rule"


def test_without_scores_there_is_no_rule_to_look_for():
    with pytest.raises(ValueError, match="no scores"):
        rule_of(Heard(np.arange(5), np.zeros(5, int), None), NAMES)


# Whatever the scores are.

shapes = st.tuples(st.integers(3, 30), st.integers(0, 10_000), st.booleans())


def drawn(shape, images=300):
    """Made-up scores, logits or probabilities, with the names of their classes."""
    classes, seed, are_probabilities = shape
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, rng.uniform(0.5, 4), (images, classes))
    return (softmax(scores) if are_probabilities else scores), tuple(map(str, range(classes))), rng


@settings(max_examples=60, deadline=None)
@given(shape=shapes, data=st.data())
def test_the_rule_that_was_applied_is_the_one_that_is_found(shape, data):
    scores, names, rng = drawn(shape)
    classes = len(names)
    count = data.draw(st.integers(2, classes - 1))
    least = float(np.quantile(softmax(scores).max(axis=1), 0.4))
    first = scores.argmax(axis=1)
    answers = {
        "smallest": scores.argmin(axis=1),
        "rank": np.argsort(-scores, axis=1)[:, data.draw(st.integers(1, classes - 2))],
        "first-alone": scores[:, :count].argmax(axis=1),
        "last-alone": scores[:, -count:].argmax(axis=1) + classes - count,
        "default": np.where(softmax(scores).max(axis=1) < least, count, first),
        "renamed": rng.permutation(classes)[first],
    }
    code = data.draw(st.sampled_from(sorted(answers)))
    assume((answers[code] != first).mean() > 0.1)
    found = rule_of(heard(answers[code], scores), names)
    assert found.code == code
    if code in ("first-alone", "last-alone"):
        assert found.details["count"] == count


@settings(max_examples=60, deadline=None)
@given(shape=shapes)
def test_answers_that_have_nothing_to_do_with_the_scores_follow_no_rule(shape):
    scores, names, rng = drawn(shape)
    said = rng.integers(0, len(names), len(scores))
    assert rule_of(heard(said, scores), names).code == "no-rule"


@settings(max_examples=60, deadline=None)
@given(shape=shapes)
def test_the_highest_score_gives_nothing_to_tell(shape):
    scores, names, _ = drawn(shape)
    right = heard(scores.argmax(axis=1), scores)
    assert right.is_read_right
    assert (right.trial(by_scores=True).answers == right.trial().answers).all()
    assert rule_of(right, names).code == "no-rule"


# What the network said.


def answer_of(*outputs):
    """An answer whose networks gave these arrays."""
    noted = tuple(
        Record("torch", "Net", None, None if each is None else tensor(np.asarray(each)), False, 1)
        for each in outputs
    )
    return Recorded("x", None, noted, len(noted), (), ())


def tensor(values):
    return Tensor(str(values.dtype), values.shape, values)


SCORES = np.array([0.5, -1.0, 3.0])


@pytest.mark.parametrize("shape", [(3,), (1, 3), (1, 1, 3), (3, 1), (1, 3, 1, 1), (1, 1, 1, 3), (1, 3, 1)])
@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int8"])
def test_scores_are_the_numbers_of_the_classes_whatever_their_axes(shape, dtype):
    values = SCORES.reshape(shape).astype(dtype)
    assert scores_of(answer_of(values), 3).tolist() == SCORES.astype(dtype).tolist()


def test_of_several_pictures_or_networks_it_is_the_mean():
    crops = np.stack([SCORES, SCORES + 2])
    assert scores_of(answer_of(crops), 3).tolist() == [1.5, 0.0, 4.0]
    assert scores_of(answer_of(crops[:, :, None, None]), 3).tolist() == [1.5, 0.0, 4.0]
    assert scores_of(answer_of(SCORES[None], SCORES[None] + 4), 3).tolist() == [2.5, 1.0, 5.0]


def test_features_on_the_way_to_the_scores_are_none():
    pooled, maps = np.ones((1, 1280)), np.ones((1, 1280, 7, 7))
    assert scores_of(answer_of(pooled, SCORES[None]), 3).tolist() == SCORES.tolist()
    assert scores_of(answer_of(maps, np.ones((1, 7))), 7).tolist() == [1] * 7
    assert scores_of(answer_of(maps), 7) is None
    assert scores_of(answer_of(np.ones((1, 7, 7, 1280))), 7) is None


@pytest.mark.parametrize(
    "output",
    [
        None,
        np.array(2.0),
        np.zeros((0, 3)),
        np.zeros((3, 0)),
        np.ones((1, 3), bool),
        np.ones((1, 4)),
        np.ones((3, 2)),
        np.ones((2, 3, 2)),
    ],
    ids=lambda output: "None" if output is None else f"{output.dtype} {output.shape}",
)
def test_what_has_no_number_for_each_class_is_no_scores(output):
    assert scores_of(answer_of(output), 3) is None


def test_what_did_not_come_is_no_scores():
    too_large = Recorded(
        "x", None, (Record("torch", "Net", None, Tensor("float32", (1, 3), None), None, 1),), 1, (), ()
    )
    assert scores_of(None, 3) is None
    assert scores_of(answer_of(), 3) is None
    assert scores_of(too_large, 3) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_scores_and_name_no_class(value):
    scores = scores_of(answer_of([[1.0, value, 2.0]]), 3)
    said = heard([2, 2], np.array([scores, SCORES]))
    assert said.first.tolist() == [NO_ANSWER, 2]
    assert not said.is_read_right
