"""Reading a submission from a zip, with every cap counted on the bytes that really come out."""

from __future__ import annotations

import errno
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from grader.intake.entry import Receiver, checked_path, is_junk
from grader.intake.refusal import IntakeRefusedError
from grader.intake.unpacking import BOUNDED_METHODS, overlap
from grader.intake.zip_end import find_zip_end

_CHUNK = 1 << 20
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 0x1
_MAX_RATIO = 200
_RATIO_FREE_BYTES = 16 << 20
"""A file may unpack to this size whatever its ratio: a matrix of zeros is no bomb."""


def receive_zip(archive: Path, receiver: Receiver) -> None:
    """Unpack every plain file of a zip.

    Raises:
        IntakeRefusedError: not a zip, damaged, encrypted, a bomb, a link, or an unsafe path.
    """
    _check_directory(archive, receiver)
    try:
        with zipfile.ZipFile(archive) as zipped:
            if overlap(zipped.infolist(), archive.stat().st_size):
                raise IntakeRefusedError("bad-zip", "its entries overlap")
            for entry in zipped.infolist():
                receiver.look_at_entry()
                _receive_entry(zipped, entry, receiver)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        ValueError,
        OverflowError,
    ) as error:
        raise IntakeRefusedError("bad-zip", str(error)) from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise  # a full disk is not the submission's fault
        raise IntakeRefusedError("bad-zip", "it points outside itself") from error


_BYTES_PER_ENTRY = 600
"""A directory entry is 46 bytes, its name, and little more."""


def _check_directory(archive: Path, receiver: Receiver) -> None:
    """Refuse a directory of a million entries before `zipfile` makes an object of each.

    Raises:
        IntakeRefusedError: no end record, one for archives over 4 GiB, or too long a directory.
    """
    try:
        file = archive.open("rb")
    except OSError as error:
        raise IntakeRefusedError("unreadable", archive.name) from error
    with file:
        end = find_zip_end(file)
    if end is None:
        raise IntakeRefusedError("bad-zip", "it has no directory")
    if end.is_zip64:
        raise IntakeRefusedError("bad-zip", "it is in the format for archives over 4 GiB")
    if end.directory_bytes > receiver.most_entries * _BYTES_PER_ENTRY:
        raise IntakeRefusedError("too-many-files", str(receiver.limits.submission_files))


def _receive_entry(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, receiver: Receiver) -> None:
    name = entry_name(entry)
    if name.endswith("/"):
        return
    path = checked_path(name)
    if is_junk(path):
        return
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise IntakeRefusedError("link", str(path))
    if kind not in (0, stat.S_IFREG):
        raise IntakeRefusedError("not-a-file", str(path))
    if entry.flag_bits & _ENCRYPTED_FLAG:
        raise IntakeRefusedError("encrypted-zip", str(path))
    if entry.compress_type not in BOUNDED_METHODS:
        raise IntakeRefusedError("bad-zip", "its compression is neither stored nor deflated")
    receiver.accept(path, _unpack(zipped, entry, path))


def entry_name(entry: zipfile.ZipInfo) -> str:
    """Recover an entry's real name.

    Chinese Windows writes names in GBK without saying so; Python then reads them as code page
    437. Names that are flagged as UTF-8 are right already. Back slashes become slashes.
    """
    name = entry.orig_filename if "\0" in entry.orig_filename else entry.filename
    if not entry.flag_bits & _UTF8_FLAG:
        try:
            raw = name.encode("cp437")
        except UnicodeEncodeError:
            return name.replace("\\", "/")
        for encoding in ("utf-8", "gb18030"):
            try:
                return raw.decode(encoding).replace("\\", "/")
            except UnicodeDecodeError:
                continue
    return name.replace("\\", "/")


def _unpack(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, path: PurePosixPath) -> Iterator[bytes]:
    size = 0
    with zipped.open(entry) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if size > _RATIO_FREE_BYTES and size > _MAX_RATIO * max(entry.compress_size, 1):
                raise IntakeRefusedError("bomb", str(path))
            yield chunk
