"""A small assignment whose images say their class in their colour, so that honest numpy code can answer."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from grader.model.assignment import Assignment, Limits
from grader.model.dataset import ClassInfo, Split
from grader.split import open_split

CLASSES = tuple(
    ClassInfo(folder=f"00_0{index}", name=name, zh=zh, group="recyclable", group_zh="可回收物")
    for index, (name, zh) in enumerate(
        [("Plastic Bottle", "塑料瓶"), ("Hats", "帽子"), ("Newspaper", "报纸")]
    )
)
PER_CLASS = 4

ORACLE = """
    NAMES = ["Plastic Bottle", "Hats", "Newspaper"]

    def predict(image):
        return NAMES[int(image[0, 0, 0]) // 80]
"""
"""Answers everything right: blue of the first pixel is 80 times the class index, and a little."""

WriteSubmission = Callable[..., Path]


@pytest.fixture
def assignment() -> Assignment:
    return Assignment(
        title="Colours",
        classes=CLASSES,
        limits=Limits(import_seconds=60.0, first_prediction_seconds=60.0, image_seconds=20.0, memory_mib=512),
    )


@pytest.fixture
def split_folder(tmp_path: Path) -> Path:
    """PER_CLASS images a class, of different sizes; lossless, so that the colour survives."""
    root = tmp_path / "hidden"
    for index, info in enumerate(CLASSES):
        (root / info.folder).mkdir(parents=True)
        for number in range(PER_CLASS):
            image = np.full((10 + number, 8, 3), 80 * index + number, np.uint8)
            cv2.imwrite(str(root / info.folder / f"{number:05d}.png"), image)
    return root


@pytest.fixture
def split(split_folder: Path) -> Split:
    return open_split(split_folder, CLASSES)


@pytest.fixture
def write_submission(tmp_path: Path) -> WriteSubmission:
    """Write a submission folder: `write_submission(main_source, name="zhang", **{"a.txt": "text"})`."""

    def write(source: str | None = ORACLE, name: str = "zhang", **files: str) -> Path:
        folder = tmp_path / "submissions" / name
        folder.mkdir(parents=True)
        if source is not None:
            (folder / "main.py").write_text(textwrap.dedent(source), encoding="utf-8")
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        return folder

    return write


def without_progress(errors: str) -> str:
    """Return what a command wrote to standard error beside the lines that come every ten seconds."""
    return re.sub(r"^\[\d+:\d\d\] .*\n", "", errors, flags=re.MULTILINE)
