import errno
from pathlib import Path

import numpy as np
import pytest

from reference.errors import InputError
from reference.labs.files import (
    CheckpointFolder,
    DurationNote,
    ExtractionLines,
    duration_line,
    epoch_line,
    result_lines,
    total_line,
)
from reference.values import Arrays


def head(classes: int, place: str = "head.1", features: int = 1280) -> Arrays:
    weight = np.arange(classes * features, dtype=np.float32).reshape(classes, features)
    return {f"{place}.weight": weight, f"{place}.bias": np.arange(classes, dtype=np.float32)}


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


def test_the_lines_are_those_of_the_labs_text_to_the_letter() -> None:
    assert (
        epoch_line(1, 20, 56, 8.033059, 1.2764)
        == "epoch[1/20], iter[56] cost: 8033.059, per step time: 143.447, avg loss: 1.276"
    )
    assert total_line(156.82774) == "total cost 156.8277 s"
    assert (
        result_lines(47 / 52, "./ckpt_0/mobilenetv2_20.ckpt")
        == "result:{'acc': 0.9038461538461539}\npretrain_ckpt=./ckpt_0/mobilenetv2_20.ckpt"
    )


def test_every_batch_is_said_once_when_its_images_are_done(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ExtractionLines(images=3615, batches=56)
    lines.advance(3600)
    lines.advance(7)
    early = capsys.readouterr().out.splitlines()
    assert early == [f"Complete the batch {i}/56" for i in range(1, 56)]
    lines.advance(8)
    assert capsys.readouterr().out == "Complete the batch 56/56\n"


def test_all_batches_are_said_at_once_when_all_features_come_from_the_cache(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ExtractionLines(images=200, batches=3).advance(200)
    assert capsys.readouterr().out.splitlines()[-1] == "Complete the batch 3/3"


def test_the_duration_is_said_once_and_leaves_out_the_step_that_compiles(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([40.0, 50.0, 60.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(times))
    note = DurationNote(steps=15, epochs=20)
    for step in range(1, 10):
        note.on_step(1, step, 1.5)
    assert capsys.readouterr().out == (
        "note: on this CPU an epoch takes about 2 min (15 steps of 10.0 s), all 20 about 50 min\n"
    )


@pytest.mark.parametrize(
    ("step", "said"), [(0.1, "about 1 s "), (10, "about 2 min"), (60, "about 10 min"), (3600, "about 10.0 h")]
)
def test_durations_are_in_units_that_mean_something(step: float, said: str) -> None:
    assert said in duration_line(step, 10, 1)
