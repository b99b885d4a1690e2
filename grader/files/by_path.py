"""Holding what a path leads to by the path itself, on systems that cannot look at a thing without opening it.

So what was looked at may have become something else when it is read. That is enough for a student's own
check, whose files are the student's own; official grading does not run there.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from grader.files.seen import Seen

_AS_IT_IS = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


class Held(Seen):
    """A file, folder or anything else that has a name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        super().__init__(os.lstat(path))

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def place(self) -> Path:
        """Where it lies now, links followed."""
        return Path(os.path.realpath(self._path))

    def open(self, access: int = os.O_RDONLY) -> BinaryIO:
        """Open a plain file, for reading unless `access` says otherwise.

        Raises:
            OSError: it may not be read, or is no plain file.
        """
        if not self.is_file:
            raise OSError(errno.EINVAL, "not a plain file")
        return os.fdopen(os.open(self._path, access | _AS_IT_IS), "rb")

    def names(self) -> Iterator[str]:
        """Yield the names in a folder, in no order.

        Raises:
            OSError: it may not be read, or is no folder.
        """
        if not self.is_folder:
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(self._path))
        with os.scandir(self._path) as scan:
            yield from (entry.name for entry in scan)

    def entry(self, name: str) -> Held:
        """Hold what has that name in a folder; of a link, the link itself.

        Raises:
            OSError: there is nothing of that name, or the folder may not be entered.
        """
        return Held(self._path / name)

    def folder(self, name: str) -> Held:
        """Hold the folder of that name in this one; it is made if there is none.

        Raises:
            OSError: it cannot be made, or something else has the name; a link is something else, too.
        """
        with suppress(FileExistsError):
            (self._path / name).mkdir()
        found = self.entry(name)
        if not found.is_folder:
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(self._path / name))
        return found

    def write(self, name: str, content: bytes) -> None:
        """Write a new file in this folder, to the disk.

        Raises:
            OSError: it cannot be written, or something has the name.
        """
        with (self._path / name).open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def move(self, name: str, target: Held) -> None:
        """Move a file of this folder to another one, in place of what has its name there.

        Raises:
            OSError: it cannot be moved: on Windows, because a program has it open.
        """
        (self._path / name).replace(target._path / name)

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
                return
            if not entry.is_link:
                (self._path / name).chmod(stat.S_IREAD | stat.S_IWRITE)  # Windows keeps what is read-only
            (self._path / name).unlink()

    def remove_empty(self, name: str) -> None:
        """Remove the empty folder of that name in this one.

        Raises:
            OSError: there is none, or it cannot be removed.
        """
        (self._path / name).rmdir()


def hold(path: Path, *, foreign_links: bool = True) -> Held:
    """Hold what a path leads to.

    Args:
        path: names and links, followed as the system does.
        foreign_links: of no consequence here; see the module of this name for Linux.

    Raises:
        OSError: there is nothing, or it cannot be reached.
    """
    del foreign_links
    return Held(Path(os.path.realpath(path, strict=True)))
