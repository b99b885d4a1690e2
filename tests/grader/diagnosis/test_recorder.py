"""The recorder by itself: which calls are noted, of which framework, and that it is in nobody's way.

It changes the frameworks' own classes for good, so each framework is tried in a process of its own.
"""

import base64
import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from grader.diagnosis import RECORDER
from grader.places import course_library

BEGIN = """
import importlib.util, json, sys
import numpy as np
spec = importlib.util.spec_from_file_location("_recorder", sys.argv[1] + "/__init__.py")
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
sys.path.insert(0, sys.argv[2])
recorder = module.install()
IMAGE = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
X = np.arange(24, dtype=np.float32).reshape(1, 3, 2, 4)
noted = {}

def ask(name, predict, **task):
    recorder.begin(IMAGE, task)
    try:
        answer = repr(predict(IMAGE))
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"[:60]
    noted[name] = {"answer": answer, **recorder.end()}

"""
END = """
print("NOTED" + json.dumps(noted))
"""
SAME = {"source": "tensor", "matrix": np.eye(3).tolist(), "offset": [0, 0, 0]}
DOUBLED = {**SAME, "matrix": (2 * np.eye(3)).tolist(), "offset": [1, 1, 1]}
PICTURE = {**SAME, "source": "image"}
RECIPES = {"same": SAME, "doubled": DOUBLED, "picture": PICTURE}

MINDSPORE = """
import mindspore as ms
from mindspore import nn, ops
from mindspore.train import Model

ms.set_context(mode=ms.PYNATIVE_MODE)
T = ms.Tensor(X)

class Inner(nn.Cell):
    def construct(self, x):
        return x + 1

class Mean(nn.Cell):
    def __init__(self):
        super().__init__()
        self.inner = Inner()
        self.drop = nn.Dropout(p=0.5)
        self.scale = ms.Parameter(ms.Tensor([1.0, float("nan")], ms.float32), name="scale")

    def construct(self, x):
        return ops.mean(self.inner(x), (2, 3))

class Own(Mean):
    def __call__(self, x):
        return self.construct(x)

class OwnLater(Mean):
    pass

class Fails(nn.Cell):
    def construct(self, x):
        raise ValueError("three channels expected")

mean = Mean()
ask("plain", lambda _: mean(T).asnumpy().tolist())
ask("keyword", lambda _: mean(x=T).asnumpy().tolist())
ask("own call", lambda _: Own()(T).asnumpy().tolist())
OwnLater.__call__ = lambda self, x: self.construct(x)
ask("own call, later", lambda _: OwnLater()(T).asnumpy().tolist())
ask("two in turn", lambda _: nn.ReLU()(mean(T)).asnumpy().tolist())
ask("model", lambda _: Model(mean).predict(T).asnumpy().tolist())
ask("twenty", lambda _: [Inner()(ms.Tensor(X + n)) for n in range(20)] and 0)
ask("fails", lambda _: Fails()(T))
ask("none", lambda _: IMAGE.mean())
ask("bfloat16", lambda _: str(Inner()(T.astype(ms.bfloat16)).dtype))
mean.drop.set_train(True)
ask("partly training", lambda _: mean(T) and 0)
mean.set_train(False)
ask("parameters", lambda _: mean(T).asnumpy().tolist(), parameters=True)
ask("outputs alone", lambda _: mean(T).asnumpy().tolist(), inputs=False)
large = lambda size: Inner()(ms.Tensor(np.zeros((1, 3, size, size), np.float32)))
ask("a large output alone", lambda _: [large(75)] and 0, inputs=False)
ask("outputs of 48 KiB alone", lambda _: [large(64), large(64), large(64)] and 0, inputs=False)
recipes = json.loads(sys.argv[3])
for name, recipe in recipes.items():
    ask(name, lambda _: mean(T).asnumpy().tolist(), recipe=recipe)
ask("refused", lambda _: nn.Dense(4, 2)(T).shape, recipe=recipes["picture"])
ask("no picture", lambda _: mean.inner(T[0, 0]).shape, recipe=recipes["same"])
ask("replaced", lambda _: nn.ReLU()(mean(T)).asnumpy().tolist(), recipe=recipes["doubled"])
outside = Inner()(T)

@ms.jit
def compiled(x):
    return mean(x)

ask("compiled", lambda _: compiled(T).asnumpy().tolist(), parameters=True)
ms.set_context(mode=ms.GRAPH_MODE)
mean = Mean().set_train(False)
ask("graph", lambda _: mean(T).asnumpy().tolist())
for name, recipe in recipes.items():
    ask(f"graph, {name}", lambda _: mean(T).asnumpy().tolist(), recipe=recipe)
"""

ENGINE = """
import mindspore as ms

ms.set_context(mode=ms.GRAPH_MODE)
T = ms.Tensor(np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32))
network = None

def predict(_):
    global network
    if network is None:
        from src_mindspore.engine import accelerate
        from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2
        backbone = MobileNetV2Backbone()
        network = mobilenet_v2(backbone, MobileNetV2Head(backbone.out_channels, 5)).set_train(False)
        accelerate(network)
    return network(T).asnumpy().tolist()

ask("first", predict)
ask("second", predict)
from src_mindspore.engine.live import LiveNetwork
noted["engine"] = type(network._engine).__name__
ask("head apart", lambda _: network.head(network.backbone(T)).shape)
"""

OTHERS = """
import cv2, onnx
from onnx import TensorProto, helper, numpy_helper

def save(path, size):
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w"], ["y"], transB=1),
    ]
    graph = helper.make_graph(nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(np.eye(3, dtype=np.float32), "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)

import os, tempfile
os.chdir(tempfile.mkdtemp(dir=sys.argv[4]))
save("small.onnx", 32)
recipes = json.loads(sys.argv[3])
small = np.full((1, 3, 32, 32), 3, np.float32)

def late(_):
    global session
    import onnxruntime
    session = onnxruntime.InferenceSession("small.onnx", providers=["CPUExecutionProvider"])
    return session.run(None, {"x": small})[0].tolist()

ask("imported in the answer", late)
for name, recipe in recipes.items():
    ask(name, lambda _: session.run(["y"], input_feed={"x": small})[0].tolist(), recipe=recipe)

net = cv2.dnn.readNetFromONNX("small.onnx")

def by_opencv(_):
    net.setInput(small)
    return net.forward().tolist()

def scaled(_):
    net = cv2.dnn.readNetFromONNX("small.onnx")
    net.setInput(small, "", 0.5, (1, 2, 3))
    return net.forward().round(3).tolist()

ask("opencv", by_opencv)
ask("opencv, scaled", scaled)
for name, recipe in recipes.items():
    ask(f"opencv, {name}", by_opencv, recipe=recipe)
ask("opencv, afterwards", lambda _: net.forward().tolist())
"""

FAKE_TORCH = '''
import types

class Tensor:
    """As much of PyTorch as a recorder needs."""

    def __init__(self, array): self.array, self.dtype = np.asarray(array), "torch.float32"
    shape = property(lambda self: self.array.shape)
    def detach(self): return self
    def cpu(self): return self
    def numpy(self): return self.array
    def to(self, other): return Tensor(self.array.astype(other.array.dtype))

class Module:
    training = True
    def modules(self): return [self]
    def state_dict(self): return {"weight": Tensor(np.ones(4, np.float32))}
    def call(self, *args, **named): return self.forward(*args, **named)
    __call__ = call
    def eval(self):
        self.training = False
        return self

torch, nn = types.ModuleType("torch"), types.ModuleType("torch.nn")
torch.nn, torch.Tensor, nn.Module = nn, Tensor, Module
torch.from_numpy = Tensor
sys.modules.update({"torch": torch, "torch.nn": nn})
'''
TORCH = """
class Inner(torch.nn.Module):
    def forward(self, x): return Tensor(x.array * 2)

class Net(torch.nn.Module):
    running_mean = None

    def __init__(self): self.inner = Inner()
    def forward(self, x): return {"features": [1, 2], "logits": self.inner(x)}

net = Net()
ask("training", lambda _: net(torch.Tensor(X))["logits"].array.sum())
ask("eval", lambda _: net.eval()(torch.Tensor(X))["logits"].array.sum(), parameters=True)
doubled = json.loads(sys.argv[3])["doubled"]
ask("replaced", lambda _: net(torch.Tensor(X))["logits"].array.sum(), recipe=doubled)
"""


REAL_TORCH = """
import torch
from torch import nn

class Own(nn.Linear):
    def __call__(self, x): return self.forward(x)

X = torch.from_numpy(X)
net = nn.Sequential(nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
own = Own(3, 2)
with torch.no_grad():
    ask("eval", lambda _: net(X - 1).tolist())
    ask("own call", lambda _: own(net(X)).shape, parameters=True)
    ask("half", lambda _: str(net(X.half()).dtype))
    ask("replaced", lambda _: net(X).tolist(), recipe=json.loads(sys.argv[3])["doubled"])
"""


def noted(source, tmp_path):
    """Run a program beside the recorder; return what was noted, by question."""
    arguments = [RECORDER, course_library().parent, json.dumps(RECIPES), tmp_path]
    program = tmp_path / "program.py"  # MindSpore compiles from a file's text
    program.write_text(BEGIN + source + END, encoding="utf-8")
    command = [sys.executable, program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.partition("NOTED")[2])


@pytest.fixture(scope="module")
def mindspore(tmp_path_factory):
    return noted(MINDSPORE, tmp_path_factory.mktemp("mindspore"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return noted(ENGINE, tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    return noted(OTHERS, tmp_path_factory.mktemp("others"))


@pytest.fixture(scope="module")
def torch(tmp_path_factory):
    return noted(FAKE_TORCH + TORCH, tmp_path_factory.mktemp("torch"))


def values(sent):
    held = base64.b64decode(sent["data"])
    return np.frombuffer(held, sent["dtype"]).reshape(sent["shape"])


X = np.arange(24, dtype=np.float32).reshape(1, 3, 2, 4)
MEANS = [[4.5, 12.5, 20.5]]
"""Of X + 1, by channel."""


@pytest.mark.mindspore
@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("plain", "Mean"),
        ("keyword", "Mean"),
        ("own call", "Own"),
        ("own call, later", "OwnLater"),
        ("model", "Mean"),
        ("compiled", "_JitExecutor"),
        ("graph", "Mean"),
    ],
)
def test_the_outermost_call_of_a_cell_is_noted_however_it_is_called(mindspore, question, name):
    answer = mindspore[question]
    assert json.loads(answer["answer"]) == MEANS
    (call,) = answer["records"]
    assert (call["kind"], call["name"], call["inputs"], call["training"]) == ("mindspore", name, 1, False)
    assert (values(call["input"]) == X).all()
    assert values(call["output"]).tolist() == MEANS


@pytest.mark.mindspore
def test_two_networks_that_are_called_in_turn_are_two_records(mindspore):
    first, second = mindspore["two in turn"]["records"]
    assert (first["name"], second["name"]) == ("Mean", "ReLU")
    assert values(second["input"]).tolist() == MEANS


@pytest.mark.mindspore
def test_of_many_calls_the_first_seven_and_the_last_are_noted(mindspore):
    answer = mindspore["twenty"]
    assert answer["calls"] == 20
    assert [values(call["input"]).flat[0] for call in answer["records"]] == [*range(7), 19]


@pytest.mark.mindspore
def test_a_network_that_fails_fails_as_it_did_and_its_input_is_noted(mindspore):
    answer = mindspore["fails"]
    assert answer["answer"].startswith("ValueError: three channels expected")
    assert answer["records"][0]["input"]["shape"] == [1, 3, 2, 4]
    assert answer["records"][0]["output"] is None


@pytest.mark.mindspore
def test_inputs_and_large_outputs_are_told_by_their_form_alone_where_nobody_wants_them(mindspore):
    (call,) = mindspore["outputs alone"]["records"]
    assert call["input"] == {"dtype": "float32", "shape": [1, 3, 2, 4], "data": None}
    assert values(call["output"]).tolist() == MEANS
    (large,) = mindspore["a large output alone"]["records"]
    assert large["output"] == {"dtype": "float32", "shape": [1, 3, 75, 75], "data": None}
    first, _, last = mindspore["outputs of 48 KiB alone"]["records"]
    assert (first["output"]["data"], values(last["output"]).shape) == (None, (1, 3, 64, 64))


@pytest.mark.mindspore
def test_an_answer_without_a_network_has_no_record(mindspore):
    assert mindspore["none"]["records"] == []
    assert mindspore["none"]["calls"] == 0


@pytest.mark.mindspore
def test_numbers_that_numpy_has_no_type_for_are_told_as_float32(mindspore):
    assert "BFloat16" in mindspore["bfloat16"]["answer"]
    assert mindspore["bfloat16"]["records"][0]["input"]["dtype"] == "float32"


@pytest.mark.mindspore
def test_a_part_that_was_left_in_training_mode_is_told(mindspore):
    assert mindspore["partly training"]["records"][0]["training"] is True


@pytest.mark.mindspore
@pytest.mark.parametrize("question", ["parameters", "compiled"])
def test_parameters_are_described_where_they_are_asked_for(mindspore, question):
    networks = mindspore[question]["networks"]
    (scale,) = next(each["parameters"] for each in networks if each["name"] == "Mean")
    digest = hashlib.sha1(np.array([1, np.nan], "<f4").tobytes(), usedforsecurity=False).hexdigest()
    assert (scale["name"], scale["sha1"], scale["mean"], scale["not_finite"]) == ("scale", digest, 1.0, 1)
    assert mindspore["plain"]["networks"] == []


@pytest.mark.mindspore
@pytest.mark.parametrize("mode", ["", "graph, "])
def test_a_recipe_takes_the_place_of_the_students_input(mindspore, mode):
    answers = [mindspore[mode + name] for name in RECIPES]
    assert [(answer["replaced"], answer["calls"]) for answer in answers] == [(True, 1)] * 3
    same, doubled, picture = (values(answer["records"][0]["output"]) for answer in answers)
    assert same.tolist() == MEANS
    assert np.allclose(doubled, 2 * (np.array(MEANS) - 1) + 2)
    assert picture.shape == (1, 3)
    assert [answer["records"][0]["input"] for answer in answers] == [
        mindspore["plain"]["records"][0]["input"]
    ] * 3
    assert [json.loads(answer["answer"]) for answer in answers[:2]] == [same.tolist(), doubled.tolist()]


@pytest.mark.mindspore
@pytest.mark.parametrize(
    ("question", "shape"), [("plain", None), ("refused", (1, 3, 2, 2)), ("no picture", (2, 4))]
)
def test_a_network_that_takes_no_recipe_is_given_the_students_input(mindspore, question, shape):
    answer = mindspore[question]
    assert (answer["replaced"], answer["calls"]) == (False, 1)
    assert answer["answer"] == str(shape or MEANS)


@pytest.mark.mindspore
def test_the_students_code_goes_on_with_the_output_for_the_recipe(mindspore):
    answer = mindspore["replaced"]
    doubled = (2 * (np.array(MEANS) - 1) + 2).tolist()
    assert json.loads(answer["answer"]) == doubled
    network, head = answer["records"]
    assert values(network["output"]).tolist() == doubled
    assert values(head["input"]).tolist() == doubled


@pytest.mark.mindspore
def test_what_the_engine_of_the_course_library_answers_is_noted_as_the_networks(engine):
    assert engine["engine"] == "LiveNetwork"
    for question in ("first", "second"):
        (call,) = engine[question]["records"]
        assert (call["kind"], call["name"]) == ("mindspore", "MobileNetV2Combine")
        assert values(call["output"]).tolist() == json.loads(engine[question]["answer"])
    apart = [(call["name"], call["output"]["shape"]) for call in engine["head apart"]["records"]]
    assert apart == [("MobileNetV2Backbone", [1, 1280, 7, 7]), ("MobileNetV2Head", [1, 5])]


def test_onnx_runtime_is_recorded_though_it_is_imported_in_the_middle_of_an_answer(others):
    (call,) = others["imported in the answer"]["records"]
    assert (call["kind"], call["training"], call["input"]["shape"]) == ("onnxruntime", None, [1, 3, 32, 32])
    assert values(call["output"]).tolist() == [[3, 3, 3]]


@pytest.mark.parametrize("framework", ["", "opencv, "])
def test_a_network_of_one_size_alone_gets_the_picture_in_that_size(others, framework):
    assert all(others[framework + name]["replaced"] for name in RECIPES)
    same, doubled, picture = (json.loads(others[framework + name]["answer"]) for name in RECIPES)
    assert (same, doubled) == ([[3, 3, 3]], [[7, 7, 7]])
    # The picture's channels rise by one from pixel to pixel and channel to channel.
    assert np.allclose(np.diff(picture), 1, atol=0.1)


def test_what_arrives_at_a_network_of_opencv_is_noted(others):
    (call,) = others["opencv"]["records"]
    assert (call["kind"], call["input"]["shape"]) == ("opencv", [1, 3, 32, 32])
    (scaled,) = others["opencv, scaled"]["records"]
    assert values(scaled["input"])[0, :, 0, 0].tolist() == [1.0, 0.5, 0.0]
    assert np.allclose(values(scaled["output"]), [[1.0, 0.5, 0.0]])


def test_a_network_of_opencv_is_left_with_the_input_that_it_was_given(others):
    assert json.loads(others["opencv, doubled"]["answer"]) == [[7, 7, 7]]
    assert json.loads(others["opencv, afterwards"]["answer"]) == [[3, 3, 3]]


def test_a_module_of_pytorch_is_recorded(torch):
    (training,), (answering,) = torch["training"]["records"], torch["eval"]["records"]
    assert (training["kind"], training["name"], training["training"]) == ("torch", "Net", True)
    assert answering["training"] is False
    assert (values(answering["output"]) == 2 * X).all()
    assert torch["eval"]["networks"][0]["parameters"][0]["name"] == "weight"
    assert torch["replaced"]["answer"] == repr(np.float32((2 * (2 * X + 1)).sum()))


@pytest.mark.torch
def test_the_modules_of_pytorch_itself_are_recorded(tmp_path):
    pytest.importorskip("torch")
    torch = noted(REAL_TORCH, tmp_path)

    (call,) = torch["eval"]["records"]
    assert (call["kind"], call["name"], call["training"]) == ("torch", "Sequential", False)
    assert (values(call["input"]) == X - 1).all()  # as it was given, and not as it was changed in place
    assert [each["name"] for each in torch["own call"]["records"]] == ["Sequential", "Own"]
    names = [each["name"] for each in torch["own call"]["networks"][1]["parameters"]]
    assert names == ["weight", "bias"]
    assert torch["half"]["records"][0]["input"]["dtype"] == "float16"
    assert json.loads(torch["replaced"]["answer"]) == (2 * X + 1).mean((2, 3)).tolist()


def test_the_recorder_imports_no_framework():
    text = "".join(path.read_text(encoding="utf-8") for path in RECORDER.glob("*.py"))
    assert not any(f"import {name}" in text for name in ("mindspore", "torch", "onnxruntime", "cv2"))
