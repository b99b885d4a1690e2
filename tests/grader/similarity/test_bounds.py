"""What is made to grow when it is read costs no more than it is long, and makes its owner alone unreadable."""

import io
import json
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from grader import sketch
from grader.formats import Tensor, UnreadableError, tensors_of
from grader.intake import take_in
from grader.model.assignment import load_assignment
from grader.similarity import reading
from grader.similarity.reading import read_submission
from grader.sketch import head_of
from tests.checkpoint_bytes import field, mindspore_bytes
from tests.grader.similarity.conftest import CLASSES

MIB = 1 << 20
ROOT = Path(__file__).parents[3]
HUGE = b"\x08" + b"\xff" * 8 + b"\x7f"
"""A dimension of 2**63 - 1."""


def safetensors(entries, body):
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(begin, end):
    return {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end]}


def two_names_for_one_storage():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        zipped.comment = b"x" * 60_000
        zipped.writestr("net/data/0", bytes(20_000))
        zipped.filelist.append(zipped.filelist[-1])
    return stream.getvalue().replace(b"net/data/0", b"net/data/1", 2).replace(b"net/data/1", b"net/data/0", 1)


def of_type(content):
    return field(2, b"Float32") + field(3, content)


GROWING = {
    "empty fields of a tensor": (field(1, field(1, b"w") + field(2, b"\x1a\x00" * MIB)), ".ckpt"),
    "empty parameters": (b"\x0a\x00" * MIB, ".ckpt"),
    "empty fields of a parameter": (field(1, b"\x0a\x00" * MIB), ".ckpt"),
    "endless packed dimensions": (
        field(1, field(1, b"w") + field(2, field(1, b"\x01" * MIB) + of_type(b""))),
        ".ckpt",
    ),
    "huge dimensions": (field(1, field(1, b"w") + field(2, HUGE * 8 + of_type(bytes(4)))), ".ckpt"),
    "a name without end": (field(1, field(1, b"w" * MIB) + field(2, of_type(b""))), ".ckpt"),
    "tensors that overlap": (
        safetensors({f"w{number}": entry(0, 4000) for number in range(2000)}, bytes(4000)),
        ".safetensors",
    ),
    "tensors that overlap by one number": (
        safetensors({"a": entry(0, 40), "b": entry(36, 80)}, bytes(80)),
        ".safetensors",
    ),
    "storages that overlap": (two_names_for_one_storage(), ".pth"),
}


@pytest.mark.parametrize("kind", GROWING)
def test_what_grows_is_refused_and_nothing_is_made_of_it(kind):
    data, suffix = GROWING[kind]
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableError):
            tensors_of(data, suffix)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MIB


def test_numbers_are_taken_of_one_tensor_however_many_would_fit(monkeypatch):
    arrays = {f"w{number}": np.eye(CLASSES, 20, dtype=np.float32) for number in range(500)}
    taken = []
    numbers = Tensor.numbers
    monkeypatch.setattr(Tensor, "numbers", lambda tensor: taken.append(tensor.name) or numbers(tensor))
    assert head_of(tensors_of(mindspore_bytes(arrays), ".ckpt"), CLASSES)[0] == "w499"
    assert taken == ["w499"]


def test_a_head_of_the_largest_numbers_is_found_without_a_warning():
    head = np.full((CLASSES, 20), np.finfo(np.float32).max)
    head[0] *= -1
    tensors = tensors_of(mindspore_bytes({"w": head}), ".ckpt")
    with np.errstate(all="raise"):
        assert np.array_equal(head_of(tensors, CLASSES)[1], head)


def test_a_notebook_of_a_million_values_is_not_parsed(monkeypatch):
    notebook = '{"cells": [' + "[]," * 600_000 + "[]]}"
    monkeypatch.setattr(sketch.json, "loads", None)
    assert sketch._cells(notebook) == ""


@pytest.fixture
def submission(tmp_path):
    folder = tmp_path / "li"
    folder.mkdir()
    (folder / "main.py").write_text("def predict(image):\n    return 'Hats'\n", encoding="utf-8")
    head = np.eye(CLASSES, 20, dtype=np.float32)
    (folder / "net.ckpt").write_bytes(mindspore_bytes({"head.weight": head}))
    (folder / "notes.ipynb").write_text('{"cells": [' + "[]," * 400_000 + "[]]}", encoding="utf-8")
    return take_in(folder, tmp_path / "taken", load_assignment(None).limits)


def test_a_process_of_its_own_reads_what_is_sound(submission):
    read = read_submission(submission, CLASSES, load_assignment(None).limits)
    assert read.is_read
    assert [file.path for file in read.code] == ["main.py"]
    np.testing.assert_array_equal(read.checkpoints[0].head, np.eye(CLASSES, 20))


@pytest.mark.parametrize("bound", [{"RLIMIT_DATA": 4 * MIB}, {"RLIMIT_FSIZE": 100}])
def test_of_what_is_past_a_bound_the_bytes_are_left(submission, monkeypatch, bound):
    monkeypatch.setattr(reading, "BOUNDS", {**reading.BOUNDS, **bound})
    read = read_submission(submission, CLASSES, load_assignment(None).limits)
    assert not read.is_read
    (checkpoint,) = read.checkpoints
    assert checkpoint.sha256 == submission.checkpoints[0].sha256
    assert checkpoint.head is None


def test_the_process_that_reads_imports_little():
    code = "import sys, grader.sketch; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "numpy" in loaded
    assert {"cv2", "jinja2", "cryptography", "mindspore", "onnxruntime", "pydantic", "torch"}.isdisjoint(
        loaded
    )
