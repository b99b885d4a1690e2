"""The private folder of a grading: gone after every end, a kill included, and never while somebody is in it."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from grader.files import NoRoomError, workspace

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, time
from grader.files import NoRoomError, workspace
with workspace() as folder:
    (folder / "submission").mkdir()
    (folder / "submission" / "main.py").write_text("x")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A folder for temporary files that is empty at first."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def other_grading():
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    yield process, Path(process.stdout.readline().strip())
    process.kill()
    process.communicate()


def test_nothing_is_left_of_it(temporary):
    with workspace() as folder:
        assert folder.parent == temporary
        (folder / "submission").mkdir()
    assert [*temporary.iterdir()] == []


def test_what_a_killed_grading_left_is_removed_by_the_next_and_a_living_ones_is_not(other_grading):
    process, theirs = other_grading
    os.utime(theirs, (0, 0))  # however old it looks
    with workspace():
        assert (theirs / "submission" / "main.py").is_file()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert theirs.is_dir()
    with workspace() as ours:
        assert not theirs.exists()
        assert ours.is_dir()


def test_what_is_not_surely_a_gradings_is_left_alone(temporary, tmp_path):
    elsewhere = tmp_path / "thesis"
    elsewhere.mkdir()
    (elsewhere / ".in-use").touch()
    (temporary / "lab-grader-link").symlink_to(elsewhere)
    (temporary / "lab-grader-mine").mkdir()
    (temporary / "lab-grader-mine" / "thesis.txt").write_text("mine")
    (temporary / "lab-grader-file").write_text("mine")
    with workspace():
        pass
    assert (elsewhere / ".in-use").is_file()
    assert sorted(path.name for path in temporary.iterdir()) == [
        "lab-grader-file",
        "lab-grader-link",
        "lab-grader-mine",
    ]


def test_where_none_can_be_made_one_line_says_what_to_do(temporary, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "gone"))
    with pytest.raises(NoRoomError, match=r"No such file or directory.*set TMPDIR"), workspace():
        pass
