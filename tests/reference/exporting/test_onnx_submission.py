"""An exported ONNX file handed in with a `main.py` that knows only ONNX Runtime, and graded."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from src_mindspore.engine.session import FeatureExtractor
from src_mindspore.transforms import evaluation_transform

from reference.exporting.classifier import Classifier
from reference.exporting.formats import write_onnx
from tests.reference.drawn_shapes import CLASSES, draw_set, untrained_backbone

NAMES = {"disc": "Disc", "square": "正方形", "triangle": "Triangle"}
# Neither the course library nor MindSpore: the file itself says what it takes and what its outputs mean.
MAIN = """
import json
import cv2
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("results/mobilenetv2.onnx")
said = session.get_modelmeta().custom_metadata_map
MEAN, STD, NAMES = (np.array(json.loads(said[key])) for key in ("mean", "std", "class_names"))

def predict(image):
    rgb = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), (256, 256))[16:240, 16:240]
    inputs = ((rgb - MEAN) / STD).transpose(2, 0, 1)[np.newaxis].astype(np.float32)
    return str(NAMES[session.run(None, {"images": inputs})[0].argmax()])
"""


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    return draw_set(tmp_path / "shapes", {"train": 6, "val": 4})


def features(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pooled features and class indices of a split's images."""
    paths = sorted(folder.rglob("*.png"))
    inputs = np.stack([evaluation_transform(cv2.imread(str(path))) for path in paths])
    labels = np.array([sorted(CLASSES).index(path.parent.name) for path in paths])
    return FeatureExtractor(untrained_backbone())(inputs), labels


def fit(inputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of the linear head that gives the nearest class mean."""
    means = np.stack([inputs[labels == label].mean(axis=0) for label in range(3)])
    return means, -0.5 * (means**2).sum(axis=1)


def test_a_submission_that_is_an_onnx_file_gets_the_score_that_its_network_deserves(
    shapes: Path, tmp_path: Path
) -> None:
    weight, bias = fit(*features(shapes / "train"))
    inputs, labels = features(shapes / "val")
    deserved = int(((inputs @ weight.T + bias).argmax(axis=1) == labels).sum())
    assert deserved >= 10

    names = tuple(NAMES[folder] for folder in sorted(CLASSES))
    classifier = Classifier(untrained_backbone(), "head.1", weight, bias, class_names=names)
    submission = tmp_path / "submission"
    (submission / "results").mkdir(parents=True)
    write_onnx(classifier, submission / "results" / "mobilenetv2.onnx")
    (submission / "main.py").write_text(MAIN, encoding="utf-8")
    rows = "".join(f'[[classes]]\nfolder = "{folder}"\nname = "{name}"\n' for folder, name in NAMES.items())
    (tmp_path / "assignment.toml").write_text(f'title = "Shapes"\n{rows}', encoding="utf-8")

    arguments = [
        "--split",
        shapes / "val",
        "--assignment",
        tmp_path / "assignment.toml",
        "--out",
        tmp_path / "out",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "grader", submission, *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert (report["verdict"], report["score"]["total"]) == ("GRADED", 12)
    assert report["score"]["correct"] == deserved
