"""What four do to a class of twenty: nothing that the other sixteen could see."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.submissions.ground import laid_out

from .neighbours import HOSTILE, STUDENTS, hostile_cases, lay_out
from .run import ClassRoom, Run

_RUN = ("run_", "attempt")


def rows_of(run: Run) -> dict[str, dict[str, str]]:
    with (run.out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    return {
        id_: {name: cell for name, cell in row.items() if not name.startswith(_RUN)}
        for id_, row in rows.items()
    }


def test_neighbours_are_graded_as_alone(tmp_path: Path) -> None:
    found = {}
    with laid_out() as ground:
        for name, with_hostile in (("alone", False), ("beside", True)):
            members = lay_out(tmp_path / name, ground, with_hostile=with_hostile)
            run = ClassRoom(tmp_path / name, members, ground).grade("book")
            found[name] = rows_of(run)
            assert (run.out / "similarity.html").is_file()
    assert len(found["beside"]) == STUDENTS
    assert found["beside"].keys() - found["alone"].keys() == {case.id for case in hostile_cases()}
    assert len(hostile_cases()) == HOSTILE
    assert {id_: found["beside"][id_] for id_ in found["alone"]} == found["alone"]
    for member in members:
        assert found["alone"][member.id]["verdict"] == member.verdict.value
        assert int(found["alone"][member.id]["correct"]) == member.correct
    for case in hostile_cases():
        assert found["beside"][case.id]["verdict"] == case.verdict.value
