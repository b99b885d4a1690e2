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


def receive_folder(folder: Path, receiver: Receiver) -> None:
    """Copy every plain file of a folder.

    Raises:
        IntakeRefusedError: a link, FIFO, device, socket, hard link or unreadable file.
    """
    for path, relative in _plain_files(folder, PurePosixPath(), receiver.look_at_entry):
        receiver.expect(path.lstat().st_size)
        receiver.accept(relative, _read(path))


def _plain_files(
    folder: Path, prefix: PurePosixPath, look_at_entry: Callable[[], None]
) -> Iterator[tuple[Path, PurePosixPath]]:
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
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            checked_path(str(relative))
            yield from _plain_files(Path(entry.path), relative, look_at_entry)
        else:
            _check_plain(status, relative)
            yield Path(entry.path), relative


def _check_plain(status: os.stat_result, path: PurePosixPath) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise IntakeRefusedError("link", str(path))
    if not stat.S_ISREG(status.st_mode):
        raise IntakeRefusedError("not-a-file", str(path))
    if status.st_nlink > 1:
        raise IntakeRefusedError("hard-link", str(path))
    if not status.st_mode & _ANYBODY_READS:  # root could, and would then have another verdict than others
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
