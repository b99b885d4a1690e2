import errno
from pathlib import Path

import numpy as np
import pytest

from reference.errors import InputError
from reference.labs.checkpoints import CheckpointFolder, read_network, read_weights
from reference.weights.errors import WeightsError
from reference.weights.mindspore_file import write_checkpoint
from reference.weights.naming import Arrays


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


def test_the_newest_checkpoints_stay(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "ckpt_0", keep=2)
    folder.begin(resume=False)
    for epoch in (5, 10, 15):
        folder.save(epoch, head(2))
    assert sorted(path.name for path in folder.folder.iterdir()) == [
        "mobilenetv2_10.ckpt",
        "mobilenetv2_15.ckpt",
    ]


def test_a_training_that_goes_on_counts_the_checkpoints_that_it_has(tmp_path: Path) -> None:
    CheckpointFolder(tmp_path, keep=9).save(9, head(2))
    CheckpointFolder(tmp_path, keep=9).save(10, head(2))
    folder = CheckpointFolder(tmp_path, keep=2)
    folder.begin(resume=True)
    folder.save(11, head(2))
    assert not (tmp_path / "mobilenetv2_9.ckpt").exists(), "the oldest is the one with the lowest number"
    assert (tmp_path / "mobilenetv2_10.ckpt").exists()


def test_the_checkpoints_of_an_earlier_training_are_kept_under_another_name(tmp_path: Path) -> None:
    for name in ("ckpt_0.1", "ckpt_0.2"):
        folder = CheckpointFolder(tmp_path / "ckpt_0", keep=2)
        assert folder.begin(resume=False) == (None if name == "ckpt_0.1" else tmp_path / "ckpt_0.1")
        folder.save(5, head(2))
    assert folder.begin(resume=False) == tmp_path / "ckpt_0.2"
    assert (tmp_path / "ckpt_0.1" / "mobilenetv2_5.ckpt").exists()
    assert (tmp_path / "ckpt_0.2" / "mobilenetv2_5.ckpt").exists()


def test_a_place_that_cannot_be_written_is_found_out_before_training(tmp_path: Path) -> None:
    (tmp_path / "ckpt_0").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="ckpt_0: cannot be written"):
        CheckpointFolder(tmp_path / "ckpt_0", keep=2).check(resume=False)
    with pytest.raises(InputError, match="no training to --resume"):
        CheckpointFolder(tmp_path / "elsewhere", keep=2).check(resume=True)


def test_a_checkpoint_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"No space left on device: .*mobilenetv2_5\.ckpt"):
        CheckpointFolder(tmp_path, keep=2).save(5, head(2))


def test_a_resumed_training_leaves_checkpoints_by_other_names_alone(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path / "ckpt_0", keep=2)
    folder.begin(resume=False)
    for epoch in (5, 10):
        folder.save(epoch, head(2))
    mine = {"mobilenetv2_mine.ckpt", "mobilenetv2_mine_3.ckpt", "mobilenetv2_05.ckpt", "mobilenetv2_.ckpt"}
    for name in mine:
        (folder.folder / name).write_bytes(b"trained for hours")
    again = CheckpointFolder(folder.folder, keep=2)
    again.begin(resume=True)
    again.save(15, head(2))
    ours = {"mobilenetv2_10.ckpt", "mobilenetv2_15.ckpt"}
    assert {path.name for path in folder.folder.iterdir()} == mine | ours
