"""The corpus itself: every row has a case, a wrong description is refused, and a wrong result is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.model.verdict import Verdict

from .corpus import Case, CorpusError, choose, corpus, read_case
from .doors import ReadyGraders
from .ground import HONEST, TOTAL, Ground
from .run import Result, run
from .table import mark, table

ROWS = {f"{kind}{number}" for kind, count in {"A": 18, "B": 19, "C": 15, "D": 24, "E": 15, "F": 8}.items() for number in range(1, count + 1)}  # fmt: skip
GOOD = 'row = "A1"\ndoes = "x"\nverdict = "GRADED"\ncorrect = 1\n'


def case(text: str, folder: Path) -> Case:
    folder.mkdir(exist_ok=True)
    (folder / "case.toml").write_text(text, encoding="utf-8")
    return read_case(folder)


def test_every_row_has_a_case() -> None:
    assert {case.row for case in corpus()} >= ROWS


def test_a_description_that_is_wrong_is_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "A01_x"
    assert case(GOOD, folder).id == "A01_x"
    for text, reason in (
        (GOOD + "corect = 2\n", "corect"),
        (GOOD.replace("GRADED", "PASSED"), "verdict"),
        (GOOD.replace("correct = 1", ""), "correct or at_most"),
        (GOOD.replace("A1", "B1"), "B01_"),
        (GOOD + "folder = 1\n", "folder"),
        ("row = ", "case.toml"),
    ):
        with pytest.raises(CorpusError, match=reason):
            case(text, folder)


def test_cases_are_chosen_by_the_beginning_of_their_ids() -> None:
    assert {case.row for case in choose(corpus(), ["C03", "D2"])} == {
        "C3",
        *(f"D{number}" for number in range(20, 25)),
    }
    assert choose(corpus(), []) == corpus()
    with pytest.raises(CorpusError, match="no case G1"):
        choose(corpus(), ["A", "G1"])


def test_whatever_is_not_as_described_is_a_problem(ground: Ground, graders: ReadyGraders) -> None:
    (honest,) = choose(corpus(), ["D02_byte_order_mark"])
    wrong = {
        "verdict": Verdict.CRASH,
        "correct": HONEST + 1,
        "unanswered": 3,
        "findings": ("no-main",),
        "says": ("never said",),
        "never_says": ("GRADED",),
        "printed": ("/[0-9]{9}/",),
    }
    assert run(honest, ground).problems == ()
    for key, value in wrong.items():
        assert len(run(honest.model_copy(update={key: value}), ground, graders=graders).problems) == 1, key


def test_the_table_marks_what_is_wrong_and_what_waits_no_longer() -> None:
    (honest,) = choose(corpus(), ["D02_byte_order_mark"])
    waiting = honest.model_copy(update={"pending": "nobody looks yet"})
    results = [Result(honest, "GRADED", problems, 1.0) for problems in ((), ("the verdict is GRADED",))]
    results += [Result(waiting, "GRADED", problems, 1.0) for problems in ((), ("no finding",))]
    assert [mark(result) for result in results] == ["ok", "WRONG", "WRONG: no longer pending", "pending"]
    assert "4 submissions, 2 as expected, 2 pending" in table(results)
    assert "D02_byte_order_mark: the verdict is GRADED" in table(results)


def test_nobody_is_right_about_everything_without_the_key() -> None:
    assert HONEST < TOTAL
