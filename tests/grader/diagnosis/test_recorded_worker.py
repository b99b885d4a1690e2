"""A recorded worker, in the real sandbox: what passed through the network comes back with each answer."""

import itertools
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from grader import Verdict
from grader.diagnosis import RECORDER
from grader.intake import take_in
from grader.model.grading import NO_CHECKS
from grader.model.records import Question, Recipe, Task
from grader.model.verdict import StopReason
from grader.run import record
from grader.run.recording import MAX_KEPT_BYTES
from grader.sandbox import Namespaces, PlainProcess, fork_server_for
from tests.grader.gradings import grading_of
from tests.isolation import WHATEVER_IT_IMPORTS

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
    numbers = itertools.count()

    def ask(source, questions, level=None, with_network=False, limits=None, files=None, with_parameters=None):
        rules = assignment.with_limits(memory_mib=2048, **(limits or {}))
        folder = write_submission(source, name=f"recorded{next(numbers)}", **(files or {}))
        if with_network:
            save_network(folder)
        if with_parameters:
            (folder / "results").mkdir()
            np.savez(folder / "results" / "best.npz", **with_parameters)
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


@pytest.mark.mindspore
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


@pytest.mark.mindspore
def test_a_file_is_loaded_into_the_network_of_a_program_that_did_not_load_it(recorded):
    asked = [
        Question(BLUE, Task(parameters=True)),
        Question(BLUE, Task(load="results/best.npz")),
        Question(BLUE, Task(SWAPPED)),
        Question(BLUE, Task(load="results/best.npz", parameters=True)),
        Question(BLUE, Task(load="main.py")),
    ]
    elsewhere = MINDSPORE.replace("NAMES =", "__import__('os').chdir('/')\n    NAMES =")
    recording = recorded(elsewhere, asked, with_parameters={"scale": np.array([0, 1, 9], np.float16)})

    own, loaded, swapped, described, other = recording.answers
    assert (own.text, loaded.text, swapped.text) == ("Plastic Bottle", "Newspaper", "Newspaper")
    assert [(file.name, file.parameters[0].name) for file in own.files] == [("results/best.npz", "scale")]
    assert (own.networks[0].loaded, loaded.networks[0].loaded, loaded.files) == (0, 1, ())
    assert loaded.networks[0].parameters == ()
    assert own.files[0].parameters[0].sha1 == described.networks[0].parameters[0].sha1
    assert loaded.records[0].output.values.tolist() == [[0, 20, 90]]
    assert swapped.records[0].output.values.tolist() == [[0, 20, 1800]]
    assert other.networks[0].loaded == 0


@pytest.mark.parametrize("level", [PlainProcess(), None], ids=["plain process", "namespaces"])
def test_a_recorded_worker_can_be_had_at_each_isolation_level(recorded, level):
    answers = recorded(ONNX, [Question(BLUE)], level, with_network=True).answers
    assert [call.kind for call in answers[0].records] == ["onnxruntime"]


@pytest.mark.mindspore
def test_a_forked_worker_has_mindspore_imported_already_and_is_recorded_all_the_same(recorded, assignment):
    limits = assignment.with_limits(memory_mib=2048).limits
    with fork_server_for(limits, ("mindspore", "cv2"), WHATEVER_IT_IMPORTS) as server:
        answers = recorded(MINDSPORE, [Question(BLUE)] * 2, Namespaces(server)).answers
        assert "mindspore" in server.imported()  # it was of use: a worker that cannot be forked gives it up
    assert [[call.name for call in answer.records] for answer in answers] == [["Colours"], ["Colours"]]


def test_recipes_go_through_the_students_own_network(recorded):
    tasks = [Task(SAME), Task(SWAPPED), Task(RED_FIRST), Task()]
    answers = recorded(ONNX, [Question(BLUE, task) for task in tasks], with_network=True).answers
    assert [each.text for each in answers] == ["Newspaper", "Plastic Bottle", "Plastic Bottle", "Newspaper"]
    same, swapped, red_first, own = (each.records[0].output.values[0] for each in answers)
    assert same.tolist() == own.tolist()
    assert np.allclose(swapped * 255, [200, 20, 10], atol=0.1)
    assert np.allclose(red_first, [200, 20, 10], atol=0.1)  # of RGB, 0 to 255, the last channel comes first
    assert [each.is_replaced for each in answers] == [True, True, True, False]


def test_a_program_in_plain_numpy_has_no_record(recorded):
    (answer,) = recorded("def predict(image):\n    return 'Hats'\n", [Question(BLUE)]).answers
    assert (answer.text, answer.records, answer.calls) == ("Hats", (), 0)


def test_modules_of_a_submission_are_not_in_the_recorders_way(recorded):
    """Whatever the recorder needs has been imported before they can be found."""
    own = {f"{name}.py": "OWN = True" for name in ("hashlib", "threading", "noting", "tensors", "recorder")}
    source = """
        import noting, recorder, tensors

        def predict(image):
            return str(noting.OWN and recorder.OWN and tensors.OWN)
    """
    (answer,) = recorded(source, [Question(BLUE)], files=own).answers
    assert answer.text == "True"


def test_a_program_that_cannot_be_imported_or_raises_says_so(recorded):
    recording = recorded("raise ValueError('no')", [Question(BLUE)])
    assert (recording.not_ready.stage, recording.answers) == ("import", (None,))
    (answer,) = recorded("def predict(image): raise ValueError('no')", [Question(BLUE)]).answers
    assert (answer.text, answer.problem.type) == (None, "ValueError")


FORGES = """
    import gc
    import base64

    NOTHING = {"records": [], "calls": 0, "replaced": False, "networks": [], "files": []}

    def forged(**changed):
        return lambda: {**NOTHING, **changed}

    def tensor(shape, data):
        return {"dtype": "float32", "shape": shape, "data": base64.b64encode(data).decode()}

    def call(tensor):
        return {"kind": "torch", "name": "x", "input": tensor, "output": None, "training": None, "inputs": 1}

    for each in gc.get_objects():
        if type(each).__name__ == "Recorder":
            each.end = FORGERY

    NAMES = ["Plastic Bottle", "Hats", "Newspaper"]

    def predict(image):
        return NAMES[int(image[0, 0, 0]) // 80]
"""
"""Puts words of its own in the place of what was noted; its answers are right."""
FORGERIES = {
    "nan": "forged(records=[call(tensor([2], bytes.fromhex('0000c07f0000807f')))])",
    "floods": "forged(records=[call(tensor([3], bytes(12)))] * 100_000)",
    "too long": "forged(more='x' * (13 << 20))",
    "huge": "forged(records=[call(tensor([2 << 20], bytes(8 << 20)))])",
    "lying": "forged(records=[call(tensor([1000, 1000], bytes(12)))])",
    "a recipe that nobody gave": "forged(replaced=True)",
    "label of its own": "forged(label='Hats', score=100)",
    "another number": "forged(number=1)",
    "no JSON": "lambda: {1.5: float('nan'), 'records': '\\ud800'}",
    "none": "lambda: {}",
    "raises": "lambda: 1 / 0",
    "never ends": "lambda: __import__('time').sleep(1000)",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_records_are_read_as_data_or_end_the_worker_and_touch_no_score(
    recorded, write_submission, split, assignment, forgery
):
    source = FORGES.replace("FORGERY", FORGERIES[forgery])
    recording = recorded(source, [Question(BLUE)] * 2, limits={"first_prediction_seconds": 5.0})

    if forgery == "nan":
        nan, infinity = recording.answers[0].records[0].input.values
        assert np.isnan(nan)
        assert np.isinf(infinity)
    else:
        assert recording.answers == (None, None)
        ends = {"raises": Verdict.CRASH, "never ends": Verdict.TIMEOUT}
        assert recording.stop.verdict is ends.get(forgery, Verdict.CONTRACT)
    graded = grading_of(write_submission(source, name="graded"), split, assignment, checks=NO_CHECKS)
    assert (graded.verdict, graded.tally.correct) == (Verdict.GRADED, len(split.images))


def test_arrays_that_are_large_every_time_end_the_worker_before_they_fill_the_harness(recorded):
    source = FORGES.replace("FORGERY", "forged(records=[call(tensor([1 << 20], bytes(4 << 20)))])")
    recording = recorded(source, [Question(BLUE)] * 40)
    answered = [answer for answer in recording.answers if answer is not None]
    held = sum(record.input.bytes for answer in answered for record in answer.records)
    assert 0 < held <= MAX_KEPT_BYTES
    assert (recording.stop.verdict, recording.stop.reason) == (Verdict.CONTRACT, StopReason.TOO_LONG)


PARAMETERS = """[{
        **{"name": "x", "shape": [1], "dtype": "float32", "sha1": "0" * 40, "not_finite": 0},
        **dict.fromkeys(("mean", "std", "min", "max"), 0.0)
    }]"""
FORGED_NETWORK = "{'kind': 'torch', 'name': 'x', 'parameters': PARAMETERS, 'loaded': LOADED}"
FORGED_FILE = "{'name': 'x.ckpt', 'parameters': []}"


@pytest.mark.parametrize(
    ("noted", "task", "is_asked"),
    [
        (f"networks=[{FORGED_NETWORK}]", Task(), False),
        (f"networks=[{FORGED_NETWORK}]", Task(evaluate=True), False),
        (f"networks=[{FORGED_NETWORK}]", Task(parameters=True), True),
        (f"networks=[{FORGED_NETWORK}]", Task(load="x.ckpt"), False),
        (f"networks=[{FORGED_NETWORK}]".replace("PARAMETERS", "[]"), Task(load="x.ckpt"), True),
        (f"networks=[{FORGED_NETWORK}]".replace("LOADED", "1"), Task(parameters=True), False),
        (f"networks=[{FORGED_NETWORK}]".replace("LOADED", "1"), Task(load="x.ckpt", parameters=True), True),
        (f"files=[{FORGED_FILE}]", Task(), False),
        (f"files=[{FORGED_FILE}]", Task(load="x.ckpt"), False),
        (f"files=[{FORGED_FILE}]", Task(parameters=True), True),
    ],
)
def test_parameters_that_nobody_asked_for_end_the_worker(recorded, noted, task, is_asked):
    forgery = f"forged({noted})".replace("PARAMETERS", PARAMETERS).replace("LOADED", "0")
    recording = recorded(FORGES.replace("FORGERY", forgery), [Question(BLUE, task)])
    if is_asked:
        assert (None in recording.answers, recording.stop) == (False, None)
    else:
        assert (recording.answers, recording.stop.reason) == ((None,), StopReason.UNASKED)


OTHERWISE = """
    import gc, os, sys

    IS_RECORDED = any(type(each).__name__ in ("Recorder", "_Finder") for each in gc.get_objects())
    IS_RECORDED |= os.path.exists("/harness/recorder") or "_grader_recorder" in sys.modules
    NAMES = ["Plastic Bottle", "Hats", "Newspaper"]

    def predict(image):
        return "Hats" if IS_RECORDED else NAMES[int(image[0, 0, 0]) // 80]
"""


def test_a_program_that_can_tell_that_it_is_recorded_is_graded_where_nothing_of_the_recorder_is(
    recorded, write_submission, split, assignment
):
    assert recorded(OTHERWISE, [Question(GREY)]).answers[0].text == "Hats"
    graded = grading_of(write_submission(OTHERWISE, name="graded"), split, assignment, checks=NO_CHECKS)
    assert (graded.verdict, graded.tally.correct) == (Verdict.GRADED, len(split.images))


SENDS_RECORDS = """
    import gc, json, socket, struct

    (channel,) = [each for each in gc.get_objects() if isinstance(each, socket.socket)]

    def predict(image):
        noted = {"records": [], "calls": 0, "replaced": False, "networks": [], "files": []}
        body = json.dumps({"number": 1, "label": "Hats", **noted}).encode()
        channel.sendall(struct.pack("!I", len(body)) + body)
        return "Hats"
"""


def test_records_from_a_graded_worker_break_the_contract(write_submission, split, assignment):
    graded = grading_of(write_submission(SENDS_RECORDS), split, assignment, checks=NO_CHECKS)
    assert [stop.verdict for stop in graded.answers.stops] == [Verdict.CONTRACT]
    assert graded.tally.correct == 0
