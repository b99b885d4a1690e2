"""Bytes of any length, encrypted and authenticated, and the file that their key lies in.

Behind a header stand chunks of ChaCha20-Poly1305, in the manner of STREAM: each nonce is the number of the
chunk, and says whether it is the last one. Keys come by HKDF from the key file's and a random salt; an HMAC
over the header tells a wrong key from a changed file.
"""

from __future__ import annotations

import base64
import binascii
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from grader.errors import LineError, UsageError
from grader.files import digest_of_bytes, read_whole

MAGIC = b"LABSPLIT"
KEY_BYTES = 32
_VERSION = 1
_HKDF_OF_A_KEY_FILE = 1
"""The only key derivation so far; another one, from a passphrase say, would get another number."""
_PREFIX = MAGIC + bytes((_VERSION, _HKDF_OF_A_KEY_FILE))
_SALT_BYTES = 32
_CHECK_BYTES = 32
_HEADER_BYTES = len(_PREFIX) + _SALT_BYTES + _CHECK_BYTES
CHUNK_BYTES = 1 << 16
_TAG_BYTES = 16
KEY_VARIABLE = "GRADER_SPLIT_KEY_FILE"
_KEY_PREFIX = "split-key-1:"
"""So that a key is recognised for what it is, by people and by programs that look for leaked ones."""
_COMMENT = "# Opens sealed splits. Keep it out of repositories and away from students.\n"
_KEY_LETTERS = len(base64.urlsafe_b64encode(bytes(KEY_BYTES)))
_MOST_BYTES = 4096


class UnsealError(LineError, ValueError):
    """The bytes cannot be unsealed with this key; says why, for a person."""


@dataclass(frozen=True)
class Key:
    """A key, and the file that it was read from."""

    secret: bytes
    place: Path
    """Where the file lies, links followed."""
    sha256: str
    """Of the file's content."""


def seal(key: bytes, plaintext: bytes) -> bytes:
    """Encrypt `plaintext`, which is not empty, under `key` of KEY_BYTES bytes; different every time."""
    salt = secrets.token_bytes(_SALT_BYTES)
    cipher = ChaCha20Poly1305(_derived(key, salt, b"chunks"))
    pieces = [plaintext[at : at + CHUNK_BYTES] for at in range(0, len(plaintext), CHUNK_BYTES)]
    chunks = [
        cipher.encrypt(nonce, piece, None) for nonce, piece in zip(_nonces(len(pieces)), pieces, strict=True)
    ]
    return b"".join((_PREFIX, salt, _check(key, salt).finalize(), *chunks))


def unseal(key: bytes, sealed: bytes) -> bytes:
    """Return the plaintext of :func:`seal`, all of it or nothing.

    Raises:
        UnsealError: not such a file, another version's, another key's, or changed in any way.
    """
    if not sealed.startswith(MAGIC):
        raise UnsealError("unseal-other-file")
    if len(sealed) <= _HEADER_BYTES + _TAG_BYTES:
        raise UnsealError("unseal-cut-off")
    if not sealed.startswith(_PREFIX):
        raise UnsealError("unseal-version")
    salt = sealed[len(_PREFIX) : len(_PREFIX) + _SALT_BYTES]
    try:
        _check(key, salt).verify(sealed[len(_PREFIX) + _SALT_BYTES : _HEADER_BYTES])
    except InvalidSignature as error:
        raise UnsealError("unseal-key") from error
    return b"".join(_opened(ChaCha20Poly1305(_derived(key, salt, b"chunks")), sealed))


def key_file_from(option: Path | None) -> Path:
    """Return the key file that was asked for, on the command line or else by the environment.

    Raises:
        UsageError: neither names one.
    """
    if option is not None:
        return option
    if named := os.environ.get(KEY_VARIABLE):
        return Path(named)
    raise UsageError("no-key", variable=KEY_VARIABLE)


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


def make_key(path: Path) -> bytes:
    """Write a new key to `path`, where there must be nothing yet; return it.

    Raises:
        UsageError: the file is there, or cannot be written.
    """
    key = secrets.token_bytes(KEY_BYTES)
    text = f"{_COMMENT}{_KEY_PREFIX}{base64.urlsafe_b64encode(key).decode('ascii')}\n"
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


def _opened(cipher: ChaCha20Poly1305, sealed: bytes) -> Iterator[bytes]:
    starts = range(_HEADER_BYTES, len(sealed), CHUNK_BYTES + _TAG_BYTES)
    for nonce, start in zip(_nonces(len(starts)), starts, strict=True):
        try:
            yield cipher.decrypt(nonce, sealed[start : start + CHUNK_BYTES + _TAG_BYTES], None)
        except InvalidTag as error:
            raise UnsealError("unseal-damaged") from error


def _nonces(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield number.to_bytes(11, "big") + bytes((number == count - 1,))


def _check(key: bytes, salt: bytes) -> HMAC:
    check = HMAC(_derived(key, salt, b"header"), SHA256())
    check.update(_PREFIX + salt)
    return check


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=KEY_BYTES, salt=salt, info=_PREFIX + purpose).derive(key)


def _no_key(path: Path) -> UsageError:
    return UsageError("not-a-key", path=path, prefix=_KEY_PREFIX, letters=_KEY_LETTERS)


def _decoded(line: str) -> bytes | None:
    if not line.startswith(_KEY_PREFIX):
        return None
    try:
        key = base64.b64decode(line.removeprefix(_KEY_PREFIX), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None
