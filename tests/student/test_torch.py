"""The PyTorch templates, from training to a graded submission: tox -e torch."""

import copy
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.backbone import parameters_of, safetensors_of
from grader import grade
from grader.model.verdict import Verdict
from reference.weights import backbone_shapes, checkpoint_bytes, to_course_names, to_torchvision_names
from reference.weights.naming import TORCHVISION
from tests.patience import PATIENCE_SECONDS
from tests.reference.drawn_shapes import untrained_backbone

torch = pytest.importorskip("torch", reason="PyTorch is optional: tox -e torch")
pytestmark = pytest.mark.torch

STUDENT = Path(__file__).parents[2] / "student"
sys.path.append(str(STUDENT))  # torch_submission is not installed with the project


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random network of 1000 classes, as a public checkpoint of torchvision is saved."""
    from torch_submission.mobilenetv2 import MobileNetV2

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mobilenet_v2.pth"
    torch.save(MobileNetV2(1000).state_dict(), path)
    return path


@pytest.fixture
def handout(tmp_path: Path) -> Path:
    """What a student receives, and nothing else."""
    folder = tmp_path / "提交"
    folder.mkdir()
    shutil.copy(STUDENT / "train_main_torch.py", folder)
    for name in ("torch_submission", "src_mindspore"):
        shutil.copytree(STUDENT / name, folder / name, ignore=shutil.ignore_patterns("results"))
    return folder


@pytest.fixture
def two_classes(photos: Path, tmp_path: Path) -> Path:
    for split in ("train", "val"):
        for name, folder in (("daisy", "00_01"), ("tulips", "00_02")):
            shutil.copytree(photos / split / folder, tmp_path / "flowers" / split / name)
    return tmp_path / "flowers"


def run(folder: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "train_main_torch.py", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env={"PYTHONPATH": ""}, text=True, capture_output=True)


def test_names_and_shapes_are_those_of_torchvision(weights: Path) -> None:
    state = torch.load(weights, weights_only=True)
    named = {name: tuple(value.shape) for name, value in state.items() if name.endswith(TORCHVISION.bn_words)}
    expected = dict(zip(TORCHVISION.names(), backbone_shapes().values(), strict=True))
    assert named == {**expected, "classifier.1.weight": (1000, 1280), "classifier.1.bias": (1000,)}


def test_the_fetched_checkpoint_becomes_a_file_that_the_network_takes_whole() -> None:
    from safetensors.torch import load
    from torch_submission.mobilenetv2 import MobileNetV2

    arrays = untrained_backbone()
    state = load(safetensors_of(parameters_of(checkpoint_bytes(arrays))))
    network = MobileNetV2(5).features
    network.load_state_dict({name.removeprefix("features."): value for name, value in state.items()})
    for name, array in to_torchvision_names(arrays).items():
        assert np.array_equal(network.state_dict()[name.removeprefix("features.")].numpy(), array)


def test_the_network_computes_what_mindspore_s_computes(weights: Path) -> None:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone
    from torch_submission.mobilenetv2 import MobileNetV2

    state = torch.load(weights, weights_only=True)
    network = MobileNetV2(1000)
    network.load_state_dict(state)
    network.eval()
    theirs = MobileNetV2Backbone()
    arrays = to_course_names({name: value.numpy() for name, value in state.items()})
    ms.load_param_into_net(theirs, {name: ms.Parameter(array) for name, array in arrays.items()})
    theirs.set_train(False)

    image = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32)
    with torch.inference_mode():
        pooled = network.pooled(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(pooled, theirs(ms.Tensor(image)).asnumpy().mean(axis=(2, 3)), atol=1e-5)


def test_what_is_trained_is_handed_in_and_graded(
    handout: Path, photos: Path, weights: Path, tmp_path: Path
) -> None:
    checkpoint = handout / "torch_submission" / "results" / "mobilenetv2.safetensors"
    contents = []
    for _ in range(2):  # the second run may overwrite what the first has saved, and comes to the same
        done = run(handout, "--dataset_path", photos, "--pretrained", weights)
        assert done.returncode == 0, done.stderr
        assert "epoch 20/20: loss" in done.stdout
        assert "validation accuracy" in done.stdout.splitlines()[-1]
        contents.append(checkpoint.read_bytes())
    assert contents[0] == contents[1]
    assert checkpoint.with_name("curves.png").is_file()

    report = grade(handout / "torch_submission", photos / "val")
    assert report.verdict == Verdict.GRADED
    best = float(done.stdout.splitlines()[-1].split("validation accuracy ")[1].split()[0])
    assert report.score.correct / 26 == pytest.approx(best, abs=5e-5)

    # A comma is missing, and Python joins two names.
    main = handout / "torch_submission" / "main.py"
    main.write_text(main.read_text(encoding="utf-8").replace('"Hats", ', '"Hats" '), encoding="utf-8")
    done = subprocess.run([sys.executable, str(main)], env={"PYTHONPATH": ""}, text=True, capture_output=True)
    assert "CLASSES has 25 names, the checkpoint 26 outputs: is a comma missing" in done.stderr


def test_part_all_moves_every_convolution_and_leaves_batch_normalisation(
    handout: Path, two_classes: Path, weights: Path
) -> None:
    from safetensors.torch import load_file

    results = handout / "torch_submission" / "results"
    # So that one epoch counts as better than the head, whatever it does to two images.
    program = handout / "train_main_torch.py"
    text = program.read_text(encoding="utf-8")
    assert text.count("if val_accuracy > best_accuracy:") == 1
    text = text.replace("if val_accuracy > best_accuracy:", "if val_accuracy >= best_accuracy or epoch == 0:")
    program.write_text(text, encoding="utf-8")
    done = run(
        handout, "--dataset_path", two_classes, "--pretrained", weights, "--part", "all", "--epochs", 1
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    head_ends = next(number for number, line in enumerate(lines) if line.startswith("epoch 20/20: loss"))
    assert lines[head_ends + 1].startswith("before training 训练前: accuracy on val ")
    assert lines[head_ends + 2].startswith("epoch 1/1: loss")
    assert lines[head_ends + 2].endswith("time left 剩余时间 0 s")
    assert results.joinpath("curves.png").is_file()
    before = torch.load(weights, weights_only=True)
    after = load_file(results / "mobilenetv2.safetensors")
    convolutions = {name for name in after if name.startswith("features.") and after[name].ndim == 4}
    norms = {
        name for name in after if name.startswith("features.") and name.split(".")[-1].startswith("running")
    }
    assert (len(convolutions), len(norms)) == (52, 2 * 52)
    assert not [name for name in convolutions if torch.equal(before[name], after[name])]
    assert not [name for name in norms if not torch.equal(before[name], after[name])]


@pytest.fixture
def trained(tmp_path: Path) -> Callable[..., tuple[float, list[bool]]]:
    """Trains a head on random features, with these accuracies at the start and after each epoch.

    Returns the accuracy that it came to, and which of those states is the saved one.
    """
    import train_main_torch as program
    from safetensors.torch import load_file

    def train(accuracies: list[float], epochs: int, batches: int) -> tuple[float, list[bool]]:
        torch.manual_seed(1)
        network = program.MobileNetV2(2)
        seen = iter(accuracies)
        states = []

        def validate() -> float:
            states.append({name: value.clone() for name, value in network.state_dict().items()})
            return next(seen)

        def batches_of(_: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            for _ in range(batches):
                yield torch.rand(4, 1280), torch.tensor([0, 1, 0, 1])

        stage = program.Stage(network.classifier, batches_of, batches, validate, epochs, 0.01, 10)
        config = copy.copy(program.config)
        config.checkpoint = tmp_path / "results" / "mobilenetv2.safetensors"
        best, _ = program.run_epochs(config, network, stage)
        saved = load_file(config.checkpoint)
        assert all(torch.equal(network.state_dict()[name], saved[name]) for name in saved)
        equal = [all(torch.equal(state[name], saved[name]) for name in saved) for state in states]
        return best, equal

    return train


@pytest.mark.parametrize(
    ("accuracies", "best"),
    [
        ([0.5, 0.7, 0.6, 0.7], 1),  # the first of two that are as good as each other
        ([0.9, 0.5, 0.8, 0.7], 0),  # no epoch is better than what it began with: that is kept
        ([0.1, 0.2, 0.3, 0.4], 3),
    ],
)
def test_what_is_kept_is_the_best_by_the_validation_images_and_never_worse_than_the_start(
    trained: Callable[..., Any], accuracies: list[float], best: int
) -> None:
    accuracy, kept = trained(accuracies, epochs=3, batches=2)
    assert accuracy == max(accuracies)
    assert kept == [number == best for number in range(4)]


@pytest.mark.parametrize(("epochs", "batches", "falls"), [(1, 10, [5, 8]), (20, 3, [30, 48])])
def test_the_learning_rate_falls_at_the_same_share_of_any_number_of_epochs(
    trained: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, epochs: int, batches: int, falls: list[int]
) -> None:
    rates: list[float] = []
    step = torch.optim.Adam.step

    def noted(self: torch.optim.Adam, *arguments: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.Adam, "step", noted)
    trained([0.5] * (epochs + 1), epochs, batches)
    assert len(rates) == epochs * batches
    assert [number for number in range(1, len(rates)) if rates[number] < rates[number - 1]] == falls
    assert rates[-1] == pytest.approx(rates[0] / 100)


def test_a_number_of_epochs_below_one_is_refused(handout: Path, two_classes: Path, weights: Path) -> None:
    done = run(handout, "--dataset_path", two_classes, "--pretrained", weights, "--epochs", 0)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("--epochs: at least 1 至少为 1")


def test_the_best_weights_are_there_after_ten_epochs(handout: Path, two_classes: Path, weights: Path) -> None:
    command = [sys.executable, "-u", "train_main_torch.py", "--dataset_path", str(two_classes)]
    process = subprocess.Popen(
        [*command, "--pretrained", str(weights), "--epochs", str(10**6)],
        cwd=handout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 11/"):
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert [path.name for path in (handout / "torch_submission" / "results").iterdir()] == [
        "mobilenetv2.safetensors"
    ]


def test_a_checkpoint_that_is_missing_is_said(handout: Path) -> None:
    done = subprocess.run(
        [sys.executable, "torch_submission/main.py"],
        cwd=handout,
        env={"PYTHONPATH": ""},
        text=True,
        capture_output=True,
    )
    assert "mobilenetv2.safetensors: not there; run train_main_torch.py first" in done.stderr


class Hostile:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return print, ("code has run",)


def test_weights_that_are_none_are_refused_in_one_line(handout: Path, two_classes: Path) -> None:
    bad = {
        "hostile.pth": pickle.dumps(Hostile()),
        "cut.safetensors": b"\x10\0\0\0\0\0\0\0{",
        "checkpoint.ckpt": b"\x0a\x05MindS",
    }
    for name, content in bad.items():
        (handout / name).write_bytes(content)
        done = run(handout, "--dataset_path", two_classes, "--pretrained", name)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {name}: not a MobileNetV2 with torchvision's names")
        assert done.stderr.count("\n") == 1
        assert "code has run" not in done.stdout
    torch.save({"features.0.0.weight": torch.zeros(3)}, handout / "other.pth")
    done = run(handout, "--dataset_path", two_classes, "--pretrained", "other.pth")
    assert done.stderr.startswith("error: other.pth: not a MobileNetV2 with torchvision's names")


def test_what_is_missing_or_broken_is_named_in_one_line(
    handout: Path, two_classes: Path, weights: Path
) -> None:
    broken = two_classes / "train" / "tulips" / "00001.jpg"
    broken.write_bytes(b"no image")
    given = {
        f"{broken}: not a readable image": ("--dataset_path", two_classes, "--pretrained", weights),
        "nothing: no such folder": ("--dataset_path", "nothing", "--pretrained", weights),
        "nothing.pth: no such file": ("--dataset_path", two_classes, "--pretrained", "nothing.pth"),
        f"{handout / 'pretrained' / 'mobilenetv2.safetensors'}: not there; copy": (
            "--dataset_path",
            two_classes,
        ),
    }
    for message, arguments in given.items():
        done = run(handout, *arguments)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {message}")
        assert done.stderr.count("\n") == 1


def test_a_checkpoint_that_cannot_be_saved_is_one_line_and_the_earlier_one_stays(
    handout: Path, two_classes: Path, weights: Path
) -> None:
    results = handout / "torch_submission" / "results"
    command = ["train_main_torch.py", "--dataset_path", str(two_classes), "--pretrained", str(weights)]
    # As on a full disk, in the middle of the file.
    full = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20));"
        f" sys.path.insert(0, '.'); sys.argv = {command!r}; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    results.mkdir()
    (results / "mobilenetv2.safetensors").write_text("the earlier one", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", full], cwd=handout, env={"PYTHONPATH": ""}, text=True, capture_output=True
    )
    line = f"error: {results / 'mobilenetv2.safetensors'}: cannot be saved 无法保存"
    assert done.returncode == 1
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1
    assert [path.name for path in results.iterdir()] == ["mobilenetv2.safetensors"]
    assert (results / "mobilenetv2.safetensors").read_text(encoding="utf-8") == "the earlier one"

    shutil.rmtree(results)
    results.write_text("no folder", encoding="utf-8")
    done = run(handout, *command[1:])
    assert done.returncode == 1
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_other_classes_than_garbage_bring_a_hint_and_ctrl_c_saves_nothing(
    handout: Path, two_classes: Path, weights: Path
) -> None:
    arguments = ("--dataset_path", two_classes, "--pretrained", weights)
    done = run(handout, *arguments)
    assert done.stdout.splitlines()[-1].endswith("CLASSES 改为：daisy, tulips")
    shutil.rmtree(handout / "torch_submission" / "results")

    process = subprocess.Popen(
        [sys.executable, "-u", "train_main_torch.py", *map(str, arguments), "--epochs", str(10**6)],
        cwd=handout,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 3/"):
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert errors == (
        "\nstopped; the best is saved every 10 epochs of the head, every 1 of the whole network"
        " 已停止；每 10 轮（分类头）或 1 轮（整个网络）保存一次最好的模型\n"
    )
    assert not (handout / "torch_submission" / "results").exists(), "not ten epochs yet"
