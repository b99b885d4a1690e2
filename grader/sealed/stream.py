"""Encrypting and authenticating bytes of any length: a header, then chunks.

The file, all of it:

    prefix   10 bytes   b"LABSPLIT", the format's version, the number of the key derivation
    salt     32 bytes   random, new for every file
    check    32 bytes   HMAC-SHA256 over prefix and salt
    chunks              each at most 65,536 bytes of plaintext and a tag of 16 bytes

Two keys are derived from the key file's by HKDF-SHA256 (RFC 5869) with the salt: one for the check,
which tells a wrong key from a damaged file and ties the file to one key, and one for the chunks. Every
chunk is encrypted with ChaCha20-Poly1305 (RFC 8439) under the nonce

    11 bytes, the chunk's number, big-endian | 1 byte, 1 for the last chunk and 0 for all before it

which is the STREAM construction (V. T. Hoang, R. Reyhanitabar, P. Rogaway, D. Vizar, "Online
authenticated-encryption and its nonce-reuse misuse-resistance", CRYPTO 2015), with the parameters that the
age format (https://age-encryption.org/v1) uses. A chunk that is left out, moved, repeated or added has
another number than the one it was sealed with, and a file that ends early has no last chunk. Nonces never
repeat: the salt gives each file a chunk key of its own.

Where one image ends and the next begins cannot be seen: the chunks do not follow the images. The length of
the file tells the sum of all their sizes, and nothing more.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from grader.errors import LineError

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


class UnsealError(LineError, ValueError):
    """The bytes cannot be unsealed with this key; says why, for a person."""


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
