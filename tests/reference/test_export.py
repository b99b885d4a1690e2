"""`python -m reference.export` and its files, as their users load them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from reference import exporting
from reference.errors import ExportError
from reference.exporting import FORMATS, TOLERANCE, file_name
from reference.exporting.classifier import Pooling, classifier_from, drawn_images
from reference.weights import write_checkpoint
from tests.patience import PATIENCE_SECONDS
from tests.ready_python import Program, ReadyPython
from tests.reference.drawn_shapes import draw_set, untrained_backbone

pytestmark = pytest.mark.mindspore

RNG = np.random.default_rng(0)
HEAD = {
    "head.1.weight": RNG.normal(0, 0.05, (3, 1280)).astype(np.float32),
    "head.1.bias": np.array([0.1, -0.2, 0.3], np.float32),
}
STATE = {**untrained_backbone(), **HEAD}
NAMES = ["disc", "square", "triangle"]
FILES = {file_name(name) for name in FORMATS}


def command(checkpoint: Path, out: Path, *more: object) -> list[str]:
    return ["-m", "reference.export", *map(str, ["--checkpoint", checkpoint, "--out", out, *more])]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as a run leaves it, with the run's configuration beside it."""
    folder = tmp_path_factory.mktemp("run")
    write_checkpoint(STATE, folder / "mobilenetv2-best.ckpt")
    classes = {"classes": dict(zip("abc", NAMES, strict=True))}
    (folder / "config.json").write_text(json.dumps(classes), encoding="utf-8")
    return folder / "mobilenetv2-best.ckpt"


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all formats, written by the command of a Python that was started."""
    root = tmp_path_factory.mktemp("export")
    photos = draw_set(root / "photos", {"val": 4})
    out = root / "导出 results"
    done = subprocess.run(
        [sys.executable, *command(checkpoint, out, "--images", photos)],
        umask=0o022, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:3]] == [
        str(out / file_name(name)) for name in FORMATS
    ]
    assert done.stdout.splitlines()[-1].endswith(f"on 12 images of {photos}")
    return out


@pytest.fixture(scope="module")
def live() -> tuple[np.ndarray, np.ndarray]:
    """Three images, and the logits of a network that was built by hand and is computed by MindSpore alone."""
    from mindspore import Parameter, Tensor, load_param_into_net, nn
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

    network = mobilenet_v2(MobileNetV2Backbone(), MobileNetV2Head(1280, 3))
    load_param_into_net(network, {name: Parameter(Tensor(value)) for name, value in STATE.items()})
    images = next(drawn_images().batches())[:3]
    network.set_train(False)
    # The base class's call is MindSpore's, accelerated or not.
    return images, network.head(nn.Cell.__call__(network.backbone, Tensor(images))).asnumpy()


def run_mindir(path: Path, images: np.ndarray) -> np.ndarray:
    import mindspore as ms

    return ms.nn.GraphCell(ms.load(str(path)))(ms.Tensor(images)).asnumpy()


def test_the_files_are_there_alone_and_for_everybody_to_read(exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} == FILES
    assert {path.stat().st_mode & 0o777 for path in exported.iterdir()} == {0o644}


def test_the_mindir_file_answers_as_the_network_does(
    exported: Path, live: tuple[np.ndarray, np.ndarray]
) -> None:
    images, expected = live
    for count in (1, 3):
        logits = run_mindir(exported / "mobilenetv2.mindir", images[:count])
        np.testing.assert_allclose(logits, expected[:count], atol=TOLERANCE)


def test_the_onnx_file_answers_as_the_network_does_and_knows_the_runs_classes(
    exported: Path, live: tuple[np.ndarray, np.ndarray]
) -> None:
    import onnxruntime

    images, expected = live
    session = onnxruntime.InferenceSession(exported / "mobilenetv2.onnx")
    np.testing.assert_allclose(session.run(None, {"images": images})[0], expected, atol=TOLERANCE)
    assert json.loads(session.get_modelmeta().custom_metadata_map["class_names"]) == NAMES


def test_mindspore_loads_the_safetensors_file_and_finds_a_changed_byte(
    exported: Path, tmp_path: Path
) -> None:
    import mindspore as ms

    path = exported / "mobilenetv2.safetensors"
    loaded = ms.load_checkpoint(str(path), format="safetensors", crc_check=True)
    assert loaded.keys() == STATE.keys()
    assert all(np.array_equal(loaded[name].asnumpy(), STATE[name]) for name in STATE)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    (tmp_path / "changed.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="crc"):
        ms.load_checkpoint(str(tmp_path / "changed.safetensors"), format="safetensors", crc_check=True)


def test_a_network_left_in_training_mode_is_exported_as_it_answers(
    tmp_path: Path, live: tuple[np.ndarray, np.ndarray]
) -> None:
    import mindspore as ms

    from reference.exporting.classifier import read_classifier
    from reference.exporting.files import build_network, export_network

    network = build_network(classifier_from(STATE)).set_train(True)
    with pytest.raises(ValueError, match="training mode"):
        export_network(network, tmp_path / "refused.mindir")
    network.set_train(False)
    network.backbone.features[0].set_train(True)  # a part is enough
    with pytest.raises(ValueError, match="training mode"):
        export_network(network, tmp_path / "refused.mindir")

    images, expected = live
    network.set_train(True)
    # What this is about: MindSpore exports such a network without a word, and goes on doing so.
    for name in ("training", "later"):
        ms.export(
            network, ms.Tensor(images[:1]), file_name=str(tmp_path / f"{name}.mindir"), file_format="MINDIR"
        )
        assert np.abs(run_mindir(tmp_path / f"{name}.mindir", images) - expected).max() > 100 * TOLERANCE
        network.set_train(False)
    network.set_train(True)
    ms.save_checkpoint(network, str(tmp_path / "left.ckpt"))
    (done,) = exporting.export(read_classifier(tmp_path / "left.ckpt"), tmp_path, ["mindir"], drawn_images())
    np.testing.assert_allclose(run_mindir(done.path, images), expected, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("pooling", "inputs", "formats"),
    [("mean", 1280, ["onnx"]), ("max", 1280, FORMATS), (None, 1280 * 49, ["onnx"])],
)
def test_students_heads_are_exported_too(
    tmp_path: Path, pooling: Pooling | None, inputs: int, formats: list[str]
) -> None:
    weight = RNG.normal(0, 0.01, (3, inputs)).astype(np.float32)
    classifier = classifier_from({**untrained_backbone(), "dense.weight": weight}, pooling, "Softmax")
    done = exporting.export(classifier, tmp_path, formats, drawn_images())
    assert [file.path.name for file in done] == [file_name(name) for name in formats]
    assert all(file.difference <= TOLERANCE for file in done)


def test_the_comparison_is_with_mindspore_alone(live: tuple[np.ndarray, np.ndarray]) -> None:
    from reference.exporting.files import build_network, predictor

    images, expected = live
    network = build_network(classifier_from(STATE))
    assert np.array_equal(predictor(network)(images), expected), "the engine's answer has other last bits"
    assert "SRC_MINDSPORE_ENGINE" not in os.environ


def test_a_file_that_disagrees_does_not_appear_and_replaces_nothing(tmp_path: Path) -> None:
    # Logits in the hundred thousands: float32 itself is coarser than the tolerance.
    coarse = {**STATE, "head.1.weight": STATE["head.1.weight"] * np.float32(1e6)}
    (tmp_path / "mobilenetv2.onnx").write_text("mine", encoding="utf-8")
    with pytest.raises(ExportError, match=r"mobilenetv2\.onnx: differs .* nothing was written"):
        exporting.export(classifier_from(coarse), tmp_path, ["safetensors", "onnx"], drawn_images())
    assert [path.name for path in tmp_path.iterdir()] == ["mobilenetv2.onnx"]
    assert (tmp_path / "mobilenetv2.onnx").read_text(encoding="utf-8") == "mine"


def test_a_full_disk_leaves_what_was_there(
    checkpoint: Path, ready_python: ReadyPython, tmp_path: Path
) -> None:
    (tmp_path / "mobilenetv2.mindir").write_text("mine", encoding="utf-8")
    program = Program(command(checkpoint, tmp_path, "--overwrite"), limits={"RLIMIT_FSIZE": 1 << 20})
    done = ready_python.run(program)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: {tmp_path}: the files could not be written: File too large; none appeared"
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["mobilenetv2.mindir"]
    assert (tmp_path / "mobilenetv2.mindir").read_text(encoding="utf-8") == "mine"


def test_what_has_appeared_before_a_failure_is_said(tmp_path: Path) -> None:
    (tmp_path / "mobilenetv2.onnx").mkdir()  # nothing can be put in its place
    with pytest.raises(
        ExportError, match=r"could not be written: .*; only mobilenetv2\.safetensors appeared$"
    ):
        exporting.export(classifier_from(STATE), tmp_path, ["safetensors", "onnx"], drawn_images())
    assert {path.name for path in tmp_path.iterdir()} == {"mobilenetv2.safetensors", "mobilenetv2.onnx"}
    assert (tmp_path / "mobilenetv2.safetensors").is_file()


def test_ctrl_c_ends_with_one_line_and_130_and_leaves_nothing(
    checkpoint: Path, ready_python: ReadyPython, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = ready_python.start(Program(command(checkpoint, out)))
    while not any(out.glob(".export-*")):  # now it compiles
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, errors.splitlines()) == (130, ["interrupted"])
    assert list(out.iterdir()) == []


def test_a_folder_that_may_not_be_written_is_refused(
    checkpoint: Path, ready_python: ReadyPython, tmp_path: Path
) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o555)
    done = ready_python.run(Program(command(checkpoint, tmp_path)))
    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"error: {tmp_path}: no permission to write there"]
