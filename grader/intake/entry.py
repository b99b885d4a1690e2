"""The rules that every file of a submission must pass, whether it comes from a folder or a zip."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from grader.assignment import MIB, Limits
from grader.intake.refusal import IntakeRefusedError
from grader.intake.submission import HEAD_BYTES, SubmittedFile

_JUNK_NAMES = frozenset(
    {
        ".ds_store",
        "thumbs.db",
        "desktop.ini",
        "__macosx",
        "__pycache__",
        ".git",
        ".ipynb_checkpoints",
        ".idea",
        ".vscode",
    }
)
_MAX_DEPTH = 32
_MAX_PART_BYTES, _MAX_PATH_BYTES = 255, 1024
_ENTRIES_PER_FILE = 4
"""Folders and junk may be there too, but not without end."""


def is_junk(path: PurePosixPath) -> bool:
    """Whether a path is something that tools leave behind and no submission needs.

    `__pycache__` is left out for a second reason: byte code need not match its source.
    """
    return any(part.lower() in _JUNK_NAMES or part.startswith("._") for part in path.parts)


def checked_path(raw: str) -> PurePosixPath:
    """Turn an archive's or folder's entry name into a safe relative path.

    Raises:
        IntakeRefusedError: the path is absolute, climbs with `..`, is empty or is too deep.
    """
    name = unicodedata.normalize("NFC", raw)
    path = PurePosixPath(name)
    if not path.parts or "\0" in name:
        raise IntakeRefusedError("bad-path", repr(raw))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise IntakeRefusedError("unsafe-path", repr(raw))
    try:
        longest = max(len(part.encode("utf-8")) for part in path.parts)
        length = len(name.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise IntakeRefusedError("bad-path", ascii(raw[:80])) from error
    if len(path.parts) > _MAX_DEPTH or longest > _MAX_PART_BYTES or length > _MAX_PATH_BYTES:
        raise IntakeRefusedError("bad-path", repr(raw[:80]))
    return path


@dataclass
class Receiver:
    """Writes accepted files below one folder and counts as it goes: nothing swells past the caps."""

    folder: Path
    limits: Limits
    files: list[SubmittedFile] = field(default_factory=list)
    _entries: int = 0
    _bytes: int = 0
    _seen: set[PurePosixPath] = field(default_factory=set)
    _folders: set[PurePosixPath] = field(default_factory=set)

    @property
    def most_entries(self) -> int:
        """How many entries are looked at: files, folders and junk together."""
        return self.limits.submission_files * _ENTRIES_PER_FILE

    def look_at_entry(self) -> None:
        """Count one entry, whatever it is.

        Raises:
            IntakeRefusedError: one too many.
        """
        self._entries += 1
        if self._entries > self.most_entries:
            raise IntakeRefusedError("too-many-files", str(self.limits.submission_files))

    def expect(self, size: int) -> None:
        """Look ahead, before a file of `size` bytes is opened. What really comes is counted all the same.

        Raises:
            IntakeRefusedError: it would be too much.
        """
        if self._bytes + size > self.limits.submission_mib * MIB:
            raise IntakeRefusedError("too-large", f"{self.limits.submission_mib} MiB")

    def accept(self, path: PurePosixPath, chunks: Iterator[bytes]) -> None:
        """Copy one file in, hashing it.

        Raises:
            IntakeRefusedError: one file too many, one byte too many, or a path seen before.
        """
        if path in self._seen:
            raise IntakeRefusedError("duplicate-path", str(path))
        self._seen.add(path)
        self._folders.update(path.parents)  # an archive need not list the folders that its files lie in
        if len(self.files) >= self.limits.submission_files or len(self._folders) > self.most_entries:
            raise IntakeRefusedError("too-many-files", str(self.limits.submission_files))
        target = self.folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            digest, size, head = self._copy(target, chunks)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise IntakeRefusedError("duplicate-path", str(path)) from error
        self.files.append(SubmittedFile(path=path, size=size, sha256=digest, head=head))

    def _copy(self, target: Path, chunks: Iterator[bytes]) -> tuple[str, int, bytes]:
        digest, size, head = hashlib.sha256(), 0, b""
        # O_EXCL: two entries must never meet in one file, whatever their names are made of.
        with os.fdopen(
            os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "wb"
        ) as out:
            for chunk in chunks:
                size += len(chunk)
                self._bytes += len(chunk)
                if self._bytes > self.limits.submission_mib * MIB:
                    raise IntakeRefusedError("too-large", f"{self.limits.submission_mib} MiB")
                digest.update(chunk)
                head = head or chunk[:HEAD_BYTES]
                out.write(chunk)
        return digest.hexdigest(), size, head
