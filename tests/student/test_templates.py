import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.mindspore

STUDENT = Path(__file__).parents[2] / "student"


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": "", "XDG_CACHE_HOME": str(folder / "no-cache")}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, text=True, capture_output=True
    )


@pytest.fixture
def handout(tmp_path: Path) -> Path:
    """What a student receives, and nothing else."""
    folder = tmp_path / "提交"
    folder.mkdir()
    for name in ("main.py", "train_main.py"):
        shutil.copy(STUDENT / name, folder)
    shutil.copytree(STUDENT / "src_mindspore", folder / "src_mindspore")
    return folder


def test_without_pretrained_weights_one_line_says_what_makes_them(handout: Path) -> None:
    done = run(handout, "train_main.py")
    assert done.returncode == 1
    assert "python -m reference.pretrained --out student/pretrained/mobilenetv2.ckpt" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_handout_trains_and_predicts_as_it_is(handout: Path, photos: Path, tmp_path: Path) -> None:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone

    pretrained = tmp_path / "random.ckpt"
    ms.save_checkpoint(MobileNetV2Backbone(), str(pretrained))

    # Twice: the second run must be able to overwrite what the first has saved.
    for _ in range(2):
        done = run(handout, "train_main.py", "--dataset_path", str(photos), "--pretrained", str(pretrained))
        assert done.returncode == 0, done.stderr
        assert "validation accuracy" in done.stdout
    names = list(ms.load_checkpoint(str(handout / "results" / "mobilenetv2.ckpt")))
    assert len(names) == 262
    assert "features.0.features.0.weight" in names
    assert "head.1.weight" in names

    photo = next((photos / "val" / "00_04").iterdir())
    done = run(handout, "main.py", str(photo))
    assert done.returncode == 0, done.stderr
    name, answer = done.stdout.strip().split(" ", maxsplit=1)
    assert name == str(photo)
    assert answer in (handout / "main.py").read_text(encoding="utf-8")
    assert "WARNING" not in done.stdout + done.stderr


def test_a_checkpoint_under_other_names_is_refused(handout: Path) -> None:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone

    (handout / "results").mkdir()
    ms.save_checkpoint(MobileNetV2Backbone(), str(handout / "results" / "mobilenetv2.ckpt"))
    done = run(handout, "main.py")
    assert done.returncode != 0
    assert "no values for ['head.1.weight', 'head.1.bias']" in done.stderr


def test_a_folder_that_is_missing_is_one_line(handout: Path, tmp_path: Path) -> None:
    done = run(handout, "train_main.py", "--dataset_path", "nothing", "--pretrained", str(tmp_path))
    assert done.returncode == 1
    assert "nothing: no such folder" in done.stderr
    assert "Traceback" not in done.stderr
