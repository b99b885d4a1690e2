import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reference import eval as evaluation
from reference import train
from reference.labs import recipes
from reference.weights import read_checkpoint, write_checkpoint
from tests.patience import PATIENCE_SECONDS
from tests.ready_python import Program, ReadyPython
from tests.reference.drawn_shapes import draw_set, untrained_backbone

pytestmark = pytest.mark.mindspore

EPOCH = re.compile(
    r"epoch\[(\d+)/20\], iter\[1\] cost: \d+\.\d{3}, per step time: \d+\.\d{3}, avg loss: (\d+\.\d{3})"
)


def command(*arguments: object) -> list[str]:
    return ["-m", "reference.train", *map(str, arguments)]


def head_of(weights: Path) -> tuple[object, ...]:
    return "--freeze_layer", "backbone", "--pretrain_ckpt", weights


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_set(tmp_path_factory.mktemp("data") / "shapes", {"train": 23, "test": 5})


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "untrained.ckpt"
    arrays = untrained_backbone()
    # Features of ordinary size, so that the lab's learning rate does for them.
    arrays["features.18.features.1.gamma"] *= 0.2
    write_checkpoint(arrays, path)
    return path


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("PYTHONPATH", ":".join(path for path in sys.path if path))
        yield


@pytest.fixture(scope="module")
def head_trained(
    shapes: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """The folder in which a Python that was started trained a head, and the lines that were printed."""
    folder = tmp_path_factory.mktemp("head")
    process = subprocess.run(
        [sys.executable, *command("--dataset_path", shapes, *head_of(weights))],
        cwd=folder, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert (process.returncode, process.stderr) == (0, "")
    return folder, process.stdout.splitlines()


def test_training_the_head_prints_the_labs_lines(head_trained: tuple[Path, list[str]]) -> None:
    _, lines = head_trained
    assert lines[0].startswith("train args: Namespace(")
    assert lines[1].startswith("cfg: {'num_classes': 3, 'image_height': 224, ")
    assert lines[2] == "Complete the batch 1/1"
    epochs = [EPOCH.fullmatch(line) for line in lines[3:-1]]
    assert [int(match[1]) for match in epochs if match] == list(range(1, 21))
    losses = [float(match[2]) for match in epochs if match]
    assert losses[-1] < losses[0]
    assert re.fullmatch(r"total cost \d+\.\d{4} s", lines[-1])


def test_a_checkpoint_of_the_whole_network_is_left_every_five_epochs(
    head_trained: tuple[Path, list[str]], weights: Path
) -> None:
    folder, _ = head_trained
    names = {path.name for path in (folder / "ckpt_0").iterdir()}
    assert names == {f"mobilenetv2_{epoch}.ckpt" for epoch in (5, 10, 15, 20)}
    backbone, network = read_checkpoint(weights), read_checkpoint(folder / "ckpt_0" / "mobilenetv2_20.ckpt")
    assert network.keys() == {*backbone, "head.1.weight", "head.1.bias"}
    assert all(np.array_equal(network[name], backbone[name]) for name in backbone)


def test_evaluation_counts_every_image_once(
    head_trained: tuple[Path, list[str]], shapes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from src_mindspore.engine.session import FeatureExtractor
    from src_mindspore.transforms import evaluation_transform

    from reference.images import read_image, scan

    checkpoint = head_trained[0] / "ckpt_0" / "mobilenetv2_20.ckpt"
    assert evaluation.main(["--dataset_path", str(shapes), "--pretrain_ckpt", str(checkpoint)]) == 0
    test, network = scan(shapes).validation, read_checkpoint(checkpoint)
    features = FeatureExtractor(network)(np.stack([evaluation_transform(read_image(p)) for p in test.paths]))
    answers = (features @ network["head.1.weight"].T + network["head.1.bias"]).argmax(1)
    correct = int((answers == test.labels).sum())
    assert capsys.readouterr().out == f"result:{{'acc': {correct / 15}}}\npretrain_ckpt={checkpoint}\n"


def test_the_same_training_again_gives_the_same_bytes_and_keeps_the_first(
    head_trained: tuple[Path, list[str]],
    shapes: Path,
    weights: Path,
    ready_python: ReadyPython,
    tmp_path: Path,
) -> None:
    shutil.copytree(head_trained[0] / "ckpt_0", tmp_path / "ckpt_0")
    process = ready_python.run(Program(command("--dataset_path", shapes, *head_of(weights)), tmp_path))
    assert "note: ckpt_0 of an earlier training is now ckpt_0.1" in process.stdout
    for name in ("mobilenetv2_5.ckpt", "mobilenetv2_20.ckpt"):
        assert (tmp_path / "ckpt_0" / name).read_bytes() == (tmp_path / "ckpt_0.1" / name).read_bytes()


def test_no_space_left_ends_in_one_line(
    shapes: Path, weights: Path, ready_python: ReadyPython, tmp_path: Path
) -> None:
    arguments = command("--dataset_path", shapes, *head_of(weights))
    process = ready_python.run(Program(arguments, tmp_path, limits={"RLIMIT_FSIZE": 4 << 20}))
    assert process.returncode == 1
    assert process.stderr == "error: cannot write ckpt_0/mobilenetv2_5.ckpt: File too large\n"
    assert not list((tmp_path / "ckpt_0").iterdir())


def test_a_training_that_was_stopped_goes_on_to_the_same_bytes(
    head_trained: tuple[Path, list[str]],
    shapes: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from reference.labs.files import CheckpointFolder
    from reference.training.epochs import Snapshot

    arguments = ["--dataset_path", str(shapes), "--freeze_layer", "backbone", "--pretrain_ckpt", str(weights)]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Snapshot, "is_recent", lambda _: False)
    save = CheckpointFolder.save
    with monkeypatch.context() as patch:
        patch.setattr(
            CheckpointFolder,
            "save",
            lambda folder, epoch, arrays: save(folder, epoch, arrays) if epoch < 15 else _stopped(),
        )
        assert train.main(arguments) == 130
    assert train.main([*arguments, "--resume"]) == 0
    for epoch in (5, 10, 15, 20):
        name = f"ckpt_0/mobilenetv2_{epoch}.ckpt"
        assert (tmp_path / name).read_bytes() == (head_trained[0] / name).read_bytes()
    assert not (tmp_path / "ckpt_0" / "training_state.npz").exists()


def _stopped() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def small_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(recipes.CPU, batch_size=4, epoch_size=1, save_checkpoint_path=str(tmp_path))
    monkeypatch.setitem(recipes.TABLES, "CPU", small)


@pytest.mark.usefixtures("small_configuration")
def test_the_whole_network_is_fine_tuned_from_a_checkpoint(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = draw_set(tmp_path / "few", {"train": 4})
    head = np.random.default_rng(0).normal(0, 0.3, (3, 1280)).astype(np.float32)
    before = {**read_checkpoint(weights), "head.1.weight": head, "head.1.bias": np.ones(3, np.float32)}
    write_checkpoint(before, tmp_path / "begun.ckpt")
    arguments = ["--dataset_path", str(few), "--pretrain_ckpt", str(tmp_path / "begun.ckpt")]
    assert train.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "Complete the batch" not in printed
    assert "note: on this CPU an epoch takes about" in printed
    assert "epoch[1/1], iter[3] cost: " in printed
    after = read_checkpoint(tmp_path / "ckpt_0" / "mobilenetv2_1.ckpt")
    for name, array in before.items():
        # A gamma before a depthwise convolution has no effect: the next normalisation takes it out again.
        if not name.endswith("gamma"):
            assert not np.array_equal(array, after[name]), f"{name} has not learned"
        if name.endswith("weight"):
            likeness = np.corrcoef(array.ravel(), after[name].ravel())[0, 1]
            assert likeness > 0.9, f"{name} did not begin there"


@pytest.mark.usefixtures("small_configuration")
@pytest.mark.parametrize("classes", [3, 5])
def test_the_head_alone_goes_on_from_a_head_for_as_many_classes(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], classes: int
) -> None:
    few = draw_set(tmp_path / "few", {"train": 4})
    head = np.random.default_rng(0).normal(0, 0.3, (classes, 1280)).astype(np.float32)
    begun = {"head.1.weight": head, "head.1.bias": np.ones(classes, np.float32)}
    write_checkpoint({**read_checkpoint(weights), **begun}, tmp_path / "begun.ckpt")
    arguments = ["--dataset_path", str(few), "--pretrain_ckpt", str(tmp_path / "begun.ckpt")]
    assert train.main([*arguments, "--freeze_layer", "backbone"]) == 0
    after = read_checkpoint(tmp_path / "ckpt_0" / "mobilenetv2_1.ckpt")["head.1.weight"]
    likeness = np.corrcoef(head[:3].ravel(), after.ravel())[0, 1]
    assert not np.array_equal(head[:3], after), "it learns"
    assert (likeness > 0.9) == (classes == 3)
    assert ("is for other classes; a new one begins" in capsys.readouterr().out) == (classes == 5)


@pytest.mark.usefixtures("small_configuration")
def test_the_whole_network_is_trained_from_scratch(tmp_path: Path) -> None:
    few = draw_set(tmp_path / "few", {"train": 2})
    assert train.main(["--dataset_path", str(few / "train")]) == 0
    network = read_checkpoint(tmp_path / "ckpt_0" / "mobilenetv2_1.ckpt")
    last = network["features.18.features.0.weight"]
    assert last.std() == pytest.approx(np.sqrt(2 / 1280), rel=0.02), "N(0, sqrt(2 / (k * k * out)))"
    assert network["head.1.weight"].std() == pytest.approx(0.01, rel=0.1)
    assert np.abs(network["features.0.features.1.moving_mean"]).max() > 0


@pytest.mark.parametrize("way", ["backbone", "none"])
def test_images_of_another_size_are_trained_on_and_evaluated(
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    way: str,
) -> None:
    small = replace(recipes.CPU, batch_size=4, epoch_size=1, save_checkpoint_path=str(tmp_path))
    monkeypatch.setitem(recipes.TABLES, "CPU", replace(small, image_height=64, image_width=96))
    shown: set[tuple[int, ...]] = set()
    watch_images(monkeypatch, shown)
    few = draw_set(tmp_path / "few", {"train": 4, "test": 1})
    given = ["--dataset_path", str(few), "--freeze_layer", way, "--pretrain_ckpt", str(weights)]
    assert train.main(given) == 0
    assert "'image_height': 64, 'image_width': 96, " in capsys.readouterr().out
    checkpoint = str(tmp_path / "ckpt_0" / "mobilenetv2_1.ckpt")
    assert evaluation.main(["--dataset_path", str(few), "--pretrain_ckpt", checkpoint]) == 0
    assert shown == {(3, 64, 96)}


def watch_images(monkeypatch: pytest.MonkeyPatch, shown: set[tuple[int, ...]]) -> None:
    """Have the shape of every image noted that a transform gives to the network."""
    from src_mindspore import transforms

    normalise = transforms._normalise

    def noted(rgb: np.ndarray) -> np.ndarray:
        image = normalise(rgb)
        shown.add(image.shape)
        return image

    monkeypatch.setattr(transforms, "_normalise", noted)


def test_two_processes_train_one_network(shapes: Path, weights: Path, tmp_path: Path) -> None:
    launcher = Path(sys.executable).with_name("msrun")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    large = draw_set(tmp_path / "large", {"train": 43})
    launch = [launcher, "--worker_num=2", "--local_worker_num=2", f"--master_port={port}", "--join=True"]
    arguments = ("--dataset_path", large, "--freeze_layer", "backbone", "--pretrain_ckpt", weights)
    process = subprocess.run(
        # The launcher takes "python" for an interpreter, but a path to one for a script.
        [*map(str, launch), "python", *command("--run_distribute", "True", *arguments)],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{launcher.parent}:{os.environ['PATH']}"},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    logs = [(tmp_path / f"worker_{rank}.log").read_text(encoding="utf-8") for rank in (0, 1)]
    assert process.returncode == 0, logs
    assert all("epoch[20/20], iter[1] cost: " in log for log in logs)
    losses = [re.findall(r"avg loss: (\S+)", log) for log in logs]
    assert losses[0] != losses[1], "each has images of its own"
    name = "mobilenetv2_20.ckpt"
    assert (tmp_path / "ckpt_0" / name).read_bytes() == (tmp_path / "ckpt_1" / name).read_bytes()


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: shutil.rmtree(d), r"few: no such folder"),
        (lambda d: (d / "train" / "star").mkdir(), r"star: has no images"),
        (lambda d: (d / "test" / "disc").rename(d / "aside"), r"test: has no folder disc/, a class of the"),
        (lambda d: (d / "train" / "disc" / "000.png").write_bytes(b"hello"), r"disc/000\.png: is not an image"),
        (lambda d: (d / "train" / "disc" / "000.png").write_bytes(b""), r"disc/000\.png: is not an image"),
        (lambda _: None, r"6 training images do not fill one batch of 64"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_images_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Spoil, said: str
) -> None:
    few = draw_set(tmp_path / "few", {"train": 2, "test": 1})
    spoil(few)
    assert train.main(["--dataset_path", str(few)]) == 2
    assert re.search(rf"^error: .*{said}.*\n$", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--freeze_layer", "backbone"], r"needs a --pretrain_ckpt: python -m reference\.pretrained"),
        (["--pretrain_ckpt", "nowhere.ckpt"], r"nowhere\.ckpt: no such file; python -m reference\.pretrained"),
        (["--platform", "GPU"], r"--platform GPU: not available to MindSpore 2"),
        (["--platform", "Ascend"], r"--platform Ascend: not available to MindSpore 2"),
        (["--run_distribute", "True"], r"--run_distribute True: start it with MindSpore's launcher: msrun "),
        (["--resume"], r"ckpt_0/training_state\.npz: is not there"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_line(
    shapes: Path, ready_python: ReadyPython, tmp_path: Path, arguments: list[str], said: str
) -> None:
    process = ready_python.run(Program(command("--dataset_path", shapes, *arguments), tmp_path))
    assert process.returncode == 2
    assert re.search(rf"^error: .*{said}.*\n$", process.stderr)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_a_word_that_is_neither_true_nor_false_is_refused(
    shapes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        train.main(["--dataset_path", str(shapes), "--run_distribute", "no"])
    assert stopped.value.code == 2
    assert "'no' is neither True nor False" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["no head", "other classes", "text"])
def test_a_checkpoint_that_is_no_network_for_these_images_is_not_evaluated(
    shapes: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    checkpoint = tmp_path / "given.ckpt"
    if kind == "text":
        checkpoint.write_text("hello", encoding="utf-8")
    else:
        head = {"head.1.weight": np.zeros((5, 1280), np.float32), "head.1.bias": np.zeros(5, np.float32)}
        write_checkpoint({**untrained_backbone(), **(head if kind == "other classes" else {})}, checkpoint)
    assert evaluation.main(["--dataset_path", str(shapes), "--pretrain_ckpt", str(checkpoint)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {checkpoint}: ")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("main", [train.main, evaluation.main])
def test_a_missing_package_is_no_wrong_input(
    shapes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    main: Callable[[list[str]], int],
) -> None:
    (tmp_path / "given.safetensors").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    given = ["--pretrain_ckpt", str(tmp_path / "given.safetensors")]
    assert main(["--dataset_path", str(shapes), *given]) == 1
    assert re.fullmatch(r"error: .*given\.safetensors: reading it .*\n", capsys.readouterr().err)


@pytest.mark.parametrize("kind", ["grey", "transparent", "16 bits"])
def test_images_that_are_not_8_bit_colour_are_read_as_if_they_were(tmp_path: Path, kind: str) -> None:
    import cv2

    from reference.images import read_image

    colour = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    image = {
        "grey": colour[:, :, 0],
        "transparent": np.dstack([colour, np.full((20, 30), 128, np.uint8)]),
        "16 bits": colour.astype(np.uint16) * 257,
    }[kind]
    cv2.imwrite(str(tmp_path / "image.png"), image)
    expected = np.dstack([colour[:, :, 0]] * 3) if kind == "grey" else colour
    np.testing.assert_array_equal(read_image(tmp_path / "image.png"), expected)
