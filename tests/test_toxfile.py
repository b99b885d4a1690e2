"""tox's plugin: one environment a submission, whatever the submission brings along."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tox")
ROOT = Path(__file__).parents[1]


@pytest.fixture
def tox(tmp_path):
    (tmp_path / "submissions").mkdir()

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "tox", *arguments, "--workdir", tmp_path / "work"],
            cwd=ROOT, env={**os.environ, "SUBMISSIONS": str(tmp_path / "submissions")},
            capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip

    return run


def test_every_submission_has_an_environment_and_no_file_of_theirs_is_read(tox, tmp_path):
    for name in ("zhang", "王小明", "py310", "x y", "x-y", ".hidden"):
        folder = tmp_path / "submissions" / name
        folder.mkdir()
        for trap in ("toxfile.py", "setup.py", "conftest.py"):
            (folder / trap).write_text("raise SystemExit(9)", encoding="utf-8")
        (folder / "tox.ini").write_text("[tox]\nenv_list = theirs\n", encoding="utf-8")
    done = tox("list", "-m", "submissions")
    assert done.returncode == 0, done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines() if " -> " in line]
    assert names[0] == "grader"
    assert {"submission_zhang", "submission_王小明", "submission_py310"} < set(names)
    assert len(names) == 1 + 5
    assert "theirs" not in done.stdout


def test_each_calls_the_one_shared_environment_after_it_is_there(tox, tmp_path):
    (tmp_path / "submissions" / "zhang").mkdir()
    done = tox("config", "-e", "submission_zhang", "-k", "commands", "depends", "skip_install", "deps")
    assert done.returncode == 0, done.stderr
    python = tmp_path / "work" / "grader" / "bin" / "python"
    assert f"commands = {python} -m grader {tmp_path / 'submissions' / 'zhang'} --out" in done.stdout
    assert "depends = grader" in done.stdout
    assert "skip_install = True" in done.stdout
    assert "deps = \n" in done.stdout


def test_without_submissions_the_other_environments_are_untouched(tox):
    done = tox("list")
    assert done.returncode == 0, done.stderr
    assert "submission_" not in done.stdout
