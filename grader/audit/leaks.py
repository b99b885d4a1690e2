"""Whether the class can be told without looking: from a file's name or size, or the picture's shape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from grader.audit.pictures import Picture
from grader.scoring.binomial import binomial_tail

FALSE_ALARMS = 1e-6
LEAST_GAIN = 0.25
"""A clue is told if it closes so much of the gap between naming the commonest class and being always right,
and chance does not explain it."""


@dataclass(frozen=True)
class Leak:
    """A clue, and how often it tells the class."""

    clue: str
    """Its name in the catalogue."""
    correct: int
    total: int
    p: float
    """How probable that is for a clue that tells nothing."""


def _number(picture: Picture) -> float:
    digits = re.findall(r"\d+", picture.path.stem)
    return float(digits[-1][:15]) if digits else -1.0


_NUMBERS: Mapping[str, Callable[[Picture], float]] = {
    "number": _number,
    "size": lambda picture: float(picture.size),
}
_WORDS: Mapping[str, Callable[[Picture], str]] = {
    "letters": lambda picture: re.sub(r"\d+", "0", picture.path.stem),
    "shape": lambda picture: f"{picture.shape}",
    "exif": lambda picture: str(picture.has_exif),
}


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
