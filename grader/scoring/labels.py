"""Which class a returned text names.

The published rule: the English class name. Case, surrounding and repeated spaces, full-width
letters, composed or decomposed accents and invisible characters make no difference; the class's
folder name and Chinese name are taken too. Nothing else is: a near miss is wrong, and is named.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Sequence

from datasets.classes import ClassInfo
from grader.dialogue.frames import Answered


def normalised(text: str) -> str:
    """Return the form in which two spellings of one name are equal."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    visible = "".join(
        char for char in folded if unicodedata.category(char) not in ("Cf", "Cc") or char.isspace()
    )
    return " ".join(visible.split())


_LONGEST = 200


class LabelReader:
    """Finds the class that a text names."""

    def __init__(self, classes: Sequence[ClassInfo]) -> None:
        self._index: dict[str, int] = {}
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

    def read_answer(self, answer: Answered | None) -> int | None:
        """Return the class that an answer names; None if it names none, or is no text, or there is none."""
        return None if answer is None or answer.label is None else self.read(answer.label)

    def near_miss(self, text: str) -> int | None:
        """Return the class that a wrong text probably meant, if any."""
        close = difflib.get_close_matches(normalised(text[:_LONGEST]), self._index, n=1, cutoff=0.8)
        return self._index[close[0]] if close else None
