"""Text as it may be shown: it steers nothing, has an end, and fits into the columns of a terminal.

A Chinese character takes two columns, and a line may end behind any.
"""

from __future__ import annotations

import re
import unicodedata

_MOST_SHOWN, _MOST_SHORT = 1000, 300
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_NEVER_FIRST = "，。；：？！、）”』》"
"""No line begins with these."""
_NEVER_LAST = "（『《"
"""No line ends with these."""
_PIECE = re.compile(r" +|[^\s\u2e80-\uffef]+|.", re.DOTALL)
"""A gap, a word of a script with gaps (or an option, a path), or one character of one without."""


def one_line(text: str) -> str:
    """Return text without the characters that would steer a terminal, line ends among them."""
    # Nearly every text is printable, and told so at once; a page has thousands of lines.
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def printable(text: str) -> str:
    """Return text of many lines without the characters that would steer what shows it."""
    return text if text.isprintable() else "\n".join(map(one_line, text.expandtabs().split("\n")))


def shown(text: str, most: int = _MOST_SHOWN) -> str:
    """Return text on one line that steers nothing, cut to `most` characters."""
    return one_line(text if len(text) <= most else text[: most - 3] + "...")


def short(text: str, most: int = _MOST_SHORT) -> str:
    """Return text on one line, cut to `most` characters, and without memory addresses, which change."""
    line = _ADDRESS.sub("0x...", " ".join(text.split()))
    return line if len(line) <= most else line[: most - 3] + "..."


def narrow(text: str, most: int) -> str:
    """Return what of a text may be told although a hidden image was in reach: little, and that in ASCII.

    A character of Chinese carries twice the bits of a letter, and enough letters carry an image.
    """
    return short(text.encode("ascii", "replace").decode("ascii"), most)


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


def cut(line: str, most: int) -> str:
    """Return the beginning of a line that takes at most so many columns."""
    for end, char in enumerate(line):
        most -= columns(char)
        if most < 0:
            return line[:end]
    return line


def _pieces(text: str) -> list[str]:
    """Cut a text where a line may end: punctuation stays with what it belongs to."""
    pieces: list[str] = []
    for piece in _PIECE.findall(text):
        if pieces and (piece in _NEVER_FIRST or pieces[-1] in _NEVER_LAST):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces


def as_written(number: float) -> str:
    """Return a number as a person writes it: 2.44, 0, 1128."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{round(number, 2) + 0:g}"
