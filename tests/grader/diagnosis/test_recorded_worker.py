"""A recorded worker, in the real sandbox: what passed through the network comes back with each answer."""

import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from grader.diagnosis import RECORDER
from grader.intake import take_in
from grader.model.records import Question, Recipe, Task
from grader.run import record
from grader.sandbox import Namespaces

WEIGHTS = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], np.float32)
"""The network's answer is the mean of each channel, the last one first."""
ONNX = """
    import cv2
    import numpy as np
    import onnxruntime

    NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])

    def predict(image):
        small = cv2.resize(image, (224, 224)).astype(np.float32) / 255
        logits = session.run(None, {"x": small.transpose(2, 0, 1)[None]})[0]
        return NAMES[int(logits[0].argmax())]
"""
MINDSPORE = """
    import mindspore as ms
    import numpy as np
    from mindspore import nn, ops

    NAMES = ["Plastic Bottle", "Hats", "Newspaper"]

    class Colours(nn.Cell):
        def __init__(self):
            super().__init__()
            self.scale = ms.Parameter(ms.Tensor([1.0, 2.0, 3.0], ms.float32), name="scale")

        def construct(self, x):
            return ops.mean(x, (2, 3)) * self.scale

    network = Colours().set_train(False)

    def predict(image):
        x = ms.Tensor(image.transpose(2, 0, 1)[None].astype(np.float32))
        return NAMES[int(network(x).asnumpy()[0].argmax())]
"""
BLUE = np.full((6, 8, 3), (10, 20, 200), np.uint8)
"""RGB."""
GREY = np.full((224, 224, 3), 51, np.uint8)
SAME = Recipe("tensor", ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), (0.0, 0.0, 0.0))
SWAPPED = replace(SAME, matrix=SAME.matrix[::-1])
RED_FIRST = replace(SAME, source="image")


def save_network(folder):
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3, None, None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 3])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, folder / "net.onnx")


@pytest.fixture
def recorded(write_submission, assignment, tmp_path):
    """Ask a submission in a recorded worker."""
    rules = assignment.with_limits(memory_mib=2048)

    def ask(source, questions, level=None, with_network=False):
        folder = write_submission(source)
        if with_network:
            save_network(folder)
        workspace = tmp_path / "workspace"
        shutil.rmtree(workspace, ignore_errors=True)
        workspace.mkdir()
        submission = take_in(folder, workspace, rules.limits)
        sandbox = (level or Namespaces()).sandbox(submission, workspace, rules.limits)
        return record(sandbox.recorded(RECORDER).launch, questions, rules)

    return ask


def test_what_passes_through_a_session_of_onnx_runtime_comes_back_with_each_answer(recorded):
    recording = recorded(ONNX, [Question(BLUE), Question(GREY)], with_network=True)

    blue, grey = recording.answers
    assert (blue.text, grey.calls) == ("Newspaper", 1)  # pixels are BGR: red comes last, and last is first
    (call,) = blue.records
    assert (call.kind, call.name, call.training, call.inputs) == ("onnxruntime", "InferenceSession", None, 1)
    assert (call.input.dtype, call.input.shape) == ("float32", (1, 3, 224, 224))
    assert np.allclose(call.input.values[0, :, 0, 0] * 255, [200, 20, 10])
    assert np.allclose(call.output.values * 255, [[10, 20, 200]], atol=0.1)
    assert np.allclose(grey.records[0].input.values, 0.2)


def test_what_passes_through_a_cell_comes_back_with_its_parameters_if_they_are_asked_for(recorded):
    recording = recorded(MINDSPORE, [Question(BLUE), Question(GREY, Task(parameters=True))])

    blue, grey = recording.answers
    assert (blue.text, grey.text) == ("Plastic Bottle", "Newspaper")
    (call,) = blue.records
    assert (call.kind, call.name, call.training) == ("mindspore", "Colours", False)
    assert call.input.values[0, :, 0, 0].tolist() == [200, 20, 10]
    assert call.output.values.tolist() == [[200, 40, 30]]
    assert blue.networks == ()
    (network,) = grey.networks
    (scale,) = network.parameters
    assert (scale.name, scale.shape, scale.mean, scale.greatest) == ("scale", (3,), 2.0, 3.0)
