import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.errors import WeightsError
from reference.weights.torch_file import is_torch_file, parse_torch_bytes, read_torch_file
from tests.reference.weights.torch_samples import LEGACY, ZIP

BOTH_LAYOUTS = pytest.mark.parametrize("sample", [ZIP, LEGACY], ids=["zip", "legacy"])


@BOTH_LAYOUTS
def test_reads_what_pytorch_wrote(sample: bytes) -> None:
    arrays = parse_torch_bytes(sample)

    assert list(arrays) == ["whole", "window", "half", "brain", "count", "flags", "parameter"]
    assert arrays["whole"].dtype == np.float32
    assert arrays["whole"].tolist() == list(range(12))
    # A transposed view that begins in the middle of the storage it shares with `whole`.
    assert arrays["window"].tolist() == [[4, 7], [5, 8], [6, 9]]
    assert arrays["half"].dtype == np.float16
    assert arrays["half"].tolist() == [1.5, -2.0]
    assert arrays["brain"].tolist() == [1.0, -3.5]
    assert arrays["count"].shape == ()
    assert int(arrays["count"]) == 7
    assert arrays["flags"].tolist() == [True, False]
    assert arrays["parameter"].tolist() == [1.0, 1.0]


@BOTH_LAYOUTS
def test_arrays_do_not_share_memory_with_each_other(sample: bytes) -> None:
    arrays = parse_torch_bytes(sample)

    assert not np.shares_memory(arrays["whole"], arrays["window"])
    arrays["whole"][:] = 0
    assert arrays["window"][0, 0] == 4


@BOTH_LAYOUTS
def test_recognises_the_format_by_content(sample: bytes) -> None:
    assert is_torch_file(sample[:16])
    assert not is_torch_file(b"\x0a\x20" + sample[:14])


@BOTH_LAYOUTS
def test_every_truncation_is_reported(sample: bytes) -> None:
    for length in range(len(sample)):
        with pytest.raises(WeightsError):
            parse_torch_bytes(sample[:length])


@BOTH_LAYOUTS
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_flipped_bytes_give_arrays_or_our_error(sample: bytes, data: st.DataObject) -> None:
    damaged = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(sample) - 1))] = data.draw(st.integers(0, 255))

    try:
        arrays = parse_torch_bytes(bytes(damaged))
    except WeightsError as error:
        assert "\n" not in str(error)
    else:
        assert all(isinstance(array, np.ndarray) for array in arrays.values())


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_behind_the_magic_number_give_arrays_or_our_error(content: bytes) -> None:
    start = LEGACY[: LEGACY.index(b"M\xe9\x03.") + 4]
    with pytest.raises(WeightsError):
        parse_torch_bytes(start + content)


class Payload:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


def legacy_with(pickled: bytes) -> bytes:
    head = LEGACY[: LEGACY.index(b"M\xe9\x03.") + 4]
    sys_info = pickle.dumps({"little_endian": True, "protocol_version": 1001}, protocol=2)
    return head + sys_info + pickled + pickle.dumps([], protocol=2)


def zip_with(pickled: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("model/data.pkl", pickled)
    return stream.getvalue()


@pytest.mark.parametrize("wrap", [legacy_with, zip_with])
@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_code_in_the_pickle_is_refused_and_does_not_run(
    tmp_path: Path, wrap: "type[bytes]", protocol: int
) -> None:
    trace = tmp_path / "it-ran"
    for payload in (
        Payload(os.system, f"touch {trace}"),
        Payload(eval, f"open({str(trace)!r}, 'w')"),
        Payload(open, str(trace), "w"),
    ):
        file = tmp_path / "hostile.pt"
        file.write_bytes(wrap(pickle.dumps({"weight": payload}, protocol)))

        with pytest.raises(WeightsError, match="holds code; refused") as caught:
            read_torch_file(file)

        assert not trace.exists()
        assert "\n" not in str(caught.value)
        assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02cbuiltins\ngetattr\n.",
        b"\x80\x02ctorch\nload\n.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2.__globals__\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"\x80\x02ios\nsystem\n.",
        b"\x80\x02(ios\nsystem\n.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02ctorch\nFloatStorage\n)R.",
        b"\x80\x02}X\x01\x00\x00\x00a)\x81s.",
    ],
    ids=[
        "getattr",
        "torch.load",
        "globals",
        "stack-global",
        "inst-0",
        "inst",
        "extension",
        "storage-call",
        "newobj",
    ],
)
def test_every_other_road_to_a_function_is_refused(pickled: bytes) -> None:
    with pytest.raises(WeightsError):
        parse_torch_bytes(zip_with(pickled))


def tensor(offset: int, shape: tuple[int, ...], strides: tuple[int, ...], numel: int = 4) -> bytes:
    """A pickle of `{"w": tensor}` over storage "0" of `numel` float32."""

    def text(value: str) -> bytes:
        return b"X" + len(value).to_bytes(4, "little") + value.encode()

    def number(value: int) -> bytes:
        raw = value.to_bytes(9, "little", signed=True)
        return b"\x8a" + bytes([len(raw)]) + raw

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    storage = (
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(numel) + b"tQ"
    )
    arguments = (
        storage + number(offset) + numbers(shape) + numbers(strides) + b"\x89ccollections\nOrderedDict\n)R"
    )
    return b"\x80\x02}" + text("w") + b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tRs."


def parse_tensor(*description: object, size: int = 16) -> np.ndarray:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("m/data.pkl", tensor(*description))  # type: ignore[arg-type]
        archive.writestr("m/data/0", np.arange(size // 4, dtype="<f4").tobytes())
    return parse_torch_bytes(stream.getvalue())["w"]


def test_offsets_and_strides_are_followed() -> None:
    assert parse_tensor(1, (3,), (1,)).tolist() == [1, 2, 3]
    assert parse_tensor(0, (2, 2), (1, 2)).tolist() == [[0, 2], [1, 3]]
    assert parse_tensor(3, (2,), (0,)).tolist() == [3, 3]
    assert parse_tensor(0, (), ()).shape == ()
    assert parse_tensor(0, (0, 5), (5, 1)).shape == (0, 5)


@pytest.mark.parametrize(
    "description",
    [
        (1, (4,), (1,)),
        (4, (), ()),
        (-1, (2,), (1,)),
        (0, (-2,), (1,)),
        (3, (2,), (-1,)),
        (0, (2, 2), (1,)),
        (0, (2,), (1 << 62,)),
        (1 << 62, (1,), (1,)),
        (0, (1 << 40,), (0,)),
        (0, (1 << 62, 0), (1, 1)),
        (0, (1,) * 9, (1,) * 9),
        (0, (4,), (1,), 8),
        (0, (4,), (1,), -4),
    ],
)
def test_windows_beyond_their_storage_are_refused(description: tuple[object, ...]) -> None:
    with pytest.raises(WeightsError):
        parse_tensor(*description)


def test_a_compressed_archive_is_refused() -> None:
    with pytest.raises(WeightsError, match="compressed"):
        parse_torch_bytes(zip_with(pickle.dumps({"a": "b" * 10_000_000}), zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize(
    "pickled",
    [
        # Each of these would exhaust memory or the interpreter's stack in the standard library's unpickler.
        b"\x80\x02Nr\xff\xff\xff\xff.",
        b"\x80\x02)" + b"\x85" * 900_000 + b"}q\x00h\x00Ns.",
        b"\x80\x05\x96" + (1 << 62).to_bytes(8, "little") + b".",
        b"\x80\x02" + b"N" * 1_100_000 + b".",
    ],
    ids=["memo-index", "deep-key", "bytearray", "endless"],
)
def test_pickles_made_to_exhaust_the_machine_are_refused(pickled: bytes) -> None:
    with pytest.raises(WeightsError):
        parse_torch_bytes(zip_with(pickled))


def test_a_file_without_tensors_says_so() -> None:
    with pytest.raises(WeightsError, match="no tensors"):
        parse_torch_bytes(zip_with(pickle.dumps({"epoch": 3}, protocol=2)))
