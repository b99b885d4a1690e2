"""Holding what a path leads to by a descriptor, on Linux.

A path is walked once, name by name, and after that everything is asked of descriptors.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from grader.files.seen import ForeignLinkError, Seen

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40
"""As many as the kernel follows."""


class Held(Seen):
    """A file, folder or anything else that has a name; closed by its context."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        """For looking alone (`O_PATH`); a folder's serves as `dir_fd`."""
        super().__init__(os.fstat(descriptor))

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    @property
    def place(self) -> Path:
        """Where it lies now, links followed."""
        return Path(self._again).readlink()

    @property
    def _again(self) -> str:
        return f"/proc/self/fd/{self.descriptor}"

    def open(self, access: int = os.O_RDONLY) -> BinaryIO:
        """Open a plain file, for reading unless `access` says otherwise.

        Raises:
            OSError: it may not be read, or is no plain file.
        """
        if not self.is_file:
            raise OSError(errno.EINVAL, "not a plain file")
        return os.fdopen(os.open(self._again, access | os.O_CLOEXEC), "rb")

    def names(self) -> Iterator[str]:
        """Yield the names in a folder, in no order.

        Raises:
            OSError: it may not be read, or is no folder.
        """
        descriptor = os.open(self._again, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with os.scandir(descriptor) as scan:
                yield from (entry.name for entry in scan)
        finally:
            os.close(descriptor)

    def entry(self, name: str) -> Held:
        """Hold what has that name in a folder; of a link, the link itself.

        Raises:
            OSError: there is nothing of that name, or the folder may not be entered.
        """
        return Held(_look(name, self.descriptor))

    def folder(self, name: str) -> Held:
        """Hold the folder of that name in this one; it is made if there is none.

        Raises:
            OSError: it cannot be made, or something else has the name; a link is something else, too.
        """
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=self.descriptor)
        found = self.entry(name)
        if not found.is_folder:
            os.close(found.descriptor)
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(self.place / name))
        return found

    def write(self, name: str, content: bytes) -> None:
        """Write a new file in this folder, to the disk.

        Raises:
            OSError: it cannot be written, or something has the name.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(name, flags, 0o666, dir_fd=self.descriptor), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def move(self, name: str, target: Held) -> None:
        """Move a file of this folder to another one, in place of what has its name there.

        Raises:
            OSError: it cannot be moved.
        """
        os.replace(name, name, src_dir_fd=self.descriptor, dst_dir_fd=target.descriptor)

    def remove(self, name: str) -> None:
        """Remove what has that name in this folder, and all that is below it; of a link, the link.

        Raises:
            OSError: something cannot be removed.
        """
        with self.entry(name) as entry:
            if entry.is_folder:
                for inner in [*entry.names()]:
                    entry.remove(inner)
                self.remove_empty(name)
            else:
                os.unlink(name, dir_fd=self.descriptor)

    def remove_empty(self, name: str) -> None:
        """Remove the empty folder of that name in this one.

        Raises:
            OSError: there is none, or it cannot be removed.
        """
        os.rmdir(name, dir_fd=self.descriptor)


def hold(path: Path, *, foreign_links: bool = True) -> Held:
    """Hold what a path leads to.

    Args:
        path: names and links, followed as the kernel does.
        foreign_links: follow links whomever they belong to, as for what the instructor names. Otherwise only
            those that are ours or root's, or belong to the owner of what they lead to: a link of somebody's
            own must not make the grader read what is another's.

    Raises:
        ForeignLinkError: a link on the way is not to be followed.
        OSError: there is nothing, or it cannot be reached.
    """
    descriptor, owners = _walk(path)
    held = Held(descriptor)
    if not foreign_links and owners - {0, os.geteuid(), held.status.st_uid}:
        os.close(descriptor)
        raise ForeignLinkError(errno.ELOOP, "leads through a link of somebody else", str(path))
    return held


def _look(name: str, folder: int | None) -> int:
    return os.open(name, _LOOK, dir_fd=folder)


def _walk(path: Path) -> tuple[int, set[int]]:
    """Look at a path name by name; return a descriptor of the end, and the owners of the links on the way."""
    left = [*reversed(path.parts)]
    owners: set[int] = set()
    links = 0
    at = _look(".", None)
    try:
        while left:
            following = _look(left.pop(), at)  # of the name "/", the root, whatever `at` is
            if not stat.S_ISLNK(os.fstat(following).st_mode):
                os.close(at)
                at = following
                continue
            try:
                owners.add(os.fstat(following).st_uid)
                left += reversed(PurePosixPath(os.readlink("", dir_fd=following)).parts)
            finally:
                os.close(following)
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    except BaseException:
        os.close(at)
        raise
    return at, owners
