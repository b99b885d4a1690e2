"""Which submissions may begin with their libraries imported: those for which it makes no other difference."""

from __future__ import annotations

import re
from importlib.machinery import all_suffixes
from pathlib import Path

_IMPORTS_MINDSPORE = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(?:src_)?mindspore\b", re.MULTILINE)
_MOST_BYTES = 1 << 20
_MODULES = tuple(all_suffixes())


def imports_mindspore(submission: Path) -> bool:
    """Whether a Python file at the top of a submission says that it imports MindSpore."""
    return any(_IMPORTS_MINDSPORE.search(_beginning(path)) for path in sorted(submission.glob("*.py")))


def shadows(submission: Path, modules: frozenset[str]) -> bool:
    """Whether a submission brings a module of the name of one of `modules`.

    It may mean to be imported in place of the other, and where that one is imported already, it would not be.
    Any folder counts, for it may be put on the path.
    """
    return any(
        path.name.partition(".")[0] in modules
        for path in submission.rglob("*")
        if path.name.endswith(_MODULES) or path.is_dir()
    )


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES)
