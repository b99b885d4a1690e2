import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.ready_python import Program, ReadyPython

pytestmark = pytest.mark.mindspore

STUDENT = Path(__file__).parents[2] / "student"


def environment_of(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": "", "XDG_CACHE_HOME": str(folder / "no-cache")}


def start(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment_of(folder), text=True, capture_output=True
    )


def run(
    python: ReadyPython, folder: Path, *command: str, limits: Mapping[str, int] | None = None
) -> "subprocess.CompletedProcess[str]":
    return python.run(Program(command, folder, environment_of(folder), limits or {}))


def test_without_pretrained_weights_one_line_names_what_was_handed_out(
    python: ReadyPython, handout: Path, random_weights: Path
) -> None:
    # What lies in a cache at home is not what a student has: it must not make up for it.
    cached = handout / "no-cache" / "lab-grader" / "mobilenetv2_imagenet.ckpt"
    cached.parent.mkdir(parents=True)
    shutil.copy(random_weights, cached)
    done = run(python, handout, "train_main.py")
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: {handout / 'pretrained' / 'mobilenetv2.ckpt'}: not there; copy the"
    )
    assert "reference" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_handout_trains_and_predicts_as_it_is(
    python: ReadyPython, handout: Path, photos: Path, random_weights: Path
) -> None:
    import mindspore as ms

    # Twice: the second run must be able to overwrite what the first has saved.
    for again in (False, True):
        command = ("train_main.py", "--dataset_path", str(photos), "--pretrained", str(random_weights))
        done = run(python, handout, *command) if again else start(handout, *command)
        assert done.returncode == 0, done.stderr
        assert "validation accuracy" in done.stdout
        assert "\r" not in done.stdout, "a progress line does not belong in a log"
        assert "note:" not in done.stdout
    names = list(ms.load_checkpoint(str(handout / "results" / "mobilenetv2.ckpt")))
    assert len(names) == 262
    assert "features.0.features.0.weight" in names
    assert "head.1.weight" in names

    photo = next((photos / "val" / "00_04").iterdir())
    done = start(handout, "main.py", str(photo))
    assert done.returncode == 0, done.stderr
    name, answer = done.stdout.strip().split(" ", maxsplit=1)
    assert name == str(photo)
    assert answer in (handout / "main.py").read_text(encoding="utf-8")
    assert "WARNING" not in done.stdout + done.stderr

    # What goes wrong when it is tried by hand.
    usage = run(python, handout, "main.py")
    assert (usage.returncode, usage.stderr) == (1, "usage 用法：python main.py photo.jpg ...\n")
    for bad in ("nope.jpg", "main.py"):
        done = run(python, handout, "main.py", bad)
        assert done.returncode == 1
        assert done.stderr == f"error: {bad}: no such file, or not an image 文件不存在或不是图像\n"

    # A comma is missing, and Python joins two names.
    text = (handout / "main.py").read_text(encoding="utf-8")
    (handout / "main.py").write_text(text.replace('"Hats", ', '"Hats" '), encoding="utf-8")
    done = run(python, handout, "main.py", str(photo))
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "ValueError: CLASSES has 25 names, the checkpoint 26 outputs: is a comma missing" in last
    assert "类别数与检查点不一致" in last


@pytest.fixture
def flowers(photos: Path, tmp_path: Path) -> Path:
    """A data set of two other classes."""
    root = tmp_path / "flowers"
    for split in ("train", "val"):
        for name, folder in (("daisy", "00_01"), ("tulips", "00_02")):
            shutil.copytree(photos / split / folder, root / split / name)
    return root


def test_other_classes_than_garbage_bring_a_hint(
    python: ReadyPython, handout: Path, flowers: Path, random_weights: Path
) -> None:
    done = run(
        python, handout, "train_main.py", "--dataset_path", str(flowers), "--pretrained", str(random_weights)
    )
    assert done.returncode == 0, done.stderr
    hint = done.stdout.splitlines()[-1]
    assert hint.startswith("note: these are not the 26 kinds of garbage; change CLASSES in main.py")
    assert hint.endswith("daisy, tulips")


@pytest.mark.parametrize("size", [0, 300, None])
def test_a_broken_image_is_named_in_one_line(
    python: ReadyPython, handout: Path, flowers: Path, random_weights: Path, size: int | None
) -> None:
    broken = flowers / "train" / "tulips" / "00001.jpg"
    # Cut within the header, where MindSpore's decoder divides by zero.
    broken.write_bytes(b"no image" if size is None else broken.read_bytes()[:size])
    done = run(
        python, handout, "train_main.py", "--dataset_path", str(flowers), "--pretrained", str(random_weights)
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {broken}: not a readable image")
    assert "图像已损坏" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_image_that_mindspore_s_decoder_cannot_read_is_learned_and_what_is_no_image_is_told(
    python: ReadyPython, handout: Path, flowers: Path, random_weights: Path
) -> None:
    import cv2

    webp = flowers / "train" / "tulips" / "00001.jpg"  # as downloads often are
    webp.write_bytes(cv2.imencode(".webp", cv2.imread(str(webp)))[1].tobytes())
    (flowers / "train" / "__MACOSX").mkdir()
    (flowers / "train" / "tulips" / "._00001.jpg").write_bytes(b"Mac OS X")
    done = run(
        python, handout, "train_main.py", "--dataset_path", str(flowers), "--pretrained", str(random_weights)
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        f"note: {flowers / 'train'}: passed over 已略过：2 left by a system 系统文件"
        " (__MACOSX, tulips/._00001.jpg)\n"
    )
    assert done.stdout.splitlines()[-1].endswith("daisy, tulips")


def test_ctrl_c_ends_training_with_one_line_and_130(
    handout: Path, flowers: Path, random_weights: Path
) -> None:
    program = handout / "train_main.py"
    text = program.read_text(encoding="utf-8")
    program.write_text(text.replace("epochs=4,", "epochs=10**6,"), encoding="utf-8")
    process = subprocess.Popen(
        [
            sys.executable,
            "-u",
            str(program),
            "--dataset_path",
            str(flowers),
            "--pretrained",
            str(random_weights),
        ],
        cwd=handout,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch: 3,"):
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert errors.strip().startswith(
        "stopped; ./results/mobilenetv2.ckpt is as it was, the epochs so far are in"
    )
    assert errors.count("\n") == 2
    assert not (handout / "results" / "mobilenetv2.ckpt").exists()
    assert (handout / "results" / "ckpt_mobilenetv2" / "mobilenetv2-2.ckpt").is_file()


def test_a_checkpoint_that_cannot_be_saved_is_one_line_and_the_earlier_one_stays(
    python: ReadyPython, handout: Path, flowers: Path, random_weights: Path
) -> None:
    results = handout / "results"
    command = ("train_main.py", "--dataset_path", str(flowers), "--pretrained", str(random_weights))
    results.mkdir()
    (results / "mobilenetv2.ckpt").write_text("the earlier one", encoding="utf-8")
    # As on a full disk, in the middle of the file.
    done = run(python, handout, *command, limits={"RLIMIT_FSIZE": 1 << 20})
    assert done.returncode == 1
    line = f"error: {results / 'ckpt_mobilenetv2' / 'mobilenetv2-best.ckpt'}: cannot be saved 无法保存"
    assert done.stderr.splitlines()[-1] == f"{line}：File too large"
    assert "Traceback" not in done.stderr
    assert not list((results / "ckpt_mobilenetv2").iterdir()), "nothing that is not whole"
    assert (results / "mobilenetv2.ckpt").read_text(encoding="utf-8") == "the earlier one"

    shutil.rmtree(results)
    results.write_text("no folder", encoding="utf-8")
    done = run(python, handout, *command)
    assert done.returncode == 1
    features = results / "garbage_26x100_features"
    assert done.stderr.splitlines()[-1].startswith(f"error: {features}: cannot be saved 无法保存")
    assert "Traceback" not in done.stderr


def test_a_checkpoint_under_other_names_is_refused(python: ReadyPython, handout: Path) -> None:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone

    (handout / "results").mkdir()
    ms.save_checkpoint(MobileNetV2Backbone(), str(handout / "results" / "mobilenetv2.ckpt"))
    done = run(python, handout, "main.py")
    assert done.returncode != 0
    assert "no values for ['head.1.weight', 'head.1.bias']" in done.stderr


def test_a_folder_that_is_missing_is_one_line(python: ReadyPython, handout: Path, tmp_path: Path) -> None:
    done = run(python, handout, "train_main.py", "--dataset_path", "nothing", "--pretrained", str(tmp_path))
    assert done.returncode == 1
    assert "nothing: no such folder" in done.stderr
    assert "没有这个文件夹" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_pytorch_one_line_says_what_is_needed(handout: Path) -> None:
    shutil.copy(STUDENT / "train_main_torch.py", handout)
    code = (
        "import runpy, sys; sys.modules['torch'] = None; sys.path.insert(0, '.');"
        " runpy.run_path('train_main_torch.py')"
    )
    done = start(handout, "-c", code)
    assert done.returncode == 1
    assert done.stderr.startswith("error: torch is not installed; this needs PyTorch (the CPU build will do)")
    assert done.stderr.count("\n") == 1
