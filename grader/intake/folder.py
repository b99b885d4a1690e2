"""Reading a submission from a folder, without following a link or opening anything but plain files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from grader.intake.entry import Receiver, checked_path, is_junk
from grader.intake.refusal import IntakeRefusedError

_CHUNK = 1 << 20
_ANYBODY_READS = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_ANYBODY_ENTERS = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


def receive_folder(folder: Path, receiver: Receiver) -> None:
    """Copy every plain file of a folder.

    Raises:
        IntakeRefusedError: a link, FIFO, device, socket, hard link or unreadable file.
    """
    for path, relative, size in _plain_files(folder, PurePosixPath(), receiver.look_at_entry):
        receiver.expect(size)
        receiver.accept(relative, _read(path))


def _plain_files(
    folder: Path, prefix: PurePosixPath, look_at_entry: Callable[[], None]
) -> Iterator[tuple[Path, PurePosixPath, int]]:
    """Yield path, path inside the submission, and size of every file."""
    entries = []
    try:
        with os.scandir(folder) as scan:
            for entry in scan:
                look_at_entry()
                entries.append(entry)
    except OSError as error:
        raise IntakeRefusedError("unreadable", str(prefix)) from error
    for entry in sorted(entries, key=lambda entry: entry.name):
        relative = prefix / checked_path(entry.name)
        if is_junk(relative):
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:  # in a folder that may be listed and not entered; or it is gone
            raise IntakeRefusedError("unreadable", str(relative)) from error
        if stat.S_ISDIR(status.st_mode):
            checked_path(str(relative))
            _check_may(status, relative, _ANYBODY_ENTERS)
            yield from _plain_files(Path(entry.path), relative, look_at_entry)
        else:
            _check_plain(status, relative)
            yield Path(entry.path), relative, status.st_size


def _check_plain(status: os.stat_result, path: PurePosixPath) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise IntakeRefusedError("link", str(path))
    if not stat.S_ISREG(status.st_mode):
        raise IntakeRefusedError("not-a-file", str(path))
    if status.st_nlink > 1:
        raise IntakeRefusedError("hard-link", str(path))
    _check_may(status, path, _ANYBODY_READS)


def _check_may(status: os.stat_result, path: PurePosixPath, anybody: int) -> None:
    """Refuse what nobody may read or enter: root could, and would then have another verdict than others."""
    if not status.st_mode & anybody:
        raise IntakeRefusedError("unreadable", str(path))


def _read(path: Path) -> Iterator[bytes]:
    try:
        # Between stat and open the entry may have been exchanged: NOFOLLOW and NONBLOCK make that harmless.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise IntakeRefusedError("unreadable", path.name) from error
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise IntakeRefusedError("not-a-file", path.name)
        while chunk := file.read(_CHUNK):
            yield chunk
