"""Which submissions may begin with their libraries imported: those to which it makes no other difference.

It is read from their text, a rule of thumb: to who hides what is imported it may make one, in nothing but his
own submission. In doubt a worker is started as a program, which is the same and takes longer.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from importlib.machinery import all_suffixes
from pathlib import Path

from grader.sandbox.policy import course_library

_IMPORTS_MINDSPORE = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(?:src_)?mindspore\b", re.MULTILINE)
_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+(\w+)|import[ \t]+([^\n#;]+))", re.MULTILINE)
_BEFORE_THE_IMPORT = re.compile(
    # The environment, which libraries read while they are imported, and the ways to change what is imported.
    rb"environ|putenv|setenv|meta_path|path_hooks|sys\.modules|importlib|zipimport|__import__|runpy|\bexec\b"
)
_FILE_OF_A_MODULE = re.compile(rb"(\w*)\.py[\"']")
"""At the end of a string: who writes a module and then imports it names it so, or puts its name together."""
_MODULES = tuple(all_suffixes())
_ARCHIVES = (".zip", ".egg", ".whl", ".pth")
_MOST_BYTES = 1 << 20
"""Of one file; who writes longer ones is not asked what is in them."""


def imports_mindspore(submission: Path) -> bool:
    """Whether `main.py`, or a file of the submission's that it imports, says that it imports MindSpore."""
    return any(_IMPORTS_MINDSPORE.search(text) for text in _Source(submission).texts.values())


def cares_what_is_imported(submission: Path, modules: frozenset[str]) -> bool:
    """Whether it could make a difference that `modules` are imported before the submission is.

    Args:
        submission: its folder.
        modules: top-level names.
    """
    source = _Source(submission)
    brought = {name for name in source.files if name.endswith(_MODULES)} | source.folders.keys()
    return (
        # An archive may be put on the path, and any folder too: so a module counts wherever it lies.
        any(name.partition(".")[0] in modules for name in brought)
        or any(name.endswith(_ARCHIVES) for name in (*source.files, *source.folders))
        or any(
            len(text) >= _MOST_BYTES or _BEFORE_THE_IMPORT.search(text) or _names_a_file(text, modules)
            for path, text in source.texts.items()
            if not source.is_the_course_librarys(path, text)
        )
    )


class _Source:
    """The files of a submission, and the text of those that `main.py` imports, as far as its text says so."""

    def __init__(self, submission: Path) -> None:
        self._submission = submission
        self.files: defaultdict[str, list[Path]] = defaultdict(list)
        """Everything in the submission that is no folder, by name."""
        self.folders: defaultdict[str, list[Path]] = defaultdict(list)
        for folder, folders, files in os.walk(submission):
            for found, names in ((self.files, files), (self.folders, folders)):
                for name in names:
                    found[name].append(Path(folder, name))

    @cached_property
    def texts(self) -> dict[Path, bytes]:
        """The beginnings of the Python files that may be imported, by path."""
        found: dict[Path, bytes] = {}
        pending = [self._submission / "main.py"]
        while pending:
            path = pending.pop()
            if path in found or not path.is_file():
                continue
            with path.open("rb") as file:
                found[path] = file.read(_MOST_BYTES)
            for name in _imported(found[path]):
                pending += self._modules(name)
        return found

    def is_the_course_librarys(self, path: Path, text: bytes) -> bool:
        """Whether a file is the course library's own, of which it is known what it does."""
        parts = path.relative_to(self._submission).parts
        if "src_mindspore" not in parts:
            return False
        ours = course_library().joinpath(*parts[parts.index("src_mindspore") + 1 :])
        return ours.is_file() and ours.read_bytes() == text

    def _modules(self, name: str) -> Iterator[Path]:
        yield from self.files.get(f"{name}.py", ())
        for folder in self.folders.get(name, ()):
            yield from folder.rglob("*.py")


def _names_a_file(text: bytes, modules: frozenset[str]) -> bool:
    """Whether a text names a file that would be one of `modules`, or one whose name is not written out."""
    stems = {stem.decode("utf-8", "replace") for stem in _FILE_OF_A_MODULE.findall(text)}
    return "" in stems or not modules.isdisjoint(stems)


def _imported(text: bytes) -> Iterator[str]:
    """Yield the top-level names that a text imports."""
    for one, several in _IMPORT.findall(text):
        for part in (one or several).split(b","):
            if words := part.split(b" as ")[0].strip().partition(b".")[0].split():
                yield words[0].decode("utf-8", "replace")
