"""The key of sealed splits: 32 random bytes, in a text file that only its owner can read."""

from __future__ import annotations

import base64
import binascii
import errno
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from grader.digest import digest_of_bytes
from grader.errors import UsageError
from grader.held import read_whole
from grader.sealed.stream import KEY_BYTES

ENVIRONMENT_VARIABLE = "GRADER_SPLIT_KEY_FILE"
_PREFIX = "split-key-1:"
"""So that a key is recognised for what it is, by people and by programs that look for leaked ones."""
_COMMENT = "# Opens sealed splits. Keep it out of repositories and away from students.\n"
_KEY_LETTERS = len(base64.urlsafe_b64encode(bytes(KEY_BYTES)))
_MOST_BYTES = 4096


def key_file_from(option: Path | None) -> Path:
    """Return the key file that was asked for, on the command line or else by the environment.

    Raises:
        UsageError: neither names one.
    """
    if option is not None:
        return option
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(named)
    raise UsageError("no-key", variable=ENVIRONMENT_VARIABLE)


@dataclass(frozen=True)
class Key:
    """A key, and the file that it was read from."""

    secret: bytes
    place: Path
    """Where the file lies, links followed."""
    sha256: str
    """Of the file's content."""


def read_key(path: Path) -> Key:
    """Read a key file.

    Raises:
        UsageError: there is no such file, or it holds no key.
    """
    try:
        content, place = read_whole(path, _MOST_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise _no_key(path) from error
        raise UsageError("key-unread", path=path, reason=error) from error
    lines = content.decode("utf-8", "replace").splitlines()
    lines = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    key = _decoded(lines[0]) if len(lines) == 1 else None
    if key is None:
        raise _no_key(path)
    return Key(key, place, digest_of_bytes(content))


def _no_key(path: Path) -> UsageError:
    return UsageError("not-a-key", path=path, prefix=_PREFIX, letters=_KEY_LETTERS)


def make_key(path: Path) -> bytes:
    """Write a new key to `path`, where there must be nothing yet; return it.

    Raises:
        UsageError: the file is there, or cannot be written.
    """
    key = secrets.token_bytes(KEY_BYTES)
    text = f"{_COMMENT}{_PREFIX}{base64.urlsafe_b64encode(key).decode('ascii')}\n"
    try:
        # Nobody else can read it at any moment, whatever the umask.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UsageError("key-unwritten", path=path, reason=error) from error
    return key


def is_exposed(path: Path) -> bool:
    """Whether others than its owner may read or change the key file."""
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _decoded(line: str) -> bytes | None:
    if not line.startswith(_PREFIX):
        return None
    try:
        key = base64.b64decode(line.removeprefix(_PREFIX), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None
