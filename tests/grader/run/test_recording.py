"""What a recorded worker sends is read as strictly as all else, and what is no record ends the worker."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from grader.model.records import Recipe, Task
from grader.run.frames import Answered, FrameError, FrameReader, Ready, encode_question, parse_frame
from grader.run.recording import (
    MAX_RECORDED_BYTES,
    RecordedAnswer,
    encode_task,
    parse_recorded,
)
from tests.grader.run.test_frames import ERROR, frame

TYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
TYPES += ["float16", "float32", "float64"]
NOTHING = {"records": [], "calls": 0, "replaced": False, "networks": [], "files": []}
ANSWER = {"number": 3, "label": "Hats"}
PARAMETER = {
    **{"name": "w", "shape": [2], "dtype": "float32", "sha1": "0" * 40},
    **{"mean": 0.5, "std": 1.0, "min": -1.0, "max": 2.0, "not_finite": 0},
}
NETWORK = {"kind": "torch", "name": "Net", "parameters": [PARAMETER], "loaded": 1}
FILE = {"name": "results/best.ckpt", "parameters": [PARAMETER] * 2}


def sent(array):
    data = base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}


X = sent(np.zeros((2, 3), np.float32))
RECORD = {"kind": "mindspore", "name": "Net", "input": X, "output": X, "training": False, "inputs": 1}


def parsed(**changed):
    return parse_recorded(json.dumps({**ANSWER, **NOTHING, **changed}).encode())


@given(
    arrays.arrays(st.sampled_from(TYPES), arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4))
)
def test_an_array_comes_through_as_it_is_whatever_stands_in_it(array):
    (call,) = parsed(records=[{**RECORD, "input": sent(array)}]).recorded.records
    assert (call.input.dtype, call.input.shape) == (array.dtype.name, array.shape)
    assert call.input.values.tobytes() == array.astype(array.dtype.newbyteorder("<")).tobytes()
    assert not call.input.values.flags.writeable


@given(st.integers(1, 5), st.integers(0, 80))
def test_of_a_large_batch_only_whole_entries_are_taken(entries, size):
    data = base64.b64encode(bytes(size)).decode()
    tensor = {"dtype": "float32", "shape": [entries, 2], "data": data}
    if size % 8 == 0 and 0 < size <= 8 * entries:
        (record,) = parsed(**call(output=tensor)).recorded.records
        assert record.output.values.shape == (size // 8, 2)
    else:
        with pytest.raises(FrameError):
            parsed(**call(output=tensor))


def test_all_that_is_noted_is_read():
    records = [RECORD, {**RECORD, "input": None, "training": None}]
    answer = parsed(records=records, calls=9, replaced=True, networks=[NETWORK], files=[FILE])
    assert isinstance(answer, RecordedAnswer)
    recorded = answer.recorded
    assert (answer.number, recorded.text, recorded.problem, recorded.calls) == (3, "Hats", None, 9)
    assert [(each.input is None, each.training) for each in recorded.records] == [
        (False, False),
        (True, None),
    ]
    assert recorded.is_replaced is True
    assert recorded.networks[0].parameters[0].greatest == 2.0
    assert recorded.networks[0].loaded == 1
    assert recorded.files[0].name == "results/best.ckpt"
    assert recorded.files[0].parameters == recorded.networks[0].parameters * 2
    assert parse_recorded(b'{"ready": true}') == Ready()
    raised = parse_recorded(json.dumps({"number": 3, "error": ERROR, **NOTHING}).encode())
    assert (raised.recorded.text, raised.recorded.problem.type) == (None, "ValueError")


def tensor(**changed):
    return call(output={**X, **changed})


def parameter(**changed):
    return {"networks": [{**NETWORK, "parameters": [{**PARAMETER, **changed}]}]}


def file(**changed):
    return {"files": [{**FILE, **changed}]}


def network(**changed):
    return {"networks": [{**NETWORK, **changed}]}


def call(**changed):
    return {"records": [{**RECORD, **changed}]}


LIES = [
    {"records": [RECORD] * 9},
    {"records": {}},
    {"records": [7]},
    {"calls": -1},
    {"calls": True},
    {"calls": 2**31},
    {"replaced": None},
    {"replaced": 1},
    {"replaced": [X]},
    {"networks": [NETWORK] * 5},
    {"networks": [{**NETWORK, "parameters": [PARAMETER] * 2001}]},
    {"files": [FILE] * 9},
    {"files": {}},
    {"files": [{**FILE, "parameters": [PARAMETER] * 1500}] * 5},
    {"files": ["results/best.ckpt"]},
    file(parameters=[PARAMETER] * 2001),
    file(parameters=None),
    file(parameters=[{**PARAMETER, "mean": 1}]),
    file(name="x" * 201),
    file(name=None),
    file(loaded=0),
    network(loaded=2),
    network(loaded=2001, parameters=[]),
    network(loaded=-1),
    network(loaded=True),
    network(loaded=None),
    network(files=[]),
    {"more": 1},
    call(kind="sklearn"),
    call(kind=["torch"]),
    call(training=1),
    call(inputs=1.0),
    call(name="x" * 201),
    call(score=100),
    tensor(dtype="object"),
    tensor(dtype="complex64"),
    tensor(dtype="U9"),
    tensor(dtype=["float32"]),
    tensor(dtype=">f4"),
    tensor(shape=[2, 4]),
    tensor(shape=[-2, -3]),
    tensor(shape=[2.0, 3]),
    tensor(shape=[2**30, 2**30, 2**30, 2**30]),
    tensor(shape=[1] * 9),
    tensor(shape=[0, *[2**31 - 1] * 7], data=""),
    tensor(shape="23"),
    tensor(data="A" * 31),
    tensor(data="é" * 32),
    tensor(data="!" * 32),
    tensor(data=[0] * 6),
    tensor(dtype="uint8", shape=[(4 << 20) + 1], data=base64.b64encode(bytes((4 << 20) + 1)).decode()),
    parameter(mean=float("nan")),
    parameter(std=float("inf")),
    parameter(min="1"),
    parameter(max=True),
    parameter(mean=10**400),
    parameter(sha1="g" * 40),
    parameter(sha1="0" * 40 + "\n"),
    parameter(not_finite=-1),
    parameter(shape=None),
]


@pytest.mark.parametrize("lie", LIES, ids=range(len(LIES)))
def test_what_has_another_form_is_refused(lie):
    with pytest.raises(FrameError):
        parsed(**lie)


@pytest.mark.parametrize("missing", sorted(NOTHING))
def test_an_answer_without_all_that_is_to_be_noted_is_refused(missing):
    less = {key: value for key, value in NOTHING.items() if key != missing}
    with pytest.raises(FrameError):
        parse_recorded(json.dumps({**ANSWER, **less}).encode())


def test_nothing_is_noted_before_the_first_answer():
    with pytest.raises(FrameError):
        parse_recorded(json.dumps({"ready": True, **NOTHING}).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.sampled_from(sorted(NOTHING)), JSON)
def test_any_other_json_is_refused_or_read_and_nothing_else_comes_of_it(key, value):
    try:
        answer = parsed(**{key: value})
    except FrameError:
        return
    assert isinstance(answer, RecordedAnswer)


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused_and_nothing_else_comes_of_them(body):
    with pytest.raises(FrameError):
        parse_recorded(body + b"}")


def test_a_graded_worker_may_note_nothing_and_send_no_more_than_it_could():
    with pytest.raises(FrameError, match="other-keys"):
        parse_frame(json.dumps({**ANSWER, **NOTHING}).encode())
    with pytest.raises(FrameError, match="too-long"):
        list(FrameReader().feed((200_000).to_bytes(4, "big")))
    with pytest.raises(FrameError, match="too-long"):
        list(FrameReader(parse_recorded, MAX_RECORDED_BYTES).feed((13 << 20).to_bytes(4, "big")))
    answer = list(FrameReader(parse_recorded, MAX_RECORDED_BYTES).feed(frame({**ANSWER, **NOTHING})))
    assert [each.number for each in answer] == [3]
    assert type(parse_frame(json.dumps(ANSWER).encode())) is Answered


def test_a_question_of_a_graded_run_is_the_one_that_it_always_was():
    image = np.zeros((1, 2, 3), np.uint8)
    assert encode_question(5, image)[4:] == b'{"number": 5, "shape": [1, 2, 3]}' + bytes(6)


def test_the_colours_of_a_recipe_are_those_of_the_picture_as_it_is_sent():
    rows = ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), (7.0, 8.0, 9.0))
    of_image, of_tensor = Recipe("image", rows, (0.0, 1.0, 2.0)), Recipe("tensor", rows, (0.0, 1.0, 2.0))
    bgr, tensor = (encode_task(Task(recipe), "bgr")["recipe"] for recipe in (of_image, of_tensor))
    assert bgr == {"source": "image", "matrix": [[3, 2, 1], [6, 5, 4], [9, 8, 7]], "offset": [0, 1, 2]}
    assert tensor["matrix"] == [list(row) for row in rows]
    assert encode_task(Task(of_image), "rgb")["recipe"]["matrix"] == [list(row) for row in rows]
    assert encode_task(Task(), "bgr") == {}
    assert encode_task(Task(parameters=True, inputs=False), "bgr") == {"parameters": True, "inputs": False}
    loads = Task(evaluate=True, load="results/best.ckpt")
    assert encode_task(loads, "bgr") == {"evaluate": True, "load": "results/best.ckpt"}
