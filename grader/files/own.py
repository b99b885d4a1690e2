"""Files of our own, wholly there or as they were before; digests; and the private folder of a grading."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from grader.errors import HarnessError
from grader.files.holding import Held, hold
from grader.system import RENAMES_WHAT_IS_OPEN, give_mode, give_new_name, is_ours, keep_names, lock

WRITING = ".writing-"
"""What the names of files and folders begin with that are not finished; a kill leaves them behind."""
_READABLE = 0o644
_CHUNK = 1 << 20
_WORKSPACE = "lab-grader-"
_LOCK = ".in-use"


class NoRoomError(HarnessError):
    """There is no room for the private copy of a submission. For another's, a smaller one, there may be."""


def write_atomically(path: Path, content: bytes, mode: int = _READABLE) -> None:
    """Write a file, or replace it; what is there stands, even if power fails."""
    _write(path, content, mode, Path.replace)


def write_new(path: Path, content: bytes, mode: int = _READABLE) -> None:
    """Write a file where there is none.

    Raises:
        FileExistsError: there is one by now; it is left as it is.
    """
    _write(path, content, mode, give_new_name)


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


def _write(path: Path, content: bytes, mode: int, put: Callable[[Path, Path], object]) -> None:
    """Write beside `path`, and let `put` give the file its name."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=WRITING, delete=False) as file:
        written = Path(file.name)
        with ExitStack() as undo:
            undo.callback(written.unlink, missing_ok=True)
            undo.callback(file.close)
            file.write(content)
            file.flush()
            give_mode(file.fileno(), mode)
            os.fsync(file.fileno())
            file.close()  # Windows gives no other name to what is open
            put(written, path)
    keep_names(path.parent)


def _locked_folder(undo: ExitStack) -> Path:
    """Return a new private folder with a lock of ours in it; `undo` unlocks and removes it."""
    _sweep(Path(tempfile.gettempdir()))
    while True:
        made = tempfile.TemporaryDirectory(prefix=_WORKSPACE, ignore_cleanup_errors=True)
        folder = Path(undo.enter_context(made))
        if _is_locked(folder, undo):
            return folder


def _is_locked(folder: Path, undo: ExitStack) -> bool:
    """Lock a new folder; return whether that was done before another grading swept it."""
    # It is locked before it has the name that is looked for, where it can get another name then.
    written = folder / (f"{_LOCK}-soon" if RENAMES_WHAT_IS_OPEN else _LOCK)
    descriptor = os.open(written, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    undo.callback(os.close, descriptor)
    if RENAMES_WHAT_IS_OPEN:
        lock(descriptor, wait=True)
        written.rename(folder / _LOCK)
        return True
    try:
        lock(descriptor)
    except OSError:
        return False
    return True


def _sweep(temporary: Path) -> None:
    """Remove the folders of ours whose lock nobody holds."""
    with suppress(OSError), hold(temporary) as folder:
        for name in [name for name in folder.names() if name.startswith(_WORKSPACE)]:
            # Others may write into the folder for temporary files: what is not surely ours is left alone.
            with suppress(OSError), folder.entry(name) as entry:
                if entry.is_folder and is_ours(entry.status):
                    _remove_if_left(folder, name, entry)


def _remove_if_left(temporary: Held, name: str, folder: Held) -> None:
    """Remove one folder, unless a living process holds its lock.

    Raises:
        OSError: somebody holds it, or there is none: the folder was made this moment, or is no grading's.
    """
    with folder.entry(_LOCK) as entry, entry.open(os.O_RDWR) as opened:
        lock(opened.fileno())
        # The lock goes last: what cannot be removed now is found again.
        for inner in folder.names():
            if inner != _LOCK:
                folder.remove(inner)
    # Windows removes nothing that is open.
    folder.remove(_LOCK)
    temporary.remove_empty(name)
