"""Text in the columns of a terminal, in which a Chinese character takes two and a line may end behind any."""

from __future__ import annotations

import re
import unicodedata

_NEVER_FIRST = "，。；：？！、）”』》"
"""No line begins with these."""
_NEVER_LAST = "（『《"
"""No line ends with these."""
_PIECE = re.compile(r" +|[^\s\u2e80-\uffef]+|.", re.DOTALL)
"""A gap, a word of a script with gaps (or an option, a path), or one character of one without."""


def columns(text: str) -> int:
    """Return how many columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def wrapped(text: str, width: int, indent: str = "") -> str:
    """Return the text in lines of at most `width` columns, each indented; a longer word stands alone."""
    lines = [""]
    for piece in _pieces(text):
        if columns(indent + lines[-1] + piece.rstrip()) > width and lines[-1].strip():
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return "\n".join(f"{indent}{line.rstrip()}" for line in lines)


def _pieces(text: str) -> list[str]:
    """Cut a text where a line may end: punctuation stays with what it belongs to."""
    pieces: list[str] = []
    for piece in _PIECE.findall(text):
        if pieces and (piece in _NEVER_FIRST or pieces[-1] in _NEVER_LAST):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces
