"""Two ways in which a split can mislead: its files give the class away, or its two sets differ in kind.

A leak tells the class without a look at the picture: the file's name or size, or the picture's shape.

A shift makes the hidden images of a class another kind of picture than its training images. Both are drawn
at random from one pool, or so a split claims. Then the distance between their mean features is no larger than
when the same pictures are dealt into two heaps of these sizes by chance: a permutation test of the mean
discrepancy (A. Gretton et al., "A kernel two-sample test", JMLR 2012, with a linear kernel), one a class, and
Holm's correction for so many tests. Duplicates count once, or they would look like a tight heap.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grader.audit.pictures import Group, Picture
from grader.statistics import binomial_tail

FALSE_ALARMS = 1e-6
LEAST_GAIN = 0.25
"""A clue is told if it closes so much of the gap between naming the commonest class and being always right,
and chance does not explain it."""
ALPHA = 0.01
"""Probability of naming any class at all, where there is no shift."""
_LEAST_DEALS = 9999
_DEALS_A_CLASS = 400
"""So many that even one class of many can be told."""
_FEWEST = 3
"""Images on either side."""
_MOST = 300
"""Training images of a class that are looked at; more make it no surer."""
_SEED = 0


@dataclass(frozen=True)
class Leak:
    """A clue, and how often it tells the class."""

    clue: str
    """Its name in the catalogue."""
    correct: int
    total: int
    p: float
    """How probable that is for a clue that tells nothing."""


@dataclass(frozen=True)
class Shift:
    """How far apart a class's two sets of images lie."""

    label: str
    train: int
    hidden: int
    """Images that were compared."""
    distance: float
    """Between the mean features, in standard deviations of what chance gives, above its mean."""
    p: float
    is_shifted: bool


def find_leaks(pictures: Sequence[Picture]) -> list[Leak]:
    """Try every clue on the pictures, each time leaving out the one that is asked about."""
    if len(pictures) < 2:
        return []
    chance = Counter(picture.label for picture in pictures).most_common(1)[0][1] / len(pictures)
    guesses = {
        **{clue: _nearest(pictures, value) for clue, value in _NUMBERS.items()},
        **{clue: _commonest(pictures, value) for clue, value in _WORDS.items()},
    }
    found = []
    for clue, guessed in guesses.items():
        correct = sum(guess == picture.label for guess, picture in zip(guessed, pictures, strict=True))
        p = binomial_tail(len(pictures), correct, chance)
        if p < FALSE_ALARMS and correct / len(pictures) >= chance + LEAST_GAIN * (1 - chance):
            found.append(Leak(clue, correct, len(pictures), p))
    return found


def find_shifts(
    pictures: Sequence[Picture], vectors: npt.NDArray[np.float32], groups: Sequence[Group]
) -> list[Shift]:
    """Compare each class that has enough images on both sides; the least probable first."""
    kept = _one_of_each(pictures, groups)
    labels = sorted({picture.label for picture in pictures})
    deals = max(_LEAST_DEALS, _DEALS_A_CLASS * len(labels))
    measured = {}
    for label in labels:
        indices = {
            name: [i for i in kept if pictures[i].label == label and pictures[i].set_name == name]
            for name in ("train", "hidden")
        }
        train, hidden = indices["train"][:_MOST], indices["hidden"][:_MOST]
        if min(len(train), len(hidden)) >= _FEWEST:
            distance, p = _compare(vectors[train], vectors[hidden], deals)
            measured[label] = (len(train), len(hidden), distance, p)
    shifted = _holm({label: values[3] for label, values in measured.items()})
    found = [Shift(label, *values, label in shifted) for label, values in measured.items()]
    return sorted(found, key=lambda shift: (shift.p, -shift.distance))


def _number(picture: Picture) -> float:
    digits = re.findall(r"\d+", picture.path.stem)
    return float(digits[-1][:15]) if digits else -1.0


def _nearest(pictures: Sequence[Picture], value: Callable[[Picture], float]) -> list[str]:
    """Guess the class of the picture with the nearest value; of several as near, their commonest class."""
    values = [value(picture) for picture in pictures]
    by_value: dict[float, Counter[str]] = {}
    for number, picture in zip(values, pictures, strict=True):
        by_value.setdefault(number, Counter())[picture.label] += 1
    order = sorted(by_value)
    place = {number: index for index, number in enumerate(order)}
    guesses = []
    for number, picture in zip(values, pictures, strict=True):
        others = by_value[number].copy()
        others[picture.label] -= 1
        if not others.total():
            index = place[number]
            beside = [order[other] for other in (index - 1, index + 1) if 0 <= other < len(order)]
            others = by_value[min(beside, key=lambda other: abs(other - number))] if beside else Counter()
        guesses.append(_first(others))
    return guesses


def _commonest(pictures: Sequence[Picture], value: Callable[[Picture], str]) -> list[str]:
    """Guess the commonest class among the others with the same value."""
    values = [value(picture) for picture in pictures]
    counted: dict[str, Counter[str]] = {}
    for word, picture in zip(values, pictures, strict=True):
        counted.setdefault(word, Counter())[picture.label] += 1
    guesses = []
    for word, picture in zip(values, pictures, strict=True):
        others = counted[word].copy()
        others[picture.label] -= 1
        guesses.append(_first(others))
    return guesses


def _first(counted: Counter[str]) -> str:
    """Return the commonest; empty if nothing was counted."""
    best = max(counted.items(), key=lambda item: (item[1], item[0]), default=("", 0))
    return best[0] if best[1] > 0 else ""


def _one_of_each(pictures: Sequence[Picture], groups: Sequence[Group]) -> list[int]:
    """Return the indices of the pictures, of each group of duplicates only the first in either set."""
    seen: set[tuple[int, str]] = set()
    number = {picture.path: index for index, group in enumerate(groups) for picture in group.pictures}
    kept = []
    for index, picture in enumerate(pictures):
        group = number.get(picture.path)
        if group is not None and (group, picture.set_name) in seen:
            continue
        if group is not None:
            seen.add((group, picture.set_name))
        kept.append(index)
    return kept


def _compare(
    train: npt.NDArray[np.float32], hidden: npt.NDArray[np.float32], deals: int
) -> tuple[float, float]:
    """Return (distance, p) of two heaps."""
    together = np.concatenate([train, hidden]).astype(np.float64)
    products = together @ together.T
    heap = np.concatenate([np.full(len(train), -1 / len(train)), np.full(len(hidden), 1 / len(hidden))])
    chance = np.random.default_rng(_SEED)
    dealt = chance.permuted(np.broadcast_to(heap, (deals, len(heap))), axis=1)
    by_chance = ((dealt @ products) * dealt).sum(axis=1)
    found = float(heap @ products @ heap)
    p = (1 + int((by_chance >= found - 1e-12).sum())) / (1 + deals)
    spread = float(by_chance.std())
    return (found - float(by_chance.mean())) / spread if spread else 0.0, p


def _holm(p_values: Mapping[str, float]) -> set[str]:
    """Return what is still significant when so many things are tested (S. Holm, 1979)."""
    found = set()
    for rank, label in enumerate(sorted(p_values, key=lambda label: p_values[label])):
        if p_values[label] > ALPHA / (len(p_values) - rank):
            break
        found.add(label)
    return found


_NUMBERS: Mapping[str, Callable[[Picture], float]] = {
    "number": _number,
    "size": lambda picture: float(picture.size),
}
_WORDS: Mapping[str, Callable[[Picture], str]] = {
    "letters": lambda picture: re.sub(r"\d+", "0", picture.path.stem),
    "shape": lambda picture: f"{picture.shape}",
    "exif": lambda picture: str(picture.has_exif),
}
