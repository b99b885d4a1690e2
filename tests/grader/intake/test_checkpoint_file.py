"""What the outside of a checkpoint tells, from files that are whole, cut off, changed, and none at all."""

import bz2
import io
import os
import pickle
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

from grader.intake import intake
from grader.intake.intake import look_at_checkpoint
from grader.model.submission import NOTHING_KNOWN, CheckpointState, format_of

NOTHING = CheckpointState()


def field(number: int, content: bytes) -> bytes:
    """One length-delimited protobuf field."""
    length, varint = len(content), b""
    while length >= 0x80:
        varint += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + varint + bytes([length]) + content


def mindspore_file(*sizes: int) -> bytes:
    """A file as MindSpore's checkpoint.proto describes it, with one parameter of each size in bytes."""
    tensor = field(2, b"Float32")
    return b"".join(field(1, field(1, b"dense.weight") + field(2, tensor + field(3, bytes(size)))) for size in sizes)  # fmt: skip


def with_checksum(content: bytes) -> bytes:
    return content + b"crc_num" + zlib.crc32(content).to_bytes(10, "big")


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.fixture
def look(tmp_path):
    def look(content: bytes, name: str = "net.ckpt") -> CheckpointState:
        (tmp_path / name).write_bytes(content)
        return look_at_checkpoint(tmp_path / name)

    return look


@pytest.mark.parametrize("finish", [bytes, with_checksum])
def test_the_parameters_of_a_mindspore_checkpoint_are_counted(look, finish):
    assert look(finish(mindspore_file(4, 200, 70_000))) == CheckpointState(parameters=3)


@pytest.mark.parametrize("missing", [1, 100, 70_020])
def test_a_mindspore_checkpoint_without_its_end_is_cut_off(look, missing):
    assert look(mindspore_file(4, 200, 70_000)[:-missing]).defect == "cut-off"


def test_a_mindspore_checkpoint_cut_within_a_length_is_cut_off(look):
    whole = mindspore_file(4, 70_000)
    start = len(mindspore_file(4))
    assert {look(whole[: start + more]).defect for more in (1, 2, 3)} == {"cut-off"}
    assert look(whole[:start]) == CheckpointState(
        parameters=1
    )  # nothing in the file says that more should follow


def test_a_changed_byte_is_noticed_where_there_is_a_checksum(look):
    whole = bytearray(with_checksum(mindspore_file(4, 200)))
    whole[150] ^= 1
    assert look(bytes(whole)).defect == "damaged"


def test_a_zip_is_whole_cut_off_or_damaged(look):
    whole = npz(weight=np.arange(900.0))
    changed = bytearray(whole)
    changed[1000] ^= 1
    assert look(whole, "net.npz") == NOTHING
    assert look(whole[:-30], "net.npz").defect == "cut-off"
    assert look(bytes(changed), "net.pt").defect == "damaged"


def test_a_zip_that_would_keep_the_grader_busy_is_left_alone(look, monkeypatch):
    bomb, crowd = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("weight.npy", bytes(1 << 20))
    with zipfile.ZipFile(crowd, "w") as zipped:
        for number in range(15_000):
            zipped.writestr(f"{number:030d}", b"")
    monkeypatch.setattr(zipfile.ZipFile, "testzip", lambda _: pytest.fail("it was unpacked"))
    assert look(bomb.getvalue(), "net.npz") == NOTHING
    monkeypatch.setattr(zipfile, "ZipFile", lambda _: pytest.fail("its directory was read"))
    assert look(crowd.getvalue(), "net.npz") == NOTHING


def zip_entries(method: int, compressed: bytes, size: int, count: int = 1) -> bytes:
    """A zip of `count` entries that share the same compressed bytes, and say that each is of `size` bytes."""
    numbers = (method, 0, 0, 0, len(compressed), size, 1)
    local = struct.pack("<4s2B4HL2L2H", b"PK\3\4", 46, 0, 0, *numbers, 0) + b"a"
    central = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 46, 3, 46, 0, 0, *numbers, 0, 0, 0, 0, 0, 0) + b"a"
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, count * len(central), len(local + compressed), 0)  # fmt: skip
    return local + compressed + count * central + end


def test_a_zip_that_lies_about_its_size_does_not_fill_the_graders_memory(look):
    # Python unpacks bz2 as it comes: these 30 kilobytes would be 640 MB at once.
    packer = bz2.BZ2Compressor()
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(16)) + packer.flush()
    tracemalloc.start()
    try:
        assert look(zip_entries(zipfile.ZIP_BZIP2, packed * 40, size=100), "net.pt") == NOTHING
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_zip_whose_entries_share_one_long_nothing_is_left_alone(look, monkeypatch):
    # Empty blocks of deflate: nothing comes out, however many there are.
    nothing = b"\0\0\0\xff\xff" * 100_000
    monkeypatch.setattr(zipfile.ZipFile, "testzip", lambda _: pytest.fail("it was unpacked"))
    assert look(zip_entries(zipfile.ZIP_DEFLATED, nothing, size=1, count=1000), "net.pt") == NOTHING


def test_a_row_of_endless_parameters_is_left_alone(look):
    assert look(mindspore_file(*[0] * 10_000)).parameters == 10_000
    assert look(mindspore_file(*[0] * 10_001)) == NOTHING


@pytest.mark.parametrize(
    "content",
    [b"", b"\nhello\n", b"hello world", pickle.dumps({"weight": [1.0]}), bytes(range(256)), b"\n\xff\xff\xff\xff\xff\xff\xff"],
)  # fmt: skip
def test_of_other_files_nothing_is_told(look, content):
    assert look(content) == NOTHING
    assert look(content, "net.pt") == NOTHING


def noise(size: int) -> bytes:
    return np.random.default_rng(size).bytes(size)


def noisy_mindspore_file() -> bytes:
    tensor = field(2, field(3, noise(3_000_000)))
    return field(1, field(1, b"dense.weight") + tensor) * 2


def test_line_ends_that_a_program_for_text_has_changed_are_noticed(look):
    whole = noisy_mindspore_file()
    assert look(whole) == CheckpointState(parameters=2)
    assert look(whole.replace(b"\n", b"\r\n")).defect == "line-ends"
    assert look(whole.replace(b"\r\n", b"\n")).defect == "line-ends"
    assert look(whole[:-1000]).defect == "cut-off"


def test_a_zip_with_changed_line_ends_is_told_from_a_damaged_one(look):
    whole = npz(weight=np.frombuffer(noise(100_000), np.uint8))
    assert look(whole, "net.npz").defect == ""
    assert look(whole.replace(b"\n", b"\r\n"), "net.npz").defect == "line-ends"
    assert look(whole[:-1000], "net.npz").defect == "cut-off"


def test_a_text_has_line_ends_of_its_own(look):
    assert look(b"\r\nname: net\r\n" * 100) == NOTHING


@pytest.mark.parametrize(
    ("head", "format_"),
    [
        (b"PK\x03\x04" + bytes(22) + b"\x0c\0\0\0net/data.pklFB", "PyTorch"),
        (npz(weight=np.ones(3)), "NumPy"),
        (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch"),
        (pickle.dumps({"weight": [1.0] * 9}), "pickle"),
        (b"\x08\x0e:7\n\x10\n\x01x\x12\x01y", "ONNX"),
        (b"\n\x031.1\x12\x09MindSpore*\x062.10.0", "MindIR"),
        (b'=\0\0\0\0\0\0\0{"w": {', "safetensors"),
        (b"\x89HDF\r\n\x1a\n" + bytes(8), "HDF5"),
        (b"\xd8\x5e\x3a\x7f" + bytes(20), "encrypted"),
        (mindspore_file(4), ""),
        (b"\x08", ""),
        (b"", ""),
    ],
)
def test_the_first_bytes_tell_the_format(head, format_):
    assert format_of(head[:128]) == format_


def test_a_directory_of_thousands_of_entries_is_not_gone_through(tmp_path, monkeypatch):
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w") as zipped:
        for number in range(8000):
            zipped.writestr(f"{number}", b"")
    monkeypatch.setattr(intake, "read_entries", None)
    assert look_at_checkpoint(path) == NOTHING_KNOWN


def test_what_unpacks_to_far_more_bytes_than_the_file_has_is_not_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("half", os.urandom(5000) + bytes(10_000))
    monkeypatch.setattr(intake, "_MOST_GROWTH", 9_000)
    monkeypatch.setattr(intake, "read_content", None)
    assert look_at_checkpoint(path) == NOTHING_KNOWN
