"""Reading a submission from a folder or a zip, under rules that every file of it must pass."""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from grader.files import Held, NoRoomError
from grader.formats import (
    DEFLATED,
    ENCRYPTED,
    STORED,
    ZipEntry,
    ZipError,
    find_zip_end,
    overlap,
    read_content,
    read_entries,
)
from grader.model.assignment import MIB, Limits
from grader.model.submission import HEAD_BYTES, MAIN, SubmittedFile
from grader.system import can_be_named

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
ZIP_SUFFIX = ".zip"
_MAX_RATIO = 200
_RATIO_FREE_BYTES = 16 << 20
"""A file may unpack to this size whatever its ratio: a matrix of zeros is no bomb."""
_BYTES_PER_ENTRY = 600
"""A directory entry is 46 bytes, its name, and little more."""
_CHUNK = 1 << 20
_TOP = PurePosixPath()
_ANYBODY_READS = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_ANYBODY_ENTERS = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


@dataclass
class IntakeRefusedError(Exception):
    """The submission cannot be taken in (verdict FORMAT); none of its code was run."""

    code: str
    """A code of the message catalogue, for example `no-main`."""
    detail: str = ""
    """What exactly: a file name, a size. Fills the message's `{detail}`."""

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


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
            IntakeRefusedError: one file too many, one byte too many, a path seen before, or a file that
                cannot be read.
            NoRoomError: the copy cannot be written.
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
            digest, size, head = self._copy(target, _readable(chunks, path))
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise IntakeRefusedError("duplicate-path", str(path)) from error
        except OSError as error:
            raise NoRoomError("copy-unwritten", folder=self.folder, reason=error) from error
        self.files.append(SubmittedFile(path=path, size=size, sha256=digest, head=head))

    def _copy(self, target: Path, chunks: Iterator[bytes]) -> tuple[str, int, bytes]:
        digest, size, head = hashlib.sha256(), 0, b""
        # O_EXCL: two entries must never meet in one file, whatever their names are made of; nor is a link
        # followed.
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as out:
            for chunk in chunks:
                size += len(chunk)
                self._bytes += len(chunk)
                if self._bytes > self.limits.submission_mib * MIB:
                    raise IntakeRefusedError("too-large", f"{self.limits.submission_mib} MiB")
                digest.update(chunk)
                head = head or chunk[:HEAD_BYTES]
                out.write(chunk)
        return digest.hexdigest(), size, head


def is_junk(path: PurePosixPath) -> bool:
    """Whether a path is something that tools leave behind and no submission needs.

    `__pycache__` is left out for a second reason: byte code need not match its source.
    """
    return any(part.lower() in _JUNK_NAMES or part.startswith("._") for part in path.parts)


def checked_path(raw: str) -> PurePosixPath:
    """Turn an archive's or folder's entry name into a safe relative path.

    Raises:
        IntakeRefusedError: the path is absolute, climbs with `..`, is empty, is too deep, or is none that a
            file can have on this system.
    """
    name = unicodedata.normalize("NFC", raw)
    path = PurePosixPath(name)
    if not path.parts or "\0" in name:
        raise IntakeRefusedError("bad-path", repr(raw))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise IntakeRefusedError("unsafe-path", repr(raw))
    if not all(map(can_be_named, path.parts)):
        raise IntakeRefusedError("unnameable-path", repr(raw))
    try:
        longest = max(len(part.encode("utf-8")) for part in path.parts)
        length = len(name.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise IntakeRefusedError("bad-path", ascii(raw[:80])) from error
    if len(path.parts) > _MAX_DEPTH or longest > _MAX_PART_BYTES or length > _MAX_PATH_BYTES:
        raise IntakeRefusedError("bad-path", repr(raw[:80]))
    return path


def find_root(files: Sequence[SubmittedFile]) -> PurePosixPath:
    """Return the folder, relative to what was handed in, in which `main.py` lies.

    The submission itself, or one folder deeper if that is the only folder with a `main.py`.

    Raises:
        IntakeRefusedError: no file at all, no `main.py`, or more than one to choose from.
    """
    if not files:
        raise IntakeRefusedError("empty")
    paths = {file.path for file in files}
    if MAIN in paths:
        return PurePosixPath()
    deeper = sorted(path.parent for path in paths if path.name == "main.py" and len(path.parts) == 2)
    if len(deeper) == 1:
        return deeper[0]
    if deeper:
        raise IntakeRefusedError("several-mains", ", ".join(f"{folder}/main.py" for folder in deeper[:5]))
    raise _no_main(sorted(paths))


def receive_zip(archive: BinaryIO, receiver: Receiver) -> None:
    """Unpack every plain file of a zip.

    Raises:
        IntakeRefusedError: not a zip, damaged, encrypted, a bomb, a link, or an unsafe path.
    """
    try:
        entries = _listed(archive, receiver)
        if overlap(entries, archive.seek(0, 2)):
            raise ZipError("zip-overlap")
        for entry in entries:
            _receive_entry(archive, entry, receiver)
    except ZipError as error:
        raise IntakeRefusedError("bad-zip", str(error)) from error


def receive_folder(folder: Held, receiver: Receiver) -> None:
    """Copy every plain file of a folder; of one that holds nothing but an archive, what is in that.

    Platforms export an upload so: a folder for each student, and in it what was uploaded.

    Raises:
        IntakeRefusedError: a link, FIFO, device, socket, hard link or unreadable file.
    """
    names = _names(folder, _TOP, receiver)
    only, *others = [name for name in names if not is_junk(PurePosixPath(name))] or [""]
    if not others and only.lower().endswith(ZIP_SUFFIX):
        path = checked_path(only)
        with _entry(folder, only, path) as entry:
            if not entry.is_folder:
                with _open_plain(entry, path) as archive:
                    receive_zip(archive, receiver)
                return
    _receive(folder, names, receiver, _TOP)


def _no_main(paths: Sequence[PurePosixPath]) -> IntakeRefusedError:
    for path in paths:
        if path.name == "main.py":
            return IntakeRefusedError("deep-main", str(path))
    for name in ("main.py", "predict.py", "main.py.txt", "main.ipynb"):
        for path in paths:
            if path.name.lower() == name:
                return IntakeRefusedError("misnamed-main", str(path))
    found = ", ".join(str(path) for path in paths[:5])
    return IntakeRefusedError("no-main", found + (" ..." if len(paths) > 5 else ""))


def _listed(archive: BinaryIO, receiver: Receiver) -> list[ZipEntry]:
    """List the entries, and refuse a directory of a million before an object is made of each.

    Raises:
        IntakeRefusedError: too many.
        ZipError: no end, or a directory that cannot be.
    """
    end = find_zip_end(archive)
    if end is None:
        raise ZipError("zip-no-directory")
    most = receiver.most_entries
    if end.entries > most or end.directory_bytes > most * _BYTES_PER_ENTRY:
        raise IntakeRefusedError("too-many-files", str(receiver.limits.submission_files))
    entries = []
    for entry in read_entries(archive, end):
        receiver.look_at_entry()
        entries.append(entry)
    return entries


def _receive_entry(archive: BinaryIO, entry: ZipEntry, receiver: Receiver) -> None:
    if entry.name.endswith("/"):
        return
    path = checked_path(entry.name)
    if is_junk(path):
        return
    kind = stat.S_IFMT(entry.mode)
    if kind == stat.S_IFLNK:
        raise IntakeRefusedError("link", str(path))
    if kind not in (0, stat.S_IFREG):
        raise IntakeRefusedError("not-a-file", str(path))
    if entry.flags & ENCRYPTED:
        raise IntakeRefusedError("encrypted-zip", str(path))
    if entry.method not in (STORED, DEFLATED):
        raise ZipError("zip-method")
    receiver.accept(path, _unpacked(archive, entry, path))


def _unpacked(archive: BinaryIO, entry: ZipEntry, path: PurePosixPath) -> Iterator[bytes]:
    size = 0
    for piece in read_content(archive, entry):
        size += len(piece)
        if size > _RATIO_FREE_BYTES and size > _MAX_RATIO * max(entry.packed_size, 1):
            raise IntakeRefusedError("bomb", str(path))
        yield piece


def _receive(folder: Held, names: Sequence[str], receiver: Receiver, prefix: PurePosixPath) -> None:
    for name in names:
        relative = prefix / checked_path(name)
        if is_junk(relative):
            continue
        with _entry(folder, name, relative) as entry:
            if entry.is_folder:
                checked_path(str(relative))
                _check_may(entry, relative, _ANYBODY_ENTERS)
                _receive(entry, _names(entry, relative, receiver), receiver, relative)
            else:
                receiver.expect(entry.status.st_size)
                with _open_plain(entry, relative) as file:
                    receiver.accept(relative, _chunks(file))


def _open_plain(entry: Held, path: PurePosixPath) -> BinaryIO:
    """Open a plain file that is the submission's alone.

    Raises:
        IntakeRefusedError: it is something else, or may not be read.
    """
    if entry.is_link:
        raise IntakeRefusedError("link", str(path))
    if not entry.is_file:
        raise IntakeRefusedError("not-a-file", str(path))
    if entry.status.st_nlink > 1:
        raise IntakeRefusedError("hard-link", str(path))
    _check_may(entry, path, _ANYBODY_READS)
    try:
        return entry.open()
    except OSError as error:
        raise IntakeRefusedError("unreadable", str(path)) from error


def _names(folder: Held, prefix: PurePosixPath, receiver: Receiver) -> list[str]:
    names = []
    try:
        for name in folder.names():
            receiver.look_at_entry()
            names.append(name)
    except OSError as error:
        raise IntakeRefusedError("unreadable", str(prefix)) from error
    return sorted(names)


def _entry(folder: Held, name: str, relative: PurePosixPath) -> Held:
    try:
        return folder.entry(name)
    except OSError as error:  # in a folder that may be listed and not entered; or it is gone
        raise IntakeRefusedError("unreadable", str(relative)) from error


def _check_may(entry: Held, path: PurePosixPath, anybody: int) -> None:
    """Refuse what nobody may read or enter: root could, and would then have another verdict than others."""
    if not entry.status.st_mode & anybody:
        raise IntakeRefusedError("unreadable", str(path))


def _readable(chunks: Iterator[bytes], path: PurePosixPath) -> Iterator[bytes]:
    """Yield the pieces of a file; what cannot be read is the fault of the submission, not of this machine."""
    try:
        yield from chunks
    except OSError as error:
        raise IntakeRefusedError("unreadable", str(path)) from error


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk
