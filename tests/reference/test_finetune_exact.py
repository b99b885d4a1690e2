"""The command with the exact solver and several views of an image, as it runs by default."""

import ast
import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reference.finetune import parse_arguments
from tests.ready_python import Program, ReadyPython
from tests.reference.drawn_shapes import CLASSES, draw_set, untrained_backbone

pytestmark = pytest.mark.mindspore


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from reference.weights import write_checkpoint

    root = tmp_path_factory.mktemp("exact")
    write_checkpoint(untrained_backbone(), root / "untrained.ckpt")
    draw_set(root / "shapes", {"train": 8, "val": 4, "test": 2})
    return root


def arguments(root: Path, run: Path, *more: str) -> list[str]:
    inputs = ["--dataset_path", root / "shapes", "--pretrained", root / "untrained.ckpt"]
    places = ["--cache", root / "cache", "--run_path", run]
    return ["-m", "reference.finetune", *map(str, [*inputs, *places]), *more]


@pytest.fixture(scope="module")
def finished(root: Path) -> tuple[Path, str]:
    """The folder of a run with four views, by a Python that was started, and what was printed."""
    command = [sys.executable, *arguments(root, root / "run", "--test_views", "4")]
    process = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    return root / "run", process.stdout


def summary_of(run: Path) -> dict[str, object]:
    values: dict[str, object] = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    return values


def test_the_submission_looks_at_all_views_and_answers_as_training_did(finished: tuple[Path, str]) -> None:
    run, printed = finished
    summary = summary_of(run)
    assert summary["answers"]["agree"] == 12
    assert summary["validation"]["correct"] >= 10
    assert "12 of 12 images" in printed
    main = ast.parse((run / "submission" / "main.py").read_text(encoding="utf-8"))
    (views,) = (
        ast.literal_eval(node.value)
        for node in main.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "TEST_VIEWS"
    )
    assert views == [(256, False), (224, True), (256, True), (224, False)]


def test_the_summary_states_the_cost_and_the_cross_validation(finished: tuple[Path, str]) -> None:
    run, printed = finished
    summary = summary_of(run)
    assert summary["test_views"] == 4
    assert summary["cost_ratio"] > 0
    assert summary["answers"]["seconds_an_image"] > 0
    assert f"{summary['cost_ratio']:.1f} times the time of one view" in printed
    assert printed.startswith(f"validation images       {summary['validation']['correct']} of 12 (")
    assert printed.splitlines()[-3:] == [
        f"{run / 'curves.png'} shows how it learned,",
        f"{run / 'confusion_matrix.png'} which classes it mistakes for which,",
        f"{run / 'submission'} is to be handed in.",
    ]
    exact = summary["exact"]
    assert exact["gradient"] <= 1e-6
    assert exact["cross_validation"]["images"] == 24
    rows = list(csv.DictReader((run / "log.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(exact["trials"])
    assert max(int(row["correct"]) for row in rows) == exact["cross_validation"]["correct"]


def test_the_validation_images_choose_nothing(
    root: Path, finished: tuple[Path, str], ready_python: ReadyPython, tmp_path: Path
) -> None:
    """Another validation set, the same head."""
    import shutil

    other = tmp_path / "other"
    other.mkdir()
    shutil.copytree(root / "shapes", other / "shapes")
    shutil.rmtree(other / "shapes" / "val")
    draw_set(other / "shapes", {"val": 1}, seed=77)
    shutil.copy(root / "untrained.ckpt", other)
    program = Program(arguments(other, other / "run", "--test_views", "4"))
    assert ready_python.run(program).returncode == 0
    name = "mobilenetv2-best.ckpt"
    run, _ = finished
    assert (other / "run" / name).read_bytes() == (run / name).read_bytes()
    assert (run / "mobilenetv2_final.ckpt").read_bytes() == (run / name).read_bytes()


def test_numbers_that_are_given_are_used_as_they_are(
    root: Path, ready_python: ReadyPython, tmp_path: Path
) -> None:
    given = ("--weight_decay", "0.02", "--label_smoothing", "0.05", "--test_views", "1")
    process = ready_python.run(Program(arguments(root, tmp_path / "run", *given)))
    assert process.returncode == 0, process.stderr
    summary = summary_of(tmp_path / "run")
    assert summary["exact"]["cross_validation"] is None
    assert summary["cost_ratio"] == 1
    config = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))
    assert config["recipe"] == {"weight_decay": 0.02, "label_smoothing": 0.05}


def test_mean_logits_of_a_linear_head_are_its_logits_of_the_mean_features() -> None:
    from reference.features.splits import _together
    from reference.images import TEST_VIEWS
    from reference.values import Head

    rng = np.random.default_rng(0)
    features = rng.normal(0, 1, (3, 5, 16)).astype(np.float32)
    head = Head(rng.normal(0, 1, (len(CLASSES), 16)).astype(np.float32), np.zeros(3, np.float32))
    views = [look.view for look in TEST_VIEWS[:3]]
    together = _together(features, views, views[1:])
    logits = (features[1:] @ head.weight.T).mean(axis=0)
    np.testing.assert_allclose(together[0] @ head.weight.T, logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--epochs", "3"], "--epochs needs --solver sgd"),
        (["--weight_decay", "0"], "--weight_decay must be above 0"),
        (["--solver", "exact", "--freeze_layer", "14"], "only a head can be solved"),
        (["--test_views", "2", "--freeze_layer", "14"], "--test_views above 1"),
        (["--test_views", "5"], "invalid choice"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse_arguments(["--dataset_path", "D", "--run_path", "R", *options])
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
