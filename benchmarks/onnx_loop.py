"""Let ONNX Runtime answer without any MindSpore: the whole network as one graph, one `run` an image.

This is as fast as the network goes on this machine's ONNX Runtime, and so what the course library's engine
is to be measured by. A program, see `answering` and `inference`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from src_mindspore.cpu import available_cores
from src_mindspore.engine.graph import INPUT_NAME, OUTPUT_NAME, backbone_parameters, build_graph
from src_mindspore.transforms import evaluation_transform

from benchmarks.answering import FloatArray, Image, Request, answer
from reference.weights import read_checkpoint

LOGITS = "logits"


def whole_network(checkpoint: Path) -> onnx.ModelProto:
    """Return backbone and head of a checkpoint that `reference.finetune` wrote, as one ONNX graph."""
    arrays = {name: np.asarray(array, np.float32) for name, array in read_checkpoint(checkpoint).items()}
    model = build_graph(backbone_parameters(arrays), pooled=True)
    graph, weight = model.graph, arrays["head.1.weight"]
    graph.initializer.append(numpy_helper.from_array(weight, "head.weight"))
    graph.initializer.append(numpy_helper.from_array(arrays["head.1.bias"], "head.bias"))
    dense = helper.make_node("Gemm", [OUTPUT_NAME, "head.weight", "head.bias"], [LOGITS], transB=1)
    graph.node.append(dense)
    graph.output.pop()
    graph.output.append(helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["N", len(weight)]))
    onnx.checker.check_model(model)
    return model


def main() -> None:
    """Answer one request."""
    request = Request.read()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cores()
    options.inter_op_num_threads = 1
    model = whole_network(Path(request.checkpoint)).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def network(batch: FloatArray) -> FloatArray:
        return np.asarray(session.run([LOGITS], {INPUT_NAME: batch})[0])

    def predict(image: Image) -> str:
        return request.names[int(network(evaluation_transform(image)[np.newaxis]).argmax())]

    answer(request.images, predict, network)


if __name__ == "__main__":
    main()
