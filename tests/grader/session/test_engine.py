"""A submission as real students hand it in, graded at the engine's speed and with MindSpore alone."""

import textwrap
from pathlib import Path

import cv2
import numpy as np
import pytest

from grader.model.assignment import Assignment
from grader.model.dataset import ClassInfo
from grader.model.verdict import Verdict
from grader.report import build_report
from grader.split import open_split
from reference.weights import write_checkpoint
from tests.grader.gradings import grading_of
from tests.reference.drawn_shapes import CLASSES, draw_set, untrained_backbone

pytestmark = pytest.mark.mindspore

NAMES = sorted(CLASSES)

# Its own head class, GRAPH mode, a path relative to the folder, its own preprocessing, no src_mindspore.
MAIN = """
    import os
    {switch}
    import cv2
    import mindspore as ms
    import numpy as np
    from mindspore import context, load_checkpoint, nn
    from mindspore import ops as P
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone, mobilenet_v2

    context.set_context(mode=context.GRAPH_MODE, device_target="CPU")
    os.system("nvidia-smi")

    class GlobalPooling(nn.Cell):
        def __init__(self, reduction="mean"):
            super(GlobalPooling, self).__init__()
            self.mean = P.ReduceMax(keep_dims=False) if reduction == "max" else P.ReduceMean(keep_dims=False)

        def construct(self, x):
            x = self.mean(x, (2, 3))
            return x

    class MobileNetV2Head(nn.Cell):
        def __init__(self, input_channel=1280, num_classes=3, reduction="mean", activation="None"):
            super(MobileNetV2Head, self).__init__()
            self.flatten = GlobalPooling(reduction)
            self.dense = nn.Dense(input_channel, num_classes, weight_init="ones", has_bias=False)
            self.need_activation = activation == "Softmax"
            if self.need_activation:
                self.activation = nn.Softmax()

        def construct(self, x):
            x = self.flatten(x)
            x = self.dense(x)
            if self.need_activation:
                x = self.activation(x)
            return x

    backbone = MobileNetV2Backbone()
    head = MobileNetV2Head(input_channel=backbone.out_channels, activation="Softmax")
    network = mobilenet_v2(backbone, head)
    load_checkpoint("./results/mobilenetv2.ckpt", net=network)

    def image_process(image):
        mean = [0.485 * 255, 0.456 * 255, 0.406 * 255]
        std = [0.229 * 255, 0.224 * 255, 0.225 * 255]
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        image = cv2.resize(image, (224, 224))
        image = (image - mean) / std
        image = image.transpose((2, 0, 1))
        return ms.Tensor(np.array([image]), ms.float32)

    def predict(image):
        probabilities = network(image_process(image)).asnumpy()
        return {names}[int(np.argmax(probabilities, axis=1)[0])]
"""
OFF = 'os.environ["SRC_MINDSPORE_ENGINE"] = "off"'


def fitted_checkpoint(train: Path) -> dict[str, np.ndarray]:
    """An untrained backbone and a head fitted to its features by least squares."""
    from src_mindspore.engine.session import FeatureExtractor
    from src_mindspore.transforms import MEAN, STD

    backbone = untrained_backbone()
    inputs, labels = [], []
    for label, name in enumerate(NAMES):
        for file in sorted((train / name).iterdir()):
            image = cv2.resize(cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB), (224, 224))
            inputs.append(((image - np.array(MEAN)) / np.array(STD)).transpose(2, 0, 1).astype(np.float32))
            labels.append(label)
    features = FeatureExtractor(backbone)(np.stack(inputs)).astype(np.float64)
    weight = np.linalg.lstsq(features, np.eye(len(NAMES))[labels] * 2 - 1, rcond=1e-3)[0].T
    return {**backbone, "dense.weight": weight.astype(np.float32)}


def test_a_students_submission_gets_the_same_answers_with_the_engine_and_without(tmp_path):
    images = draw_set(tmp_path / "shapes", {"train": 12, "val": 4})
    classes = tuple(ClassInfo(folder=name, name=name, zh=name) for name in NAMES)
    assignment = Assignment(title="Shapes", classes=classes)
    checkpoint = fitted_checkpoint(images / "train")
    outcomes = []
    for name, switch in (("on", ""), ("off", OFF)):
        folder = tmp_path / "submissions" / name
        (folder / "results").mkdir(parents=True)
        source = textwrap.dedent(MAIN).format(switch=switch, names=NAMES)
        (folder / "main.py").write_text(source, encoding="utf-8")
        write_checkpoint(checkpoint, folder / "results" / "mobilenetv2.ckpt")
        outcomes.append(grading_of(folder, open_split(images / "val", classes), assignment))
    fast, stock = (build_report(outcome) for outcome in outcomes)
    assert fast.verdict is stock.verdict is Verdict.GRADED
    assert set(fast.engine.frameworks) == {"mindspore", "onnxruntime"}
    assert set(stock.engine.frameworks) == {"mindspore"}
    assert fast.score.correct > 8  # of 12
    labels = [[prediction.text for prediction in outcome.answers.predictions] for outcome in outcomes]
    assert labels[0] == labels[1]
