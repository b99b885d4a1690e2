"""Text of a student's, or of a file's, as it may be shown: it steers nothing, and has an end."""

from __future__ import annotations

_MOST_SHOWN = 1000


def one_line(text: str) -> str:
    """Return text without the characters that would steer a terminal, line ends among them."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def printable(text: str) -> str:
    """Return text of many lines without the characters that would steer what shows it."""
    return text if text.isprintable() else "\n".join(map(one_line, text.expandtabs().split("\n")))


def shown(text: str, most: int = _MOST_SHOWN) -> str:
    """Return text on one line that steers nothing, cut to `most` characters."""
    return one_line(text if len(text) <= most else text[: most - 3] + "...")
