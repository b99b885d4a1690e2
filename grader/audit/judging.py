"""What features say of a picture's class, by a linear classifier that has not seen it and by neighbours.

A library for label errors such as cleanlab would bring pandas and scikit-learn with it for what is one
formula here: ridge regression's answers to each example, had it been left out, follow from one fit of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grader.audit.pictures import Picture

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
