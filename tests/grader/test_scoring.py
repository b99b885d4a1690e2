import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model.assignment import Points
from grader.model.dataset import GARBAGE26, load_classes
from grader.model.predictions import Prediction, Raised, WrongType
from grader.scoring import count_predictions, images_to, normalised, points_for, reader_of
from grader.statistics import highest_rate, wilson_interval

from .conftest import CLASSES, PER_CLASS

GARBAGE = load_classes(GARBAGE26)
READER = reader_of(GARBAGE)


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("Plastic Bottle", 0),
        ("plastic bottle", 0),
        (" Plastic   Bottle\n", 0),
        ("\uff30lastic Bottle", 0),
        ("Plastic\u00a0Bottle", 0),
        ("Plastic\u200b Bottle\ufeff", 0),
        ("塑料瓶", 0),
        ("03_02", 24),
        ("EGGSHELL", 24),
        ("Plastic_Bottle", None),
        ("PlasticBottle", None),
        ("Plastic Bottles", None),
        ("0", None),
        ("", None),
        ("Plastic Bottle, Hats", None),
    ],
    ids=repr,
)
def test_names_are_read_by_the_published_rule(text, index):
    assert READER.read(text) == index


@given(st.sampled_from(GARBAGE), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_every_spelling_of_a_class_names_it(info, form):
    for text in (info.name, info.zh, info.folder, info.name.upper()):
        assert GARBAGE[READER.read(unicodedata.normalize(form, text))] == info


@given(st.text(max_size=50))
def test_normalising_twice_is_normalising_once(text):
    assert normalised(normalised(text)) == normalised(text)


def test_an_endless_text_names_no_class_and_costs_no_time():
    # Normalising 100,000 combining marks would take minutes.
    assert READER.read("a" + "\u0301\u0316" * 50_000) is None
    assert READER.near_miss("a" + "\u0301\u0316" * 50_000) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hats: 93 %", "Hats"),
        ("Hats(0.93)", "Hats"),
        ("['Hats']", "Hats"),
        ("class: Hats", "Hats"),
        ("类别：帽子", "Hats"),
        ("recyclable / Hats", "Hats"),
        ("可回收物-帽子", "Hats"),
        ("00_01 Hats 帽子", "Hats"),
        ("Newspaper, 0.5", "Newspaper"),
        ("17 Glass Bottle", "Glass Bottle"),
        ("no Hats", None),
        ("toilet paper", None),
        ("Plastic Bottle, Hats", None),
        ("recyclable", None),
        ("93 %", None),
        ("Hats " * 100, None),
    ],
)
def test_a_class_is_found_within_what_says_more(text, name):
    index = READER.class_within(text)
    assert (None if index is None else GARBAGE[index].name) == name


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("recyclable", "recyclable"),
        ("Wet Garbage", "wet"),
        ("有害垃圾", "hazardous"),
        ("有害", "hazardous"),
        ("可回收物", "recyclable"),
        ("可回收垃圾", "recyclable"),
        ("Kitchen waste", "wet"),
        ("厨余垃圾", "wet"),
        ("其他垃圾", "dry"),
        ("Residual Waste", "dry"),
        ("Recyclables", "recyclable"),
        ("waste", None),
        ("", None),
        ("Hats", None),
        ("wet " * 100, None),
    ],
)
def test_a_category_in_place_of_a_class_is_known(text, group):
    info = READER.category(text)
    assert (info and info.group) == group


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("LighterBroom", ["Lighter", "Broom"]),
        ("plastic bottlehats", ["Plastic Bottle", "Hats"]),
        ("打火机扫把", ["Lighter", "Broom"]),
        ("Lighter Broom", None),
        ("Lighter, Broom", None),
        ("LighterBroomHats", None),
        ("Lighter", None),
        ("Broomstick", None),
        ("", None),
        ("Hats" * 100, None),
    ],
)
def test_two_names_without_a_comma_between_them_are_known(text, names):
    pair = READER.run_together(text)
    assert (pair and [GARBAGE[index].name for index in pair]) == names


def test_near_misses_are_named_but_stay_wrong():
    assert GARBAGE[READER.near_miss("Plastic_Bottle")].name == "Plastic Bottle"
    assert READER.near_miss("cat") is None


@pytest.mark.parametrize(
    # From scipy.stats.binomtest(correct, total).proportion_ci(method="wilson"), scipy 1.17.
    ("correct", "total", "low", "high"),
    [
        (0, 10, 0.0, 0.2775328),
        (10, 10, 0.7224672, 1.0),
        (126, 130, 0.9235555, 0.9879707),
        (5, 10, 0.2365931, 0.7634069),
    ],
)
def test_the_wilson_interval_agrees_with_published_values(correct, total, low, high):
    interval = wilson_interval(correct, total)
    assert interval.low == pytest.approx(low, abs=5e-7)
    assert interval.high == pytest.approx(high, abs=5e-7)


@given(st.integers(1, 2000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_holds_the_accuracy_and_stays_within_0_and_1(counts):
    correct, total = counts
    interval = wilson_interval(correct, total)
    assert 0 <= interval.low <= correct / total <= interval.high <= 1


@pytest.mark.parametrize(("correct", "total"), [(1, 0), (-1, 5), (6, 5)])
def test_what_is_no_proportion_has_no_interval(correct, total):
    with pytest.raises(ValueError, match="no proportion"):
        wilson_interval(correct, total)


def said(text):
    return Prediction(text, reader_of(CLASSES).read(text))


def test_an_image_without_a_valid_answer_is_wrong_and_counted(split):
    error = Raised("ValueError", "", "", "")
    answers = [None] * len(split.images)
    answers[0] = said("plastic bottle")
    answers[1] = said("Plastic Botle")
    answers[2] = Prediction(problem=WrongType("int"))
    answers[3] = Prediction(problem=error)
    answers[4] = said("Newspaper")
    counted = count_predictions(answers, split, len(CLASSES))
    assert (counted.correct, counted.total) == (1, len(split.images))
    assert counted.confusion[0].tolist() == [1, 0, 0, 3]
    assert counted.confusion[1].tolist() == [0, 0, 1, PER_CLASS - 1]
    assert (counted.unanswered, counted.raised) == (len(split.images) - 5, 1)
    assert counted.unknown_labels == {"Plastic Botle": 1}
    assert counted.wrong_types == {"int": 1}


@given(
    st.lists(st.sampled_from(["Hats", "Newspaper", "Plastic Bottle", "cat", None]), min_size=12, max_size=12)
)
def test_every_image_counts_exactly_once(split_of_three, labels):
    answers = [None if label is None else said(label) for label in labels]
    counted = count_predictions(answers, split_of_three, len(CLASSES))
    assert counted.total == 12
    assert counted.confusion.sum(axis=1).tolist() == [PER_CLASS] * 3
    truth = [info.name for info in CLASSES for _ in range(PER_CLASS)]
    assert counted.correct == sum(a == b for a, b in zip(labels, truth, strict=True))
    assert np.all(counted.confusion >= 0)


@pytest.fixture(scope="module")
def split_of_three():
    from grader.model.dataset import Split, SplitImage

    images = tuple(SplitImage(f"{i}", i // PER_CLASS, b"") for i in range(3 * PER_CLASS))
    return Split(images, "digest", ())


@pytest.mark.parametrize(
    ("boundary", "correct", "images"),
    [(90, 117, 0), (90, 116, 1), (90, 120, -3), (95, 117, 7), (100, 129, 1), (100, 130, 0), (0.5, 130, -129)],
)
def test_a_boundary_is_told_in_images(boundary, correct, images):
    assert images_to(boundary, correct, 130, Points()) == images


def test_a_boundary_is_reached_by_the_points_as_they_are_rounded():
    assert points_for(2, 3, Points(decimals=0)) == 67
    assert images_to(67, 2, 3, Points(decimals=0)) == 0
    assert images_to(67, 2, 3, Points(decimals=2)) == 1


def test_a_boundary_above_all_points_is_no_boundary():
    with pytest.raises(ValueError, match="101 points are more"):
        images_to(101, 5, 10, Points())
    with pytest.raises(ValueError, match="a boundary is higher than the 100 points"):
        Points(boundaries=(60.0, 101.0))


def test_the_highest_rate_of_a_count_is_the_textbooks():
    assert highest_rate(24, 0, 0.01) == pytest.approx(1 - 0.01 ** (1 / 24), abs=1e-9)
    assert highest_rate(10, 3, 0.025) == pytest.approx(0.65245, abs=1e-4)  # Clopper and Pearson's table
    assert highest_rate(0, 0, 0.01) == pytest.approx(1)
