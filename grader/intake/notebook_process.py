"""The process in which a notebook is read; `notebooks.py` starts it by its path.

Nothing of the grader's is imported, so that it begins at once and holds nothing. The rules are the course
library's: what a student's own command makes of a notebook is what the grader makes of it.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_MOST_PROGRAM = 1 << 20
"""Bytes of a `main.py`; no honest one is longer."""
_MOST_TOLD, _MOST_LINE = 20, 200


def main() -> None:
    """Read what is asked for on standard input; write what came of it to standard output."""
    request: dict[str, Any] = json.load(sys.stdin)
    _bound(request["bounds"])
    json.dump(_answer(_library(request["library"]), request), sys.stdout)


def _bound(bounds: dict[str, int]) -> None:
    """Have the kernel hold this process to its bounds, where it can."""
    try:
        import resource
    except ImportError:  # Windows; a student checks their own notebook there
        return
    for name, most in bounds.items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (most, most))


def _library(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("cells", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["cells"] = module  # its dataclasses look there
    spec.loader.exec_module(module)
    return module


def _answer(cells: ModuleType, request: dict[str, str]) -> dict[str, Any]:
    path = Path(request["notebook"])
    try:
        program = cells.program_of(cells.marked_cells(cells.read_notebook(path)), "main.py", path.name)
    except cells.NotebookError as error:
        return {"refused": error.code, "detail": error.detail}
    except (MemoryError, RecursionError):
        return {"refused": "unreadable", "detail": ""}
    if program is None:
        return {"refused": "unmarked", "detail": ""}
    if len(program.text.encode("utf-8")) > _MOST_PROGRAM:
        return {"refused": "unreadable", "detail": ""}
    return {
        "text": program.text,
        "cells": program.cells,
        "left_out": [told[:_MOST_LINE] for told in program.left_out[:_MOST_TOLD]],
        "is_same": not request["main"] or _is_same(cells, program.text, Path(request["main"])),
    }


def _is_same(cells: ModuleType, text: str, main: Path) -> bool:
    """Whether a file says the same; one that is too long, or no Python, is not compared."""
    with main.open("rb") as file:
        data = file.read(_MOST_PROGRAM + 1)
    own = data.decode("utf-8-sig", "replace")
    is_comparable = len(data) <= _MOST_PROGRAM and cells.is_same_program(own, own)
    return not is_comparable or bool(cells.is_same_program(own, text))


if __name__ == "__main__":
    main()
