"""Files that others may change at any moment: held, so that what was looked at is what is used.

A path is looked up anew each time that it is used, and whoever may write one of its folders can put something
else there in between: a link to what they may not read, for example. A descriptor stays with what it was
opened for, whatever becomes of the name. So a path from outside is walked once, name by name, and after that
everything is asked of what is held:

    with hold(path) as folder:
        for name in folder.names():
            with folder.entry(name) as entry:
                ...  # entry.status, entry.is_file, entry.open()

Nothing is opened for reading until somebody asks for that: a pipe or a device is only looked at. Only Linux
has descriptors for looking alone; elsewhere the path itself has to do. There, what was looked at may have
become something else when it is read. That is enough for a student's own check, whose files are the student's
own; official grading does not run there.
"""

from __future__ import annotations

import errno
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from grader.system import HAS_DESCRIPTORS_FOR_LOOKING

_READING = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_LOOKING = getattr(os, "O_PATH", 0) | _READING
_MOST_LINKS = 40
"""As many as the kernel follows."""


class ForeignLinkError(OSError):
    """The path leads through a link of somebody to whom what it leads to does not belong."""


class Held(ABC):
    """A file, folder or anything else that has a name; let go of by its context."""

    def __init__(self, status: os.stat_result) -> None:
        self.status = status
        """What the file system says of it, asked once."""

    @abstractmethod
    def __enter__(self) -> Held: ...

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file."""
        return stat.S_ISREG(self.status.st_mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link, which is never followed from here."""
        return stat.S_ISLNK(self.status.st_mode)

    @property
    @abstractmethod
    def place(self) -> Path:
        """Where it lies now, links followed."""

    def open(self, access: int = os.O_RDONLY) -> BinaryIO:
        """Open a plain file, for reading unless `access` says otherwise.

        Raises:
            OSError: it may not be read, or is no plain file.
        """
        if not self.is_file:
            raise OSError(errno.EINVAL, "not a plain file")
        return os.fdopen(self._opened(access), "rb")

    @abstractmethod
    def names(self) -> Iterator[str]:
        """Yield the names in a folder, in no order.

        Raises:
            OSError: it may not be read, or is no folder.
        """

    @abstractmethod
    def entry(self, name: str) -> Held:
        """Hold what has that name in a folder; of a link, the link itself.

        Raises:
            OSError: there is nothing of that name, or the folder may not be entered.
        """

    def folder(self, name: str) -> Held:
        """Hold the folder of that name in this one; it is made if there is none.

        Raises:
            OSError: it cannot be made, or something else has the name; a link is something else, too.
        """
        with suppress(FileExistsError):
            self._make_folder(name)
        found = self.entry(name)
        if not found.is_folder:
            with found:
                raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(self.place / name))
        return found

    def write(self, name: str, content: bytes) -> None:
        """Write a new file in this folder, to the disk.

        Raises:
            OSError: it cannot be written, or something has the name.
        """
        with self._new_file(name) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    @abstractmethod
    def move(self, name: str, target: Held) -> None:
        """Move a file of this folder to another one, in place of what has its name there.

        Raises:
            OSError: it cannot be moved: on Windows, because a program has it open.
        """

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
                self._remove_file(name, entry)

    @abstractmethod
    def remove_empty(self, name: str) -> None:
        """Remove the empty folder of that name in this one.

        Raises:
            OSError: there is none, or it cannot be removed.
        """

    @abstractmethod
    def _opened(self, access: int) -> int: ...

    @abstractmethod
    def _make_folder(self, name: str) -> None: ...

    @abstractmethod
    def _new_file(self, name: str) -> BinaryIO: ...

    @abstractmethod
    def _remove_file(self, name: str, entry: Held) -> None: ...


class _ByDescriptor(Held):
    """Held by a descriptor for looking alone (`O_PATH`), on Linux; a folder's serves as `dir_fd`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        super().__init__(os.fstat(descriptor))

    def __enter__(self) -> _ByDescriptor:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    @property
    def place(self) -> Path:
        return Path(self._again).readlink()

    @property
    def _again(self) -> str:
        return f"/proc/self/fd/{self._descriptor}"

    def names(self) -> Iterator[str]:
        descriptor = os.open(self._again, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with os.scandir(descriptor) as scan:
                yield from (entry.name for entry in scan)
        finally:
            os.close(descriptor)

    def entry(self, name: str) -> _ByDescriptor:
        return _ByDescriptor(_look(name, self._descriptor))

    def move(self, name: str, target: Held) -> None:
        assert isinstance(target, _ByDescriptor)  # noqa: S101 - one machine has one way to hold
        os.replace(name, name, src_dir_fd=self._descriptor, dst_dir_fd=target._descriptor)

    def remove_empty(self, name: str) -> None:
        os.rmdir(name, dir_fd=self._descriptor)

    def _opened(self, access: int) -> int:
        return os.open(self._again, access | os.O_CLOEXEC)

    def _make_folder(self, name: str) -> None:
        os.mkdir(name, dir_fd=self._descriptor)

    def _new_file(self, name: str) -> BinaryIO:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return os.fdopen(os.open(name, flags, 0o666, dir_fd=self._descriptor), "wb")

    def _remove_file(self, name: str, entry: Held) -> None:
        del entry
        os.unlink(name, dir_fd=self._descriptor)


class _ByPath(Held):
    """Held by its path, on systems that cannot look at a thing without opening it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        super().__init__(os.lstat(path))

    def __enter__(self) -> _ByPath:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def place(self) -> Path:
        return Path(os.path.realpath(self._path))

    def names(self) -> Iterator[str]:
        if not self.is_folder:
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(self._path))
        with os.scandir(self._path) as scan:
            yield from (entry.name for entry in scan)

    def entry(self, name: str) -> _ByPath:
        return _ByPath(self._path / name)

    def move(self, name: str, target: Held) -> None:
        assert isinstance(target, _ByPath)  # noqa: S101 - one machine has one way to hold
        (self._path / name).replace(target._path / name)

    def remove_empty(self, name: str) -> None:
        (self._path / name).rmdir()

    def _opened(self, access: int) -> int:
        return os.open(self._path, access | _READING)

    def _make_folder(self, name: str) -> None:
        (self._path / name).mkdir()

    def _new_file(self, name: str) -> BinaryIO:
        return (self._path / name).open("xb")

    def _remove_file(self, name: str, entry: Held) -> None:
        if not entry.is_link:
            (self._path / name).chmod(stat.S_IREAD | stat.S_IWRITE)  # Windows keeps what is read-only
        (self._path / name).unlink()


def hold(path: Path, *, foreign_links: bool = True) -> Held:
    """Hold what a path leads to.

    Args:
        path: names and links, followed as the system does.
        foreign_links: follow links whomever they belong to, as for what the instructor names. Otherwise only
            those that are ours or root's, or belong to the owner of what they lead to: a link of somebody's
            own must not make the grader read what is another's. Elsewhere than
            on Linux it is of no consequence.

    Raises:
        ForeignLinkError: a link on the way is not to be followed.
        OSError: there is nothing, or it cannot be reached.
    """
    if HAS_DESCRIPTORS_FOR_LOOKING:
        return hold_by_descriptor(path, foreign_links=foreign_links)
    return hold_by_path(path)


def hold_by_descriptor(path: Path, *, foreign_links: bool = True) -> Held:
    """Do what :func:`hold` does on Linux."""
    descriptor, owners = _walk(path)
    held = _ByDescriptor(descriptor)
    if not foreign_links and owners - {0, os.geteuid(), held.status.st_uid}:
        os.close(descriptor)
        raise ForeignLinkError(errno.ELOOP, "leads through a link of somebody else", str(path))
    return held


def hold_by_path(path: Path) -> Held:
    """Do what :func:`hold` does elsewhere."""
    return _ByPath(Path(os.path.realpath(path, strict=True)))


def place_of(path: Path) -> Path:
    """Return where a path leads, links followed; of one that leads nowhere, the path itself.

    `Path.resolve` looks at a name twice, and fails where a link was put there or taken away in between.
    """
    try:
        with hold(path) as held:
            return held.place
    except OSError:
        return path.absolute()


def read_whole(path: Path, most_bytes: int) -> tuple[bytes, Path]:
    """Return the content of a plain file, and where what was read lies, links followed.

    Raises:
        OSError: it cannot be read, is no plain file, or has more than `most_bytes`.
    """
    with hold(path) as held, held.open() as file:
        content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return content, held.place


def _look(name: str, folder: int | None) -> int:
    return os.open(name, _LOOKING, dir_fd=folder)


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
