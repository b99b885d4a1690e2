"""The folder `datasets/` of a clone: a door to what the grader holds, under no name that is installed."""

import subprocess
import sys
from pathlib import Path

import datasets.classes
import datasets.demo
import grader.demo
import grader.model.dataset

ROOT = Path(__file__).parents[2]


def test_the_demo_set_is_drawn_by_its_command_in_a_clone(tmp_path: Path) -> None:
    out = tmp_path / "set"
    command = [sys.executable, "-m", "datasets.demo", "--out", out, "--train", "1", "--val", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "52 images of 26 classes drawn in" in done.stdout
    assert len([*out.rglob("*.jpg")]) == 52


def test_class_lists_and_demo_set_are_the_graders() -> None:
    for door, room in ((datasets.classes, grader.model.dataset), (datasets.demo, grader.demo)):
        assert all(getattr(door, name) is getattr(room, name) for name in door.__all__)
