"""What the corpus holds that can only be seen where a class is graded, by the real command."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from grader.model.verdict import Verdict
from tests.ready_python import Program, ReadyPython

from .corpus import choose, corpus
from .ground import Ground, assignment_text
from .run import ROOT, environment_with, hand_in

Batch: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]
_ATTEMPTS = "[attempts]\nmost = 2\n"


@pytest.fixture
def batch(ready_commands: ReadyPython) -> Batch:
    """`python -m grader batch` on a folder of submissions."""
    return partial(_batch, ready_commands)


def _batch(
    python: ReadyPython, students: Path, ground: Ground, out: Path, *options: object
) -> subprocess.CompletedProcess[str]:
    rules = students.with_name("assignment.toml")
    rules.write_text(assignment_text({"threads": 1}) + _ATTEMPTS, encoding="utf-8")
    arguments = ["batch", students, "--split", ground.split("colours"), "--assignment", rules, "--out", out]
    arguments += options
    return python.run(Program(["-m", "grader", *map(str, arguments)], environment=environment_with({})))


@pytest.fixture
def students(tmp_path: Path) -> Path:
    folder = tmp_path / "class"
    folder.mkdir()
    return folder


def handed_in(case_id: str, ground: Ground, students: Path, name: str = "") -> Path:
    (case,) = choose(corpus(), [case_id])
    folder = hand_in(case, ground, students)
    return folder.rename(students / name) if name else folder


def rows_of(out: Path) -> dict[str, dict[str, str]]:
    with (out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_attempts_are_counted_and_capped(
    batch: Batch, ground: Ground, students: Path, tmp_path: Path
) -> None:
    folder = handed_in("A17", ground, students, "wang")
    seen = []
    for attempt in range(3):
        with (folder / "main.py").open("a", encoding="utf-8") as main:
            main.write(f"# attempt {attempt}\n")
        done = batch(students, ground, tmp_path / "book")
        assert done.returncode == 0, done.stderr
        row = rows_of(tmp_path / "book")["wang"]
        seen.append((row["attempt"], row["hash"]))
    assert [attempt for attempt, _ in seen] == ["1", "2", "2"]
    assert seen[1][1] == seen[2][1], "the third has not been graded"


def test_no_cell_of_the_gradebook_is_a_formula(
    batch: Batch, ground: Ground, students: Path, tmp_path: Path
) -> None:
    handed_in("B16", ground, students)
    done = batch(students, ground, tmp_path / "book")
    assert done.returncode == 0, done.stderr
    ((id_, row),) = rows_of(tmp_path / "book").items()
    assert id_.lstrip("'").startswith("=1+1"), "it is there, and harmless"
    assert not any(str(cell).startswith(tuple("=+-@\t\r")) for cell in row.values())
    page = (tmp_path / "book" / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page


def test_two_of_one_name_stop_the_class_before_it_begins(
    batch: Batch, ground: Ground, students: Path, tmp_path: Path
) -> None:
    handed_in("B17", ground, students)
    handed_in("A17", ground, students, "Zo\u00eb")
    done = batch(students, ground, tmp_path / "book")
    assert done.returncode == 2
    assert "is used twice" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "book").exists()


def test_who_hands_in_one_checkpoint_is_named_together(
    batch: Batch, ground: Ground, students: Path, tmp_path: Path
) -> None:
    for name in ("li", "wang", "zhao"):
        folder = handed_in("D22", ground, students, name)
        with (folder / "main.py").open("a", encoding="utf-8") as main:
            main.write(f"# written by {name}\n")
    handed_in("A17", ground, students, "alone")
    done = batch(students, ground, tmp_path / "book")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "book" / "index.html").read_text(encoding="utf-8")
    assert "<p>li, wang, zhao</p>" in page


def test_no_part_of_a_cell_is_a_formula_where_lines_are_split_otherwise(
    batch: Batch, ground: Ground, students: Path, tmp_path: Path
) -> None:
    handed_in("E10_formula", ground, students)
    done = batch(students, ground, tmp_path / "book")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "book" / "gradebook.csv").read_text(encoding="utf-8-sig")
    assert "=1+1" in text
    assert not [part for part in re.split(r"[;\t\n]", text) if re.match(r"\s*[=+\-@]", part)]


def test_no_list_and_no_line_steers_a_terminal(
    batch: Batch, ground: Ground, students: Path, tmp_path: Path
) -> None:
    pytest.importorskip("tox")
    handed_in("E10_escape", ground, students)
    (students / "notes\x1b[2J.txt").write_text("", encoding="utf-8")
    for name in ("tox.ini", "toxfile.py"):
        shutil.copy(ROOT / name, tmp_path)
    listed = subprocess.run(
        [sys.executable, "-m", "tox", "list", "-m", "submissions"],
        cwd=tmp_path,
        env=environment_with({"SUBMISSIONS": str(students)}),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    done = batch(students, ground, tmp_path / "book")
    assert "owned" in listed.stdout
    assert "notes" in done.stderr
    for text in (listed.stdout, listed.stderr, done.stdout, done.stderr):
        assert all(line.isprintable() for line in text.splitlines())


def test_junit_holds_no_control_character(
    batch: Batch, ground: Ground, students: Path, tmp_path: Path
) -> None:
    handed_in("E10_controls", ground, students)
    done = batch(students, ground, tmp_path / "book")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "book" / "junit.xml").read_text(encoding="utf-8")
    assert "gnorw" in text
    assert text.replace("\n", "").isprintable()


def test_a_file_called_as_anothers_stays_its_own_students(
    batch: Batch, ground: Ground, students: Path, tmp_path: Path
) -> None:
    folder = handed_in("E10_named", ground, tmp_path)
    for path in folder.iterdir():
        path.rename(students / f"Li_7_assignsubmission_file_{path.name}")
    handed_in("A17", ground, students, "Wang_999_assignsubmission_file_")
    done = batch(students, ground, tmp_path / "book")
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "book")
    assert (rows["7"]["verdict"], rows["7"]["correct"]) == ("GRADED", "21")
    assert rows.keys() == {"7", "999"}


def test_what_grows_when_it_is_read_leaves_the_class_its_pages(
    batch: Batch, ground: Ground, students: Path, tmp_path: Path
) -> None:
    cases = [case.id for case in corpus() if case.row == "E6" and case.verdict is Verdict.GRADED]
    for case_id in cases:
        handed_in(case_id, ground, students, case_id)
    for name in ("li", "wang"):
        handed_in("D22", ground, students, name)
    done = batch(students, ground, tmp_path / "book")
    assert done.returncode == 0, done.stderr
    assert {row["verdict"] for row in rows_of(tmp_path / "book").values()} == {"GRADED"}
    page = (tmp_path / "book" / "similarity.html").read_text(encoding="utf-8")
    assert (
        f"{len(cases) + 2} of {len(cases) + 2} submissions were compared; trained heads among them: 0."
        in page
    )
    assert '>li, wang <small><span lang="en">2 students' in page


def test_nobody_is_listed_for_what_was_handed_out(
    batch: Batch, ground: Ground, students: Path, tmp_path: Path
) -> None:
    lecture = tmp_path / "lecture"
    lecture.mkdir()
    for name in ("li", "wang", "zhao"):
        folder = handed_in("E13_handed_out_checkpoint", ground, students, name)
        with (folder / "main.py").open("a", encoding="utf-8") as main:
            main.write(f"# written by {name}\n")
        features = handed_in("E13_handed_out_features", ground, tmp_path / "lecture", name) / "features.npy"
        features.rename(folder / features.name)
    for name in ("start.ckpt", "features.npy"):
        (lecture / name).write_bytes((students / "li" / name).read_bytes())
    done = batch(students, ground, tmp_path / "book")
    assert done.returncode == 0, done.stderr
    pages = ("index.html", "similarity.html")
    listed = [">li, wang, zhao" in (tmp_path / "book" / name).read_text(encoding="utf-8") for name in pages]
    assert listed == [True, True], "as long as nobody has named it"
    named = [option for name in ("start.ckpt", "features.npy") for option in ("--handed-out", lecture / name)]
    done = batch(students, ground, tmp_path / "book", *named)
    assert done.returncode == 0, done.stderr
    listed = [">li, wang, zhao" in (tmp_path / "book" / name).read_text(encoding="utf-8") for name in pages]
    assert listed == [False, False]
