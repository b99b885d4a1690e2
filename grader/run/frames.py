"""The frames that cross the sandbox's wall, seen from the grader's side.

Nothing that comes from a submission is parsed but these frames: length-capped JSON objects with
exactly the keys named here. See :mod:`grader.sandbox.inside.worker` for the other side.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from grader.model.predictions import Raised
from grader.model.verdict import StopReason

_LENGTH = struct.Struct("!I")
MAX_TEXT = 2000
"""Characters of one text; the worker cuts what it sends to this."""
MAX_FRAME_BYTES = 128 * 1024
"""More than four such texts take, however they are escaped."""


class FrameError(ValueError):
    """Bytes on the answer channel that are no frame of the worker's.

    Args:
        reason: what is there instead.
    """

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True)
class Started:
    """The worker stands in its sandbox, and has run none of the student's code yet."""


@dataclass(frozen=True)
class Ready:
    """`main.py` is imported and `predict` can be called."""


@dataclass(frozen=True)
class NotReady:
    """`main.py` could not be imported (`import`), or its `predict` cannot be used (`predict`)."""

    stage: str
    error: Raised


@dataclass(frozen=True)
class Answered:
    """What `predict` did with one image: exactly one of the three is given."""

    number: int
    """The question's."""
    label: str | None = None
    wrong_type: str | None = None
    error: Raised | None = None
    has_opened: bool = False
    """Whether the worker says that a checkpoint was opened for reading meanwhile."""


Frame = Started | Ready | NotReady | Answered
Parse = Callable[[bytes], Frame]


def encode_question(number: int, image: npt.NDArray[np.uint8], **more: Any) -> bytes:
    """Return the bytes that put one image, uint8 of shape (height, width, 3), to the worker.

    `number` only ties the answer to the question. It must say nothing about the image: the worker's
    memory is open to the student's code. In a graded run there is nothing `more`.
    """
    header = json.dumps({"number": number, "shape": list(image.shape), **more}).encode("ascii")
    return b"".join((_LENGTH.pack(len(header)), header, image.tobytes()))


class FrameReader:
    """Takes bytes as they arrive and gives out whole frames.

    Args:
        parse: reads one frame's JSON.
        most_bytes: of one frame.
    """

    def __init__(self, parse: Parse | None = None, most_bytes: int = MAX_FRAME_BYTES) -> None:
        self._parse = parse or parse_frame
        self._most_bytes = most_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Add bytes; yield the frames that they complete.

        Raises:
            FrameError: the bytes cannot be, or become, frames of the worker's.
        """
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > self._most_bytes:
                raise FrameError(StopReason.TOO_LONG)  # how long was chosen inside
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            frame = self._parse(bytes(self._buffer[_LENGTH.size : end]))
            del self._buffer[:end]
            yield frame


def parse_frame(body: bytes) -> Frame:
    """Parse one frame's JSON.

    Raises:
        FrameError: it is not JSON, none of the seven forms, or a value has another type.
    """
    return frame_of(json_object(body))


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in these bytes.

    Raises:
        FrameError: there is none.
    """
    try:
        value = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FrameError(StopReason.NOT_JSON) from error
    if not isinstance(value, dict):
        raise FrameError(StopReason.NO_OBJECT)
    return value


def frame_of(value: dict[str, Any]) -> Frame:
    """Return the frame that a JSON object is.

    Raises:
        FrameError: none of the seven forms, or a value has another type.
    """
    match sorted(value):
        case ["ready"] if isinstance(value["ready"], bool):
            return Ready() if value["ready"] else Started()
        case ["error", "stage"]:
            return NotReady(stage=_text(value["stage"]), error=_raised(value["error"]))
        case ["label", "number"]:
            return Answered(number=_number(value["number"]), label=_text(value["label"]))
        case ["label", "number", "opened"] if value["opened"] is True:
            return Answered(number=_number(value["number"]), label=_text(value["label"]), has_opened=True)
        case ["number", "type"]:
            return Answered(number=_number(value["number"]), wrong_type=_text(value["type"]))
        case ["error", "number"]:
            return Answered(number=_number(value["number"]), error=_raised(value["error"]))
    raise FrameError(StopReason.OTHER_KEYS)


def _raised(value: Any) -> Raised:
    if not isinstance(value, dict) or sorted(value) != ["message", "trace", "type", "where"]:
        raise FrameError(StopReason.OTHER_ERROR)
    return Raised(**{key: _text(text) for key, text in value.items()})


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise FrameError(StopReason.NO_TEXT)
    # Lone surrogates are legal in JSON but in no file that a report is written to.
    return value.encode("utf-8", "replace").decode("utf-8")


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise FrameError(StopReason.NO_NUMBER)
    return value
