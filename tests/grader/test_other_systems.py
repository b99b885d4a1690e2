"""A student's own check on Windows and macOS, played on Linux: what they have not is not there (other_system.py)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.model.assignment import load_assignment
from grader.sandbox import Namespaces
from grader.split import open_split
from grader.system import HAS_NAMESPACES
from tests.grader.conftest import ORACLE
from tests.grader.gradings import report_of
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
OTHER_SYSTEM = ROOT / "tests" / "other_system.py"
played = pytest.mark.skipif(not HAS_NAMESPACES, reason="other systems are played on Linux")
SYSTEMS = pytest.mark.parametrize(("system", "encoding"), [("windows", "cp936"), ("macos", "cp1252")])
TOTAL = 12


def run_on(system, *arguments, encoding="utf-8", program=("-m", "grader")):
    """Run a program on another system; what it prints is decoded as it was written."""
    return subprocess.run(
        [sys.executable, str(OTHER_SYSTEM), system, *program, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'student'}", "PYTHONIOENCODING": encoding},
        capture_output=True,
        encoding=encoding,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_a_self_check_works_on_this_very_system(write_submission, split_folder, tmp_path):
    arguments = ["--self-check", "--split", split_folder, "--out", tmp_path / "报告", "--lang", "zh"]
    done = subprocess.run(
        [sys.executable, "-m", "grader", write_submission(name="张 三"), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "报告" / "report.json").read_text(encoding="utf-8"))
    assert (told["verdict"], told["score"]["correct"], told["submission"]["name"]) == (
        "GRADED",
        TOTAL,
        "张 三",
    )


@played
@SYSTEMS
def test_a_self_check_gives_gives_the_sandboxes_report_but_for_what_it_says_of_isolation(
    system, encoding, write_submission, split_folder, tmp_path
):
    folder = write_submission(ORACLE.replace("// 80", "// 120"))
    done = run_on(
        system, folder, "--self-check", "--split", split_folder, "--out", tmp_path / "out", "--lang", "zh", encoding=encoding
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    rules = load_assignment(None)
    report = report_of(
        folder, open_split(split_folder, rules.classes), rules, self_check=True, isolation=Namespaces()
    )
    inside = report.model_dump(mode="json")
    for part in ("verdict", "score", "per_class", "confusion", "submission", "split", "identity"):
        assert told[part] == inside[part], part
    findings = [[finding["code"] for finding in each["findings"]] for each in (told, inside)]
    assert findings[0].pop(findings[0].index("no-isolation")) and findings[0] == findings[1]
    assert told["isolation"]["rung"] == "child"
    assert (tmp_path / "out" / "instructor" / "answers.json").is_file()
    if encoding == "cp936":  # the other has no Chinese
        assert "本次自测没有沙箱" in done.stdout


@played
@SYSTEMS
def test_official_grading_says_in_one_line_that_it_needs_linux(system, encoding, write_submission, tmp_path):
    name = {"windows": "Windows", "macos": "macOS"}[system]
    done = run_on(system, write_submission(), "--out", tmp_path / "out", "--skip-canary", "--quiet")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"grader: official grading needs Linux, for the sandbox, and this is {name}; use --self-check here\n"
    )
    batch = run_on(system, "batch", write_submission(name="class/3210104593").parent, "--out", tmp_path / "class", "--lang", "zh")  # fmt: skip
    assert batch.returncode == 3
    assert batch.stderr.splitlines()[-1] == (
        f"grader: 正式评测需要 Linux（用于沙箱），本机是 {name}；在本机请用 --self-check 自测"
    )


@played
def test_every_command_loads_and_the_doctor_says_what_works(write_submission):
    done = run_on("windows", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    told = run_on("windows", "doctor", "--json")
    assert told.returncode == 1
    found = json.loads(told.stdout)
    assert (found["rung"], found["is_top"], found["probes"][0]["state"]) == ("child", False, "problem")
    assert "this is Windows" in found["probes"][0]["found"]


@played
def test_an_error_is_told_by_the_file_that_the_student_knows(write_submission, split_folder, tmp_path):
    folder = write_submission("from pathlib import Path\nopen(Path(__file__).parent / 'net.ckpt')")
    arguments = (folder, "--self-check", "--split", split_folder, "--out", tmp_path / "out", "--no-diagnosis")
    done = run_on("windows", *arguments, "--quiet")
    assert done.returncode == 1, done.stderr
    told = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert "missing-file" in [finding["code"] for finding in told["findings"]]
    assert str(tmp_path) not in json.dumps(told["findings"])


NETWORK = """
import numpy as np
import cv2
from src_mindspore import interrupts
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2
from src_mindspore.transforms import evaluation_transform
from mindspore import Tensor, nn, set_seed

set_seed(0)
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
backbone = MobileNetV2Backbone()
network = mobilenet_v2(backbone, MobileNetV2Head(backbone.out_channels, num_classes=3)).set_train(False)
head = nn.Dense(4, 3)
optimizer = nn.Momentum(head.trainable_params(), 0.1, 0.9)
step = nn.TrainOneStepCell(nn.WithLossCell(head, nn.CrossEntropyLoss()), optimizer)
for _ in interrupts.stoppable(range(2)):
    step(Tensor(np.ones((2, 4), np.float32)), Tensor(np.array([0, 1], np.int32)))
print("trained")

def predict(image):
    scores = network(Tensor(evaluation_transform(image)[None])).asnumpy()
    return NAMES[int(scores.argmax())]
"""


@played
@pytest.mark.mindspore
def test_a_network_of_the_course_library_trains_and_is_accelerated_and_diagnosed_on_windows(
    write_submission, tmp_path
):
    arguments = ("--self-check", "--out", tmp_path / "out", "--quiet")
    done = run_on("windows", write_submission(NETWORK), *arguments)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    answers = json.loads((tmp_path / "out" / "instructor" / "answers.json").read_text(encoding="utf-8"))
    assert set(told["engine"]["frameworks"]) == {"mindspore", "onnxruntime"}
    assert told["score"]["unanswered"] == 0
    assert "trained" in answers["output"]
    assert told["network_input"] is not None
