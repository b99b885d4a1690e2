"""The flower lab's description, a row for each argument, key, line and file that it names.

Each row is asked of the lab's programs twice: of those that are handed out, in `student/flowers/`, and of the
reference's. Arguments and configuration are read without MindSpore.
"""

import argparse
import ast
import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from easydict import EasyDict

from reference import train as reference_train
from reference.labs import flower_config
from tests.ready_python import Program, ReadyPython
from tests.reference.drawn_shapes import draw_set, untrained_backbone
from tests.student.conftest import STUDENT

FLOWERS = STUDENT / "flowers"
SCRIPTS = ("train", "eval")

# -- arguments -----------------------------------------------------------------------------------------------

ARGUMENTS = {
    "train": ("--platform", "--dataset_path", "--pretrain_ckpt", "--freeze_layer", "--run_distribute"),
    "eval": ("--platform", "--dataset_path", "--pretrain_ckpt", "--run_distribute"),
}
CHOICES = {"--platform": "{CPU,GPU,Ascend}", "--freeze_layer": "{none,backbone}"}
ROWS = [(script, argument) for script in SCRIPTS for argument in ARGUMENTS[script]]


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("PYTHONPATH", ":".join(path for path in sys.path if path))
        yield


def command(who: str, script: str, *arguments: object) -> list[str]:
    program = [str(FLOWERS / f"{script}.py")] if who == "student" else ["-m", f"reference.{script}"]
    return [*program, *map(str, arguments)]


@pytest.mark.mindspore
@pytest.mark.parametrize("who", ["student", "reference"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_the_script_takes_the_lab_s_arguments(python: ReadyPython, who: str, script: str) -> None:
    said = python.run(Program(command(who, script, "--help"))).stdout
    for argument in ARGUMENTS[script]:
        assert argument in said
        assert CHOICES.get(argument, "") in said


# -- what is printed of arguments and configuration ----------------------------------------------------------

GIVEN = {
    "dataset_path": "../data/flower_photos_train",
    "freeze_layer": "backbone",
    "is_training": True,
    "platform": "CPU",
    "pretrain_ckpt": "../pretrain_checkpoint/mobilenetv2_cpu_gpu.ckpt",
    "run_distribute": False,
}
"""The fields of `train args: Namespace(...)` in the lab's order."""
CONFIGURATION = {
    **{"num_classes": 5, "image_height": 224, "image_width": 224, "batch_size": 64, "epoch_size": 20},
    **{"warmup_epochs": 0, "lr_init": 0.0, "lr_end": 0.0, "lr_max": 0.01, "momentum": 0.9},
    **{"weight_decay": 4e-05, "label_smooth": 0.1, "loss_scale": 1024, "save_checkpoint": True},
    **{"save_checkpoint_epochs": 5, "keep_checkpoint_max": 20, "save_checkpoint_path": "./"},
    **{"platform": "CPU", "run_distribute": False, "activation": "Softmax"},
}
"""The keys of `cfg: {...}` in the lab's order."""


def student_module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"flowers_{name}", FLOWERS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed_configuration(who: str) -> dict[str, Any]:
    if who == "reference":
        return flower_config("CPU").printed()
    return dict(student_module("config").settings("CPU"))


@pytest.mark.parametrize("who", ["student", "reference"])
@pytest.mark.parametrize("key", CONFIGURATION)
def test_the_configuration_has_the_lab_s_number(who: str, key: str) -> None:
    assert repr(printed_configuration(who)[key]) == repr(CONFIGURATION[key])


@pytest.mark.parametrize("who", ["student", "reference"])
def test_the_configuration_is_printed_as_the_lab_prints_it(who: str) -> None:
    assert repr(printed_configuration(who)) == repr(CONFIGURATION)


@pytest.mark.parametrize(
    ("platform", "key", "number"),
    [
        *(("GPU", key, number) for key, number in {"num_classes": 1000, "batch_size": 150, "epoch_size": 200, "lr_max": 0.8, "warmup_epochs": 0}.items()),
        *(("Ascend", key, number) for key, number in {"batch_size": 256, "epoch_size": 200, "warmup_epochs": 4, "lr_max": 0.4}.items()),
    ],
)  # fmt: skip
def test_another_platform_has_the_lab_s_number(platform: str, key: str, number: float) -> None:
    assert student_module("config").settings(platform)[key] == number
    assert flower_config(platform).printed()[key] == number


@pytest.mark.parametrize("field", GIVEN)
def test_the_printed_arguments_have_the_lab_s_field(field: str) -> None:
    given = [
        text for name, value in GIVEN.items() if name != "is_training" for text in (f"--{name}", str(value))
    ]
    printed = reference_train.parse_arguments(given).printed()
    assert repr(vars(printed)[field]) == repr(GIVEN[field])
    assert repr(printed) == repr(argparse.Namespace(**GIVEN))


def test_without_arguments_the_reference_takes_those_of_its_configuration() -> None:
    assert repr(reference_train.parse_arguments([]).printed()) == repr(argparse.Namespace(**GIVEN))


# -- learning rate and loss ----------------------------------------------------------------------------------


def rates_of(who: str, steps_per_epoch: int) -> np.ndarray:
    """Learning rates by the configuration for the CPU; of the student's program nothing else is run."""
    if who == "reference":
        return flower_config("CPU").rates(steps_per_epoch)
    tree = ast.parse((FLOWERS / "train.py").read_text(encoding="utf-8"))
    (found,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "get_lr")
    space: dict[str, Any] = {"np": np, "EasyDict": EasyDict, "npt": npt}
    exec(compile(ast.Module([found], []), "train.py", "exec"), space)
    rates: np.ndarray = space["get_lr"](student_module("config").settings("CPU"), steps_per_epoch)
    return rates


@pytest.mark.parametrize("who", ["student", "reference"])
@pytest.mark.parametrize(
    ("step", "rate"), [(0, 0.01), (56, 0.0099384421), (560, 0.005), (1119, 1.967e-8)]
)  # fmt: skip
def test_the_learning_rate_is_the_lab_s_number(who: str, step: int, rate: float) -> None:
    rates = rates_of(who, 56)
    assert (rates.shape, rates.dtype) == ((1120,), np.float32)
    assert rates[step] == pytest.approx(rate, rel=1e-3 if rate < 1e-6 else 1e-7)
    assert rates.sum(dtype=np.float64) == pytest.approx(5.6050005, abs=1e-6)


@pytest.mark.mindspore
def test_the_student_s_loss_has_the_floor_of_the_lab_s_targets(place: Path, python: ReadyPython) -> None:
    (place / "flowers" / "floors.py").write_text(
        "import numpy as np\n"
        "from train import CrossEntropyWithLabelSmooth, ms\n"
        "for classes in (5, 26):\n"
        "    targets = np.full((classes, classes), 0.1 / (classes - 1), np.float32)\n"
        "    np.fill_diagonal(targets, 0.9)\n"
        "    labels = ms.Tensor(np.arange(classes, dtype=np.int32))\n"
        "    loss = CrossEntropyWithLabelSmooth(0.1, classes)\n"
        "    print(round(float(loss(ms.Tensor(np.log(targets)), labels).asnumpy()), 4))\n",
        encoding="utf-8",
    )
    done = python.run(Program(["floors.py"], place / "flowers"))
    assert done.stdout.split() == ["0.4637", "0.647"], done.stderr


# -- a run ---------------------------------------------------------------------------------------------------

STUDENTS_WEIGHTS = "../pretrained/mobilenetv2.ckpt"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student's folder `flowers/`, with what it needs round it."""
    from reference.weights import write_checkpoint

    root = tmp_path_factory.mktemp("lab")
    shutil.copytree(STUDENT / "src_mindspore", root / "src_mindspore")
    shutil.copytree(FLOWERS, root / "flowers", ignore=shutil.ignore_patterns("ckpt_0*", "__pycache__"))
    draw_set(root / "data", {"train": 23, "test": 5})
    arrays = untrained_backbone()
    # Features of ordinary size, so that the lab's learning rate does for them.
    arrays["features.18.features.1.gamma"] *= 0.2
    (root / "pretrained").mkdir()
    write_checkpoint(arrays, root / "pretrained" / "mobilenetv2.ckpt")
    return root


Run = tuple[Path, list[str]]


@pytest.fixture(scope="module", params=["student", "reference"])
def trained(request: pytest.FixtureRequest, python: ReadyPython, place: Path) -> Run:
    """Where a training of the head ran, with the five arguments, and the lines that it printed."""
    folder = place / ("flowers" if request.param == "student" else "reference")
    folder.mkdir(exist_ok=True)
    arguments = ("--platform", "CPU", "--dataset_path", "../data/train", "--freeze_layer", "backbone")
    arguments += ("--pretrain_ckpt", STUDENTS_WEIGHTS, "--run_distribute", "False")
    program = (
        ["train.py", *arguments] if request.param == "student" else command("reference", "train", *arguments)
    )
    done = python.run(Program(program, folder))
    assert done.returncode == 0, done.stderr
    return folder, done.stdout.splitlines()


LINES = {
    "train args": re.escape(
        "train args: Namespace(dataset_path='../data/train', freeze_layer='backbone', is_training=True,"
        f" platform='CPU', pretrain_ckpt='{STUDENTS_WEIGHTS}', run_distribute=False)"
    ),
    "cfg": re.escape(f"cfg: { {**CONFIGURATION, 'num_classes': 3} }"),
    "extraction": r"Complete the batch 1/1",
    "epoch": r"epoch\[1/20\], iter\[1\] cost: \d+\.\d{3}, per step time: \d+\.\d{3}, avg loss: \d+\.\d{3}",
    "last epoch": r"epoch\[20/20\], iter\[1\] cost: \d+\.\d{3}, per step time: \d+\.\d{3}, avg loss: \d+\.\d{3}",
    "total": r"total cost \d+\.\d{4} s",
}


@pytest.mark.mindspore
@pytest.mark.parametrize("line", LINES)
def test_the_lab_s_line_is_printed(trained: Run, line: str) -> None:
    _, lines = trained
    assert any(re.fullmatch(LINES[line], said) for said in lines), lines


@pytest.mark.mindspore
@pytest.mark.parametrize("epoch", [5, 10, 15, 20])
def test_the_checkpoint_of_every_fifth_epoch_is_there(trained: Run, epoch: int) -> None:
    from reference.weights import read_checkpoint

    arrays = read_checkpoint(trained[0] / "ckpt_0" / f"mobilenetv2_{epoch}.ckpt")
    assert len(arrays) == 262
    assert len([*(trained[0] / "ckpt_0").iterdir()]) == 4


@pytest.mark.mindspore
def test_evaluation_prints_two_lines_and_the_path_as_it_was_given(trained: Run, python: ReadyPython) -> None:
    folder, _ = trained
    checkpoint = "./ckpt_0/../ckpt_0/mobilenetv2_20.ckpt"
    arguments = ("--platform", "CPU", "--dataset_path", "../data/test", "--pretrain_ckpt", checkpoint)
    arguments += ("--run_distribute", "False")
    who = "student" if folder.name == "flowers" else "reference"
    program = ["eval.py", *arguments] if who == "student" else command(who, "eval", *arguments)
    done = python.run(Program(program, folder))
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    result = re.fullmatch(r"result:\{'acc': (\d\.\d+)\}", first)
    assert result is not None
    assert float(result[1]) * 15 == pytest.approx(round(float(result[1]) * 15))
    assert second == f"pretrain_ckpt={checkpoint}"


# -- what only the student's configuration is asked -----------------------------------------------------------


@pytest.mark.mindspore
def test_without_arguments_the_student_s_configuration_says_what_is_done(
    place: Path, python: ReadyPython, tmp_path: Path
) -> None:
    root = shutil.copytree(place, tmp_path / "lab", ignore=shutil.ignore_patterns("ckpt_0*"))
    config = root / "flowers" / "config.py"
    text = config.read_text(encoding="utf-8")
    # As a student would edit it: where the photos are, how long to train, and smaller images.
    for before, after in (
        ('"../../datasets/flower_photos/train"', '"../data/train"'),
        ('"../../datasets/flower_photos/test"', '"../data/test"'),
        ('"./ckpt_0/mobilenetv2_20.ckpt"', '"./ckpt_0/mobilenetv2_2.ckpt"'),
        ('"epoch_size": 20,', '"epoch_size": 2,'),
        ('"image_height": 224,', '"image_height": 96,'),
        ('"image_width": 224,', '"image_width": 160,'),
    ):
        assert text.count(before) == 1
        text = text.replace(before, after)
    config.write_text(text, encoding="utf-8")
    done = python.run(Program(["train.py"], root / "flowers"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "dataset_path='../data/train', freeze_layer='backbone', is_training=True" in lines[0]
    assert "'image_height': 96, 'image_width': 160" in lines[1]
    assert lines[-2].startswith("epoch[2/2], iter[1] cost: ")
    done = python.run(Program(["eval.py"], root / "flowers"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1] == "pretrain_ckpt=./ckpt_0/mobilenetv2_2.ckpt"


@pytest.mark.mindspore
@pytest.mark.parametrize("begin", ["scratch", "checkpoint"])
def test_the_whole_network_of_the_student_trains_from_scratch_or_from_a_checkpoint(
    place: Path, python: ReadyPython, tmp_path: Path, begin: str
) -> None:
    from reference.weights import read_checkpoint

    root = shutil.copytree(place, tmp_path / "lab", ignore=shutil.ignore_patterns("ckpt_0*"))
    config = root / "flowers" / "config.py"
    text = config.read_text(encoding="utf-8")
    for before, after in (
        *(('"epoch_size": 20,', '"epoch_size": 1,'), ('"save_checkpoint_epochs": 5,', '"save_checkpoint_epochs": 1,')),
        *(('"image_height": 224,', '"image_height": 64,'), ('"image_width": 224,', '"image_width": 64,')),
    ):  # fmt: skip
        assert before in text
        text = text.replace(before, after)
    config.write_text(text, encoding="utf-8")
    arguments = ["--dataset_path", "../data/train", "--freeze_layer", "none"]
    arguments += ["--pretrain_ckpt", STUDENTS_WEIGHTS] if begin == "checkpoint" else []
    done = python.run(Program(["train.py", *arguments], root / "flowers"))
    assert done.returncode == 0, done.stderr
    assert not any(line.startswith("Complete the batch") for line in done.stdout.splitlines())
    before, after = (
        read_checkpoint(path)
        for path in (
            root / "pretrained" / "mobilenetv2.ckpt",
            root / "flowers" / "ckpt_0" / "mobilenetv2_1.ckpt",
        )
    )
    last = "features.18.features.0.weight"
    moved = np.abs(after[last] - before[last]).max() / np.abs(before[last]).max()
    assert moved > 0, "the backbone learns, too"
    assert (moved < 0.5) == (begin == "checkpoint"), "one step from the checkpoint, or other random weights"


@pytest.mark.mindspore
def test_a_second_training_keeps_the_first(place: Path, python: ReadyPython, tmp_path: Path) -> None:
    root = shutil.copytree(place, tmp_path / "lab", ignore=shutil.ignore_patterns("ckpt_0*"))
    (root / "flowers" / "ckpt_0").mkdir()
    (root / "flowers" / "ckpt_0" / "mine.ckpt").touch()
    arguments = (
        "--dataset_path",
        "../data",
        "--freeze_layer",
        "backbone",
        "--pretrain_ckpt",
        STUDENTS_WEIGHTS,
    )
    done = python.run(Program(["train.py", *arguments], root / "flowers"))
    assert done.returncode == 0, done.stderr
    assert "note: ckpt_0 of an earlier training is now ckpt_0.1" in done.stdout
    assert (root / "flowers" / "ckpt_0.1" / "mine.ckpt").exists()
