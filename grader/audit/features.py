"""What pictures are compared by: a pretrained network's features, or, without its weights, plainer ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from grader.audit.pictures import Picture
from grader.errors import UsageError, line
from grader.sandbox.policy import course_library

_PROGRAM = Path(__file__).parent / "inside" / "main.py"
_SIDE, _CELL = 64, 8
"""Pixels of the picture that gradients are taken of, and of their cells."""
_COLOURS = 4
"""Bins of each channel of a colour histogram; one for each quarter of the picture."""


@dataclass(frozen=True)
class Features:
    """One vector a picture."""

    vectors: npt.NDArray[np.float32] = field(repr=False)
    """(N, D), each of length 1."""
    kind: Literal["network", "plain"]


def network_features(pictures: Sequence[Picture], weights: Path) -> Features:
    """Return what a pretrained backbone makes of the pictures.

    Raises:
        UsageError: the file is no checkpoint of the lab's MobileNetV2.
    """
    if not pictures:
        return Features(np.zeros((0, 1), np.float32), "network")
    if not weights.is_file():
        raise UsageError("weights-absent", path=weights)
    with tempfile.TemporaryDirectory(prefix="lab-audit-") as folder:
        out = Path(folder, "features.npy")
        done = subprocess.run(
            [sys.executable, _PROGRAM, weights, out],
            input=json.dumps([str(picture.path) for picture in pictures]),
            env={**os.environ, "PYTHONPATH": str(course_library().parent)},
            encoding="utf-8",
            stderr=subprocess.PIPE if not sys.stderr.isatty() else None,
            check=False,
        )
        if done.returncode:
            said = line("in-brackets", text=done.stderr.strip().splitlines()[-1]) if done.stderr else ""
            raise UsageError("weights-unusable", path=weights, said=said)
        return Features(_unit(np.load(out)), "network")


def plain_features(pictures: Sequence[Picture]) -> Features:
    """Return histograms of gradients and of colours.

    N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection" (2005).
    """
    gradients = cv2.HOGDescriptor((_SIDE, _SIDE), (2 * _CELL, 2 * _CELL), (_CELL, _CELL), (_CELL, _CELL), 9)
    rows = []
    for picture in pictures:
        small = cv2.resize(picture.pixels(), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
        rows.append(np.concatenate([_unit(np.ravel(gradients.compute(small))), _unit(_colours(small))]))
    return Features(_unit(np.stack(rows)) if rows else np.zeros((0, 1), np.float32), "plain")


def _colours(small: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB)
    half = _SIDE // 2
    quarters = [lab[top : top + half, left : left + half] for top in (0, half) for left in (0, half)]
    bins, limits = [_COLOURS] * 3, [0, 256] * 3
    counts = [cv2.calcHist([quarter], [0, 1, 2], None, bins, limits).ravel() for quarter in quarters]
    # Square roots compare histograms by Hellinger's distance: large bins do not drown small ones.
    return np.asarray(np.sqrt(np.concatenate(counts)), np.float32)


def _unit(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)
