"""A network that is given bytes, colours last, and makes of them itself what another one inside it is given.

The recorder changes the frameworks' own classes for good, so each program runs in a process of its own.
"""

import json

import numpy as np
import pytest

from grader.diagnosis.charts import CHARTS
from grader.diagnosis.identify import identify
from grader.diagnosis.preprocessing import differences
from tests.grader.diagnosis.test_recorder import FAKE_TORCH, noted, values

PICTURES = """
B = np.random.default_rng(0).integers(0, 256, (1, 40, 40, 3), dtype=np.uint8)
recipes = json.loads(sys.argv[3])

def ask_all(name, network, of=lambda y: y.asnumpy().tolist()):
    answer = lambda _: of(network(tensor(B)))
    noted[f"{name}, unseen"] = repr(answer(None))
    for question in ("doubled at first", "nothing", "doubled", "picture", "nothing afterwards"):
        recipe, before = recipes.get(question.split()[0]), network.runs
        ask(f"{name}, {question}", answer, **({"recipe": recipe} if recipe else {}))
        noted[f"{name}, {question}"]["runs"] = network.runs - before
"""
NETWORKS = """
import os
import mindspore as ms
from mindspore import nn, ops

ms.set_context(mode=ms.PYNATIVE_MODE)
tensor = ms.Tensor
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
constant = lambda values: ms.Tensor(np.array(values, np.float32).reshape(1, 3, 1, 1))

class Float(nn.Cell):
    def construct(self, x):
        return ops.transpose(x.astype(ms.float32), (0, 3, 1, 2)) / 255

class Normalise(nn.Cell):
    def __init__(self, mean=MEAN, std=STD):
        super().__init__()
        self.mean, self.std = constant(mean), constant(std)

    def construct(self, x):
        return (x - self.mean) / self.std

class Features(nn.Cell):
    def construct(self, x):
        return ops.mean(x, (2, 3))

class Flat(nn.Cell):
    def construct(self, x):
        return ops.reshape(x[:, :2], (1, -1))

class Raises(nn.Cell):
    def construct(self, x):
        raise ValueError("three channels expected")

class Net(nn.Cell):
    def __init__(self, features, of_all=3, **constants):
        super().__init__()
        self.prepare, self.normalise, self.features = Float(), Normalise(**constants), features
        self.head = nn.Dense(of_all, 2)

class ByItself(Net):
    runs = 0
    def construct(self, x):
        type(self).runs += 1
        x = (self.prepare(x) - self.normalise.mean) / self.normalise.std
        return self.head(self.features(x))

class InSteps(Net):
    runs = 0
    def construct(self, x):
        type(self).runs += 1
        return self.head(self.features(self.normalise(self.prepare(x))))

class Compiled(Net):
    runs = 0
    def construct(self, x):
        return ops.mean(self.prepare(x), (2, 3))

normalised = (np.moveaxis(B, 3, 1) / np.float32(255) - np.reshape(MEAN, (1, 3, 1, 1))) / np.reshape(STD, (1, 3, 1, 1))
noted["normalised"] = normalised.tolist()
by_itself, in_steps = ByItself(Features()).set_train(False), InSteps(Features()).set_train(False)
of_one_size = ByItself(Flat(), 2 * 40 * 40).set_train(False)
for name, network in {"by itself": by_itself, "in steps": in_steps, "of one size": of_one_size}.items():
    ask_all(name, network)
    doubled = network.head(network.features(ms.Tensor(2 * normalised + 1, ms.float32)))
    noted[f"{name}, expected"] = doubled.asnumpy().tolist()
ask("fails", lambda _: ByItself(Raises())(tensor(B)))
ask("fails, doubled", lambda _: ByItself(Raises())(tensor(B)), recipe=recipes["doubled"])

os.chdir(sys.argv[4])
charts = np.load("charts.npz")
for constants in ({}, {"mean": STD, "std": MEAN}):
    network, seen = ByItself(Features(), **constants).set_train(False), {}
    for name, chart in charts.items():
        crop = cv2.resize(chart, (256, 256))[16:240, 16:240]
        recorder.begin(chart, None)
        network(ms.Tensor(crop[None]))
        sent = recorder.end()["records"][0]["input"]
        held = __import__("base64").b64decode(sent["data"])
        seen[name] = np.frombuffer(held, sent["dtype"]).reshape(sent["shape"])
    np.savez("exchanged.npz" if constants else "right.npz", **seen)

ms.set_context(mode=ms.GRAPH_MODE)
ask_all("graph", Compiled(Features()).set_train(False))
"""
MODULES = """
tensor = Tensor
of = lambda y: float(y.array.sum())

class Scale(torch.nn.Module):
    def forward(self, x): return Tensor(x.array * np.float32(2))

class Means(torch.nn.Module):
    def forward(self, x): return Tensor(x.array.mean((2, 3)))

class Net(torch.nn.Module):
    runs = 0
    def __init__(self): self.scale, self.means = Scale(), Means()
    def forward(self, x):
        type(self).runs += 1
        return self.means(self.scale(Tensor(np.moveaxis(x.array, 3, 1).astype(np.float32))))

class Plain(torch.nn.Module):
    runs = 0
    def forward(self, x):
        type(self).runs += 1
        return Tensor(x.array.mean((1, 2)))

ask_all("within", Net(), of)
ask_all("plain", Plain(), of)
"""
B = np.random.default_rng(0).integers(0, 256, (1, 40, 40, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def mindspore(folder):
    charts = {f"{number}-{chart.name}": chart.pixels for number, chart in enumerate(CHARTS)}
    np.savez(folder / "charts.npz", **charts)
    return noted("import cv2\n" + PICTURES + NETWORKS, folder)


@pytest.fixture(scope="module")
def torch(tmp_path_factory):
    return noted(FAKE_TORCH + PICTURES + MODULES, tmp_path_factory.mktemp("torch"))


IN_MINDSPORE = ["by itself", "in steps", "of one size"]


@pytest.mark.mindspore
@pytest.mark.parametrize("name", IN_MINDSPORE)
def test_what_the_network_inside_is_given_is_noted_as_the_input(mindspore, name):
    answer = mindspore[f"{name}, nothing"]
    (call,) = answer["records"]
    assert answer["calls"] == call["inputs"] == 1
    assert call["name"] == ("InSteps" if name == "in steps" else "ByItself")
    assert np.allclose(values(call["input"]), mindspore["normalised"], atol=1e-5)
    assert values(call["output"]).tolist() == json.loads(answer["answer"])


@pytest.mark.mindspore
@pytest.mark.parametrize("name", [*IN_MINDSPORE, "graph"])
def test_an_answer_is_what_it_is_unrecorded_where_nothing_is_to_be_replaced(mindspore, name):
    unseen = mindspore[f"{name}, unseen"]
    asked = [mindspore[f"{name}, {question}"] for question in ("nothing", "nothing afterwards")]
    assert [(answer["answer"], answer["replaced"]) for answer in asked] == [(unseen, False)] * 2


@pytest.mark.mindspore
@pytest.mark.parametrize("name", IN_MINDSPORE)
def test_a_recipe_takes_the_place_of_what_the_network_inside_is_given(mindspore, name):
    for question in ("doubled at first", "doubled"):
        answer = mindspore[f"{name}, {question}"]
        assert (answer["replaced"], answer["runs"]) == (True, 1)
        assert np.allclose(json.loads(answer["answer"]), mindspore[f"{name}, expected"], rtol=1e-4, atol=1e-4)
        assert values(answer["records"][0]["output"]).tolist() == json.loads(answer["answer"])


@pytest.mark.mindspore
def test_what_comes_after_the_network_inside_may_take_one_size_alone(mindspore):
    larger, of_one_size = mindspore["by itself, picture"], mindspore["of one size, picture"]
    assert larger["replaced"] is of_one_size["replaced"] is True
    assert (larger["runs"], of_one_size["runs"]) == (1, 2)  # once in the usual size
    assert of_one_size["answer"] != mindspore["of one size, nothing"]["answer"]


@pytest.mark.mindspore
@pytest.mark.parametrize("question", ["fails", "fails, doubled"])
def test_a_network_inside_that_fails_fails_as_it_did(mindspore, question):
    assert mindspore[question]["answer"] == "ValueError: three channels expected"
    assert mindspore[question]["replaced"] is False


@pytest.mark.mindspore
@pytest.mark.parametrize(("program", "codes"), [("right", set()), ("exchanged", {"std-mean"})])
def test_what_a_network_makes_of_bytes_by_itself_is_identified(mindspore, folder, program, codes):
    tensors = np.load(folder / f"{program}.npz")
    seen = {}
    for number, chart in enumerate(CHARTS):
        seen.setdefault(chart.name, []).append(tensors[f"{number}-{chart.name}"])
    assert {difference.code for difference in differences(identify(seen))} == codes


@pytest.mark.mindspore
def test_the_input_of_a_compiled_network_is_that_of_the_outermost_call(mindspore):
    (call,) = mindspore["graph, nothing"]["records"]
    assert (values(call["input"]) == B).all()
    doubled = [mindspore[f"graph, {question}"] for question in ("doubled at first", "doubled")]
    twice = np.clip(2.0 * B + 1, 0, 255).mean((1, 2)) / 255
    assert [answer["replaced"] for answer in doubled] == [True, True]
    assert all(np.allclose(json.loads(answer["answer"]), twice, atol=1e-4) for answer in doubled)


def test_steps_within_a_module_of_pytorch_are_no_network(torch):
    planes = np.moveaxis(B, 3, 1).astype(np.float32)
    nothing = torch["within, nothing"]
    assert (values(nothing["records"][0]["input"]) == 2 * planes).all()
    assert nothing["answer"] == torch["within, unseen"] == torch["within, nothing afterwards"]["answer"]
    doubled = [torch[f"within, {question}"] for question in ("doubled at first", "doubled")]
    expected = (4 * planes + 1).mean((2, 3)).sum()
    assert [float(answer["answer"]) for answer in doubled] == pytest.approx([expected] * 2, rel=1e-5)
    assert [(answer["replaced"], answer["runs"]) for answer in doubled] == [(True, 1)] * 2


def test_bytes_are_replaced_where_no_network_is_inside_and_that_is_found_out_once(torch):
    assert (values(torch["plain, nothing"]["records"][0]["input"]) == B).all()
    doubled = [torch[f"plain, {question}"] for question in ("doubled at first", "doubled")]
    expected = np.clip(2.0 * B + 1, 0, 255).mean((1, 2)).sum()
    assert [float(answer["answer"]) for answer in doubled] == pytest.approx([expected] * 2, rel=1e-5)
    assert [(answer["replaced"], answer["runs"]) for answer in doubled] == [(True, 2), (True, 1)]
