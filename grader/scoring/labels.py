"""Which class a returned text names.

The published rule: the English class name. Case, surrounding and repeated spaces, full-width
letters, composed or decomposed accents and invisible characters make no difference; the class's
folder name and Chinese name are taken too. Nothing else is: a near miss is wrong, and is named.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property, lru_cache

from grader.model.dataset import ClassInfo

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


def normalised(text: str) -> str:
    """Return the form in which two spellings of one name are equal."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    visible = "".join(
        char for char in folded if unicodedata.category(char) not in ("Cf", "Cc") or char.isspace()
    )
    return " ".join(visible.split())


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


@lru_cache(maxsize=16)
def reader_of(classes: tuple[ClassInfo, ...]) -> LabelReader:
    """Return the reader of a class list: one list, one reader."""
    return LabelReader(classes)


def _names_of_group(info: ClassInfo) -> tuple[str, ...]:
    return info.group, info.group_zh, *_OTHER_NAMES.get(info.group, ())


def _stem(name: str) -> str:
    return _WASTE.sub("", normalised(name))


def _within(name: str) -> re.Pattern[str]:
    """Return what finds a name as a word of its own. Chinese puts nothing between words."""
    return re.compile(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])" if name.isascii() else re.escape(name))
