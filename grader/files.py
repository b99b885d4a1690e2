"""Files that others may change at any moment, and our own: held, written whole, known by digest.

A path is looked up anew each time that it is used, and whoever may write one of its folders can put something
else there in between: a link to what they may not read, for example. A descriptor stays with what it was
opened for, whatever becomes of the name. So a path from outside is walked once, name by name, and after that
everything is asked of descriptors, so that what was looked at is what is read, written or removed:

    with hold(path) as folder:
        for name in folder.names():
            with folder.entry(name) as entry:
                ...  # entry.status, entry.is_file, entry.open()

Nothing is opened for reading until somebody asks for that: a pipe or a device is only looked at.

A file of our own is wholly there or as it was before. A grading works in a private folder, the workspace.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from grader.errors import HarnessError

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40
"""As many as the kernel follows."""
WRITING = ".writing-"
"""What the names of files and folders begin with that are not finished; a kill leaves them behind."""
_READABLE = 0o644
_CHUNK = 1 << 20
_WORKSPACE = "lab-grader-"
_LOCK = ".in-use"


class ForeignLinkError(OSError):
    """The path leads through a link of somebody to whom what it leads to does not belong."""


class NoRoomError(HarnessError):
    """There is no room for the private copy of a submission. For another's, a smaller one, there may be."""


class Held:
    """A file, folder or anything else that has a name; closed by its context."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        """For looking alone (`O_PATH`); a folder's serves as `dir_fd`."""
        self.status = os.fstat(descriptor)
        """Of what is held, asked once."""

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

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

    def remove(self, name: str) -> None:
        """Remove what has that name in this folder, and all that is below it; of a link, the link.

        Raises:
            OSError: something cannot be removed.
        """
        with self.entry(name) as entry:
            if entry.is_folder:
                for inner in [*entry.names()]:
                    entry.remove(inner)
                os.rmdir(name, dir_fd=self.descriptor)
            else:
                os.unlink(name, dir_fd=self.descriptor)


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


def write_atomically(path: Path, content: bytes, mode: int = _READABLE) -> None:
    """Write a file, or replace it; what is there stands, even if power fails."""
    _write(path, content, mode, Path.replace)


def write_new(path: Path, content: bytes, mode: int = _READABLE) -> None:
    """Write a file where there is none.

    Raises:
        FileExistsError: there is one by now; it is left as it is.
    """
    _write(path, content, mode, lambda written, place: os.link(written, place, follow_symlinks=False))


def digest_of_bytes(data: bytes) -> str:
    """Return the SHA-256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def digest_of_json(value: Any) -> str:
    """Return the SHA-256 of a JSON value in its one canonical form."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return digest_of_bytes(text.encode("ascii"))


def digest_of_parts(parts: Iterable[tuple[str, str]]) -> str:
    """Return one SHA-256 over (name, digest) pairs, whatever order they come in.

    JSON keeps name and digest apart, so that no two different sets of parts can meet.
    """
    return digest_of_json(sorted(parts))


@contextmanager
def workspace() -> Iterator[Path]:
    """Yield a new private folder, and remove those that killed gradings of the same user left.

    Raises:
        NoRoomError: none can be made.
    """
    with ExitStack() as undo:
        try:
            folder = _locked_folder(undo)
        except OSError as error:
            raise NoRoomError("no-workspace", reason=error) from error
        yield folder


def make_readable(folder: Path) -> None:
    """Let any uid read a folder of ours and all that is below it. There must be no symbolic links."""
    for name, _, files in os.walk(folder):
        Path(name).chmod(0o755)
        for file in files:
            Path(name, file).chmod(0o644)


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


def _write(path: Path, content: bytes, mode: int, put: Callable[[Path, Path], object]) -> None:
    """Write beside `path`, and let `put` give the file its name."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=WRITING, delete=False) as file:
        written = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            put(written, path)
        finally:
            written.unlink(missing_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _locked_folder(undo: ExitStack) -> Path:
    """Return a new private folder with a lock of ours in it; `undo` unlocks and removes it."""
    _sweep(Path(tempfile.gettempdir()))
    made = tempfile.TemporaryDirectory(prefix=_WORKSPACE, ignore_cleanup_errors=True)
    folder = Path(undo.enter_context(made))
    unlocked = folder / f"{_LOCK}-soon"
    lock = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    undo.callback(os.close, lock)
    # It is locked before it has the name that is looked for.
    fcntl.flock(lock, fcntl.LOCK_EX)
    unlocked.rename(folder / _LOCK)
    return folder


def _sweep(temporary: Path) -> None:
    """Remove the folders of ours whose lock nobody holds."""
    with suppress(OSError), hold(temporary) as folder:
        for name in [name for name in folder.names() if name.startswith(_WORKSPACE)]:
            # Others may write into the folder for temporary files: what is not surely ours is left alone.
            with suppress(OSError), folder.entry(name) as entry:
                if entry.is_folder and entry.status.st_uid == os.geteuid():
                    _remove_if_left(folder, name, entry)


def _remove_if_left(temporary: Held, name: str, folder: Held) -> None:
    """Remove one folder, unless a living process holds its lock.

    Raises:
        OSError: somebody holds it, or there is none: the folder was made this moment, or is no grading's.
    """
    with folder.entry(_LOCK) as entry, entry.open(os.O_RDWR) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The lock goes last: what cannot be removed now is found again.
        for inner in sorted(folder.names(), key=lambda inner: inner == _LOCK):
            folder.remove(inner)
        os.rmdir(name, dir_fd=temporary.descriptor)
