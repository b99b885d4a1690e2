"""The program that runs a checkpoint inside the sandbox, and the choice made of what it answers."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from grader.diagnosis.views import READOUTS, STANDARD, View, all_views
from grader.diagnosis.whitebox import PROGRAM, Request
from src_mindspore.engine.session import FeatureExtractor
from src_mindspore.transforms import evaluation_transform

from reference.weights import backbone_shapes, write_checkpoint

CLASSES = 5
PICTURE = np.random.default_rng(0).integers(0, 256, (40, 70, 3), np.uint8)
ASK = """
import sys, numpy
sys.path.insert(0, sys.argv[1])
import main
print(main.predict(numpy.load(sys.argv[2])))
"""


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(1)
    arrays = {
        name: (
            rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
            if len(shape) > 1
            else rng.uniform(0.8, 1.2, shape)
        ).astype(np.float32)
        for name, shape in backbone_shapes().items()
    }
    return {
        **arrays,
        "head.1.weight": rng.normal(0, 1, (CLASSES, 1280)).astype(np.float32),
        "head.1.bias": rng.normal(0, 1, CLASSES).astype(np.float32),
    }


def ask(folder, files, views=(STANDARD,), channel_order="bgr"):
    """Run the program as the worker would, and return (files of each network, (views, readouts))."""
    folder.mkdir(exist_ok=True)
    (folder / "main.py").write_bytes(PROGRAM.read_bytes())
    for number, arrays in enumerate(files):
        if isinstance(arrays, bytes):
            (folder / f"{number}.ckpt").write_bytes(arrays)
        else:
            write_checkpoint(arrays, folder / f"{number}.ckpt")
    settings = Request((*views,), len(files), CLASSES, with_others=True).settings(channel_order)
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    np.save(folder / "picture.npy", PICTURE)
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(folder), str(folder / "picture.npy")],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    head, _, body = done.stdout.strip().partition("|")
    return head, np.array(body.split(), int).reshape(-1, len(READOUTS))


def logits_of(network, picture):
    features = FeatureExtractor(network)(evaluation_transform(picture)[np.newaxis])[0]
    return features @ network["head.1.weight"].T + network["head.1.bias"]


def test_the_labs_own_view_is_the_course_librarys(network, tmp_path):
    expected = logits_of(network, PICTURE)
    files, answers = ask(tmp_path, [network])
    assert (files, answers[0, 0], answers[0, 2]) == ("0", expected.argmax(), expected.argmin())
    assert answers[0, 3] == expected.argsort()[-2]


def test_bgr_is_the_picture_with_its_channels_reversed(network, tmp_path):
    expected = logits_of(network, PICTURE[:, :, ::-1]).argmax()
    assert ask(tmp_path / "a", [network], [View(colour="bgr")])[1][0, 0] == expected
    assert ask(tmp_path / "b", [network], channel_order="rgb")[1][0, 0] == expected


def test_every_view_can_be_computed(network, tmp_path):
    views = [*all_views()]
    _, answers = ask(tmp_path, [network], views)
    assert len(answers) == len(views)
    assert ((answers >= -1) & (answers < CLASSES)).all()


def test_names_may_carry_a_prefix_and_backbone_and_head_two_files(network, tmp_path):
    expected = ask(tmp_path / "a", [network])[1]
    prefixed = {f"net.{name}": array for name, array in network.items()}
    assert (ask(tmp_path / "b", [prefixed])[1] == expected).all()
    backbone = {name: array for name, array in network.items() if name.startswith("features.")}
    head = {"dense.weight": network["head.1.weight"], "dense.bias": network["head.1.bias"]}
    files, answers = ask(tmp_path / "c", [head, backbone])
    assert (files, answers.tolist()) == ("0,1", expected.tolist())


def test_a_second_network_is_asked_in_the_labs_own_view(network, tmp_path):
    other = {**network, "head.1.weight": -network["head.1.weight"], "head.1.bias": -network["head.1.bias"]}
    files, answers = ask(tmp_path, [network, b"no checkpoint", other], [STANDARD, View(colour="bgr")])
    assert files == "0;2"
    assert len(answers) == 3
    assert answers[2, 0] == answers[0, 2]


def test_nan_is_no_answer(network, tmp_path):
    broken = {**network, "head.1.weight": np.full_like(network["head.1.weight"], np.nan)}
    assert (ask(tmp_path, [broken])[1] == -1).all()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\x0a\x03abc"])
def test_a_file_that_is_no_network_ends_the_program_with_an_error(content, tmp_path):
    assert "Error" in ask(tmp_path, [content])


@pytest.mark.mindspore
def test_training_mode_is_mindspores(network, tmp_path):
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone

    parts = {name: array for name, array in network.items() if name.startswith("features.")}
    backbone = MobileNetV2Backbone()
    ms.load_param_into_net(backbone, {name: ms.Parameter(array) for name, array in parts.items()})
    backbone.set_train(True)
    features = backbone(ms.Tensor(evaluation_transform(PICTURE)[np.newaxis])).asnumpy().mean(axis=(2, 3))[0]
    expected = features @ network["head.1.weight"].T + network["head.1.bias"]
    _, answers = ask(tmp_path, [network], [View(weights="training")])
    assert (answers[0, 0], answers[0, 2]) == (expected.argmax(), expected.argmin())


def test_the_program_lies_where_the_package_says():
    pyproject = Path(__file__).parents[3] / "pyproject.toml"
    assert '"grader.diagnosis" = ["inside/main.py", "inside/recorder/*.py"]' in pyproject.read_text(
        encoding="utf-8"
    )
