import contextlib
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model.verdict import StopReason
from grader.run.frames import (
    MAX_FRAME_BYTES,
    Answered,
    FrameError,
    FrameReader,
    NotReady,
    Ready,
    Started,
    encode_question,
    parse_frame,
)

ERROR = {"type": "ValueError", "message": "m", "where": "main.py:1", "trace": "t"}


def frame(value) -> bytes:
    body = json.dumps(value).encode()
    return struct.pack("!I", len(body)) + body


def test_each_of_the_seven_forms_is_read():
    assert isinstance(parse_frame(b'{"ready": false}'), Started)
    assert isinstance(parse_frame(b'{"ready": true}'), Ready)
    assert parse_frame(b'{"number": 3, "label": "Hats"}') == Answered(3, label="Hats")
    opened = parse_frame(b'{"number": 3, "label": "Hats", "opened": true}')
    assert opened == Answered(3, label="Hats", has_opened=True)
    assert parse_frame(b'{"number": 3, "type": "int"}') == Answered(3, wrong_type="int")
    assert parse_frame(json.dumps({"number": 3, "error": ERROR}).encode()).error.where == "main.py:1"
    assert isinstance(parse_frame(json.dumps({"stage": "import", "error": ERROR}).encode()), NotReady)


@pytest.mark.parametrize(
    "value",
    [
        {"number": 1, "label": "Hats", "score": 100},
        {"number": 1, "label": "Hats", "opened": 7},
        {"number": 1, "label": "Hats", "opened": False},
        {"number": 1, "type": "int", "opened": True},
        {"number": 1},
        {"number": True, "label": "Hats"},
        {"number": -1, "label": "Hats"},
        {"number": 2**40, "label": "Hats"},
        {"number": 1.0, "label": "Hats"},
        {"number": 1, "label": ["Hats", "Cans"]},
        {"number": 1, "label": None},
        {"number": 1, "label": "x" * 2001},
        {"ready": 1},
        {"number": 1, "error": "text"},
        {"number": 1, "error": {**ERROR, "more": ""}},
        [],
        "GRADED",
        None,
        float("nan"),
    ],
    ids=repr,
)
def test_anything_else_is_refused(value):
    with pytest.raises(FrameError):
        parse_frame(json.dumps(value).encode())


def test_a_frame_that_claims_to_be_huge_is_refused_before_it_is_read():
    # Its length is a number that the submission chose: it reaches no report.
    with pytest.raises(FrameError, match=f"^{StopReason.TOO_LONG.value}$"):
        list(FrameReader().feed(struct.pack("!I", MAX_FRAME_BYTES + 1)))


def test_deeply_nested_json_is_refused():
    with pytest.raises(FrameError):
        parse_frame(b"[" * 100_000)


def test_lone_surrogates_cannot_reach_a_report():
    answer = parse_frame(b'{"number": 0, "label": "a\\ud800b"}')
    answer.label.encode("utf-8")


@given(st.lists(st.text(max_size=30), max_size=5), st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_frames_come_out_whole_however_the_bytes_arrive(labels, cuts):
    data = b"".join(frame({"number": i, "label": label}) for i, label in enumerate(labels))
    reader, frames, position = FrameReader(), [], 0
    for cut in cuts * (len(data) // sum(cuts) + 1):
        frames += reader.feed(data[position : position + cut])
        position += cut
    assert [answer.number for answer in frames] == list(range(len(labels)))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_frames_or_a_frame_error(data):
    with contextlib.suppress(FrameError):
        list(FrameReader().feed(data))


@given(st.integers(0, 60), st.integers(0, 255))
def test_a_frame_with_any_byte_changed_can_only_be_a_guess(position, byte):
    data = bytearray(frame({"number": 1, "label": "Plastic Bottle"}))
    data[position % len(data)] = byte
    try:
        frames = list(FrameReader().feed(bytes(data)))
    except FrameError:
        return
    assert all(isinstance(answer, Answered) for answer in frames)


def test_a_question_is_a_header_and_the_pixels_alone():
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    data = encode_question(7, image)
    (length,) = struct.unpack("!I", data[:4])
    assert json.loads(data[4 : 4 + length]) == {"number": 7, "shape": [2, 3, 3]}
    assert data[4 + length :] == image.tobytes()
