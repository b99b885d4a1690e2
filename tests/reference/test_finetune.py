import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tests.patience import PATIENCE_SECONDS
from tests.ready_python import Program, ReadyPython
from tests.reference.drawn_shapes import CLASSES, draw_set, untrained_backbone

pytestmark = pytest.mark.mindspore

OPTIONS = (
    "--solver",
    "sgd",
    "--epochs",
    "30",
    "--views",
    "2",
    "--learning_rate",
    "0.003",
    "--batch_size",
    "8",
)


@dataclass(frozen=True)
class Place:
    """Inputs of the command: a drawn set, weights that need no download, a cache; and what runs it."""

    dataset: Path
    weights: Path
    cache: Path
    python: ReadyPython

    def arguments(self, run: Path, *more: str) -> list[str]:
        inputs = ["--dataset_path", self.dataset, "--pretrained", self.weights, "--cache", self.cache]
        return ["-m", "reference.finetune", *map(str, inputs), "--run_path", str(run), *more]

    def finetune(self, run: Path, *more: str) -> subprocess.CompletedProcess[str]:
        return self.python.run(Program(self.arguments(run, *OPTIONS, *more)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, ready_python: ReadyPython) -> Place:
    from reference.weights import write_checkpoint

    root = tmp_path_factory.mktemp("finetune")
    write_checkpoint(untrained_backbone(), root / "untrained.ckpt")
    dataset = draw_set(root / "shapes", {"train": 12, "val": 5, "test": 3})
    return Place(dataset, root / "untrained.ckpt", root / "cache", ready_python)


@pytest.fixture(scope="module")
def finished(place: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished run's folder, and what was printed."""
    run = tmp_path_factory.mktemp("runs") / "run"
    process = place.finetune(run)
    assert process.returncode == 0, process.stderr
    return run, process.stdout


@pytest.fixture(scope="module")
def first(
    place: Place, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder of a first run, and its process: started, with the same options, but weights to convert."""
    root = tmp_path_factory.mktemp("first")
    code = (
        "import sys; from reference import finetune, pretrained\n"
        "pretrained.ensure_pretrained(sys.argv[1], sys.argv[2])\n"
        "sys.exit(finetune.main(sys.argv[3:]))"
    )
    _, _, *arguments = place.arguments(root / "run", *OPTIONS)
    command = [sys.executable, "-c", code, str(place.weights), str(root / "backbone.ckpt"), *arguments]
    return root / "run", subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def test_coloured_shapes_are_learned(finished: tuple[Path, str]) -> None:
    run, printed = finished
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert summary["validation"]["images"] == 15
    assert summary["validation"]["correct"] >= 13
    assert summary["test"]["images"] == 9
    assert summary["answers"]["agree"] == 15
    assert f"{summary['validation']['correct']} of 15" in printed
    assert str(run / "submission") in printed


def test_the_run_folder_holds_everything(finished: tuple[Path, str]) -> None:
    run, _ = finished
    files = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert files == {
        *("config.json", "log.csv", "summary.json", "manifest.json", "curves.png", "confusion_matrix.png"),
        *("mobilenetv2-best.ckpt", "mobilenetv2_final.ckpt", "mobilenetv2.mindir"),
        *("submission/main.py", "submission/mobilenetv2-best.ckpt"),
    }
    log = list(csv.DictReader((run / "log.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["epoch"] for row in log] == [str(epoch) for epoch in range(1, 31)]
    best = max(float(row["validation_accuracy"]) for row in log)
    first_best = next(int(row["epoch"]) for row in log if float(row["validation_accuracy"]) == best)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert summary["best_epoch"] == first_best, "strict improvement: the first of equals is kept"
    assert json.loads((run / "config.json").read_text(encoding="utf-8"))["seed"] == 0


def test_the_submission_works_elsewhere_on_its_own(finished: tuple[Path, str], tmp_path: Path) -> None:
    import shutil

    from reference.run.submission import ask

    run, _ = finished
    moved = shutil.copytree(run / "submission", tmp_path / "交作业")
    images = sorted(draw_set(tmp_path / "new", {"val": 4}, seed=9).rglob("*.png"))
    names = ask(moved, images).names
    assert set(names) <= set(CLASSES)
    assert sum(name == path.parent.name for name, path in zip(names, images, strict=True)) >= 9
    assert sorted(path.name for path in moved.iterdir()) == ["main.py", "mobilenetv2-best.ckpt"]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(
    place: Place,
    finished: tuple[Path, str],
    first: tuple[Path, subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    run, _ = finished
    again, process = first
    assert process.returncode == 0
    assert place.finetune(tmp_path / "other", "--seed", "1").returncode == 0
    for other, same in ((again, True), (tmp_path / "other", False)):
        for name in ("mobilenetv2_final.ckpt", "submission/mobilenetv2-best.ckpt"):
            assert ((other / name).read_bytes() == (run / name).read_bytes()) is same


def test_a_run_that_is_there_is_not_replaced_unasked(place: Place, finished: tuple[Path, str]) -> None:
    run, _ = finished
    process = place.finetune(run)
    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 1
    assert "--overwrite" in process.stderr


def test_an_unreadable_image_is_named_and_the_run_folder_stays_as_it_is(place: Place, tmp_path: Path) -> None:
    import shutil

    dataset = shutil.copytree(place.dataset, tmp_path / "set")
    (dataset / "train" / "disc" / "000.png").write_bytes(b"not an image")
    process = replace(place, dataset=dataset).finetune(tmp_path / "run")
    assert process.returncode == 2
    assert process.stderr.strip().endswith("disc/000.png: is not an image that OpenCV can read")
    assert len(process.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_features_of_copies_are_counted_apart(tmp_path: Path) -> None:
    import shutil

    from reference.features import Backbone
    from reference.features.splits import compute_features
    from reference.images import EVALUATION, scan, training_views

    dataset = draw_set(tmp_path / "set", {"train": 2, "val": 1})
    for split in ("train", "val"):
        shutil.copy(dataset / "train" / "disc" / "000.png", dataset / split / "disc" / "copy.png")
    backbone = Backbone(untrained_backbone())
    for computed, cached in ((15, 0), (0, 15)):
        features = compute_features(scan(dataset), training_views(2), [EVALUATION], backbone, tmp_path)
        assert (features.computed, features.cached, features.repeated) == (computed, cached, 3)


@pytest.mark.parametrize(
    ("option", "said"), [("--epochs", "'x' is not a whole number"), ("--weight_decay", "'x' is not a number")]
)
def test_what_is_no_number_is_called_so(capsys: pytest.CaptureFixture[str], option: str, said: str) -> None:
    from reference.finetune import parse_arguments

    with pytest.raises(SystemExit) as stopped:
        parse_arguments(["--dataset_path", "D", "--run_path", "R", option, "x"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"argument {option}: {said}")


def test_the_first_run_says_nothing_but_its_summary(
    first: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    # What a first run meets: weights to convert, and MindSpore, whose warnings cut through the bar.
    _, process = first
    assert process.returncode == 0
    assert process.stderr == ""
    assert "WARNING" not in process.stdout


def test_wrong_weights_are_refused_in_one_line(place: Place, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.ckpt"
    wrong.write_bytes(b"nothing of the kind")
    process = replace(place, weights=wrong).finetune(tmp_path / "run")
    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 1


def test_ctrl_c_ends_with_one_line_and_130(place: Place, tmp_path: Path) -> None:
    command = [sys.executable, *place.arguments(tmp_path / "run", "--solver", "sgd", "--epochs", "100000")]
    process = subprocess.Popen(
        command,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    begun = time.monotonic()
    while not (tmp_path / "run").exists() and time.monotonic() - begun < PATIENCE_SECONDS:
        time.sleep(0.05)  # until training begins
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert errors.splitlines() == ["interrupted; the same command with --resume goes on"]


def test_of_a_channel_that_no_image_has_nothing_is_learned() -> None:
    from reference.training import train_head_by_steps
    from reference.values import LabelledFeatures, Recipe, TrainingData

    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    features = (rng.normal(0, 0.1, (2, 40, 8)) + labels[:, None]).astype(np.float32)
    features[:, :, 3] = 0
    features[0, :, 5] = 0  # but not in the other view
    data = LabelledFeatures(features, labels)
    result = train_head_by_steps(TrainingData(data, data, 2), Recipe(epochs=3, batch_size=8), seed=0)
    for head in (result.best, result.final):
        assert (head.weight == 0).all(axis=0).tolist() == [channel == 3 for channel in range(8)]


def test_the_first_of_equally_good_epochs_is_kept() -> None:
    from reference.training import train_head_by_steps
    from reference.values import LabelledFeatures, Recipe, TrainingData

    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    features = (rng.normal(0, 0.1, (40, 8)) + labels[:, None]).astype(np.float32)
    data = LabelledFeatures(features[None], labels)
    recipe = Recipe(epochs=5, batch_size=8, learning_rate=0.1)
    result = train_head_by_steps(TrainingData(data, data, 2), recipe, seed=0)
    accuracies = [entry.validation_accuracy for entry in result.log]
    assert max(accuracies) == 1.0
    assert result.best_epoch == accuracies.index(1.0) + 1
    assert not np.array_equal(result.best.weight, result.final.weight)
