"""Whose checkpoint comes from whose: copies with noise, and heads that were trained on, are told from honest ones."""

import io
import json
import zipfile
import zlib

import numpy as np
import pytest

from grader.formats import UnreadableError, tensors_of
from grader.similarity import Given, compare_checkpoints
from grader.similarity.checkpoints import alikeness
from grader.sketch import Checkpoint, Sketch, head_of
from tests.checkpoint_bytes import mindspore_bytes as mindspore

from .conftest import CLASSES, COLUMNS

ARRAYS = {
    "features.0.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "head.1.weight": np.arange(CLASSES * COLUMNS, dtype=np.float32).reshape(CLASSES, COLUMNS) % 7,
    "head.1.bias": np.ones(CLASSES, np.float32),
}


def safetensors(arrays):
    header, body = {"__metadata__": {"format": "ms"}}, b""
    for name, array in arrays.items():
        raw = array.astype("<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": array.shape,
            "data_offsets": [len(body), len(body) + len(raw)],
        }
        body += raw
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def torch_zip(arrays):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("net/data.pkl", b"cposix\nsystem\n(S'false'\ntR.")  # nobody loads it
        for number, array in enumerate(arrays.values()):
            zipped.writestr(f"net/data/{number}", array.astype("<f4").tobytes())
    return file.getvalue()


@pytest.mark.parametrize(
    ("write", "suffix"), [(mindspore, ".ckpt"), (safetensors, ".safetensors"), (torch_zip, ".pth")]
)
def test_the_head_is_found_in_every_known_format(write, suffix):
    tensors = tensors_of(write(ARRAYS), suffix)
    assert [tensor.size for tensor in tensors] == [24, CLASSES * COLUMNS, CLASSES]
    name, head = head_of(tensors, CLASSES)
    np.testing.assert_array_equal(head, ARRAYS["head.1.weight"])
    assert name == ("storage 1" if suffix == ".pth" else "head.1.weight")


def test_a_checksum_at_the_end_is_no_parameter():
    rows = mindspore(ARRAYS)
    assert len(tensors_of(rows + b"crc_num" + zlib.crc32(rows).to_bytes(10, "big"), ".ckpt")) == 3


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (mindspore(ARRAYS)[:-9], ".ckpt"),
        (mindspore(ARRAYS).replace(b"\x08\x05\x08\x40", b"\x08\x05\x08\x41"), ".ckpt"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", ".ckpt"),
        (b"\x80\x04cposix\nsystem\n", ".ckpt"),
        (safetensors(ARRAYS)[:-1], ".safetensors"),
        ((1 << 62).to_bytes(8, "little") + b"{}", ".safetensors"),
        ((200_000).to_bytes(8, "little") + b"[" * 200_000, ".safetensors"),
        (b'\x3b\0\0\0\0\0\0\0{"a": {"dtype": [], "shape": [-1], "data_offsets": [0, 0]}} ', ".safetensors"),
        (torch_zip(ARRAYS)[:-30], ".pth"),
        (b"\x89HDF\r\n", ".h5"),
    ],
)
def test_what_is_not_wholly_as_its_format_has_it_is_not_read(data, suffix):
    with pytest.raises(UnreadableError):
        tensors_of(data, suffix)


def test_a_backbone_alone_and_what_is_no_number_have_no_head():
    bare = {"features.0.weight": ARRAYS["features.0.weight"]}
    assert head_of(tensors_of(mindspore(bare), ".ckpt"), CLASSES) is None
    broken = {**ARRAYS, "head.1.weight": ARRAYS["head.1.weight"] * np.nan}
    assert head_of(tensors_of(mindspore(broken), ".ckpt"), CLASSES) is None


def test_an_optimizers_copy_of_the_head_is_not_the_head():
    arrays = {**ARRAYS, "moments.head.1.weight": ARRAYS["head.1.weight"] * 0.5}
    assert head_of(tensors_of(mindspore(arrays), ".ckpt"), CLASSES)[0] == "head.1.weight"


def test_a_head_of_whole_feature_maps_keeps_its_distances(trained):
    chance = np.random.default_rng(0)
    one = chance.normal(size=(CLASSES, 62720)).astype(np.float32)
    other = one + 0.3 * chance.normal(size=one.shape).astype(np.float32)
    folded = [head_of(tensors_of(mindspore({"dense.weight": w}), ".ckpt"), CLASSES)[1] for w in (one, other)]
    assert folded[0].shape == (CLASSES, 2048)
    assert distance(*folded) == pytest.approx(distance(one, other), rel=0.05)


def distance(one, other):
    return alikeness([one, other]).distance[0, 1]


# --- whose is whose --------------------------------------------------------------------------


def compare(**heads):
    sketches = {id_: sketch(head) for id_, head in heads.items()}
    return compare_checkpoints(sketches)


def sketch(head, sha256="0" * 64, is_read=True):
    tensors = np.array([1, 2, 3, hash(head.tobytes()) % 2**60 if head is not None else 4], np.uint64)
    return Sketch((), (Checkpoint("net.ckpt", sha256, is_read, "head.1.weight", head, tensors),))


def groups(found):
    return [cluster.ids for cluster in found]


def test_honest_heads_of_one_backbone_and_one_recipe_are_not_put_together(trained):
    # A hundred epochs: they come as close as the problem's one solution lets them.
    for epochs in (3, 100):
        found = compare(**{f"s{seed}": trained(seed, epochs=epochs) for seed in range(8)})
        assert groups(found.near) == groups(found.same_start) == []
        assert found.compared == 8


def test_copies_are_named_together_however_they_were_disguised(trained):
    chance = np.random.default_rng(3)
    source = trained(0)
    noise = chance.normal(size=source.shape)
    found = compare(
        honest=trained(1),
        source=source,
        same=source,
        noisy=source + np.float32(0.03 * source.std()) * noise.astype(np.float32),
        scaled=3 * source,
        shifted=source + chance.normal(size=COLUMNS).astype(np.float32),
        little=trained(9, start=source, epochs=1, rate=0.001),
    )
    assert groups(found.near) == [("little", "noisy", "same", "scaled", "shifted", "source")]
    links = found.near[0].links
    assert len(links) == 5
    assert links[0].distance == pytest.approx(0, abs=1e-6)


def test_a_head_that_was_trained_on_from_anothers_shares_its_start(trained):
    source = trained(0, epochs=3)
    on = trained(9, start=source, epochs=60)
    found = compare(honest=trained(1, epochs=3), source=source, on=on, other=trained(2, epochs=60))
    assert groups(found.near) == []
    assert groups(found.same_start) == [("on", "source")]
    (link,) = found.same_start[0].links
    assert link.start == pytest.approx(1, abs=1e-4)
    assert link.distance > 0.2


def test_groups_are_connected_not_listed_in_pairs(trained):
    chain = [trained(0)]
    for step in range(6):
        noise = np.random.default_rng(step).normal(size=chain[0].shape).astype(np.float32)
        chain.append(chain[-1] + np.float32(0.04 * chain[0].std()) * noise)
    found = compare(**{f"s{number}": head for number, head in enumerate(chain)})
    assert groups(found.near) == [tuple(f"s{number}" for number in range(7))]
    assert distance(chain[0], chain[-1]) > 0.06, "the ends alone would not be put together"


def test_the_two_checkpoints_of_one_student_are_no_likeness(trained):
    head = trained(0)
    own = sketch(head)
    found = compare_checkpoints({"li": Sketch((), own.checkpoints * 2), "wang": sketch(trained(1))})
    assert groups(found.near) == []


def test_of_unknown_formats_only_the_bytes_are_compared():
    sketches = {"a": sketch(None, "1" * 64, False), "b": sketch(None, "1" * 64, False)}
    sketches |= {"c": sketch(None, "2" * 64, False)}
    # A pretrained backbone, which half the class may hand in along, has no head and is no likeness.
    sketches |= {"d": sketch(None, "3" * 64), "e": sketch(None, "3" * 64)}
    found = compare_checkpoints(sketches)
    assert groups(found.near) == [("a", "b")]
    assert found.near[0].links[0].same_bytes
    assert found.bytes_alone == 3


def test_a_head_that_was_solved_for_has_no_start(trained):
    head = trained(0)
    solved = head - head.mean(axis=0)
    found = compare(a=solved, b=solved * np.float32(1.0001))
    assert found.near[0].links[0].start is None


# --- what was handed out ---------------------------------------------------------------------


def test_a_file_that_was_handed_out_is_no_likeness_and_one_that_was_not_is_however_many_have_it():
    sketches = {f"s{number:02d}": sketch(None, "1" * 64, False) for number in range(40)}
    assert [len(ids) for ids in groups(compare_checkpoints(sketches).near)] == [40]
    found = compare_checkpoints(sketches, [Given("features.npy", digests=frozenset({"1" * 64}))])
    assert groups(found.near) == []
    assert found.bytes_alone == 0


def test_a_handed_out_head_is_no_likeness_saved_anew_or_trained_on(trained):
    start = trained(0, epochs=3)
    heads = {
        "saved": start * 2,
        "again": start,
        "on": trained(8, start=start, epochs=40),
        "further": trained(9, start=start, epochs=50),
        "own": trained(1),
        "copy": trained(1) * 3,
    }
    sketches = {id_: sketch(head) for id_, head in heads.items()}
    found = compare_checkpoints(sketches)
    assert groups(found.near) == [("again", "saved"), ("copy", "own"), ("further", "on")]
    assert groups(found.same_start) == [("again", "further", "on", "saved")]
    found = compare_checkpoints(sketches, [Given("start.ckpt", heads=(start,))])
    assert groups(found.near) == [("copy", "own")]
    assert groups(found.same_start) == []
