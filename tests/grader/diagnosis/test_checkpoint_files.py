"""Which files beside a program the recorder takes for checkpoints, and where their parameters belong."""

import json

import numpy as np
import pytest

from grader.diagnosis.inside.recorder import checkpoints
from grader.diagnosis.inside.recorder.matching import places

WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "_folder", lambda: tmp_path)
    return tmp_path


def save(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **(arrays or {"weight": WEIGHT}))


def save_safetensors(path, **entries):
    header, numbers = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, array) in entries.items():
        ends = [len(numbers), len(numbers) + array.nbytes]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": ends}
        numbers += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + numbers)


def names():
    return [each["name"] for each in checkpoints.described_files()]


def test_files_are_found_from_the_outermost_folder_inwards_and_no_more_than_eight(folder):
    for number in range(6):
        save(folder / "a" / f"{number}.npz")
        save(folder / f"{number}.npz")
    (folder / "5.npz").rename(folder / "5.NPZ")
    assert names() == [*(f"{number}.npz" for number in range(5)), "5.NPZ", "a/0.npz", "a/1.npz"]


def test_what_is_no_file_of_the_submission_or_no_checkpoint_is_left_out(
    folder, tmp_path_factory, monkeypatch
):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    save(elsewhere / "other.npz")
    (folder / "link.npz").symlink_to(elsewhere / "other.npz")
    (folder / "links").symlink_to(elsewhere)
    (folder / "folder.npz").mkdir()
    (folder / "broken.npz").write_bytes(b"PK\3\4")
    (folder / "broken.safetensors").write_bytes(b"\xff" * 100)
    (folder / "empty.npz").touch()
    (folder / "text.txt").write_text("weight", encoding="utf-8")
    save(folder / "texts.npz", weight=np.array(["one", "two"]))
    np.savez(folder / "pickled.npz", weight=np.array([{}], object))
    save(folder / f"{'x' * 200}.npz")
    save(folder / "large.npz", weight=np.zeros(1000, np.float32))
    np.savez_compressed(folder / "grows.npz", weight=np.zeros(10_000, np.float32))
    save(folder / "right.npz")
    monkeypatch.setattr(checkpoints, "MOST_FILE_BYTES", 3000)
    assert names() == ["right.npz"]
    assert checkpoints.parameters_of("../elsewhere0/other.npz") == {}
    assert checkpoints.parameters_of("link.npz") == {}


def test_only_so_many_entries_are_looked_at(folder, monkeypatch):
    monkeypatch.setattr(checkpoints, "_MOST_ENTRIES", 3)
    for name in "abcd":
        save(folder / f"{name}.npz")
    assert names() == ["a.npz", "b.npz", "c.npz"]


def test_files_with_too_many_parameters_together_are_left_out(folder):
    for name in "abcd":
        save(folder / f"{name}.npz", **{f"p{number}": np.zeros(1) for number in range(1900)})
    save(folder / "e.npz")
    assert names() == ["a.npz", "b.npz", "c.npz", "e.npz"]


def test_the_same_numbers_are_described_alike_in_whatever_format_and_type(folder):
    save(folder / "half.npz", weight=WEIGHT.astype(np.float16))
    save(folder / "single.npz", weight=WEIGHT)
    save_safetensors(
        folder / "net.safetensors",
        single=("F32", WEIGHT),
        half=("F16", WEIGHT.astype(np.float16)),
        brain=("BF16", (WEIGHT.view(np.uint32) >> 16).astype(np.uint16)),
    )
    described = [each for file in checkpoints.described_files() for each in file["parameters"]]
    assert len(described) == 5
    assert len({each["sha1"] for each in described}) == 1
    assert {tuple(each["shape"]) for each in described} == {(2, 3)}


def test_tensors_that_claim_more_bytes_than_there_are_are_not_read(folder):
    save_safetensors(folder / "net.safetensors", one=("F32", WEIGHT), other=("F32", WEIGHT))
    content = (folder / "net.safetensors").read_bytes()
    assert names() == ["net.safetensors"]
    (folder / "net.safetensors").write_bytes(content.replace(b"[24, 48]", b"[ 0, 24]")[:-24])
    assert names() == []


def test_formats_of_frameworks_that_are_not_imported_are_left_out(folder):
    for name in ("net.pt", "net.pth"):
        (folder / name).write_bytes(b"weights")
    assert names() == []


def placed(own, held):
    """Return the places by name; a parameter is written as `name: shape`."""

    def shapes(parameters):
        return {name: tuple(shape) for name, shape in parameters.items()}

    mine = list(shapes(own).items())
    return {mine[number][0]: name for number, name in places(mine, shapes(held)).items()}


NORM = {"norm.moving_mean": [3], "norm.moving_variance": [3], "norm.gamma": [3], "norm.beta": [3]}
TORCH_NORM = {"weight": [3], "bias": [3], "running_mean": [3], "running_var": [3]}


def test_parameters_go_where_their_name_and_shape_are_the_same():
    own = {"head.weight": [5, 3], "head.bias": [5]}
    assert placed(own, {"head.bias": [5], "head.weight": [4, 3]}) == {"head.bias": "head.bias"}


@pytest.mark.parametrize("prefix", ["network.", "network.backbone.", "module."])
def test_a_prefix_is_in_nobodys_way(prefix):
    own = {f"features.{number}.{name}": shape for number in range(12) for name, shape in NORM.items()}
    longer = {prefix + name: shape for name, shape in own.items()}
    assert placed(own, longer) == {name: prefix + name for name in own}
    assert placed(longer, own) == {prefix + name: name for name in own}


def test_another_frameworks_names_are_known():
    own = {f"layer.{name}": shape for name, shape in NORM.items()}
    held = {f"layer.norm.{name}": shape for name, shape in {**TORCH_NORM, "num_batches_tracked": []}.items()}
    assert placed(own, held) == {
        "layer.norm.gamma": "layer.norm.weight",
        "layer.norm.beta": "layer.norm.bias",
        "layer.norm.moving_mean": "layer.norm.running_mean",
        "layer.norm.moving_variance": "layer.norm.running_var",
    }


def test_what_only_the_order_can_tell_is_told_by_it_each_kind_by_itself():
    own = {f"cells.{number}.{name}": shape for number in (0, 1) for name, shape in NORM.items()}
    held = {f"{block}.{name}": shape for block in ("stem", "tail") for name, shape in TORCH_NORM.items()}
    found = placed(own, held)
    assert len(found) == 8
    assert (found["cells.0.norm.gamma"], found["cells.1.norm.gamma"]) == ("stem.weight", "tail.weight")
    assert found["cells.1.norm.moving_variance"] == "tail.running_var"
    assert placed({"a": [2], "b": [3]}, {"arr_0": [2], "arr_1": [3]}) == {"a": "arr_0", "b": "arr_1"}
    assert placed({"a": [2], "b": [2]}, {"arr_0": [2], "arr_1": [2], "arr_2": [2]}) == {}


def test_the_state_of_an_optimizer_is_put_nowhere():
    held = {"net.head.weight": [5, 3], "moments.net.head.weight": [5, 3], "net.head.bias": [5]}
    assert placed({"head.weight": [5, 3]}, held) == {"head.weight": "net.head.weight"}


def test_what_could_go_to_two_places_goes_to_none():
    assert placed({"head.weight": [5, 3]}, {"a.head.weight": [5, 3], "b.head.weight": [5, 3]}) == {}
