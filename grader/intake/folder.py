"""Reading a submission from a folder, without following a link or opening anything but plain files.

Whoever handed it in may still write it, and sees what is read of it. So every folder is held by a descriptor
while it is gone through, and nothing is looked up by its path: what is put in its place changes nothing.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import BinaryIO

from grader.held import Held
from grader.intake.archive import ZIP_SUFFIX, receive_zip
from grader.intake.entry import Receiver, checked_path, is_junk
from grader.intake.refusal import IntakeRefusedError

_CHUNK = 1 << 20
_TOP = PurePosixPath()
_ANYBODY_READS = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_ANYBODY_ENTERS = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


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


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk
