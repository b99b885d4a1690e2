import re
from pathlib import Path

import pytest

from reference import pretrained, tune
from reference.weights import write_checkpoint
from tests.reference.drawn_shapes import draw_set, untrained_backbone


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("tune")
    write_checkpoint(untrained_backbone(), root / "untrained.ckpt")
    inputs = {
        "--dataset_path": draw_set(root / "shapes", {"train": 4, "val": 1}),
        "--pretrained": root / "untrained.ckpt",
        "--cache": root / "cache",
    }
    few = ["--views", "1", "--test_views", "1", "--folds", "2"]
    return [*(str(word) for pair in inputs.items() for word in pair), *few]


@pytest.mark.parametrize(
    "wrong",
    [
        "--folds 1",
        "--folds 0",
        "--repeats 0",
        "--views 0",
        "--epochs 0",
        "--learning_rate inf",
        "--learning_rate 0",
        "--weight_decay -1",
        "--weight_decay 0.1 0",
        "--label_smoothing nan",
    ],
)
def test_a_number_that_makes_no_sense_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        tune.main([*arguments, *wrong.split()])
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert wrong.split()[0] in printed.err.splitlines()[-1]


def test_weights_that_cannot_be_had_end_with_code_1(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(pretrained, "OFFICIAL_URL", "http://127.0.0.1:9/official.ckpt")
    assert tune.main([*arguments, "--pretrained", "official"]) == 1
    assert re.fullmatch(r"error: cannot download .*\n", capsys.readouterr().err)


def test_images_of_which_none_can_be_left_out_are_refused(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    single = draw_set(tmp_path / "single", {"train": 1, "val": 1})
    assert tune.main([*arguments, "--dataset_path", str(single)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert (
        printed.err == f"error: {single}/train: no class has two different images, so none can be left out\n"
    )


@pytest.mark.mindspore
def test_every_combination_is_a_line_and_a_loss_that_is_no_number_ends_in_one(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune.main([*arguments, "--weight_decay", "1e-2", "1e-3", "--repeats", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(re.search(r"top-1 [\d.]+% \([\d.]+% to [\d.]+%\)$", line) for line in lines)
    assert tune.main([*arguments, "--solver", "sgd", "--learning_rate", "1e38", "--epochs", "5"]) == 1
    assert re.fullmatch(r"error: the loss is (nan|inf) at epoch .*\n", capsys.readouterr().err)
