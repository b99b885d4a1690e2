"""What pictures are compared by, and what that says of a picture's class.

Features are a pretrained network's, or, without its weights, plainer ones. A linear classifier that has not
seen a picture judges its class by them, and so do its neighbours.

A library for label errors such as cleanlab would bring pandas and scikit-learn with it for what is one
formula here: ridge regression's answers to each example, had it been left out, follow from one fit of all.
"""

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
from grader.places import course_library

_PROGRAM = Path(__file__).parent / "inside" / "main.py"
_SIDE, _CELL = 64, 8
"""Pixels of the picture that gradients are taken of, and of their cells."""
_COLOURS = 4
"""Bins of each channel of a colour histogram; one for each quarter of the picture."""
Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
STRENGTH = 0.1
"""Of the ridge, on vectors of length 1; ten times as much or as little changes a hundredth of the answers."""
LEAST_ACCURACY = 0.75
"""Of the judge on what it has not seen; one that is wrong more often has nothing to say about labels."""
NEIGHBOURS = 10
LEAST_NEIGHBOURS = 6
"""Of the nearest pictures that must have the other class, too."""
_ROWS = 512


@dataclass(frozen=True)
class Features:
    """One vector a picture."""

    vectors: npt.NDArray[np.float32] = field(repr=False)
    """(N, D), each of length 1."""
    kind: Literal["network", "plain"]


@dataclass(frozen=True)
class Suspect:
    """A picture that looks like another class than its folder's."""

    picture: Picture
    looks_like: str
    neighbours: int
    """Of its nearest NEIGHBOURS, how many have that class."""
    nearest: Picture
    """The nearest of them."""
    margin: float
    """By how much the judge prefers that class."""


@dataclass(frozen=True)
class Judgement:
    """What the judge says of pictures that it has not seen."""

    names: tuple[str, ...]
    answers: IntArray
    """(N,) indices into `names`."""
    labels: IntArray
    """(N,) the folders', likewise."""
    scores: Array
    """(N, classes)"""

    @property
    def accuracy(self) -> float:
        """Share of right answers; 0 if nothing was asked."""
        return float(self.is_right.mean()) if len(self.labels) else 0.0

    @property
    def is_reliable(self) -> bool:
        """Whether the judge is right often enough to have a say about labels."""
        return self.accuracy >= LEAST_ACCURACY

    @property
    def is_right(self) -> npt.NDArray[np.bool_]:
        """(N,) where the answer is the folder's."""
        return np.equal(self.answers, self.labels)


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


def judge_left_out(vectors: npt.NDArray[np.float32], labels: Sequence[str]) -> Judgement:
    """Answer to each picture as if it had been left out of the fit of all."""
    names, indices = _indexed(labels)
    if not names:
        return Judgement((), indices, indices, np.zeros((0, 0)))
    centred, targets = _centred(vectors, vectors), _targets(indices, len(names))
    weights = _weights_of_examples(centred)
    leverage = (weights * centred).sum(axis=1, keepdims=True)
    fitted = centred @ (weights.T @ targets)
    scores = (fitted - leverage * targets) / np.maximum(1 - leverage, 1e-9)
    return Judgement(names, scores.argmax(axis=1), indices, scores)


def judge_hidden(
    train: npt.NDArray[np.float32],
    train_labels: Sequence[str],
    hidden: npt.NDArray[np.float32],
    hidden_labels: Sequence[str],
) -> Judgement:
    """Answer to each hidden picture by a fit of the training ones. Both must have the same classes."""
    names, indices = _indexed(train_labels)
    known, asked = _centred(train, train), _centred(hidden, train)
    scores = asked @ (_weights_of_examples(known).T @ _targets(indices, len(names)))
    position = {name: index for index, name in enumerate(names)}
    labels = np.array([position[label] for label in hidden_labels], np.int64)
    return Judgement(names, scores.argmax(axis=1), labels, scores)


def find_suspects(
    pictures: Sequence[Picture], vectors: npt.NDArray[np.float32], judgement: Judgement
) -> list[Suspect]:
    """Return the pictures that judge and neighbours agree to put into one other class, the surest first."""
    if not judgement.is_reliable:
        return []
    found = []
    for start in range(0, len(pictures), _ROWS):
        likeness = vectors[start : start + _ROWS] @ vectors.T
        for row, index in enumerate(range(start, min(start + _ROWS, len(pictures)))):
            if judgement.is_right[index]:
                continue
            likeness[row, index] = -np.inf
            nearest = np.argsort(-likeness[row], kind="stable")[:NEIGHBOURS]
            alike = nearest[judgement.labels[nearest] == judgement.answers[index]]
            if len(alike) < LEAST_NEIGHBOURS:
                continue
            scores = judgement.scores[index]
            found.append(
                Suspect(
                    picture=pictures[index],
                    looks_like=judgement.names[judgement.answers[index]],
                    neighbours=len(alike),
                    nearest=pictures[alike[0]],
                    margin=float(scores.max() - scores[judgement.labels[index]]),
                )
            )
    return sorted(found, key=lambda suspect: -suspect.margin)


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


def _weights_of_examples(examples: Array) -> Array:
    """Return (N, D): what each example's target adds to a ridge regression's weights.

    X (X'X + sI)^-1, or (XX' + sI)^-1 X, which is the same, and less work where there are fewer examples.
    """
    count, size = examples.shape
    if count < size:
        return np.asarray(np.linalg.solve(examples @ examples.T + STRENGTH * np.eye(count), examples))
    return np.asarray(np.linalg.solve(examples.T @ examples + STRENGTH * np.eye(size), examples.T).T)


def _indexed(labels: Sequence[str]) -> tuple[tuple[str, ...], IntArray]:
    names, indices = np.unique(np.array(labels), return_inverse=True)
    return tuple(map(str, names)), np.asarray(indices, np.int64)


def _centred(vectors: npt.NDArray[np.float32], around: npt.NDArray[np.float32]) -> Array:
    return np.asarray(vectors - around.mean(axis=0), np.float64)


def _targets(indices: IntArray, count: int) -> Array:
    targets = np.eye(count)[indices]
    return np.asarray(targets - targets.mean(axis=0), np.float64)
