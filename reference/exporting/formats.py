"""ONNX and safetensors, both written without MindSpore.

ONNX comes from the parameters by the course library's own graph writer, with a head added. MindSpore can
export ONNX too, but only for the one batch size it was shown, and with every batch normalisation left beside
its convolution. This graph takes any number of images, has the normalisations folded in, needs opset 13 and
nothing newer, and is the one that the course library answers with itself.

safetensors holds the parameters alone, by the course's names, for whoever builds the network himself. Two
readers know such a file: the plain `safetensors` library, and `mindspore.load_checkpoint` when it is told
`format="safetensors"`. For the second the metadata holds the CRC-32 that it looks for with `crc_check=True`.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save
from src_mindspore.cpu import available_cores
from src_mindspore.engine.graph import INPUT_NAME, OUTPUT_NAME, build_graph
from src_mindspore.transforms import MEAN, RESIZED, SIZE, STD

from reference.exporting.classifier import Classifier, Predict
from reference.values import FloatArray

LOGITS, PROBABILITIES = "logits", "probabilities"
INPUT_SAYS = (
    f"RGB photo resized to {RESIZED}x{RESIZED}, the {SIZE}x{SIZE} centre cut out, pixels from 0 to 255,"
    " (pixel - mean) / std of each channel"
)


def onnx_model(classifier: Classifier) -> onnx.ModelProto:
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
    helper.set_model_props(model, _onnx_metadata(classifier))
    return model


def write_onnx(classifier: Classifier, path: Path) -> None:
    """Write the model.

    Raises:
        OSError: the file cannot be written.
    """
    path.write_bytes(onnx_model(classifier).SerializeToString())


def load_onnx(path: Path, _: Classifier) -> Predict:
    """Check the file against ONNX's rules and open it in ONNX Runtime."""
    content = path.read_bytes()
    onnx.checker.check_model(content, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cores()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def predict(images: FloatArray) -> FloatArray:
        return np.asarray(session.run(None, {INPUT_NAME: images})[0])

    return predict


def _onnx_metadata(classifier: Classifier) -> dict[str, str]:
    names = {"class_names": json.dumps(classifier.class_names, ensure_ascii=False)}
    return {
        "input": INPUT_SAYS,
        "mean": json.dumps(MEAN),
        "std": json.dumps(STD),
        **(names if classifier.class_names else {}),
    }


def safetensors_content(classifier: Classifier) -> bytes:
    """Return the file: the same bytes for the same network."""
    parameters = classifier.parameters()
    metadata = {
        "architecture": "MobileNetV2 1.0",
        "crc_num": str(_crc32(parameters)),
        "pooling": classifier.pooling,
    }
    if classifier.class_names:
        metadata["class_names"] = json.dumps(classifier.class_names, ensure_ascii=False)
    return _in_order(save(parameters, metadata))


def write_safetensors(classifier: Classifier, path: Path) -> None:
    """Write the file.

    Raises:
        OSError: it cannot be written.
    """
    path.write_bytes(safetensors_content(classifier))


def _crc32(parameters: Mapping[str, FloatArray]) -> int:
    """Return what `mindspore.load_checkpoint` computes: over names and bytes, in sorted order."""
    crc = 0
    for name in sorted(parameters):
        crc = zlib.crc32(parameters[name].tobytes(), zlib.crc32(name.encode(), crc))
    return crc


def _in_order(content: bytes) -> bytes:
    """Put the metadata in order, which the library writes in another one each time."""
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format wants the tensors aligned
    return struct.pack("<Q", len(text)) + text + content[8 + size :]
