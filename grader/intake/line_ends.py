"""Whether a program for text has changed the line ends of a binary file: git's autocrlf, FTP in text mode."""

from __future__ import annotations

from typing import BinaryIO

_CHUNK = 1 << 20
_ENOUGH = 20
"""So many line ends of a kind, all of them or hardly any, are no chance in numbers."""
_HARDLY_ANY = 0.1
"""Share: where byte 13 stood twice before byte 10, one is left."""


def has_changed_line_ends(file: BinaryIO) -> bool:
    """Whether every byte 10 has a byte 13 before it, or hardly any has where some should by chance.

    A file without a zero byte at its beginning is taken for text, whose line ends are its own.
    """
    file.seek(0)
    size = feeds = returns = pairs = 0
    last = b""
    while chunk := file.read(_CHUNK):
        if not size and b"\0" not in chunk:
            return False
        size += len(chunk)
        feeds += chunk.count(b"\n")
        returns += chunk.count(b"\r")
        pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
        last = chunk[-1:]
    if feeds < _ENOUGH:
        return False
    by_chance = feeds * returns / size
    return pairs == feeds or (by_chance >= _ENOUGH and pairs <= _HARDLY_ANY * by_chance)
