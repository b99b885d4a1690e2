"""What a command says of files in a split that are no images: nothing is left out in silence."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.findings.catalogue import Language, words
from grader.image_folder import PASSED_OVER
from grader.printable import one_line

_REASONS = (*PASSED_OVER, "empty")
_MOST_NAMED = 3


def say_what_is_left_out(place: Path | None, aside: Mapping[str, Sequence[str]], language: Language) -> None:
    """Say in one line on standard error what was passed over, with counts, reasons and first names.

    Args:
        place: the folder that the user gave; None for the assignment's own.
        aside: names relative to the folder, by the reason.
        language: of the line.
    """
    said = [_said(why, names, language) for why in _REASONS if (names := aside.get(why))]
    if said:
        where = place or words(language, "aside-own-split")
        line = words(language, "aside", where=where, what=words(language, "semicolon").join(said))
        sys.stderr.write(f"grader: {one_line(line)}\n")


def _said(why: str, names: Sequence[str], language: Language) -> str:
    first = ", ".join([*names[:_MOST_NAMED], *(["..."] if names[_MOST_NAMED:] else [])])
    return words(language, f"aside-{why}", count=len(names), names=first)
