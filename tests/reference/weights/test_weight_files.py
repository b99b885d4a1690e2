from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from src_mindspore.engine.checkpoint import CheckpointError, parse_checkpoint

from reference.errors import WeightsError
from reference.values import Arrays
from reference.weights import checkpoint_bytes, read_checkpoint, read_network, read_weights, write_checkpoint


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def entry(name: str, dtype: str, shape: tuple[int, ...], content: bytes) -> bytes:
    dims = b"".join(bytes([1 << 3, size]) for size in shape)
    tensor = dims + field(2, dtype.encode()) + field(3, content)
    return field(1, field(1, name.encode()) + field(2, tensor))


WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)
SMALL = entry("w", "Float32", (2, 3), WEIGHT.tobytes()) + entry("epoch", "str", (), b"seven")


def test_reads_the_numbers_and_leaves_out_the_rest() -> None:
    arrays = parse_checkpoint(SMALL)
    assert list(arrays) == ["w"]
    np.testing.assert_array_equal(arrays["w"], WEIGHT)


@settings(max_examples=500, deadline=None)
@given(at=st.integers(0, len(SMALL) - 1), value=st.integers(0, 255), length=st.integers(0, len(SMALL)))
def test_damage_gives_arrays_or_our_error(at: int, value: int, length: int) -> None:
    damaged = bytearray(SMALL)
    damaged[at] = value
    try:
        parse_checkpoint(bytes(damaged[:length]))
    except CheckpointError as error:
        assert "\n" not in str(error)


@pytest.mark.mindspore
def test_what_mindspore_writes_is_read_and_the_other_way_round(tmp_path: Path) -> None:
    import mindspore as ms

    arrays = {"a": WEIGHT, "b.moving_mean": np.float32([7])}
    ours = tmp_path / "ours.ckpt"
    write_checkpoint(arrays, ours)

    assert {name: p.asnumpy().tolist() for name, p in ms.load_checkpoint(str(ours)).items()} == {
        name: array.tolist() for name, array in arrays.items()
    }
    assert {name: a.tolist() for name, a in read_checkpoint(ours).items()} == {
        name: array.tolist() for name, array in arrays.items()
    }
    assert ours.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["ours.ckpt"]
    write_checkpoint(arrays, ours)  # and again, over the first


@pytest.mark.mindspore
def test_what_is_written_is_to_the_byte_what_mindspore_saves(tmp_path: Path) -> None:
    import mindspore as ms

    # Sizes below, at and above 128, where a length takes a second byte; and a lone number.
    arrays = {f"w{n}": np.arange(n, dtype=np.float32) for n in (1, 31, 32, 33, 127, 128, 40000)}
    arrays |= {"conv": np.ones((3, 200, 1, 1), np.float32), "scalar": np.array(3, np.float32)}
    theirs = tmp_path / "theirs.ckpt"
    ms.save_checkpoint([{"name": n, "data": ms.Tensor(a)} for n, a in arrays.items()], str(theirs))
    assert checkpoint_bytes(arrays) == theirs.read_bytes()


@pytest.mark.mindspore
def test_a_checksum_is_checked_where_there_is_one(tmp_path: Path) -> None:
    import mindspore as ms

    file = tmp_path / "sum.ckpt"
    ms.save_checkpoint([{"name": "w", "data": ms.Tensor(WEIGHT)}], str(file), crc_check=True)
    np.testing.assert_array_equal(read_checkpoint(file)["w"], WEIGHT)

    damaged = bytearray(file.read_bytes())
    damaged[damaged.index(WEIGHT.tobytes()) + 5] ^= 1
    with pytest.raises(CheckpointError, match="checksum"):
        parse_checkpoint(bytes(damaged))
    file.chmod(0o600)
    file.write_bytes(damaged)
    with pytest.raises(WeightsError, match=r"sum\.ckpt: .*checksum"):
        read_checkpoint(file)


def head(classes: int, place: str = "head.1", features: int = 1280) -> Arrays:
    weight = np.arange(classes * features, dtype=np.float32).reshape(classes, features)
    return {f"{place}.weight": weight, f"{place}.bias": np.arange(classes, dtype=np.float32)}


@pytest.mark.parametrize("place", ["head.1", "head.2"])
def test_a_network_is_read_with_its_head(tmp_path: Path, random_backbone: Arrays, place: str) -> None:
    write_checkpoint({**random_backbone, **head(5, place)}, tmp_path / "network.ckpt")
    weights = read_network(tmp_path / "network.ckpt", 5)
    np.testing.assert_array_equal(weights.arrays()["head.1.weight"], head(5)["head.1.weight"])
    assert weights.arrays().keys() == {*random_backbone, "head.1.weight", "head.1.bias"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, r"has no head \(no head\.1\.weight\)"),
        (head(4), "its head knows 4 classes, and the data set has 5"),
        (head(5, features=62720), "a head takes 1280 features"),
        ({"head.1.weight": head(5)["head.1.weight"]}, r"head\.1\.bias is missing"),
        (
            {**head(5), "head.1.bias": np.full(5, np.nan, np.float32)},
            r"head\.1 holds a value that is not a finite number",
        ),
    ],
)
def test_a_checkpoint_without_the_right_head_is_refused(
    tmp_path: Path, random_backbone: Arrays, more: Arrays, said: str
) -> None:
    write_checkpoint({**random_backbone, **more}, tmp_path / "network.ckpt")
    with pytest.raises(WeightsError, match=rf"network\.ckpt: .*{said}"):
        read_network(tmp_path / "network.ckpt", 5)


def test_a_backbone_alone_will_do_to_begin_with(tmp_path: Path, random_backbone: Arrays) -> None:
    write_checkpoint(random_backbone, tmp_path / "backbone.ckpt")
    assert read_weights(tmp_path / "backbone.ckpt").head is None
