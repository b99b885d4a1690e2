"""Recognising what an exception in a student's code means, so that the help fits."""

from __future__ import annotations

import re

from grader.dialogue.frames import Raised

_NETWORK = re.compile(
    r"gaierror|URLError|name resolution|Network is unreachable|Max retries|Name or service not known"
    r"|pip'?,? .*install.* returned non-zero",
    re.I,
)
_NETWORK_TYPES = frozenset(
    {
        "gaierror",
        "URLError",
        "ConnectionError",
        "ConnectTimeout",
        "ConnectionRefusedError",
        "NewConnectionError",
    }
)
_DEVICE = re.compile(r"\b(CUDA|cuda|device_target|GPU|Ascend|NPU)\b")
_MISSING = re.compile(
    r"No such file|does not exist|not exist|doesn't exist|cannot find the file|not found", re.I
)
_SHARED_LIBRARY = re.compile(r"\.so\b.*cannot open shared object")
_ARGPARSE_EXIT = "2"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


def code_of(error: Raised) -> str:
    """Return the catalogue's code for an exception raised by a student's code."""
    if error.type in ("SyntaxError", "IndentationError", "TabError"):
        return "not-utf8" if "utf-8" in error.message or "utf8" in error.message else "syntax-error"
    if error.type in _NETWORK_TYPES or _NETWORK.search(error.message):
        return "no-network"
    if error.type in ("ModuleNotFoundError", "ImportError") and "No module named" in error.message:
        return "missing-module"
    if error.type == "EOFError" or (error.type, error.message) == ("SystemExit", _ARGPARSE_EXIT):
        return "asks-keyboard"
    if _SHARED_LIBRARY.search(error.message):
        return "missing-library"
    if error.type == "FileNotFoundError" or _MISSING.search(error.message):
        return "missing-file"
    if _DEVICE.search(error.message):
        return "no-device"
    return "import-failed"


def short(text: str, most: int = 300) -> str:
    """Return text on one line, cut to `most` characters, and without memory addresses, which change."""
    line = _ADDRESS.sub("0x...", " ".join(text.split()))
    return line if len(line) <= most else line[: most - 3] + "..."


def narrow(text: str, most: int) -> str:
    """Return what of a text may be told although a hidden image was in reach: little, and that in ASCII.

    A character of Chinese carries twice the bits of a letter, and enough letters carry an image.
    """
    return short(text.encode("ascii", "replace").decode("ascii"), most)
