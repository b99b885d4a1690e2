"""Ask for the class of one image after the other, with and without preprocessing, and time it; a program.

    python -m benchmarks.answering submission     # the submission in the working directory
    python -m benchmarks.answering onnx           # ONNX Runtime without any MindSpore

The second runs the whole network as one graph, one `run` an image. This is as fast as the network goes on
this machine's ONNX Runtime, and so what the course library's engine is to be measured by. Each way imports
what it needs and no more, for a library that is loaded beside the measured one would be part of what is
measured.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from src_mindspore.cpu import available_cores
from src_mindspore.transforms import evaluation_transform

from benchmarks.measure import Answers, ProgressTeller, Samples, tell

Image: TypeAlias = npt.NDArray[np.uint8]
FloatArray: TypeAlias = npt.NDArray[np.float32]

WARM_UP = 3  # the first answer compiles a graph, and the next ones still find cold caches
PREDICT = "predict, preprocessing included"
NETWORK = "network alone"
LOGITS = "logits"


@dataclass(frozen=True)
class Request:
    """What the program is asked, as JSON on standard input.

    Attributes:
        images: files.
        names: of the classes, in the order of their indices.
        checkpoint: of the trained network.
    """

    images: tuple[str, ...]
    names: tuple[str, ...]
    checkpoint: str

    @classmethod
    def read(cls) -> Request:
        """Read it from standard input."""
        content = json.load(sys.stdin)
        return cls(tuple(content["images"]), tuple(content["names"]), content["checkpoint"])


def read_image(path: str) -> Image:
    """Read an image as `cv2.imread` would, also from a path that is not ASCII."""
    image = cv2.imdecode(np.frombuffer(Path(path).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path}: is not an image that OpenCV can read")
    return np.asarray(image, dtype=np.uint8)


def answer(
    images: tuple[str, ...], predict: Callable[[Image], str], network: Callable[[FloatArray], FloatArray]
) -> None:
    """Ask about every image twice, and tell the answers and how many images a second there were.

    Args:
        images: files; reading and decoding them is not timed.
        predict: an image, uint8 (H, W, 3) BGR, to the name of its class.
        network: a batch of one image, float32 (1, 3, 224, 224), to logits.
    """
    first = read_image(images[0])
    for _ in range(WARM_UP):
        predict(first)
        network(evaluation_transform(first)[np.newaxis])
    answers, predict_seconds, network_seconds = [], 0.0, 0.0
    teller = ProgressTeller(len(images))
    for path in images:
        image = read_image(path)
        batch = evaluation_transform(image)[np.newaxis]
        begun = time.perf_counter()
        answers.append(predict(image))
        predicted = time.perf_counter()
        network(batch)
        predict_seconds += predicted - begun
        network_seconds += time.perf_counter() - predicted
        teller.advance()
    tell(Samples(PREDICT, (len(images) / predict_seconds,)))
    tell(Samples(NETWORK, (len(images) / network_seconds,)))
    tell(Answers(tuple(answers)))


def answer_with_submission(request: Request) -> None:
    """Answer with the submission's own `predict` and network."""
    submission = importlib.import_module("main")
    import mindspore as ms  # the submission comes first: it decides how MindSpore is imported

    def network(batch: FloatArray) -> FloatArray:
        return np.asarray(submission.network(ms.Tensor(batch)).asnumpy())

    answer(request.images, submission.predict, network)


def answer_with_onnx_runtime(request: Request) -> None:
    """Answer with ONNX Runtime alone."""
    import onnxruntime
    from src_mindspore.engine.graph import INPUT_NAME

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cores()
    options.inter_op_num_threads = 1
    model = whole_network(Path(request.checkpoint))
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def network(batch: FloatArray) -> FloatArray:
        return np.asarray(session.run([LOGITS], {INPUT_NAME: batch})[0])

    def predict(image: Image) -> str:
        return request.names[int(network(evaluation_transform(image)[np.newaxis]).argmax())]

    answer(request.images, predict, network)


def whole_network(checkpoint: Path) -> bytes:
    """Return backbone and head of a checkpoint that `reference.finetune` wrote, as one ONNX graph."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from src_mindspore.engine.graph import OUTPUT_NAME, backbone_parameters, build_graph

    from reference.values import HEAD_BIAS, HEAD_WEIGHT
    from reference.weights import read_checkpoint

    arrays = {name: np.asarray(array, np.float32) for name, array in read_checkpoint(checkpoint).items()}
    model = build_graph(backbone_parameters(arrays), pooled=True)
    graph, weight = model.graph, arrays[HEAD_WEIGHT]
    graph.initializer.append(numpy_helper.from_array(weight, "head.weight"))
    graph.initializer.append(numpy_helper.from_array(arrays[HEAD_BIAS], "head.bias"))
    dense = helper.make_node("Gemm", [OUTPUT_NAME, "head.weight", "head.bias"], [LOGITS], transB=1)
    graph.node.append(dense)
    graph.output.pop()
    graph.output.append(helper.make_tensor_value_info(LOGITS, TensorProto.FLOAT, ["N", len(weight)]))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


WAYS = {"submission": answer_with_submission, "onnx": answer_with_onnx_runtime}


if __name__ == "__main__":
    WAYS[sys.argv[1]](Request.read())
