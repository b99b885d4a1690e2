"""Which class a returned text names, how many answers are right, and the points for that.

The published rule of names: the English class name. Case, surrounding and repeated spaces, full-width
letters, composed or decomposed accents and invisible characters make no difference; the class's
folder name and Chinese name are taken too. Nothing else is: a near miss is wrong, and is named.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np

from grader.model.assignment import Late, Points
from grader.model.dataset import ClassInfo, Split
from grader.model.predictions import Prediction, Raised, Tally, WrongType, classes_of

_LONGEST = 200
_UP_TO_A_COLON = re.compile(r"[^:=]*[:=]")
_WASTE = re.compile(r"\s*\b(waste|garbage|trash|rubbish)$|垃圾$|物$")
"""What a category's name may end in, or not."""
_OTHER_NAMES = {
    "recyclable": ("recyclables",),
    "wet": ("kitchen", "food", "household food", "厨余", "餐厨", "易腐"),
    "dry": ("residual", "other", "其他", "其它"),
    "hazardous": ("harmful", "toxic"),
}
"""What other cities, and the standard GB/T 19095, call the categories of waste."""


class LabelReader:
    """Finds the class that a text names."""

    def __init__(self, classes: Sequence[ClassInfo]) -> None:
        self._index: dict[str, int] = {}
        self._groups = {
            _stem(name): info for info in reversed(classes) for name in _names_of_group(info) if name
        }
        # English names are entered last: where two spellings meet, the name in the contract wins.
        for index, info in enumerate(classes):
            for spelling in (info.folder, info.zh):
                if spelling:
                    self._index.setdefault(normalised(spelling), index)
        self._index.update({normalised(info.name): index for index, info in enumerate(classes)})

    def read(self, text: str) -> int | None:
        """Return the class index, or None if the text names no class."""
        # No name is as long; and normalising takes time that grows with the square of the length.
        if len(text) > _LONGEST:
            return None
        return self._index.get(normalised(text))

    def near_miss(self, text: str) -> int | None:
        """Return the class that a wrong text probably meant, if any."""
        close = difflib.get_close_matches(normalised(text[:_LONGEST]), self._index, n=1, cutoff=0.8)
        return self._index[close[0]] if close else None

    def run_together(self, text: str) -> tuple[int, int] | None:
        """Return the two classes whose names a text consists of, one right behind the other.

        Python joins two strings between which a comma is missing: `"Lighter" "Broom"` is `LighterBroom`.
        """
        whole = normalised(text) if len(text) <= _LONGEST else ""
        for place in range(1, len(whole)):
            first, second = (self._index.get(part) for part in (whole[:place], whole[place:]))
            if first is not None and second is not None:
                return first, second
        return None

    def class_within(self, text: str) -> int | None:
        """Return the one class that a longer text names, beside numbers, marks, a heading or a category.

        `Hats: 93 %`, `class: Hats`, `['Hats']` and `recyclable/Hats` are such texts; `no Hats` is none.
        """
        if len(text) > _LONGEST:
            return None
        rest, found = normalised(text), set[int]()
        for spelling, index in self._spellings:
            rest, count = spelling.subn(" ", rest)
            if count:
                found.add(index)
        beside = _UP_TO_A_COLON.sub(" ", rest)
        words = (word for word in re.split(r"[\W\d_]+", beside) if word)
        is_alone = all(_stem(word) in self._groups for word in words)
        return found.pop() if len(found) == 1 and is_alone else None

    def category(self, text: str) -> ClassInfo | None:
        """Return a class of the category that a text names in place of a class, if it does."""
        return None if len(text) > _LONGEST else self._groups.get(_stem(text))

    @cached_property
    def _spellings(self) -> list[tuple[re.Pattern[str], int]]:
        """Every spelling as it stands within a text, the longest first: `Newspaper` is no `Paper`."""
        longest_first = sorted(self._index, key=len, reverse=True)
        return [(_within(name), self._index[name]) for name in longest_first if not name.isdigit()]


def normalised(text: str) -> str:
    """Return the form in which two spellings of one name are equal."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    visible = "".join(
        char for char in folded if unicodedata.category(char) not in ("Cf", "Cc") or char.isspace()
    )
    return " ".join(visible.split())


@lru_cache(maxsize=16)
def reader_of(classes: tuple[ClassInfo, ...]) -> LabelReader:
    """Return the reader of a class list: one list, one reader."""
    return LabelReader(classes)


def count_predictions(predictions: Sequence[Prediction | None], split: Split, classes: int) -> Tally:
    """Count the predictions, given in the split's order. An image without a valid answer is wrong.

    Args:
        predictions: by image; None where no answer came.
        split: the images, with their labels.
        classes: how many there are.
    """
    confusion = np.zeros((classes, classes + 1), np.int64)
    for image, index in zip(split.images, classes_of(predictions), strict=True):
        confusion[image.label, classes if index is None else index] += 1
    given = [prediction for prediction in predictions if prediction is not None]
    problems = [prediction.problem for prediction in given]
    return Tally(
        confusion=confusion,
        unanswered=len(predictions) - len(given),
        raised=sum(isinstance(problem, Raised) for problem in problems),
        wrong_types=Counter(problem.name for problem in problems if isinstance(problem, WrongType)),
        unknown_labels=Counter(each.text for each in given if each.text is not None and each.index is None),
    )


def nothing_answered(split: Split, classes: int) -> Tally:
    """Return the count of a submission that was asked nothing: every image is without an answer."""
    return count_predictions([None] * len(split.images), split, classes)


def bins_of(classes: Sequence[ClassInfo]) -> tuple[tuple[int, ...], ...]:
    """Return the classes of each bin, in the order of the classes.

    A bin is what a class list calls a group; where a class has none, or all have one, there are no bins.
    """
    bins: dict[str, list[int]] = {}
    for index, info in enumerate(classes):
        bins.setdefault(info.group or info.group_zh, []).append(index)
    return () if "" in bins or len(bins) == 1 else tuple(map(tuple, bins.values()))


def in_right_bin(tally: Tally, classes: Sequence[int]) -> int:
    """Return how many images of these classes, which are those of one bin, were answered with one of them."""
    return int(tally.confusion[np.ix_(classes, classes)].sum())


def worth(tally: Tally, classes: Sequence[ClassInfo], rule: Points) -> float:
    """Return as how many right images the answers count: less is taken off where a thing is in the right bin.

    As the rule is unless an assignment says otherwise, these are the right ones and no others.
    """
    if (rule.wrong_class, rule.wrong_bin) == (1.0, 1.0):
        return tally.correct
    right = sum(in_right_bin(tally, members) for members in bins_of(classes)) or tally.correct
    cost = rule.wrong_class * (right - tally.correct) + rule.wrong_bin * (tally.total - right)
    return max(0.0, tally.total - cost)


def points_for(correct: float, total: int, rule: Points) -> float:
    """Return the points for `correct` of `total` images, rounded as the rule says."""
    accuracy = correct / total
    if rule.table:
        points = max((points for reached, points in rule.table if reached <= accuracy), default=0.0)
    elif rule.curve:
        points = _on_curve(accuracy, rule.curve)
    else:
        points = rule.full * correct / total
    return round(points, rule.decimals)


def after_lateness(points: float, days_late: float, rule: Late, decimals: int) -> float:
    """Return what is left of the points after `days_late` days; each day begun counts whole."""
    days = math.ceil(max(0.0, days_late - rule.free_days))
    lost = min(rule.percent_per_day * days, rule.most_percent)
    return round(points * (100 - lost) / 100, decimals)


def images_to(boundary: float, correct: float, total: int, rule: Points) -> int:
    """Return how many more images must be right for `boundary` points; how many fewer would do, if negative.

    Where mistakes are weighed, an image counts here as much as one that is wholly wrong by the usual rule.

    Raises:
        ValueError: not even all images would reach it.
    """
    for enough in range(total + 1):
        if points_for(enough, total, rule) >= boundary:
            return math.ceil(enough - correct)
    raise ValueError(f"{boundary:g} points are more than there are")


def _names_of_group(info: ClassInfo) -> tuple[str, ...]:
    return info.group, info.group_zh, *_OTHER_NAMES.get(info.group, ())


def _stem(name: str) -> str:
    return _WASTE.sub("", normalised(name))


def _within(name: str) -> re.Pattern[str]:
    """Return what finds a name as a word of its own. Chinese puts nothing between words."""
    return re.compile(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])" if name.isascii() else re.escape(name))


def _on_curve(accuracy: float, curve: tuple[tuple[float, float], ...]) -> float:
    if accuracy <= curve[0][0]:
        return curve[0][1]
    for (low, before), (high, after) in pairwise(curve):
        if accuracy <= high:
            return before + (after - before) * (accuracy - low) / (high - low)
    return curve[-1][1]
