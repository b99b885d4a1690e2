"""The garbage lab's description, a row for each key, number, line, file and way that it names.

The rows on settings and learning rates read the template without running it; the others run it once, on a few
drawn photos, with the whole network trained after the head.
"""

import ast
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ready_python import Program, ReadyPython
from tests.student.conftest import CLASS_FOLDERS, STUDENT

TEMPLATE = (STUDENT / "train_main.py").read_text(encoding="utf-8")
TREE = ast.parse(TEMPLATE)


def settings() -> dict[str, ast.expr]:
    """The template's settings by their keys, as they are written."""
    (call,) = (
        node.value
        for node in TREE.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "config"
    )
    assert isinstance(call, ast.Call)
    return {str(keyword.arg): keyword.value for keyword in call.keywords}


def function(name: str) -> ast.FunctionDef:
    return next(node for node in TREE.body if isinstance(node, ast.FunctionDef) and node.name == name)


def build_lr(*arguments: Any, **named: Any) -> list[float]:
    """The template's function, of which nothing else is run."""
    space: dict[str, Any] = {"math": math}
    exec(compile(ast.Module([function("build_lr")], []), "train_main.py", "exec"), space)
    return space["build_lr"](*arguments, **named)  # type: ignore[no-any-return]


# -- settings ------------------------------------------------------------------------------------------------

KEYS = {
    "num_classes": "26",
    "class_index": "{name: label for label, name in enumerate(GARBAGE_FOLDERS)}",
    "image_height": "224",
    "image_width": "224",
    "reduction": "'mean'",
    "lr_max": None,
    "decay_type": None,
    "warmup_steps": None,
    "momentum": None,
    "weight_decay": None,
    "epochs": None,
    "repeat": None,
    "batch_size": None,
    "eval_batch_size": None,
    "save_ckpt_epochs": "1",
    "save_ckpt_path": "'./results/ckpt_mobilenetv2'",
    "features_path": "'./results/garbage_26x100_features'",
    "pretrained_ckpt": None,
    "pretrained_ckpt_all": "None",
    "export_path": "'./results/mobilenetv2.mindir'",
}
"""The lab's keys, with their values where the lab fixes them."""


@pytest.mark.parametrize("key", KEYS)
def test_the_settings_have_the_key(key: str) -> None:
    assert key in settings()
    if value := KEYS[key]:
        assert ast.unparse(settings()[key]) == value


def test_class_index_numbers_the_26_folders_in_sorted_order() -> None:
    from src_mindspore.folders import GARBAGE_FOLDERS

    assert GARBAGE_FOLDERS == CLASS_FOLDERS == sorted(CLASS_FOLDERS)
    assert len(GARBAGE_FOLDERS) == 26


@pytest.mark.parametrize("name", ["build_lr", "extract_features", "train_head", "train_all"])
def test_the_template_has_the_function(name: str) -> None:
    assert function(name)


def test_extract_features_takes_network_data_set_and_settings() -> None:
    assert [argument.arg for argument in function("extract_features").args.args] == [
        "net", "dataset_path", "config",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["train_head", "train_all"])
def test_a_stage_can_be_called_without_arguments(name: str) -> None:
    arguments = function(name).args
    assert len(arguments.defaults) == len(arguments.args)


@pytest.mark.parametrize(
    "what",
    [
        "repeat",
        "reduction",
        "epochs",
        "decay_type",
        "warmup_steps",
        "weight_decay",
        "label_smooth",
        "epochs_all",
    ],
)
def test_a_place_to_work_on_is_marked(what: str) -> None:
    lines = TEMPLATE.splitlines()
    (place,) = (number for number, line in enumerate(lines) if line.startswith(f"    {what}="))
    assert "TODO(student)" in lines[place] + lines[place - 1]


# -- build_lr ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "default"),
    [("lr_init", 0.005), ("lr_end", 1e-4), ("lr_max", 0.1), ("warmup_steps", 0), ("decay_type", "cosine")],
)
def test_build_lr_has_the_lab_s_argument(name: str, default: object) -> None:
    arguments = function("build_lr").args
    names = [argument.arg for argument in arguments.args]
    assert names[0] == "total_steps"
    values = dict(zip(names[-len(arguments.defaults) :], arguments.defaults, strict=True))
    assert ast.literal_eval(values[name]) == default


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.008), (3, 0.017), (4, 0.02), (5, 0.02), (7200, 0.0100554288), (14399, 0.000100000237)],
)
def test_build_lr_gives_the_lab_s_number(step: int, rate: float) -> None:
    rates = build_lr(14400, lr_max=0.02, warmup_steps=5)
    assert len(rates) == 14400
    assert rates[step] == pytest.approx(rate, rel=1e-7)


@pytest.mark.parametrize(
    ("decay_type", "rates"),
    [
        ("cosine", [0.55, 1.1, 1.1, 0.95355, 0.6, 0.24645]),
        ("square", [0.55, 1.1, 1.1, 0.6625, 0.35, 0.1625]),
        ("constant", [0.55, 1.1, 1.1, 1.1, 1.1, 1.1]),
    ],
)
def test_build_lr_decays_by_the_word(decay_type: str, rates: list[float]) -> None:
    found = build_lr(6, 0.0, 0.1, 1.1, warmup_steps=2, decay_type=decay_type)
    assert found == pytest.approx(rates, abs=1e-5)


# -- a run ---------------------------------------------------------------------------------------------------


Run = tuple[Path, "subprocess.CompletedProcess[str]"]
HARDER = (
    ("epochs=4,", "epochs=2,"),
    ("epochs_all=0,", "epochs_all=1,"),
    # On random weights the gradients are small: a share that would not show in float32 is of no use here.
    ("backbone_share=0.001,", "backbone_share=1.0,"),
    ("momentum=0.9,", "momentum=0.0,"),
)


def prepared(folder: Path, photos: Path, weights: Path, *edits: tuple[str, str]) -> Path:
    """A student's folder whose settings were edited, with two classes to learn."""
    shutil.copytree(STUDENT / "src_mindspore", folder / "src_mindspore")
    (folder / "pretrained").mkdir()
    shutil.copy(weights, folder / "pretrained" / "mobilenetv2.ckpt")
    text = TEMPLATE
    for before, after in edits:
        assert text.count(before) == 1
        text = text.replace(before, after)
    (folder / "train_main.py").write_text(text, encoding="utf-8")
    for split in ("train", "val"):
        for name in CLASS_FOLDERS[1:3]:
            shutil.copytree(photos / split / name, folder / "two" / split / name)
    return folder


def train(python: ReadyPython, folder: Path) -> "subprocess.CompletedProcess[str]":
    done = python.run(Program(("train_main.py", "--dataset_path", "two"), folder))
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def lively_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backbone through which a signal gets, so that all of it can learn."""
    from reference.weights import write_checkpoint
    from tests.reference.drawn_shapes import untrained_backbone

    path = tmp_path_factory.mktemp("weights") / "lively.ckpt"
    write_checkpoint(untrained_backbone(), path)
    return path


@pytest.fixture(scope="module")
def run(
    python: ReadyPython, photos: Path, lively_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    folder = prepared(tmp_path_factory.mktemp("lab"), photos, lively_weights, *HARDER)
    return folder, train(python, folder)


LINES = {
    "device": r"Executing with (CPU|GPU)\.",
    "features": r"Complete the batch 1/1",
    "epoch": r"epoch: 1, time cost: \d+\.\d+, avg loss: \d+\.\d+",
    "validation": r"Validation accuracy is \{'acc': \d\.\d+, 'loss': \d+\.\d+\}",
    "train": r"Train accuracy is \{'acc': \d\.\d+, 'loss': \d+\.\d+\}",
    "chosen": r"Chosen checkpoint is mobilenetv2(_all)?-best\.ckpt",
    "end": r"training is ok!!!",
}


@pytest.mark.mindspore
@pytest.mark.parametrize("line", LINES)
def test_the_lab_s_line_is_printed(run: Run, line: str) -> None:
    _, done = run
    assert any(re.fullmatch(LINES[line], said) for said in done.stdout.splitlines()), done.stdout


@pytest.mark.mindspore
def test_each_epoch_prints_its_line_and_then_both_accuracies(run: Run) -> None:
    _, done = run
    said = [line.split(":")[0].split(" is ")[0] for line in done.stdout.splitlines()]
    epoch = ["epoch", "Validation accuracy", "Train accuracy"]
    begin = said.index("epoch")
    assert said[begin : begin + 9] == epoch * 3, "two of the head, one of the whole network"


FILES = (
    *("mobilenetv2-1.ckpt", "mobilenetv2-2.ckpt", "mobilenetv2-best.ckpt", "mobilenetv2_final.ckpt"),
    *("mobilenetv2_all-1.ckpt", "mobilenetv2_all-best.ckpt", "mobilenetv2_all_final.ckpt"),
)


@pytest.mark.mindspore
@pytest.mark.parametrize("name", FILES)
def test_the_checkpoint_has_the_lab_s_name_and_the_whole_network(run: Run, name: str) -> None:
    from reference.weights import read_checkpoint

    arrays = read_checkpoint(run[0] / "results" / "ckpt_mobilenetv2" / name)
    assert len(arrays) == 262


@pytest.mark.mindspore
def test_no_other_checkpoint_is_left(run: Run) -> None:
    folder = run[0] / "results" / "ckpt_mobilenetv2"
    assert {path.name for path in folder.iterdir()} == set(FILES)


@pytest.mark.mindspore
def test_the_features_lie_where_the_settings_say(run: Run) -> None:
    names = {path.name for path in (run[0] / "results" / "garbage_26x100_features").iterdir()}
    assert names == {"feature_0.npy", "label_0.npy", "features.json"}


@pytest.mark.mindspore
def test_the_mindir_answers_as_the_chosen_checkpoint(run: Run) -> None:
    import mindspore as ms
    import numpy as np
    from mindspore import nn
    from src_mindspore.mobilenetv2 import MobileNetV2

    folder, done = run
    chosen = re.search(r"Chosen checkpoint is (\S+)", done.stdout)
    assert chosen is not None
    results = folder / "results"
    checkpoint = results / "ckpt_mobilenetv2" / chosen[1]
    assert (results / "mobilenetv2.ckpt").read_bytes() == checkpoint.read_bytes()
    network = MobileNetV2(num_classes=26).set_train(False)
    ms.load_param_into_net(network, ms.load_checkpoint(str(checkpoint)))
    image = ms.Tensor(np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32))
    exported = nn.GraphCell(ms.load(str(results / "mobilenetv2.mindir")))
    np.testing.assert_allclose(exported(image).asnumpy(), network(image).asnumpy(), rtol=1e-4, atol=1e-5)


# -- train_all -----------------------------------------------------------------------------------------------


@pytest.mark.mindspore
def test_train_all_moves_every_convolution_and_leaves_batch_normalisation(run: Run) -> None:
    import numpy as np

    from reference.weights import read_checkpoint

    folder = run[0] / "results" / "ckpt_mobilenetv2"
    before = read_checkpoint(folder / "mobilenetv2-best.ckpt")
    after = read_checkpoint(folder / "mobilenetv2_all-1.ckpt")
    assert before.keys() == after.keys()
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    weights = {name for name in before if name.endswith((".weight", ".bias"))}
    assert moved == weights, "52 convolutions and the head; gamma, beta and the statistics stay"
    assert len(weights) == 54


@pytest.mark.mindspore
def test_train_head_leaves_the_backbone_as_it_was(run: Run) -> None:
    import numpy as np

    from reference.weights import read_checkpoint

    folder = run[0]
    backbone = read_checkpoint(folder / "pretrained" / "mobilenetv2.ckpt")
    after = read_checkpoint(folder / "results" / "ckpt_mobilenetv2" / "mobilenetv2_final.ckpt")
    assert all(np.array_equal(after[name], backbone[name]) for name in backbone)


# -- settings that change the run ----------------------------------------------------------------------------


@pytest.mark.mindspore
@pytest.mark.parametrize(("reduction", "inputs"), [("max", 1280), ("none", 1280 * 7 * 7)])
def test_the_head_takes_the_reduction(
    python: ReadyPython, photos: Path, lively_weights: Path, tmp_path: Path, reduction: str, inputs: int
) -> None:
    from reference.weights import read_checkpoint

    folder = prepared(
        tmp_path / "lab", photos, lively_weights, ('reduction="mean"', f'reduction="{reduction}"')
    )
    done = train(python, folder)
    assert f'note: change REDUCTION in main.py to "{reduction}"' in done.stdout
    checkpoint = folder / "results" / "mobilenetv2.ckpt"
    assert read_checkpoint(checkpoint)["head.1.weight"].shape == (26, inputs)

    # The file that is handed in, changed as the note says, loads what was trained.
    main = (STUDENT / "main.py").read_text(encoding="utf-8")
    main = main.replace('REDUCTION = "mean"', f'REDUCTION = "{reduction}"')
    (folder / "main.py").write_text(main, encoding="utf-8")
    done = python.run(Program(("main.py", "two/val/00_01/00000.jpg"), folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(" ", 1)[1].strip() in {"Hats", "Newspaper"}


@pytest.mark.mindspore
def test_folders_that_are_missing_do_not_shift_the_labels(run: Run) -> None:
    import numpy as np

    labels = np.load(run[0] / "results" / "garbage_26x100_features" / "label_0.npy")
    assert sorted(labels) == [1, 1, 1, 2, 2, 2], "of 26 classes, two have images here"


@pytest.mark.mindspore
def test_the_same_seed_gives_the_same_bytes_and_the_features_are_computed_once(
    python: ReadyPython, run: Run, photos: Path, lively_weights: Path, tmp_path: Path
) -> None:
    folder = prepared(tmp_path / "lab", photos, lively_weights, *HARDER)
    subprocess.run(
        [sys.executable, "train_main.py", "--dataset_path", "two"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    names = [f"results/ckpt_mobilenetv2/{name}" for name in FILES]
    assert [(folder / name).read_bytes() for name in names] == [
        (run[0] / name).read_bytes() for name in names
    ]
    # Without the second stage, whose checkpoints stay as they are.
    program = folder / "train_main.py"
    program.write_text(program.read_text(encoding="utf-8").replace("epochs_all=1,", "epochs_all=0,"), "utf-8")
    again = train(python, folder)
    assert "Complete the batch" not in again.stdout
    assert "1 batches are there already" in again.stdout
    assert [(folder / name).read_bytes() for name in names] == [
        (run[0] / name).read_bytes() for name in names
    ]


def _other_image(folder: Path) -> None:
    shutil.copy(folder / "two/train/00_01/00000.jpg", folder / "two/train/00_02/00000.jpg")


def _other_weights(folder: Path) -> None:
    import numpy as np

    from reference.weights import read_checkpoint, write_checkpoint

    path = folder / "pretrained" / "mobilenetv2.ckpt"
    arrays = {name: np.array(array) for name, array in read_checkpoint(path).items()}
    arrays["features.18.features.1.beta"] += 0.5
    path.unlink()
    write_checkpoint(arrays, path)


def _other_setting(before: str, after: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        program = folder / "train_main.py"
        program.write_text(program.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")

    return edit


@pytest.mark.mindspore
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_other_image, id="image"),
        pytest.param(_other_weights, id="weights"),
        pytest.param(_other_setting("repeat=1,", "repeat=2,"), id="repeat"),
        pytest.param(_other_setting("batch_size=24,", "batch_size=3,"), id="batch_size"),
        pytest.param(_other_setting('reduction="mean"', 'reduction="max"'), id="reduction"),
        pytest.param(_other_setting("image_height=224,", "image_height=192,"), id="image_height"),
        pytest.param(_other_setting("seed=1,", "seed=2,"), id="seed"),
    ],
)
def test_features_of_another_state_are_not_taken(
    photos: Path, lively_weights: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    import numpy as np
    from src_mindspore.files import FeatureFiles

    folder = prepared(tmp_path / "lab", photos, lively_weights)

    def files() -> FeatureFiles:
        return FeatureFiles(
            folder / "features", _Settings(folder), folder / "pretrained" / "mobilenetv2.ckpt"
        )

    made = files()
    made.begin()
    made.write(np.zeros((6, 4), np.float32), np.zeros(6, np.int32))
    assert not files().are_current(), "an extraction that was stopped"
    made.end()
    assert files().are_current()
    change(folder)
    assert not files().are_current()


class _Settings:
    """The template's settings that decide the features."""

    def __init__(self, folder: Path) -> None:
        self.dataset_path = folder / "two"
        text = (folder / "train_main.py").read_text(encoding="utf-8")
        for name in ("batch_size", "repeat", "image_height", "image_width", "reduction", "seed"):
            value = re.search(rf"^    {name}=([^,]+),", text, re.MULTILINE)
            assert value is not None
            setattr(self, name, ast.literal_eval(value[1]))


def test_beginning_anew_takes_away_features_and_nothing_of_the_user_s(photos: Path, tmp_path: Path) -> None:
    from src_mindspore.files import KEY, FeatureFiles

    class Config:
        dataset_path = photos

    (tmp_path / "checkpoint").touch()
    for name in ("feature_0.npy", "label_0.npy", KEY, "notes.txt", "features.npy"):
        (tmp_path / name).touch()
    FeatureFiles(tmp_path, Config, tmp_path / "checkpoint").begin()
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint", "notes.txt", "features.npy"}


# -- the device ----------------------------------------------------------------------------------------------


@pytest.mark.mindspore
def test_without_a_gpu_the_cpu_computes(run: Run) -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("there is a GPU here")
    assert run[1].stdout.splitlines()[0] == "Executing with CPU."


@pytest.mark.mindspore
def test_a_mindspore_that_cannot_use_the_gpu_says_so_and_computes_on_the_cpu(
    python: ReadyPython, photos: Path, lively_weights: Path, tmp_path: Path
) -> None:
    folder = prepared(tmp_path / "lab", photos, lively_weights, ("epochs=4,", "epochs=1,"))
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "nvidia-smi"
    command.write_text("#!/bin/sh\n", encoding="utf-8")
    command.chmod(0o755)
    arguments = ("train_main.py", "--dataset_path", "two")
    done = python.run(Program(arguments, folder, {"PATH": str(tmp_path / "bin")}))
    assert done.returncode == 0, done.stderr
    if "Executing with GPU." in done.stdout:
        pytest.skip("MindSpore can use a GPU here")
    assert done.stdout.splitlines()[:2] == [
        "note: this MindSpore cannot use the GPU 当前安装的 MindSpore 不支持 GPU", "Executing with CPU.",
    ]  # fmt: skip


@pytest.mark.mindspore
def test_with_a_gpu_the_gpu_computes(run: Run) -> None:
    if not shutil.which("nvidia-smi"):
        pytest.skip("no GPU here: that the template trains on one was not tried")
    if "cannot use the GPU" in run[1].stdout:
        pytest.skip(
            "this build of MindSpore cannot use the GPU: that the template trains on one was not tried"
        )
    assert run[1].stdout.splitlines()[0] == "Executing with GPU."
    assert "training is ok!!!" in run[1].stdout
