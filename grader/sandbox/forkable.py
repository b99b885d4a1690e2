"""Which submissions may begin with their libraries imported: those to which it makes no other difference.

It is read from their text, a rule of thumb: to who hides what is imported it may make one, in nothing but his
own submission. In doubt a worker is started as a program, which is the same and takes longer.

A student's text is read here, in the process that grades others beside it. So little of it is read, and each
look takes a number of steps that grows with what is read, and no faster: text of more than that is no honest
program's, and is started as a program without being looked at.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import all_suffixes
from pathlib import Path

from grader.files import digest_of_bytes
from grader.places import course_library

_LIBRARY = "src_mindspore"
BEFORE_THE_IMPORT = re.compile(
    # The environment, which libraries read while they are imported, and the ways to change what is imported.
    rb"environ|putenv|setenv|meta_path|path_hooks|sys\.modules|importlib|zipimport|__import__|runpy|\bexec\b"
)
_EARLIER = frozenset(
    {
        "c6ccc2bbd9ed12efc758bb03f3b926748d32b1fc286deb35a81ad34e7b8865b2",  # cpu.py
        "d39f8e0392d19d582e36a57b68129007192b582e923b06d0cbd152c377413372",  # engine/live.py
    }
)
"""SHA-256 of files of the course library as they were handed out before, and are still handed in."""
_MARKS = re.compile(rb"\\.|\"\"\"|'''|[\"'#\n]", re.DOTALL)
"""What begins or ends a text or a comment; after a backslash, none does."""
_PARTS_OF_NAMES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_MODULES = tuple(all_suffixes())
_ARCHIVES = (".zip", ".egg", ".whl", ".pth")
_MOST_BYTES, _MOST_FILES, _MOST_NAMES = 1 << 19, 200, 1000
"""That are read, and followed, of one submission."""
_LONGEST_NAME = 64
"""Bytes of a module's name; no library's is as long."""


class _TooMuchError(Exception):
    """More text than is looked at."""


@dataclass(frozen=True)
class _Import:
    """One module that a text imports."""

    name: str
    """With dots; of `from a import b`, both `a` and `a.b`, which may be one."""
    is_certain: bool
    """Whether it stands at the beginning of a line, where it is run whenever the file is."""


@dataclass(frozen=True)
class ForkRule:
    """Which submissions' workers may be forked from a server that has libraries imported."""

    library: str | None = "mindspore"
    """The one whose import is worth sharing; None if workers are forked whatever they import."""
    alarming: re.Pattern[bytes] = BEFORE_THE_IMPORT
    """What no text may hold that is to be forked."""

    def is_worth_while(self, submission: Path) -> bool:
        """Whether it is certain that the library is imported with `main.py`, by itself or what it imports."""
        try:
            return self.library is None or _imports(_Source(submission), self.library)
        except _TooMuchError:
            return False

    def makes_no_difference(self, submission: Path, modules: frozenset[str]) -> bool:
        """Whether it makes no difference that `modules` are imported before the submission is.

        Args:
            submission: its folder.
            modules: top-level names.
        """
        source = _Source(submission)
        brought = {name for name in source.files if name.endswith(_MODULES)} | source.folders
        # An archive may be put on the path, and any folder too: so a module counts wherever it lies.
        if any(name.partition(".")[0] in modules for name in brought):
            return False
        if any(name.endswith(_ARCHIVES) for name in (*source.files, *source.folders)):
            return False
        try:
            return not any(
                self.alarming.search(text) or _names_a_file(text, modules)
                for path, text in source.texts.items()
                if not source.is_the_course_librarys(path, text)
            )
        except _TooMuchError:
            return False


MINDSPORE_RULE = ForkRule()
"""The usual one: MindSpore takes a second to import, and other libraries none that is worth the trouble."""
ANY_PROGRAM = ForkRule(library=None, alarming=re.compile(rb"(?!)"))
"""For programs of ours, of which it is known what they do."""


def _imports(source: _Source, library: str) -> bool:
    if source.brings(library):
        return False
    seen: set[str] = set()
    pending = [source.main]
    while pending:
        path = pending.pop()
        if not path.is_file():
            continue
        names = {
            name for each in source.imports(path) if each.is_certain for name in _with_packages(each.name)
        }
        if library in names:
            return True
        pending += filter(None, map(source.module, names - seen))
        seen |= names
    return False


def _with_packages(name: str) -> Iterator[str]:
    """Yield a module's name after those of the packages that it is in, which are imported with it."""
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


class _Source:
    """The files of a submission, and the text of those that `main.py` imports, as far as its text says so."""

    def __init__(self, submission: Path) -> None:
        self._submission = submission
        self.main = submission / "main.py"
        self._left = _MOST_BYTES
        self._read: dict[Path, bytes] = {}
        self._imports: dict[Path, frozenset[_Import]] = {}
        self._names: set[str] = set()
        self.files: defaultdict[str, list[Path]] = defaultdict(list)
        """Everything in the submission that is no folder, by name."""
        self.folders: set[str] = set()
        """Names of those in it."""
        for folder, folders, files in os.walk(submission):
            self.folders.update(folders)
            for name in files:
                self.files[name].append(Path(folder, name))

    @cached_property
    def texts(self) -> dict[Path, bytes]:
        """The Python files that may be imported, by path.

        Raises:
            _TooMuchError: there is more of it than is read.
        """
        found: dict[Path, bytes] = {}
        pending, followed = [self.main], set[str]()
        while pending:
            path = pending.pop()
            if path in found or not path.is_file():
                continue
            found[path] = self.text(path)
            for name in {each.name.partition(".")[0] for each in self.imports(path)} - followed:
                followed.add(name)
                pending += self._modules[name]
        return found

    @cached_property
    def _modules(self) -> defaultdict[str, list[Path]]:
        """The Python files by every name under which they, or a folder that they lie in, may be imported."""
        found: defaultdict[str, list[Path]] = defaultdict(list)
        for name, paths in self.files.items():
            for path in paths if name.endswith(".py") else ():
                for part in {path.stem, *path.relative_to(self._submission).parent.parts}:
                    found[part].append(path)
        return found

    def text(self, path: Path) -> bytes:
        """Return the text of a file.

        Raises:
            _TooMuchError: this file is one too many, or too long.
        """
        if path not in self._read:
            with path.open("rb") as file:
                text = file.read(self._left + 1)
            self._left -= len(text)
            if self._left < 0 or len(self._read) == _MOST_FILES:
                raise _TooMuchError
            self._read[path] = text
        return self._read[path]

    def imports(self, path: Path) -> frozenset[_Import]:
        """Return what a file imports.

        Raises:
            _TooMuchError: the file is too long, or there are too many names.
        """
        if path not in self._imports:
            self._imports[path] = frozenset(_imported(self.text(path)))
            self._names |= {each.name for each in self._imports[path]}
            if len(self._names) > _MOST_NAMES:
                raise _TooMuchError
        return self._imports[path]

    def brings(self, name: str) -> bool:
        """Whether a module or package of this name lies beside `main.py`."""
        return self.module(name) is not None or (self._submission / name).is_dir()

    def module(self, name: str) -> Path | None:
        """Return the file of a module of the submission's or the course library's; None if it is neither."""
        folders = [self._submission]
        if name.partition(".")[0] == _LIBRARY:
            folders.append(course_library().parent)
        for folder in folders:
            path = folder.joinpath(*name.split("."))
            for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
                if file.is_file():
                    return file
        return None

    def is_the_course_librarys(self, path: Path, text: bytes) -> bool:
        """Whether a file is the course library's own, of which it is known what it does."""
        parts = path.relative_to(self._submission).parts
        if _LIBRARY not in parts:
            return False
        ours = course_library().joinpath(*parts[parts.index(_LIBRARY) + 1 :])
        return (ours.is_file() and ours.read_bytes() == text) or digest_of_bytes(text) in _EARLIER


def _names_a_file(text: bytes, modules: frozenset[str]) -> bool:
    """Whether a text names a file that would be one of `modules`, or one whose name is not written out.

    At the end of a string: who writes a module and then imports it names it so, or puts its name together.
    """
    before = text.replace(b".py'", b'.py"').split(b'.py"')[:-1]
    ends = {piece[-_LONGEST_NAME:] for piece in before}
    stems = {end[len(end.rstrip(_PARTS_OF_NAMES)) :].decode("ascii") for end in ends}
    return "" in stems or not modules.isdisjoint(stems)


def _imported(text: bytes) -> Iterator[_Import]:
    """Yield what a text imports, in its texts and comments nothing."""
    for line in _code(text).replace(b";", b"\n").replace(b":", b"\n").split(b"\n"):
        words = line.split(None, 3)
        if len(words) < 2 or words[0] not in (b"import", b"from"):
            continue
        is_certain = not line[:1].isspace()
        if words[0] == b"import":
            yield from (_Import(name, is_certain) for name in _listed(line.split(None, 1)[1]))
        elif not words[1].startswith(b".") and (module := _name(words[1])):
            yield _Import(module, is_certain)
            for name in _listed(words[3].lstrip(b"(")) if len(words) == 4 else ():
                yield _Import(f"{module}.{name}", is_certain)


def _listed(names: bytes) -> Iterator[str]:
    """Yield the names of `a, b as c`."""
    for part in names.split(b","):
        words = part.split(None, 1)
        if words and (name := _name(words[0])):
            yield name


def _name(word: bytes) -> str:
    """Return a module's name with its dots; empty if the word is none, or too long for one."""
    name = word[: _LONGEST_NAME + 1].decode("utf-8", "replace")
    is_one = len(name) <= _LONGEST_NAME and all(part.isidentifier() for part in name.split("."))
    return name if is_one else ""


def _code(text: bytes) -> bytes:
    """Return a text without its strings and comments, and with the lines joined that a backslash joins."""
    kept: list[bytes] = []
    inside, begin = b"", 0
    for mark in _MARKS.finditer(text):
        found = mark[0]
        if not inside:
            if found != b"\n":
                kept.append(text[begin : mark.start()])
                inside, begin = found[:1] if found.startswith(b"\\") else found, mark.end()
            if inside == b"\\":
                kept.append(b" ")
                inside = b""
        elif _ends(found, inside):
            inside, begin = b"", mark.end() - found.endswith(b"\n")
    return b"".join([*kept, b"" if inside else text[begin:]])


def _ends(mark: bytes, inside: bytes) -> bool:
    """Whether what began with `inside` ends with `mark`."""
    if inside == b"#":
        return mark.endswith(b"\n")
    if len(inside) == 3:
        return mark == inside
    return mark.startswith(inside) or mark == b"\n"
