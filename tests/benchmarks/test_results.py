import json
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.measure import Run, Runs, Subject
from benchmarks.results import (
    Circumstances,
    Figure,
    Spread,
    Table,
    failures,
    make_rows,
    number,
    speedup,
    this_machine,
    to_json,
    to_markdown,
)
from reference.errors import InputError

TABLE = Table("head", "A title", (), (), failed=False)


@pytest.fixture
def circumstances() -> Circumstances:
    return Circumstances("2026-01-01T00:00+00:00", "python -m benchmarks", this_machine())


def test_results_are_written_twice_and_may_be_replaced(tmp_path: Path, circumstances: Circumstances) -> None:
    out = tmp_path / "RESULTS.md"
    for title in ("first", "second"):
        results.check(out)
        results.write(out, circumstances, [Table("head", title, (), (), failed=False)])
    assert "## second" in out.read_text(encoding="utf-8")
    content = json.loads((tmp_path / "RESULTS.json").read_text(encoding="utf-8"))
    assert content["tables"][0]["title"] == "second"
    assert content["machine"]["cores"] >= 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["RESULTS.json", "RESULTS.md"]


@pytest.mark.parametrize("name", ["RESULTS.md", "RESULTS.json"])
def test_a_file_of_somebody_elses_is_never_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("# My notes\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"{name}: was not written by this command"):
        results.check(tmp_path / "RESULTS.md")
    assert (tmp_path / name).read_text(encoding="utf-8") == "# My notes\n"


def test_a_place_that_cannot_be_written_to_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        results.check(tmp_path / "nowhere" / "RESULTS.md")
    with pytest.raises(InputError, match=r"must end in \.md"):
        results.check(tmp_path / "RESULTS.txt")


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


def test_the_machine_is_described_from_what_the_system_says(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    core = "model name\t: Some CPU @ 3.00GHz\nflags\t\t: fpu avx avx2 avx512f\n"
    cpuinfo.write_text(f"processor\t: 0\n{core}\nprocessor\t: 1\n{core}", encoding="utf-8")
    machine = this_machine(cpuinfo)
    assert (machine.cpu, machine.instruction_set) == ("Some CPU @ 3.00GHz", "AVX-512")
    assert str(machine).startswith("Some CPU @ 3.00GHz, ")
    assert machine.versions["numpy"] in str(machine)


def test_a_system_that_says_nothing_is_no_trouble(tmp_path: Path) -> None:
    assert this_machine(tmp_path / "nothing").instruction_set == "unknown instruction set"
