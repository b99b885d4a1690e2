"""From right answers to points: by share, by table, by curve; and what lateness takes off."""

import pytest

from grader.model.assignment import Late, Points, load_assignment
from grader.scoring import after_lateness, points_for

TABLE = Points(table=((0.5, 50.0), (0.8, 80.0), (0.95, 105.0)))
CURVE = Points(curve=((0.5, 0.0), (0.9, 80.0), (1.0, 100.0)))


@pytest.mark.parametrize(
    ("rule", "correct", "total", "points"),
    [
        (Points(), 125, 130, 96.15),
        (Points(full=20.0, decimals=1), 125, 130, 19.2),
        (TABLE, 49, 100, 0.0),
        (TABLE, 50, 100, 50.0),
        (TABLE, 4, 5, 80.0),
        (TABLE, 94, 100, 80.0),
        (TABLE, 1, 1, 105.0),
        (CURVE, 0, 10, 0.0),
        (CURVE, 7, 10, 40.0),
        (CURVE, 9, 10, 80.0),
        (CURVE, 95, 100, 90.0),
        (CURVE, 1, 1, 100.0),
        (Points(curve=((0.5, 7.0),)), 9, 10, 7.0),
    ],
)
def test_points_follow_the_rule(rule, correct, total, points):
    assert points_for(correct, total, rule) == points


@pytest.mark.parametrize(
    ("days", "left"), [(0, 80.0), (1, 80.0), (1.01, 72.0), (2, 72.0), (4, 56.0), (100, 40.0)]
)
def test_every_day_begun_costs_after_the_free_ones_up_to_a_limit(days, left):
    rule = Late(percent_per_day=10.0, free_days=1.0, most_percent=50.0)
    assert after_lateness(80.0, days, rule, 2) == left


def test_what_is_done_with_points_afterwards_is_no_reason_to_grade_again(tmp_path):
    classes = 'title = "t"\nclasses = [{folder = "a", name = "A"}]\n'
    digests = []
    for more in ("", "[late]\npercent_per_day = 5", "[attempts]\nmost = 2", "[points]\ntable = [[0.5, 1]]"):
        (tmp_path / "a.toml").write_text(classes + more, encoding="utf-8")
        digests.append(load_assignment(tmp_path / "a.toml").sha256)
    assert digests[0] == digests[1] == digests[2] != digests[3]


def test_points_that_fall_where_accuracies_rise_are_refused():
    with pytest.raises(ValueError, match="must not fall"):
        Points(curve=((0.5, 60.0), (0.9, 40.0)))


def test_a_boundary_that_rounding_puts_out_of_reach_is_refused():
    with pytest.raises(ValueError, match="a boundary is higher than the 80 points"):
        Points(full=80.4, decimals=0, boundaries=(80.4,))
