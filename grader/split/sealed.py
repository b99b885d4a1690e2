"""Which split is asked for; and splits in one file that only the holder of a key can read.

Such a file is a container, a manifest and the images, encrypted and authenticated. Behind a header stand
chunks of ChaCha20-Poly1305, in the manner of STREAM: each nonce is the number of the chunk, and says whether
it is the last one. Keys come by HKDF from the key file's and a random salt; an HMAC over the header tells a
wrong key from a changed file.
"""

from __future__ import annotations

import base64
import binascii
import errno
import os
import secrets
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grader.errors import LineError, UsageError
from grader.files import digest_of_bytes, read_whole, write_new
from grader.model.assignment import Assignment
from grader.model.dataset import ClassInfo, Split, SplitImage, check_images, parse_classes, split_of
from grader.split.folder import demo_split, is_image_name, open_split
from grader.system import is_kept_from_others

MAGIC = b"LABSPLIT"
KEY_BYTES = 32
KEY_VARIABLE = "GRADER_SPLIT_KEY_FILE"
CHUNK_BYTES = 1 << 16
_LENGTH = struct.Struct("!I")
_MOST_MANIFEST_BYTES = 64 << 20
_MOST_IMAGES = 1_000_000
_MOST_BYTES = 4 << 30
"""All of it is held in memory."""
_VERSION = 1
_HKDF_OF_A_KEY_FILE = 1
"""The only key derivation so far; another one, from a passphrase say, would get another number."""
_PREFIX = MAGIC + bytes((_VERSION, _HKDF_OF_A_KEY_FILE))
_SALT_BYTES = 32
_CHECK_BYTES = 32
_HEADER_BYTES = len(_PREFIX) + _SALT_BYTES + _CHECK_BYTES
_TAG_BYTES = 16
_KEY_PREFIX = "split-key-1:"
"""So that a key is recognised for what it is, by people and by programs that look for leaked ones."""
_COMMENT = "# Opens sealed splits. Keep it out of repositories and away from students.\n"
_KEY_LETTERS = len(base64.urlsafe_b64encode(bytes(KEY_BYTES)))
_MOST_KEY_FILE_BYTES = 4096


class UnsealError(LineError, ValueError):
    """The bytes cannot be unsealed with this key; says why, for a person."""


class ContainerError(LineError, ValueError):
    """The bytes are no container."""


@dataclass(frozen=True)
class Key:
    """A key, and the file that it was read from."""

    secret: bytes
    place: Path
    """Where the file lies, links followed."""
    sha256: str
    """Of the file's content."""


def choose_split(
    path: Path | None, assignment: Assignment, *, self_check: bool, key_file: Path | None = None
) -> Split:
    """Open the split asked for, else the assignment's own, else draw the demo set."""
    configured = assignment.splits.public if self_check else assignment.splits.hidden
    if path is None and configured is not None:
        path = Path(configured)
    if path is not None and is_sealed(path):
        return open_sealed(path, key_file_from(key_file), assignment.classes)
    if path is not None:
        return open_split(path, assignment.classes)
    split = demo_split()
    if max(image.label for image in split.images) >= len(assignment.classes):
        raise UsageError("no-split")
    return split


def is_sealed(path: Path) -> bool:
    """Whether a file begins as a sealed split does; False for a folder, or what cannot be read."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def open_sealed(path: Path, key_file: Path, classes: Sequence[ClassInfo]) -> Split:
    """Return the split in a sealed file, for grading by an assignment that has `classes`.

    Raises:
        UsageError: as :func:`read_sealed`; or it was sealed for other classes, or holds a damaged image.
    """
    split, sealed_classes = read_sealed(path, key_file)
    if _names(sealed_classes) != _names(classes):
        raise UsageError("sealed-other-classes", path=path)
    check_images(split.images)
    return split


def read_sealed(path: Path, key_file: Path) -> tuple[Split, tuple[ClassInfo, ...]]:
    """Return the split in a sealed file and the classes that it was sealed with.

    Raises:
        UsageError: the file or its key cannot be read, do not belong together, or the file was changed.
    """
    key = read_key(key_file)
    try:
        sealed, place = read_whole(path, _MOST_BYTES)
        images, classes = unpack(unseal(key.secret, sealed))
    except OSError as error:
        raise UsageError("sealed-unread", path=path, reason=error) from error
    except (UnsealError, ContainerError) as error:
        raise UsageError("sealed-unopened", path=path, reason=error) from error
    split = split_of(images, places=(place,))
    return replace(split, key_file=key.place, key_sha256=key.sha256), classes


def write_sealed(split: Split, classes: Sequence[ClassInfo], key: bytes, out: Path) -> None:
    """Write a split and the classes it is of to the new file `out`.

    Raises:
        UsageError: something is there already, or cannot be written.
    """
    check_is_new(out)
    _check_can_be_sealed(split)
    data = seal(key, pack(split.images, classes))
    try:
        # It is no secret: as readable as any new file.
        write_new(out, data, 0o666 & ~_umask())
    except OSError as error:
        raise UsageError("out-unwritten", path=out, reason=error) from error


def check_is_new(out: Path) -> None:
    """Find out, before anything is written, whether `out` can be: nothing is there yet, but its folder is.

    Raises:
        UsageError: it cannot.
    """
    if os.path.lexists(out):
        raise UsageError("out-is-there", path=out)
    if not out.parent.is_dir():
        raise UsageError("out-no-parent", path=out, parent=out.parent)


def pack(images: Sequence[SplitImage], classes: Sequence[ClassInfo]) -> bytes:
    """Return the container of a split's images, in the split's order."""
    manifest = _Manifest(
        classes=[{key: value for key, value in asdict(info).items() if value} for info in classes],
        images=[(image.name, image.label, len(image.encoded)) for image in images],
    )
    text = manifest.model_dump_json().encode("utf-8")
    return b"".join((_LENGTH.pack(len(text)), text, *(image.encoded for image in images)))


def unpack(data: bytes) -> tuple[tuple[SplitImage, ...], tuple[ClassInfo, ...]]:
    """Return what :func:`pack` was given.

    Raises:
        ContainerError: `data` is no container, or one of something else than a split.
    """
    manifest, at = _manifest(data)
    try:
        classes = parse_classes(manifest.classes)
    except ValueError as error:
        raise ContainerError("container-classes", reason=error) from error
    if sum(size for _, _, size in manifest.images) != len(data) - at:
        raise ContainerError("container-lengths")
    images = []
    for name, label, size in manifest.images:
        _check_name(name, label, classes)
        images.append(SplitImage(name=name, label=label, encoded=data[at : at + size]))
        at += size
    order = [tuple(image.name.split("/")) for image in images]
    if not all(before < after for before, after in pairwise(order)):
        raise ContainerError("container-order")
    return tuple(images), classes


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
        content, place = read_whole(path, _MOST_KEY_FILE_BYTES)
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
    return not is_kept_from_others(path.stat())


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    classes: Annotated[list[dict[str, str]], Field(min_length=1)]
    images: Annotated[
        list[tuple[str, Annotated[int, Field(ge=0)], Annotated[int, Field(gt=0)]]],
        Field(min_length=1, max_length=_MOST_IMAGES),
    ]


def _manifest(data: bytes) -> tuple[_Manifest, int]:
    """Return the manifest and where the images begin."""
    if len(data) < _LENGTH.size:
        raise ContainerError("container-no-manifest")
    (length,) = _LENGTH.unpack_from(data)
    end = _LENGTH.size + length
    if length > _MOST_MANIFEST_BYTES or end > len(data):
        raise ContainerError("container-long-manifest")
    try:
        return _Manifest.model_validate_json(data[_LENGTH.size : end]), end
    except ValidationError as error:
        raise ContainerError("container-form") from error


def _check_name(name: str, label: int, classes: Sequence[ClassInfo]) -> None:
    """Accept `folder/file` of the class that the label names: a path that leads nowhere else."""
    folder, _, file = name.partition("/")
    if label >= len(classes) or folder != classes[label].folder or not is_image_name(file):
        raise ContainerError("container-image", name=name)


def _check_can_be_sealed(split: Split) -> None:
    if sum(len(image.encoded) for image in split.images) > _MOST_BYTES // 2:
        raise UsageError("split-too-large", most=_MOST_BYTES >> 31)


def _names(classes: Sequence[ClassInfo]) -> list[tuple[str, str]]:
    return [(info.folder, info.name) for info in classes]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
