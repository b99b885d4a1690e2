from pathlib import Path

import pytest

from benchmarks.measure import Run, Runs, Subject
from benchmarks.table import Figure, Spread, Table, failures, make_rows, number, speedup, to_json, to_markdown


def runs(name: str, failure: str = "", **samples: list[float]) -> Runs:
    return Runs(Subject(name, (), {}, Path()), (Run(samples, (), failure),))


def test_a_spread_has_the_median_and_the_extremes() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0, 3)
    assert Spread.of([4.0, 1.0]).median == 2.5


@pytest.mark.parametrize(
    ("better", "expected"),
    [("less", 4.0), ("more", 0.25), ("neither", None)],
    ids=["less", "more", "neither"],
)
def test_the_ratio_says_how_many_times_as_fast(better, expected) -> None:
    assert speedup(better, [8.0, 7.0, 100.0], [2.0]) == expected


def test_there_is_no_ratio_to_nothing() -> None:
    assert speedup("less", [], [1.0]) is None
    assert speedup("less", [1.0], []) is None
    assert speedup("more", [0.0], [1.0]) is None


def test_numbers_have_three_digits_and_never_an_exponent() -> None:
    assert [number(value) for value in (0.012345, 1.2345, 99.95, 100.4, 12345.6)] == [
        "0.0123",
        "1.23",
        "100",
        "100",
        "12346",
    ]


def test_programs_are_compared_with_the_first_one_figure_by_figure() -> None:
    figures = (Figure("head", "s"), Figure("rate", "images/s", "more"))
    rows = make_rows([runs("old", head=[10.0], rate=[5.0]), runs("new", head=[2.0], rate=[50.0])], figures)
    assert [(row.figure.name, row.subject, row.speedup) for row in rows] == [
        ("head", "old", 1.0),
        ("head", "new", 5.0),
        ("rate", "old", 1.0),
        ("rate", "new", 10.0),
    ]


@pytest.fixture
def table() -> Table:
    everything = [
        runs("old", "exit code 1: no", head=[10.0, 12.0]),
        runs("new", head=[2.0, 1.0, 3.0]),
        runs("broken", "exit code 2: no"),
    ]
    return Table("head", "A title", make_rows(everything, [Figure("head", "s")]), ("A note.",), failed=True)


def test_the_markdown_keeps_what_was_measured_and_says_what_failed(table: Table) -> None:
    assert to_markdown(table).splitlines() == [
        "## A title",
        "",
        "| figure | program | median | min .. max | runs | times as fast |",
        "| --- | --- | --- | --- | --- | --- |",
        "| head, s | old | 11 | 10 .. 12 | 2, then failed | 1 |",
        "|  | new | 2 | 1 .. 3 | 3 | 5.5 |",
        "|  | broken | failed |  | 0 |  |",
        "",
        "A note.",
    ]


def test_why_a_program_failed_is_said_once() -> None:
    everything = [runs("fine"), runs("broken", "exit code 2: no")]
    assert failures(everything) == ("Failed: broken: exit code 2: no",)


def test_a_bar_in_a_name_does_not_end_the_cell() -> None:
    rows = make_rows([runs("a|b", head=[1.0])], [Figure("head", "s")])
    assert "| a\\|b | 1 |" in to_markdown(Table("head", "A title", rows, (), failed=False))


def test_the_json_has_every_sample(table: Table) -> None:
    content = to_json(table)
    assert [row["samples"] for row in content["rows"]] == [[10.0, 12.0], [2.0, 1.0, 3.0], []]
    assert [row["times_as_fast"] for row in content["rows"]] == [1.0, 5.5, None]
    assert [row["failed"] for row in content["rows"]] == [True, False, True]
