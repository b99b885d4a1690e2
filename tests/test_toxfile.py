"""tox's plugin: one environment a submission, whatever the submission brings along."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from grader.model.assignment import load_assignment

pytest.importorskip("tox")
ROOT = Path(__file__).parents[1]


@pytest.fixture
def tox(tmp_path):
    """Return how tox is called in a folder with this project's tox files, an empty `submissions/`, and no more."""
    for name in ("tox.ini", "toxfile.py"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "submissions").mkdir()

    def run(*arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TOX")}
        return subprocess.run(
            # Not by the name `tox`: it need not be on PATH.
            [sys.executable, "-m", "tox", *map(str, arguments)],
            cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def installed(tmp_path):
    """Stand in for the shared environment with the one that runs this test."""
    python = tmp_path / ".tox" / "grader" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}:{ROOT}/student" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return python


def submission(folder, program):
    folder.mkdir()
    (folder / "main.py").write_text(program, encoding="utf-8")
    for trap in ("toxfile.py", "setup.py", "conftest.py"):
        (folder / trap).write_text("raise SystemExit(9)", encoding="utf-8")
    (folder / "tox.ini").write_text("[tox]\nenv_list = theirs\n", encoding="utf-8")


def test_every_submission_has_an_environment_and_no_file_of_theirs_is_read(tox, tmp_path):
    for name in ("zhang", "王小明", "py310", "x y", "x-y", ".hidden", "长" * 80):
        submission(tmp_path / "submissions" / name, "")
    done = tox("list", "-m", "submissions")
    assert done.returncode == 0, done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines() if " -> " in line]
    assert names[0] == "grader"
    assert {"submission_zhang", "submission_王小明", "submission_py310"} < set(names)
    assert len(names) == 1 + 6
    assert "theirs" not in done.stdout


def test_the_list_prints_no_character_that_steers_a_terminal(tox, tmp_path):
    for name in (b"a\x1b]0;gone\x07b", b"c\x1b[2J", b"d\xff", "e\u202ef".encode(), b"g\nh"):
        (tmp_path / "submissions" / os.fsdecode(name)).mkdir()
    done = tox("list", "-m", "submissions")
    assert done.returncode == 0, done.stderr
    assert "grade a\ufffd]0;gone\ufffdb" in done.stdout
    assert len([line for line in done.stdout.splitlines() if "-> grade " in line]) == 5
    assert all(line.isprintable() for line in (done.stdout + done.stderr).splitlines())


def test_each_calls_the_one_shared_environment_after_it_is_there(tox, tmp_path):
    (tmp_path / "submissions" / "zhang").mkdir()
    done = tox("config", "-e", "submission_zhang", "-k", "commands", "depends", "skip_install", "deps")
    assert done.returncode == 0, done.stderr
    python = tmp_path / ".tox" / "grader" / "bin" / "python"
    assert f"commands = {python} -m grader submissions/zhang --out reports/zhang --brief" in done.stdout
    assert "depends = grader" in done.stdout
    assert "skip_install = True" in done.stdout
    assert "deps = \n" in done.stdout


@pytest.mark.parametrize("name", ["grade", "batch"])
def test_one_submission_and_a_class_use_the_same_installation(tox, tmp_path, name):
    done = tox("config", "-e", name, "-k", "commands_pre", "commands", "skip_install", "--", "somewhere")
    assert done.returncode == 0, done.stderr
    assert f"--workdir {tmp_path / '.tox'} -e grader" in done.stdout
    assert f"commands = {tmp_path / '.tox' / 'grader' / 'bin' / 'python'} -m grader" in done.stdout
    assert "skip_install = True" in done.stdout


def test_each_says_its_verdict_in_one_line_and_tox_who_could_be_graded(tox, tmp_path, installed):
    first = load_assignment().classes[0]
    (tmp_path / "split" / first.folder).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "split" / first.folder / "1.png"), np.zeros((9, 9, 3), np.uint8))
    submission(tmp_path / "submissions" / "王小明", f"def predict(image):\n    return {first.name!r}\n")
    submission(tmp_path / "submissions" / "crash", "raise ValueError('no')\n")
    done = tox(
        *("run-parallel", "-e", "submission_王小明,submission_crash", "--"),
        *("--split", "split", "--skip-canary", "--no-replay"),
    )
    assert done.returncode == 1, done.stdout
    lines = done.stdout.splitlines()
    assert "王小明: GRADED; 100 of 100 points, 1 of 1 right" in lines
    assert (
        "crash: CRASH; 0 of 100 points, nothing answered; Importing main.py failed: ValueError: no" in lines
    )
    assert any(line.startswith("  submission_王小明: OK") for line in lines)
    assert any(line.startswith("  submission_crash: FAIL code 1") for line in lines)
    assert len(lines) <= 2 * 2 + 2 + 1, done.stdout
    assert {path.name for path in (tmp_path / "reports").iterdir()} == {"王小明", "crash"}


def test_without_submissions_the_label_says_so(tox, tmp_path):
    done = tox("run-parallel", "-m", "submissions")
    assert done.returncode != 0
    assert f"there is no submission in {tmp_path / 'submissions'}" in done.stdout + done.stderr


def test_without_submissions_the_other_environments_are_untouched(tox):
    done = tox("list")
    assert done.returncode == 0, done.stderr
    assert "submission_" not in done.stdout
