"""A whole class graded from the command line: what appears, what is not done twice, and what a kill costs."""

import csv
import json
import random
import re
import shutil
import signal
import time
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from tests.patience import PATIENCE_SECONDS

from .conftest import GOOD, HALF, VERDICTS


@pytest.fixture
def command(class_folder, split_folder, assignment_file, tmp_path):
    def of(out, *more):
        return (
            "batch", class_folder, "--split", split_folder, "--assignment", assignment_file,
            "--out", tmp_path / out, "--jobs", "2", *more,
        )  # fmt: skip

    return of


def rows_of(out):
    with (out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["id"].removeprefix("'"): row for row in csv.DictReader(file)}


def without_run(path):
    """The gradebook's bytes, but for the columns of the run."""
    with path.open("rb") as file:
        lines = file.read().decode("utf-8").split("\r\n")
    keep = [not name.startswith("run_") for name in lines[0].split(",")]
    return [
        [cell for cell, kept in zip(next(csv.reader([line])), keep, strict=True) if kept]
        for line in lines
        if line
    ]


def test_a_class_is_graded_killed_resumed_and_changed(
    grader, command, class_folder, tmp_path
):  # one story, because each chapter needs the one before
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = grader(*command("whole"))
    assert done.returncode == 0, done.stderr
    assert "20 students, 20 graded now: 12 GRADED, 2 CONTRACT, 3 CRASH, 3 FORMAT" in done.stdout
    rows = rows_of(whole)
    assert {id_: row["verdict"] for id_, row in rows.items()} == VERDICTS
    assert rows["王小明"]["correct"] == rows["王小明"]["total"] == "12"
    assert (rows["half-1"]["correct"], rows["weak-1"]["correct"], rows["weak-2"]["correct"]) == (
        "8",
        "4",
        "0",
    )
    assert rows["12345"]["late"] == "1"
    assert rows["no-main"]["attempt"] == "0"
    assert rows["good-1"]["hash"] == rows["good-3"]["hash"] != rows["good-2"]["hash"]

    # What everybody else reads.
    lines = [json.loads(line) for line in (whole / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["id"]: line["verdict"] for line in lines} == VERDICTS
    suite = ElementTree.parse(whole / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("20", "8", "0")
    index = (whole / "index.html").read_text(encoding="utf-8")
    assert '<td class="id">&lt;script&gt;</td>' in index
    assert "good-1, good-3" in index
    for link in re.findall(r'href="([^"]+)"', index):
        assert (whole / unquote(link)).is_file()
    with (whole / "canvas.csv").open(encoding="utf-8-sig", newline="") as file:
        possible, mark = csv.DictReader(file)
    assert (possible["Student"], possible["Colours"]) == ("    Points Possible", "100")
    assert (mark["Student"], mark["ID"], mark["Colours"]) == ("wang", "12345", "100")
    with (whole / "moodle.csv").open(encoding="utf-8-sig", newline="") as file:
        (mark,) = csv.DictReader(file)
    assert (mark["Identifier"], mark["Full name"], mark["Grade"]) == ("Participant 4711", "Li", "100")
    board = (whole / "leaderboard.html").read_text(encoding="utf-8")
    assert board.count("<tr") - 1 == 12
    assert "Not ranked, because not graded: 8." in board

    # Killed without warning again and again: no result that was kept is lost, and the gradebook is the same.
    kept = set()
    for _ in range(5):
        process = grader.start(*command("killed"))
        time.sleep(random.uniform(0.3, 2.5))
        process.kill()
        process.communicate()
        records = {path: path.read_bytes() for path in killed.glob("records/*.json")}
        assert kept <= set(records.items())
        kept = set(records.items())
    done = grader(*command("killed"))
    assert done.returncode == 0, done.stderr
    assert without_run(killed / "gradebook.csv") == without_run(whole / "gradebook.csv")
    assert not [*killed.rglob(".writing-*")]
    assert [*killed.glob("earlier/*")] == []

    # Nothing has changed: nothing is graded, and nothing is written.
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*") if path.is_file()}
    done = grader(*command("whole"))
    assert "20 students, 0 graded now" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*") if path.is_file()} == before

    # A replay that was left out can be made up for, once.
    done = grader(*command("whole", "--replay"))
    assert "20 students, 12 graded now" in done.stdout
    report = json.loads((whole / "students" / "good-1" / "report.json").read_text(encoding="utf-8"))
    assert (report["checks"]["canary"], report["checks"]["replay"]["status"]) == ("passed", "done")
    assert "20 students, 0 graded now" in grader(*command("whole", "--replay")).stdout

    # Under pseudonyms nobody is named, and tomorrow's are today's.
    grader(*command("whole", "--pseudonyms"))
    board = (whole / "leaderboard.html").read_text(encoding="utf-8")
    assert not [id_ for id_ in VERDICTS if f">{id_}<" in board]
    with (whole / "pseudonyms.csv").open(encoding="utf-8", newline="") as file:
        assert sum(f">{row['pseudonym']}<" in board for row in csv.DictReader(file)) == 12
    grader(*command("whole", "--pseudonyms"))
    assert (whole / "leaderboard.html").read_text(encoding="utf-8") == board

    # One has changed and one has gone.
    (class_folder / "half-1" / "main.py").write_text(
        "def predict(image):\n    return 'Hats'\n", encoding="utf-8"
    )
    shutil.rmtree(class_folder / "good-1")
    done = grader(*command("whole"))
    assert "19 students, 1 graded now" in done.stdout
    changed = rows_of(whole)
    assert "good-1" not in changed
    assert (changed["half-1"]["correct"], changed["half-1"]["attempt"]) == ("4", "2")
    earlier = whole / "students" / "half-1" / "earlier" / "001" / "report.json"
    assert json.loads(earlier.read_text(encoding="utf-8"))["score"]["correct"] == 8
    assert [*whole.glob("earlier/*/gradebook.csv")] != []


def test_a_stopped_batch_says_how_to_go_on(grader, command, class_folder, tmp_path):
    # It is under way for as long as this one has not answered, however late the signal comes.
    (class_folder / "waits").mkdir()
    source = "import time\ndef predict(image):\n    time.sleep(1000)\n"
    (class_folder / "waits" / "main.py").write_text(source, encoding="utf-8")
    process = grader.start(*command("out"))
    while not [*tmp_path.glob("out/records/*.json")]:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert "give the same command again to go on" in said.splitlines()[-1]
    assert "Traceback" not in said


def test_what_cannot_be_used_is_one_line_and_nothing_is_graded(
    grader, command, class_folder, split_folder, tmp_path
):
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.txt").write_text("mine", encoding="utf-8")
    (full / "zhang").mkdir()
    (class_folder / "GOOD-1").mkdir()
    cases = [
        (command("out"), "look alike"),
        (("batch", tmp_path / "nowhere", "--out", "o"), "No such file"),
        (("batch", full, "--split", split_folder, "--out", full / "o"), "lies inside the submission"),
        ((*command("out")[:1], full, *command("out")[2:], "--roster", full / "r.csv"), "cannot read the roster"),
        ((*command("out")[:1], full, *command("full")[2:]), "inside --out"),
        ((*command("out")[:1], class_folder / "good-1", *command("out")[2:]), "one submission and not a class"),
        ((*command("out")[:1], full, *command("out")[2:], "--public", full / "nowhere"), "full/nowhere"),
        ((*command("out")[:1], split_folder.parent, *command("full")[2:]), "among the submissions"),
    ]  # fmt: skip
    for arguments, reason in cases:
        done = grader(*arguments)
        assert done.returncode == 2, done.stderr
        *noted, said = done.stderr.splitlines()
        assert reason in said
        assert all(line.startswith("grader: passed over, since these are no submissions: ") for line in noted)
    (class_folder / "GOOD-1").rmdir()
    done = grader(*command("full"))
    assert done.returncode == 2
    assert "something other than a class's results" in done.stderr
    assert (full / "thesis.txt").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "out").exists()


def test_trouble_with_one_submission_is_no_trouble_for_the_others(
    grader, command, class_folder, split_folder, tmp_path
):
    for path in class_folder.iterdir():
        if path.name not in ("good-1", "weak-1"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (class_folder / "gone").symlink_to(tmp_path / "nowhere")
    (class_folder / "loop").symlink_to(class_folder / "loop")
    (class_folder / "holds-the-split").symlink_to(split_folder.parent)
    done = grader(*command("out"))
    assert done.returncode == 3, "the harness failed over some"
    assert "5 students, 5 graded now: 2 GRADED, 3 INTERNAL" in done.stdout
    rows = rows_of(tmp_path / "out")
    assert {id_: row["verdict"] for id_, row in rows.items()} == {
        "good-1": "GRADED",
        "weak-1": "GRADED",
        **dict.fromkeys(["gone", "loop", "holds-the-split"], "INTERNAL"),
    }
    assert rows["gone"]["correct"] == "", "no score at all"
    page = (tmp_path / "out" / "students" / "gone" / "report.html").read_text(encoding="utf-8")
    assert "The harness failed" in page
    # What has come back is graded, and what is still not there fails again, for nobody else.
    (tmp_path / "nowhere").mkdir()
    (tmp_path / "nowhere" / "main.py").write_text(GOOD, encoding="utf-8")
    done = grader(*command("out"))
    assert "3 GRADED, 2 INTERNAL" in done.stdout


def test_a_result_that_cannot_be_kept_ends_the_batch_in_one_line(grader, command, tmp_path):
    (tmp_path / "out" / "records").mkdir(parents=True)
    (tmp_path / "out" / "students").mkdir()
    (tmp_path / "out" / "students" / "good-1").write_text("in the way", encoding="utf-8")
    done = grader(*command("out"))
    assert done.returncode == 3
    assert "cannot save the result of good-1" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out" / "students" / "good-1").read_text(encoding="utf-8") == "in the way"


def test_late_points_and_the_number_of_attempts_are_the_assignments(
    grader, split_folder, assignment_file, tmp_path
):
    text = assignment_file.read_text(encoding="utf-8")
    assignment_file.write_text(
        f"{text}[late]\npercent_per_day = 10\n[attempts]\nmost = 2\n", encoding="utf-8"
    )
    main = tmp_path / "class" / "wang_LATE_7_1_x" / "main.py"
    main.parent.mkdir(parents=True)
    command = (
        "batch",
        tmp_path / "class",
        "--split",
        split_folder,
        "--assignment",
        assignment_file,
        "--out",
        "o",
    )
    said = []
    for number, source in enumerate([GOOD, HALF, GOOD + "# third\n", HALF]):
        main.write_text(source, encoding="utf-8")
        done = grader(*command, *(["--regrade"] if number == 2 else []))
        assert done.returncode == 0, done.stderr
        row = rows_of(tmp_path / "cwd" / "o")["7"]
        said.append(
            (row["attempt"], row["correct"], row["points"], row["raw_points"], "not graded" in done.stdout)
        )
    assert said == [
        ("1", "12", "90", "100", False),
        ("2", "8", "60", "66.67", False),
        ("2", "8", "60", "66.67", True),
        ("2", "8", "60", "66.67", False),
    ]  # fmt: skip


def test_the_instructor_hears_which_packages_how_many_submissions_want(
    grader, command, class_folder, tmp_path
):
    shutil.rmtree(class_folder)
    for name, imports in {"a": "paddle", "b": "paddle, moxing", "c": "moxing, paddle", "d": "mine"}.items():
        (class_folder / name).mkdir(parents=True)
        source = "".join(f"import {package}\n" for package in imports.split(", "))
        (class_folder / name / "main.py").write_text(source, encoding="utf-8")
    done = grader(*command("out"))
    assert "but needed by submissions: paddle (3), moxing (2)\n" in done.stdout
    report = json.loads((tmp_path / "out" / "students" / "c" / "report.json").read_text(encoding="utf-8"))
    assert report["findings"][0]["about"] == ["moxing", "paddle"]
    quiet = grader(*command("out", "--quiet"))
    assert (quiet.returncode, quiet.stdout.count("\n"), quiet.stderr) == (0, 1, "")
    assert quiet.stdout.startswith("4 students, 0 graded now: ")
