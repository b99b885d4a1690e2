"""ONNX: written from the parameters by the course library's own graph writer, with a head added.

MindSpore can export ONNX too, but only for the one batch size it was shown, and with every batch
normalisation left beside its convolution. This graph takes any number of images, has the normalisations
folded in, needs opset 13 and nothing newer, and is the one that the course library answers with itself.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from src_mindspore.cpu import available_cores
from src_mindspore.engine.graph import INPUT_NAME, OUTPUT_NAME, build_graph
from src_mindspore.transforms import MEAN, RESIZED, SIZE, STD

from reference.exporting.classifier import Classifier, FloatArray
from reference.exporting.comparing import Predict

LOGITS, PROBABILITIES = "logits", "probabilities"
INPUT_SAYS = (
    f"RGB photo resized to {RESIZED}x{RESIZED}, the {SIZE}x{SIZE} centre cut out, pixels from 0 to 255,"
    " (pixel - mean) / std of each channel"
)


def model_of(classifier: Classifier) -> onnx.ModelProto:
    """Return the model: float32 `images` (N, 3, 224, 224) to `logits` or `probabilities` (N, classes).

    N is free. The metadata tells what the input is and, where they are known, the class names: a JSON list
    under `class_names`.
    """
    model = build_graph(classifier.backbone, pooled=classifier.pooling == "mean")
    graph = model.graph
    graph.name = "mobilenetv2"
    flow = OUTPUT_NAME
    if classifier.pooling != "mean":
        if classifier.pooling == "max":
            graph.node.append(helper.make_node("GlobalMaxPool", [flow], ["max"]))
            flow = "max"
        graph.node.append(helper.make_node("Flatten", [flow], ["flat"], axis=1))
        flow = "flat"
    layer = classifier.layer
    dense = {f"{layer}.weight": classifier.weight}
    if classifier.bias is not None:
        dense[f"{layer}.bias"] = classifier.bias
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in dense.items())
    graph.node.append(helper.make_node("Gemm", [flow, *dense], [LOGITS], transB=1))
    output = LOGITS
    if classifier.activation == "Softmax":
        graph.node.append(helper.make_node("Softmax", [LOGITS], [PROBABILITIES], axis=-1))
        output = PROBABILITIES
    del graph.output[:]
    shape = ["N", len(classifier.weight)]
    graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, shape))
    helper.set_model_props(model, _metadata(classifier))
    return model


def write(classifier: Classifier, path: Path) -> None:
    """Write the model.

    Raises:
        OSError: the file cannot be written.
    """
    path.write_bytes(model_of(classifier).SerializeToString())


def load(path: Path) -> Predict:
    """Check the file against ONNX's rules and open it in ONNX Runtime."""
    content = path.read_bytes()
    onnx.checker.check_model(content, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cores()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def predict(images: FloatArray) -> FloatArray:
        return np.asarray(session.run(None, {INPUT_NAME: images})[0])

    return predict


def _metadata(classifier: Classifier) -> dict[str, str]:
    names = {"class_names": json.dumps(classifier.class_names, ensure_ascii=False)}
    return {
        "input": INPUT_SAYS,
        "mean": json.dumps(MEAN),
        "std": json.dumps(STD),
        **(names if classifier.class_names else {}),
    }
