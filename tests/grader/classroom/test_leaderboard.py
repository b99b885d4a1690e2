"""Bands of what is statistically tied."""

import pytest

from grader.classroom import Entry, Row
from grader.classroom.overview import places
from grader.classroom.store import Result
from grader.model.grading import NO_CHECKS
from grader.session import grade
from grader.statistics import Paired


@pytest.mark.parametrize(
    ("b", "c", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (1, 0, 1.0), (6, 0, 0.03125), (0, 6, 0.03125), (10, 2, 158 / 4096), (5, 0, 0.0625)],
)  # fmt: skip
def test_mcnemar_agrees_with_coins_tossed_by_hand(b, c, p):
    assert Paired(gained=c, lost=b, total=20).p_different == pytest.approx(p, rel=1e-12)


@pytest.fixture
def row(write_submission, split, assignment):
    report = grade(write_submission("def predict(image): return 'Hats'"), split, assignment, checks=NO_CHECKS)

    def make(id_, correct, verdict="GRADED"):
        score = report.score.model_copy(update={"correct": correct, "total": 20})
        own = report.model_copy(update={"score": score, "verdict": type(report.verdict)(verdict)})
        return Row(Entry(id_, id_, None), Result(id_, own, ("x",)))

    return make


def images(*numbers):
    return frozenset(map(str, numbers))


def test_bands_begin_where_the_next_differs_from_the_bands_first(row):
    right = {
        "best": images(*range(20)),
        "near": images(*range(15)),  # 5 to 0 against the best: p = .0625
        "far": images(*range(14)),  # 6 to 0: p = .03
        "farther": images(*range(9)),  # 5 to 0 against the first of its band
    }
    ranked = places(
        [row(id_, len(names)) for id_, names in right.items()], right, {id_: id_ for id_ in right}
    )
    assert [(place.row.entry.id, place.band) for place in ranked] == [
        ("best", 1), ("near", 1), ("far", 2), ("farther", 2),
    ]  # fmt: skip
    assert [place.p_value for place in ranked] == [1.0, 0.0625, 1.0, 0.0625]


def test_who_was_not_graded_has_no_place(row):
    rows = [row("a", 3), row("b", 12, "CRASH"), row("c", 0, "INTERNAL"), Row(Entry("d", "d", None), None)]
    assert [place.row.entry.id for place in places(rows, {"a": images(1, 2, 3)}, {"a": "a"})] == ["a"]


def test_equal_scores_come_in_the_order_of_the_names_that_are_shown(row):
    right = {"a": images(1), "b": images(2)}
    ranked = places([row("a", 1), row("b", 1)], right, {"a": "Z", "b": "Y"})
    assert [place.row.entry.id for place in ranked] == ["b", "a"]
