"""Where a checkpoint's tensors lie, read strictly: a student's file is anybody's file.

This is the grader's one reader of checkpoints. The course library has a reader of its own for MindSpore's, in
`src_mindspore/engine/checkpoint.py`: students import that, and it must not need the grader.

Three formats are known. MindSpore's `.ckpt` (a protobuf message) and safetensors are followed field by field,
and anything that is not as the format has it makes the whole file unreadable. Of PyTorch's zip only the raw
storages are taken, in their order: their names and shapes are in a pickle, which is never loaded. Nothing is
decompressed, and no length is believed that leads out of the file.

A file becomes no more than it is: tensors are views of its bytes, no byte belongs to two of them, and there
is an end to what it takes to find them.
"""

from __future__ import annotations

import io
import json
import math
import mmap
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

from grader.formats.zips import (
    ENCRYPTED,
    STORED,
    ZipEntry,
    ZipError,
    find_zip_end,
    go_to_content,
    overlap,
    read_entries,
)
from grader.model.submission import LOCAL_SIGNATURE

MOST_BYTES = 256 << 20
"""Larger files are not looked into: the lab's have nine megabytes."""
_MOST_TENSORS, _MOST_DIMENSIONS, _MOST_NAME = 10_000, 8, 512
_MOST_HEADER = 4 << 20
TAG = b"\x0a"
"""Of field 1 in MindSpore's `checkpoint.proto`: of each parameter in a file, and of its name."""
_LENGTH_BYTES = 5
"""Of the length of a parameter, at most."""
CHECKSUM_MARK, CHECKSUM_BYTES = b"crc_num", 17
"""`save_checkpoint(crc_check=True)` appends the mark and ten bytes of CRC-32, big-endian."""
_MOST_FIELDS = 16
"""Of a tensor's description: its dimensions, its type, its content."""
_NUMBER, _BYTES = 0, 2
"""Wire types of protobuf."""
_MINDSPORE_TYPES = {"Float16": "<f2", "Float32": "<f4", "Float64": "<f8"}
_SAFETENSORS_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
_STORAGE = re.compile(r"[^/]{1,200}/data/(\d{1,6})")


class UnreadableError(ValueError):
    """The bytes are none of the known formats, or not wholly as it has them."""


class CutOffError(UnreadableError):
    """A length leads out of the file."""


@dataclass(frozen=True)
class Tensor:
    """One array of floating-point numbers."""

    name: str
    shape: tuple[int, ...] | None
    """None where the format keeps it in a pickle."""
    type: str
    """As numpy writes it, such as `<f4`."""
    content: memoryview

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return len(self.content) // np.dtype(self.type).itemsize

    def numbers(self) -> npt.NDArray[np.float32]:
        """Return them all, in one row."""
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and seen to be
            return np.frombuffer(self.content, self.type).astype(np.float32)


def tensors_of(data: bytes | mmap.mmap, suffix: str) -> list[Tensor]:
    """Return the tensors of floating-point numbers, in the file's order.

    Args:
        data: all bytes of the file; of a mapped one, nothing is copied.
        suffix: of its name, with the dot.

    Raises:
        UnreadableError: too large, of no known format, damaged, or cut off.
    """
    if len(data) > MOST_BYTES:
        raise UnreadableError("too large")
    try:
        if data[: len(LOCAL_SIGNATURE)] == LOCAL_SIGNATURE:
            return [*_torch(memoryview(data))]
        if suffix == ".safetensors":
            return [*_safetensors(memoryview(data))]
        if suffix == ".ckpt":
            return [*_mindspore(memoryview(data))]
    except (ValueError, IndexError, RecursionError) as error:
        raise UnreadableError(str(error)) from error
    raise UnreadableError("of no known format")


# --- MindSpore: Checkpoint { 1: repeated { 1: name, 2: { 1: repeated dims, 2: type, 3: content } } } ---


def parameters_of(data: memoryview) -> Iterator[memoryview]:
    """Yield the parameters of a MindSpore checkpoint; only their lengths are looked at.

    Raises:
        CutOffError: the last one is not wholly there.
        UnreadableError: it is not a row of parameters, or has no end.
    """
    if bytes(data[-CHECKSUM_BYTES:][: len(CHECKSUM_MARK)]) == CHECKSUM_MARK:
        data = data[:-CHECKSUM_BYTES]
    at = count = 0
    while at < len(data):
        begin, end = _place_of_parameter(data, at)
        if count == _MOST_TENSORS:
            raise UnreadableError("parameters without end")
        yield data[begin:end]
        at, count = end, count + 1


def _place_of_parameter(data: memoryview, at: int) -> tuple[int, int]:
    """Return where the parameter at a place begins, behind its tag and length, and where it ends."""
    if data[at] != TAG[0]:
        raise UnreadableError("not a row of parameters")
    length = bytes(data[at + 1 : at + 1 + _LENGTH_BYTES])
    last = next((place for place, byte in enumerate(length) if byte < 0x80), None)
    if last is None and len(length) == _LENGTH_BYTES:
        raise UnreadableError("a length without end")
    if last is None or at + last + 2 >= len(data):
        raise CutOffError("cut off")
    size, begin = _varint(data, at + 1)
    if data[begin] != TAG[0]:
        raise UnreadableError("a parameter without a name")
    if size > len(data) - begin:
        raise CutOffError("cut off")
    return begin, begin + size


def _mindspore(data: memoryview) -> Iterator[Tensor]:
    for parameter in parameters_of(data):
        fields = [*_few_fields(parameter)]
        if [number for number, _ in fields] != [1, 2]:
            raise UnreadableError("a parameter is a name and a tensor")
        name = _content(fields[0][1])
        if len(name) > _MOST_NAME:
            raise UnreadableError("a name without end")
        tensor = _mindspore_tensor(str(name, "utf-8"), _content(fields[1][1]))
        if tensor is not None:
            yield tensor


def _mindspore_tensor(name: str, message: memoryview) -> Tensor | None:
    shape: list[int] = []
    kind, content = "", memoryview(b"")
    for number, value in _few_fields(message):
        if number == 1:
            # One by one or packed into one field, at the writer's choice.
            shape += [value] if isinstance(value, int) else _packed(value)
        elif number == 2:
            kind = str(_content(value)[:_MOST_NAME], "utf-8")
        elif number == 3:
            content = _content(value)
        else:
            raise UnreadableError("an unknown field of a tensor")
        if len(shape) > _MOST_DIMENSIONS:
            raise UnreadableError("too many dimensions")
    return _tensor(name, tuple(shape), _MINDSPORE_TYPES.get(kind), content)


def _few_fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of a message that has few."""
    for count, field in enumerate(_fields(message)):
        if count == _MOST_FIELDS:
            raise UnreadableError("fields without end")
        yield field


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (number, value) of the fields of a protobuf message; a value is a number or bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _NUMBER:
            value, at = _varint(message, at)
            yield number, value
        elif kind == _BYTES:
            size, at = _varint(message, at)
            if size > len(message) - at:
                raise UnreadableError("cut off")
            yield number, message[at : at + size]
            at += size
        else:
            raise UnreadableError("a field of another kind")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for count in range(9):
        byte = message[at + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, at + count + 1
    raise UnreadableError("a number without end")


def _packed(message: memoryview) -> list[int]:
    values: list[int] = []
    at = 0
    while at < len(message) and len(values) <= _MOST_DIMENSIONS:
        value, at = _varint(message, at)
        values.append(value)
    return values


def _content(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise UnreadableError("a number where bytes are expected")
    return value


# --- safetensors: eight bytes of length, a JSON header, and the tensors' bytes ---


def _safetensors(data: memoryview) -> Iterator[Tensor]:
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(_MOST_HEADER, len(data) - 8):
        raise UnreadableError("no header")
    header = json.loads(str(data[8 : 8 + length], "utf-8"))
    body = data[8 + length :]
    if not isinstance(header, dict) or len(header) > _MOST_TENSORS:
        raise UnreadableError("no header")
    places: list[tuple[int, int]] = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if not isinstance(entry, dict) or len(name) > _MOST_NAME:
            raise UnreadableError("no description of a tensor")
        begin, end = _numbers(entry.get("data_offsets"), 2)
        shape = _numbers(entry.get("shape"), _MOST_DIMENSIONS)
        if not begin <= end <= len(body):
            raise UnreadableError("cut off")
        places.append((begin, end))
        kind = entry.get("dtype")
        known = _SAFETENSORS_TYPES.get(kind) if isinstance(kind, str) else None
        tensor = _tensor(name, shape, known, body[begin:end])
        if tensor is not None:
            yield tensor
    places.sort()
    if any(end > begin for (_, end), (begin, _) in pairwise(places)):
        raise UnreadableError("tensors that overlap")


def _numbers(value: object, most: int) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > most:
        raise UnreadableError("no list of numbers")
    if not all(type(number) is int and 0 <= number < 1 << 63 for number in value):
        raise UnreadableError("no list of numbers")
    return tuple(value)


# --- PyTorch: a zip whose entries `NAME/data/0`, `NAME/data/1`, ... are the raw storages ---


def _torch(data: memoryview) -> Iterator[Tensor]:
    file = cast("BinaryIO", _ReadOnly(data))
    try:
        end = find_zip_end(file)
        if end is None or end.directory_bytes > _MOST_HEADER:
            raise UnreadableError("no zip")
        entries = [*read_entries(file, end)]
        if len(entries) > _MOST_TENSORS or overlap(entries, len(data)):
            raise UnreadableError("no zip of tensors")
        storages = {
            int(match[1]): entry
            for entry in entries
            if (match := _STORAGE.fullmatch(entry.name)) and _is_plain(entry)
        }
        for number, entry in sorted(storages.items()):
            content = data[go_to_content(file, entry) :][: entry.size]
            if len(content) < entry.size or zlib.crc32(content) != entry.checksum:
                raise UnreadableError("damaged")
            # PyTorch's default; of another type the numbers make no sense, and nothing is like them.
            yield Tensor(f"storage {number}", None, "<f4", content)
    except ZipError as error:
        raise UnreadableError(str(error)) from error


def _is_plain(entry: ZipEntry) -> bool:
    """Whether an entry is stored as it is, so that it cannot be larger than the file."""
    is_stored = entry.method == STORED and not entry.flags & ENCRYPTED
    return is_stored and entry.size == entry.packed_size and entry.size % 4 == 0


class _ReadOnly(io.RawIOBase):
    """Bytes as a file, without a copy of them."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._at = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        if start + offset < 0:
            raise ValueError("a place before the beginning")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        piece = self._data[self._at :][: len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


# ---


def _tensor(name: str, shape: tuple[int, ...], kind: str | None, content: memoryview) -> Tensor | None:
    """Return a tensor whose shape and bytes agree; None for what are no floating-point numbers.

    Raises:
        UnreadableError: they do not agree.
    """
    if kind is None:
        return None
    if math.prod(shape) * np.dtype(kind).itemsize != len(content):
        raise UnreadableError("a tensor with more or fewer bytes than its shape has")
    return Tensor(name, shape, kind, content)
