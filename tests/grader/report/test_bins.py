"""The bins that classes belong into: counted, shown, and weighed where an assignment says so."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from grader.model.assignment import Points, load_assignment
from grader.report import render_text
from grader.report.html import render_html
from grader.scoring import bins_of, count_predictions, images_to, points_for, worth
from tests.grader.gradings import report_of

from ..conftest import CLASSES, ORACLE

IN_BINS = (*CLASSES[:2], replace(CLASSES[2], group="dry", group_zh="干垃圾"))
SWAPS_IN_THE_BIN = ORACLE.replace("int(image[0, 0, 0]) // 80", "(1, 0, 2)[int(image[0, 0, 0]) // 80]")
WRONG_BIN = ORACLE.replace("int(image[0, 0, 0]) // 80", "(0, 1, 1)[int(image[0, 0, 0]) // 80]")


@pytest.fixture
def with_bins(assignment):
    return assignment.model_copy(update={"classes": IN_BINS})


def test_the_bins_of_the_garbage_lab_are_four():
    classes = load_assignment().classes
    bins = bins_of(classes)
    assert [classes[members[0]].group_zh for members in bins] == ["可回收物", "干垃圾", "有害垃圾", "湿垃圾"]
    assert [len(members) for members in bins] == [10, 8, 4, 4]


def test_without_bins_or_with_one_for_all_nothing_is_said(write_submission, split, assignment):
    assert bins_of(CLASSES) == bins_of([replace(info, group="", group_zh="") for info in CLASSES]) == ()
    report = report_of(write_submission(ORACLE), split, assignment)
    assert report.bins is None
    assert "bin" not in render_text(report)
    assert 'id="bins"' not in render_html(report)


def test_a_mistake_within_a_bin_is_in_the_right_bin(write_submission, split, with_bins):
    report = report_of(write_submission(SWAPS_IN_THE_BIN), split, with_bins)
    assert (report.score.correct, report.bins.right_bin, report.bins.accuracy) == (4, 12, 1.0)
    assert [(part.name, part.zh, part.classes, part.total, part.correct, part.right_bin) for part in report.bins.per_bin] == [
        ("recyclable", "可回收物", (0, 1), 8, 0, 8),
        ("dry", "干垃圾", (2,), 4, 4, 4),
    ]  # fmt: skip
    assert report.bins.mistakes == ()
    assert "In the right bin: 12 of 12" in render_text(report)
    assert "No answer put a thing into a wrong bin" in render_html(report)
    assert '<span class="mark">' not in render_html(report)


def test_mistakes_that_put_a_thing_into_a_wrong_bin_are_named_in_both_languages(
    write_submission, split, with_bins
):
    report = report_of(write_submission(WRONG_BIN), split, with_bins)
    assert [(each.truth, each.said, each.count) for each in report.bins.mistakes] == [(2, 1, 4)]
    assert "Newspaper (dry) -> Hats (recyclable) x 4" in render_text(report)
    assert "报纸（干垃圾） -> 帽子（可回收物） x 4" in render_text(report, "zh")
    page = render_html(report)
    assert "Newspaper (dry) → Hats (recyclable)" in page
    assert "报纸（干垃圾） → 帽子（可回收物）" in page
    assert page.count('<span class="mark">') == 1


def test_no_valid_answer_is_in_no_bin(write_submission, split, with_bins):
    report = report_of(write_submission("def predict(image):\n    return 'cat'"), split, with_bins)
    assert report.bins.right_bin == 0
    assert report.bins.mistakes == ()


@pytest.fixture
def tally(split):
    """Of 12 images 6 right, 2 in the right bin, 3 in a wrong one, 1 without an answer."""
    from grader.model.predictions import Prediction

    said = [0, 0, 0, 1, 1, 1, 0, 2, 2, 1, 0, None]
    given = [None if index is None else Prediction(text="", index=index) for index in said]
    return count_predictions(given, split, 3)


@pytest.mark.parametrize(
    ("rule", "counted"),
    [
        (Points(), 6),
        (Points(wrong_class=0.5), 7),
        (Points(wrong_class=0.0), 8),
        (Points(wrong_bin=2.0), 2),
        (Points(wrong_class=0.0, wrong_bin=2.0), 4),
        (Points(wrong_bin=10.0), 0),
    ],
)
def test_mistakes_cost_what_the_assignment_says_and_as_much_as_ever_if_it_says_nothing(tally, rule, counted):
    assert worth(tally, IN_BINS, rule) == counted
    assert points_for(worth(tally, IN_BINS, rule), 12, rule) == round(100 * counted / 12, 2)


def test_the_score_stays_the_share_of_right_classes_whatever_mistakes_cost(
    write_submission, split, with_bins
):
    weighed = with_bins.model_copy(update={"points": Points(wrong_class=0.25, boundaries=(60.0, 90.0))})
    report = report_of(write_submission(SWAPS_IN_THE_BIN), split, weighed)
    assert (report.score.correct, round(report.score.accuracy, 4)) == (4, 0.3333)
    assert report.score.points == 83.33  # 12 images, less a quarter for each of 8
    assert [boundary.images for boundary in report.score.boundaries] == [-2, 1]


def test_halves_of_images_are_rounded_up_to_a_boundary():
    assert images_to(60.0, 7.5, 13, Points()) == 1
    assert images_to(60.0, 8.0, 13, Points()) == 0


@pytest.mark.parametrize(
    "points", [{"wrong_class": 1.0, "wrong_bin": 0.5}, {"wrong_class": 2.0}, {"wrong_bin": -1.0}]
)
def test_costs_that_make_no_sense_are_refused(points):
    with pytest.raises(ValidationError):
        Points(**points)


def test_to_weigh_bins_every_class_needs_one(tmp_path):
    from grader.errors import UsageError

    toml = 'title = "t"\nclasses = [{folder = "a", name = "A"}]\n[points]\nwrong_class = 0.5\n'
    (tmp_path / "a.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(UsageError, match="need classes with a bin"):
        load_assignment(tmp_path / "a.toml")
