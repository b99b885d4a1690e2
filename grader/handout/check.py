"""The check that a handout gives nothing away, made on the finished archive."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from grader.digest import digest_of_bytes, digest_of_file
from grader.errors import Line, UsageError, line
from grader.handout.contents import FOLDERS, SINGLE_FILES
from grader.sealed.stream import MAGIC

_KEY = re.compile(rb"split-key-1:[A-Za-z0-9_-]{40}")
_IMPORTS_REFERENCE = re.compile(rb"^\s*(from|import)\s+reference\b", re.MULTILINE)
_MAY_LIE_AT = (*(f"{folder}/" for folder in FOLDERS), *SINGLE_FILES, "HANDOUT.md")


def check_archive(archive: BinaryIO, secret: Iterable[Path]) -> int:
    """Read an archive back and look at every file in it; return how many there are.

    Args:
        archive: a zip, the very bytes that are written afterwards.
        secret: files and folders of which nothing may be in it: the reference, the hidden split, its key.

    Raises:
        UsageError: naming what must not be there, and why.
    """
    forbidden = {digest_of_file(path): path for path in _files(secret)}
    forbidden.pop(digest_of_bytes(b""), None)  # an empty file is nobody's secret
    with zipfile.ZipFile(archive) as zipped:
        for name in zipped.namelist():
            data = zipped.read(name)
            if problem := _problem(name, data, forbidden):
                raise UsageError("given-away", name=name, problem=problem)
        return len(zipped.namelist())


def _problem(name: str, data: bytes, forbidden: dict[str, Path]) -> Line | None:
    if not name.startswith(_MAY_LIE_AT):
        return line("lies-outside")
    if (secret := forbidden.get(digest_of_bytes(data))) is not None:
        return line("is-secret", path=secret)
    if _KEY.search(data):
        return line("holds-key")
    if data.startswith(MAGIC):
        return line("is-sealed")
    if name.endswith(".py") and _IMPORTS_REFERENCE.search(data):
        return line("imports-reference")
    return None


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files below the given paths."""
    for path in paths:
        if not path.exists():
            raise UsageError("secret-absent", path=path)
        if path.is_file():
            yield path
        # Links are followed: the images of a split may lie behind them.
        for folder, folders, files in os.walk(path, followlinks=True):
            folders[:] = [name for name in folders if not _leads_back(Path(folder, name))]
            yield from (Path(folder, name) for name in sorted(files) if Path(folder, name).is_file())


def _leads_back(folder: Path) -> bool:
    """Whether a link leads to a folder that it lies in."""
    return folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve())
