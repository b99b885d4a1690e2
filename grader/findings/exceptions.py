"""Recognising what an exception in a student's code means, so that the help fits."""

from __future__ import annotations

import re

from grader.dialogue.frames import Raised

_NETWORK = re.compile(
    r"gaierror|URLError|name resolution|Network is unreachable|Max retries|Name or service not known",
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
_DEVICE = re.compile(r"cuda|device_target|\bGPU\b|Ascend|\bNPU\b", re.I)
_MISSING = re.compile(
    r"No such file|does not exist|not exist|doesn't exist|cannot find the file|not found", re.I
)


def code_of(error: Raised) -> str:
    """Return the catalogue's code for an exception raised by importing `main.py`."""
    if error.type in ("SyntaxError", "IndentationError", "TabError"):
        return "not-utf8" if "utf-8" in error.message or "utf8" in error.message else "syntax-error"
    if error.type in _NETWORK_TYPES or _NETWORK.search(error.message):
        return "no-network"
    if error.type in ("ModuleNotFoundError", "ImportError") and "No module named" in error.message:
        return "missing-module"
    if error.type in ("EOFError", "SystemExit"):
        return "asks-keyboard"
    if error.type == "FileNotFoundError" or _MISSING.search(error.message):
        return "missing-file"
    if _DEVICE.search(error.message):
        return "no-device"
    return "import-failed"


def short(text: str, most: int = 300) -> str:
    """Return text on one line, cut to `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 3] + "..."
