import csv
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference import two_stages
from reference.weights import read_checkpoint, write_checkpoint
from tests.ready_python import Program, ReadyPython
from tests.reference.drawn_shapes import draw_set, untrained_backbone

pytestmark = pytest.mark.mindspore

FIRST = {"mobilenetv2-1.ckpt", "mobilenetv2-2.ckpt", "mobilenetv2-best.ckpt", "mobilenetv2_final.ckpt"}
SECOND = {"mobilenetv2_all-1.ckpt", "mobilenetv2_all-best.ckpt", "mobilenetv2_all_final.ckpt"}
BATCH_NORM = (".gamma", ".beta", ".moving_mean", ".moving_variance")


@dataclass(frozen=True)
class Place:
    dataset: Path
    weights: Path
    cache: Path

    def arguments(self, run: Path, *more: str) -> list[str]:
        inputs = ["--dataset_path", self.dataset, "--pretrained", self.weights, "--cache", self.cache]
        small = ("--batch_size", "4", "--repeat", "2", "--epochs", "2", "--all_epochs", "1")
        return [*map(str, inputs), "--run_path", str(run), *small, *more]

    def command(self, run: Path) -> list[str]:
        return ["-m", "reference.two_stages", *self.arguments(run)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    root = tmp_path_factory.mktemp("two_stages")
    write_checkpoint(untrained_backbone(), root / "untrained.ckpt")
    return Place(draw_set(root / "shapes", {"train": 4, "val": 2}), root / "untrained.ckpt", root / "cache")


@pytest.fixture(scope="module")
def finished(place: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a finished run, of a Python that was started, and what was printed."""
    run = tmp_path_factory.mktemp("runs") / "run"
    process = subprocess.run(
        [sys.executable, *place.command(run)], capture_output=True, encoding="utf-8", check=False
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    return run, process.stdout


def test_the_folder_holds_the_labs_checkpoints_by_their_names(finished: tuple[Path, str]) -> None:
    run, _ = finished
    files = {path.name for path in run.iterdir()}
    assert files == FIRST | SECOND | {"config.json", "log_head.csv", "log_all.csv", "manifest.json"}


def test_every_epoch_says_what_it_reached_on_training_and_validation_images(
    finished: tuple[Path, str],
) -> None:
    run, printed = finished
    for name, epochs in (("log_head.csv", 2), ("log_all.csv", 1)):
        log = list(csv.DictReader((run / name).read_text(encoding="utf-8").splitlines()))
        assert [entry["epoch"] for entry in log] == [str(epoch) for epoch in range(1, epochs + 1)]
        for entry in log:
            assert (float(entry["train_accuracy"]) * 12).is_integer() or entry["train_accuracy"][:2] == "0."
            assert float(entry["validation_accuracy"]) * 6 == pytest.approx(
                round(float(entry["validation_accuracy"]) * 6), abs=1e-4
            )
    lines = printed.splitlines()
    assert [line.split(":")[0] for line in lines if " loss " in line] == ["head 1/2", "head 2/2", "all 1/1"]
    assert any(line.startswith("note: on this CPU an epoch takes about ") for line in lines)


def test_the_second_stage_moves_every_convolution_and_no_batch_normalisation(
    finished: tuple[Path, str],
) -> None:
    run, _ = finished
    before = read_checkpoint(run / "mobilenetv2-best.ckpt")
    after = read_checkpoint(run / "mobilenetv2_all_final.ckpt")
    assert before.keys() == after.keys()
    assert len(after) == 262
    for name in before:
        same = np.array_equal(before[name], after[name])
        assert same == name.endswith(BATCH_NORM), name


def test_the_first_stage_leaves_the_backbone_as_it_was(place: Place, finished: tuple[Path, str]) -> None:
    run, _ = finished
    backbone = read_checkpoint(place.weights)
    for name in FIRST:
        found = read_checkpoint(run / name)
        assert all(np.array_equal(found[key], backbone[key]) for key in backbone)
    heads = [read_checkpoint(run / f"mobilenetv2-{epoch}.ckpt")["head.1.weight"] for epoch in (1, 2)]
    assert not np.array_equal(*heads)
    assert (run / "mobilenetv2-2.ckpt").read_bytes() == (run / "mobilenetv2_final.ckpt").read_bytes()


def test_a_run_that_is_there_is_not_replaced_unasked(
    place: Place, finished: tuple[Path, str], ready_python: ReadyPython
) -> None:
    run, _ = finished
    process = ready_python.run(Program(place.command(run)))
    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 1
    assert "--overwrite" in process.stderr


def test_a_run_that_was_interrupted_goes_on_to_the_same_bytes(
    place: Place,
    finished: tuple[Path, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from reference.labs.files import StageFiles
    from reference.training.epochs import Snapshot

    run, _ = finished
    arguments = place.arguments(tmp_path / "run", "--all_epochs", "0")
    write_epoch = StageFiles.epoch_ended

    def interrupted(files: StageFiles, entry: Any, learned: Any) -> None:
        if entry.epoch == 2:
            raise KeyboardInterrupt
        write_epoch(files, entry, learned)

    monkeypatch.setattr(Snapshot, "is_recent", lambda _: False)
    with monkeypatch.context() as patch:
        patch.setattr(StageFiles, "epoch_ended", interrupted)
        assert two_stages.main(arguments) == 130
    assert not (tmp_path / "run" / "mobilenetv2-2.ckpt").exists()
    capsys.readouterr()
    assert two_stages.main([*arguments, "--resume"]) == 0
    assert "head 1/2" not in capsys.readouterr().out
    for name in FIRST | {"mobilenetv2-best.ckpt"}:
        assert (tmp_path / "run" / name).read_bytes() == (run / name).read_bytes()
    assert not list((tmp_path / "run").glob("state_*"))


def test_a_run_does_not_go_on_with_other_settings(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from reference.labs.files import StageFiles
    from reference.training.epochs import Snapshot

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Snapshot, "is_recent", lambda _: False)
    monkeypatch.setattr(StageFiles, "stage_ended", interrupted)
    assert two_stages.main(place.arguments(tmp_path / "run")) == 130
    capsys.readouterr()
    run = tmp_path / "run"
    before = contents(run)
    for more in (("--momentum", "0.5"), ("--epochs", "1"), ("--all_epochs", "0")):
        assert two_stages.main(place.arguments(run, "--resume", *more)) == 2
        assert "is of a run with another " in capsys.readouterr().err
        assert contents(run) == before


def test_a_finished_run_is_not_resumed_with_more_stages(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert two_stages.main(place.arguments(run, "--all_epochs", "0")) == 0
    before = contents(run)
    capsys.readouterr()
    assert two_stages.main(place.arguments(run, "--epochs", "1", "--resume")) == 2
    assert capsys.readouterr().err.startswith(f"error: {run}/config.json: is of a run with another recipe")
    assert contents(run) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_no_space_left_ends_in_one_line(place: Place, ready_python: ReadyPython, tmp_path: Path) -> None:
    program = Program(place.command(tmp_path / "run"), limits={"RLIMIT_FSIZE": 4 << 20})
    process = ready_python.run(program)
    assert process.returncode == 1
    assert process.stderr == f"error: cannot write {tmp_path}/run/mobilenetv2-1.ckpt: File too large\n"


def test_adam_learns_the_head_too_and_the_first_of_equal_epochs_is_the_best() -> None:
    from reference.labs import train_garbage_head
    from reference.labs.recipes import StageRecipe
    from reference.values import LabelledFeatures, TrainingData

    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    features = rng.normal(0, 0.3, (1, 40, 1280)).astype(np.float32)
    features[0, :, :4] += 3 * labels[:, None]
    data = LabelledFeatures(features, labels)
    recipe = StageRecipe(epochs=4, batch_size=8, weight_decay=0.0)
    for chosen in (recipe, replace(recipe, optimizer="adam", lr_init=0.0, lr_max=0.01)):
        fitted = train_garbage_head(TrainingData(data, data, 2, train_seen=data), chosen, 0)
        accuracies = [entry.validation_accuracy for entry in fitted.log]
        assert max(accuracies) == 1.0
        assert fitted.best_epoch == accuracies.index(1.0) + 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: (d / "val" / "disc").rename(d / "aside"), "has no folder disc/"),
        (lambda d: (d / "train" / "star").mkdir(), "star: has no images"),
        (lambda d: (d / "train" / "disc" / "000.png").write_text("hello", encoding="utf-8"), "disc/000.png: is not an image"),
        (lambda d: [path.unlink() for path in d.glob("train/*/00[1-3].png")], "do not fill one batch of 64"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_images_is_said_in_one_line_before_training(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Any, said: str
) -> None:
    dataset = draw_set(tmp_path / "set", {"train": 4, "val": 2})
    spoil(dataset)
    broken = Place(dataset, place.weights, tmp_path / "cache")
    batch = ("--batch_size", "64") if "fill" in said else ()
    assert two_stages.main(broken.arguments(tmp_path / "run", *batch)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--lr_max", "0"], "argument --lr_max: 0 is not a finite number above 0"),
        (["--lr_max", "inf"], "argument --lr_max: inf is not a finite number above 0"),
        (["--lr_init", "inf"], "argument --lr_init: inf is not a finite number from 0 on"),
        (["--lr_init", ".05", "--lr_max", ".02"], "--lr_init 0.05 is above --lr_max 0.02"),
        (["--lr_init", ".01", "--optimizer", "adam"], "--lr_init 0.01 is above --lr_max 0.001"),
        (["--lr_end", ".03"], "--lr_end 0.03 is above --lr_max 0.02"),
    ],
)
def test_learning_rates_that_contradict_each_other_are_refused(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        two_stages.parse_arguments(place.arguments(tmp_path / "run", *given))
    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: {said}\n")


def test_learning_rates_that_are_not_given_stay_below_the_one_that_is(place: Place, tmp_path: Path) -> None:
    def rates(*given: str) -> tuple[float, float, float]:
        recipe = two_stages.parse_arguments(place.arguments(tmp_path / "run", *given)).recipe
        return recipe.lr_init, recipe.lr_max, recipe.lr_end

    assert rates() == (0.005, 0.02, 1e-4)
    assert rates("--lr_max", "1e-5") == (1e-5, 1e-5, 1e-5)
    assert rates("--lr_init", "0", "--lr_end", "0") == (0.0, 0.02, 0.0)
