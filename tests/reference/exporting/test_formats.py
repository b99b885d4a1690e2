"""What an export is made of, as far as it needs no MindSpore; and what the command refuses before it needs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from reference.errors import WeightsError
from reference.export import main
from reference.exporting.classifier import Classifier, classifier_from, drawn_images, largest_difference
from reference.exporting.formats import onnx_model, write_onnx, write_safetensors
from reference.weights import write_checkpoint
from tests.reference.drawn_shapes import untrained_backbone

NAMES = ("disc", "方块", "triangle")
RNG = np.random.default_rng(0)
WEIGHT = RNG.normal(0, 0.05, (3, 1280)).astype(np.float32)
FLAT_WEIGHT = RNG.normal(0, 0.01, (3, 1280 * 49)).astype(np.float32)
BIAS = np.array([0.1, -0.2, 0.3], np.float32)
BACKBONE = untrained_backbone()
COURSE = {**BACKBONE, "head.1.weight": WEIGHT, "head.1.bias": BIAS}
STUDENT = {**BACKBONE, "dense.weight": WEIGHT}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return next(drawn_images().batches())[:3]


@pytest.fixture(scope="module")
def maps(images: np.ndarray) -> np.ndarray:
    """The backbone's own output for the images, (3, 1280, 7, 7)."""
    from src_mindspore.engine.session import FeatureExtractor

    return FeatureExtractor(BACKBONE, pooled=False)(images)


def without(state: dict[str, np.ndarray], *names: str) -> dict[str, np.ndarray]:
    return {name: array for name, array in state.items() if name not in names}


# -- which network a checkpoint holds ------------------------------------------------------------------------


def test_the_courses_head_is_known_and_optimizer_state_is_left_out() -> None:
    moments = {f"moments.{name}": array for name, array in COURSE.items()}
    rates = {"learning_rate": np.ones(5, np.float32), "global_step": np.ones(1, np.int32)}
    classifier = classifier_from({**COURSE, **moments, **rates}, class_names=NAMES)
    assert (classifier.layer, classifier.pooling, classifier.class_names) == ("head.1", "mean", NAMES)
    assert classifier.parameters().keys() == COURSE.keys()


@pytest.mark.parametrize(
    ("arrays", "numbers"),
    [
        (("moments.",), ("global_step", "learning_rate_group_0", "learning_rate_group_1", "momentum")),
        (("accum.", "stat."), ("global_step", "learning_rate", "momentum")),
        (("moment1.", "moment2.", "vhat."), ("beta1_power", "beta2_power", "global_step")),
        (("adam_m.", "adam_v."), ("global_step", "learning_rate")),
        (("mean_grad.", "mean_square.", "moment."), ("global_step", "learning_rate")),
        ((), ("scale_sense", "current_iterator_step", "last_overflow_iterator_step", "epoch_num")),
    ],
    ids=["Momentum", "SGD", "Adam", "AdamWeightDecay", "RMSProp", "loss scale"],
)
def test_what_mindspores_training_saves_beside_the_weights_is_left_out(
    arrays: tuple[str, ...], numbers: tuple[str, ...]
) -> None:
    state = {f"{prefix}{name}": array for prefix in arrays for name, array in STUDENT.items()}
    rest = {name: np.ones(1, np.float32) for name in numbers}
    classifier = classifier_from({**STUDENT, **state, **rest}, "mean")
    assert classifier.parameters().keys() == STUDENT.keys()


@pytest.mark.parametrize("name", ["attention.dense.weight", "linear.dense.weight", "learning_rate_group_x"])
def test_a_layer_whose_name_ends_as_a_weight_is_no_optimizer_state(name: str) -> None:
    with pytest.raises(WeightsError, match=f"no part of a MobileNetV2 with such a head: {name}"):
        classifier_from({**STUDENT, name: WEIGHT}, "mean")


def test_a_head_with_dropout_is_known_by_its_name() -> None:
    assert classifier_from({**BACKBONE, "head.2.weight": WEIGHT, "head.2.bias": BIAS}).has_course_head


def test_a_students_head_must_be_told_how_it_pools_unless_its_shape_shows_it() -> None:
    with pytest.raises(WeightsError, match="--reduction mean or --reduction max"):
        classifier_from(STUDENT)
    assert classifier_from(STUDENT, "max").pooling == "max"
    flat = classifier_from({**BACKBONE, "dense.weight": FLAT_WEIGHT})
    assert (flat.pooling, flat.bias) == ("none", None)


def test_the_courses_head_takes_the_mean_unless_told_or_shown_otherwise() -> None:
    assert classifier_from(COURSE).pooling == "mean"
    assert classifier_from(COURSE, "max").pooling == "max"
    assert classifier_from({**COURSE, "head.1.weight": FLAT_WEIGHT}).pooling == "none"


@pytest.mark.mindspore
@pytest.mark.parametrize(("pooling", "weight"), [("max", WEIGHT), ("none", FLAT_WEIGHT)])
def test_the_network_that_is_exported_pools_as_the_courses_head_was_told(
    images: np.ndarray, maps: np.ndarray, pooling: Any, weight: np.ndarray
) -> None:
    from reference.exporting.files import build_network, predictor

    classifier = classifier_from({**COURSE, "head.1.weight": weight}, pooling)
    flat = maps.max(axis=(2, 3)) if pooling == "max" else maps.reshape(3, -1)
    expected = flat @ weight.T + BIAS
    np.testing.assert_allclose(predictor(build_network(classifier))(images), expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(run_onnx(classifier, images), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (BACKBONE, "no whole network.*none of them"),
        ({**COURSE, "dense.weight": WEIGHT}, "more than one"),
        ({**COURSE, "head.3.weight": WEIGHT}, "no part of a MobileNetV2 with such a head: head.3.weight"),
        ({**COURSE, "scale": BIAS[:1]}, "no part of.*: scale"),
        (without(COURSE, "head.1.bias"), "no head.1.bias"),
        (without(COURSE, "features.3.conv.2.weight"), "1 of 260 parameters are missing"),
        ({**COURSE, "head.1.bias": BIAS[:2]}, r"wrong shape of head.1.bias \(2,\) instead of \(3,\)"),
        ({**COURSE, "head.1.weight": WEIGHT[:, :99]}, r"wrong shape of head.1.weight \(3, 99\)"),
        ({**COURSE, "head.1.weight": WEIGHT * np.nan}, "head.1.weight holds values that are not finite"),
        ({**COURSE, "features.0.features.0.weight": WEIGHT}, "wrong shape of features.0"),
    ],
)
def test_what_is_no_network_that_is_known_is_refused(state: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(WeightsError, match=said):
        classifier_from(state)


# -- ONNX ----------------------------------------------------------------------------------------------------


def run_onnx(classifier: Classifier, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(onnx_model(classifier).SerializeToString())
    return session.run(None, {"images": images})[0]


def test_onnx_computes_the_head_for_any_number_of_images(images: np.ndarray, maps: np.ndarray) -> None:
    expected = maps.mean(axis=(2, 3)) @ WEIGHT.T + BIAS
    for count in (1, 3):
        logits = run_onnx(classifier_from(COURSE), images[:count])
        np.testing.assert_allclose(logits, expected[:count], atol=1e-5)


def test_onnx_computes_students_heads(images: np.ndarray, maps: np.ndarray) -> None:
    maximum = run_onnx(classifier_from(STUDENT, "max"), images)
    np.testing.assert_allclose(maximum, maps.max(axis=(2, 3)) @ WEIGHT.T, rtol=1e-4, atol=1e-4)
    flat = run_onnx(classifier_from({**BACKBONE, "dense.weight": FLAT_WEIGHT}), images)
    np.testing.assert_allclose(flat, maps.reshape(3, -1) @ FLAT_WEIGHT.T, rtol=1e-4, atol=1e-4)


def test_onnx_gives_probabilities_if_asked(images: np.ndarray) -> None:
    probabilities = run_onnx(classifier_from(COURSE, activation="Softmax"), images)
    exponentials = np.exp(run_onnx(classifier_from(COURSE), images).astype(np.float64))
    np.testing.assert_allclose(
        probabilities, exponentials / exponentials.sum(axis=1, keepdims=True), atol=1e-6
    )


def test_an_onnx_file_says_what_it_takes_and_what_its_outputs_mean(tmp_path: Path) -> None:
    write_onnx(classifier_from(COURSE, class_names=NAMES), tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert tuple(json.loads(metadata["class_names"])) == NAMES
    assert "RGB" in metadata["input"]
    assert [model.graph.input[0].name, model.graph.output[0].name] == ["images", "logits"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    assert model.opset_import[0].version == 13
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)


# -- safetensors ---------------------------------------------------------------------------------------------


def test_a_safetensors_file_holds_every_parameter_to_the_bit_and_the_class_names(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    write_safetensors(classifier_from(COURSE, class_names=NAMES), path)
    loaded = load_file(path)
    assert loaded.keys() == COURSE.keys()
    assert all(np.array_equal(loaded[name], COURSE[name]) for name in COURSE)
    with safe_open(path, framework="np") as file:
        assert tuple(json.loads(file.metadata()["class_names"])) == NAMES


def test_the_same_network_is_the_same_bytes_in_another_process() -> None:
    # The safetensors library puts metadata in another order each time.
    code = (
        "import hashlib; from tests.reference.exporting.test_formats import COURSE, NAMES;"
        "from reference.exporting import classifier_from as c;"
        "from reference.exporting.formats import onnx_model, safetensors_content;"
        "n = c(COURSE, class_names=NAMES);"
        "b = safetensors_content(n) + onnx_model(n).SerializeToString();"
        "print(hashlib.sha256(b).hexdigest())"
    )
    folder = Path(__file__).parents[3]
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, check=True, text=True
        ).stdout
        for _ in range(3)
    }
    assert len(seen) == 1


# -- comparing -----------------------------------------------------------------------------------------------


def test_what_is_no_number_never_agrees() -> None:
    logits = np.array([[1, 2], [3, 4]], np.float32)
    assert largest_difference(logits, logits + np.float32([[0, 0.5], [0, 0]])) == 0.5
    assert largest_difference(logits, np.where(logits == 4, np.nan, logits)) == np.inf
    assert largest_difference(logits * np.inf, logits * np.inf) == np.inf
    assert largest_difference(logits, logits[:1]) == np.inf


# -- what the command refuses --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "whole.ckpt"
    write_checkpoint(COURSE, path)
    return path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line with which the command ends; exit code 2."""
    assert main([str(argument) for argument in arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_checkpoint_that_does_not_do_is_refused(
    capsys: pytest.CaptureFixture[str], checkpoint: Path, tmp_path: Path
) -> None:
    truncated, alone = tmp_path / "truncated.ckpt", tmp_path / "alone.ckpt"
    truncated.write_bytes(checkpoint.read_bytes()[:-1000])
    write_checkpoint(BACKBONE, alone)
    for path, said in (
        (tmp_path / "nowhere.ckpt", "No such file"),
        (tmp_path, "Is a directory"),
        (truncated, "damaged or truncated"),
        (alone, "no whole network"),
    ):
        line = refusal(capsys, "--checkpoint", path, "--out", tmp_path / "out")
        assert str(path) in line
        assert said in line
    assert not (tmp_path / "out").exists()


def test_classes_that_do_not_fit_are_refused(
    capsys: pytest.CaptureFixture[str], checkpoint: Path, tmp_path: Path
) -> None:
    for classes, said in (
        (("garbage26",), "has 3 outputs, and there are 26 class names"),
        (("a", "b"), "has 3 outputs, and there are 2 class names"),
        (("a", "b", "a"), "a name is there twice"),
        ((tmp_path / "no.toml",), "cannot be read"),
    ):
        line = refusal(capsys, "--checkpoint", checkpoint, "--out", tmp_path / "out", "--classes", *classes)
        assert said in line


def test_a_folder_that_does_not_do_is_refused(
    capsys: pytest.CaptureFixture[str], checkpoint: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mobilenetv2.onnx"
    mine.write_text("mine", encoding="utf-8")
    assert "--overwrite" in refusal(capsys, "--checkpoint", checkpoint, "--out", tmp_path)
    assert "cannot be made" in refusal(capsys, "--checkpoint", checkpoint, "--out", mine)
    assert "cannot be made" in refusal(capsys, "--checkpoint", checkpoint, "--out", mine / "below")
    (tmp_path / "mobilenetv2.mindir").mkdir()
    assert "is a folder" in refusal(capsys, "--checkpoint", checkpoint, "--out", tmp_path, "--overwrite")
    assert mine.read_text(encoding="utf-8") == "mine"


def test_images_that_are_not_there_are_missed(
    capsys: pytest.CaptureFixture[str], checkpoint: Path, tmp_path: Path
) -> None:
    for folder, said in ((tmp_path / "nowhere", "no such folder"), (checkpoint.parent, "has no images")):
        line = refusal(capsys, "--checkpoint", checkpoint, "--out", tmp_path / "out", "--images", folder)
        assert said in line


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--file_format", "AIR"), "AIR can only be written on an Ascend device"),
        (("--formats", "onnx", "pt"), "there is no format 'pt'; choose from mindir, onnx, safetensors"),
        (("--platform", "Ascend"), "runs on the CPU alone"),
    ],
)
def test_what_cannot_be_had_here_is_said(
    capsys: pytest.CaptureFixture[str], option: tuple[str, ...], said: str
) -> None:
    assert said in refusal(capsys, "--pretrain_ckpt", "C", *option)
