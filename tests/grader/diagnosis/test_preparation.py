"""What the recorder does to a network before it is called: its mode, and a file's parameters.

It changes the frameworks' own classes for good, so each program runs in a process of its own.
"""

import json

import numpy as np
import pytest

from tests.grader.diagnosis.test_recorder import noted as noted_of
from tests.grader.diagnosis.test_recorder import values

NETWORKS = """
import os
import mindspore as ms
from mindspore import nn, ops

os.chdir(sys.argv[4])
ms.set_context(mode=ms.MODE)
T = ms.Tensor(X)

class Features(nn.Cell):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.drop = nn.Dropout(p=0.5)

    def construct(self, x):
        return self.drop(ops.mean(self.norm(x), (2, 3)))

class Net(nn.Cell):
    def __init__(self):
        super().__init__()
        self.features = Features()
        self.head = nn.Dense(3, 2)

    def construct(self, x):
        return self.head(self.features(x))

class Prefixed(nn.Cell):
    def __init__(self):
        super().__init__()
        self.net = Net()

    def construct(self, x):
        return self.net(x)

trained = Net().set_train(False)
trained.features.norm.moving_mean.set_data(ms.Tensor([1.0, 2.0, 3.0], ms.float32))
trained.features.norm.moving_variance.set_data(ms.Tensor([4.0, 5.0, 6.0], ms.float32))
noted["trained"] = trained(T).asnumpy().tolist()
ms.save_checkpoint(trained, "trained.ckpt")

def loaded(network, *lost):
    state = ms.load_checkpoint("trained.ckpt")  # what is loaded shares its memory with the network
    left = {name: value for name, value in state.items() if not any(each in name for each in lost)}
    ms.load_param_into_net(network, left)
    return network.set_train(False)

head_lost, statistics_lost = loaded(Net(), "head"), loaded(Net(), "moving")
trains, drops, prefixed = loaded(Net()), loaded(Net()), Prefixed().set_train(False)
features, head = Features().set_train(False), nn.Dense(3, 2)
other = nn.Dense(4, 7)

def answer(network):
    return lambda _: network(T).asnumpy().tolist()

def answer_in_training(_):
    loaded(trains).set_train(True)
    return trains(T).asnumpy().tolist()

@ms.jit
def compiled(x):
    return trains(x)

@ms.jit
def compiled_lost(x):
    return head_lost(x)

answer_in_training(None)
compiled(T)  # what MindSpore has compiled so far holds the mode
drops.features.drop.set_train(True)
drops(T)

ask("head lost", answer(head_lost), parameters=True)
ask("statistics lost", answer(statistics_lost))
ask("trains", answer_in_training)
ask("trains, evaluated", answer_in_training, evaluate=True)
ask("trains, evaluated, later", answer_in_training)
ask("drops, evaluated", answer(drops))
ask("compiled, evaluated", lambda _: (answer_in_training(_), compiled(T).asnumpy().tolist())[1])
ask("head lost, evaluated", answer(head_lost))
ask("compiled lost, evaluated", lambda _: compiled_lost(T).asnumpy().tolist())
ask("no such file", answer(head_lost), load="lost.ckpt")
ask("head lost, loaded", answer(head_lost), load="trained.ckpt")
ask("statistics lost, loaded", answer(statistics_lost))
ask("trains, loaded", answer_in_training)
ask("compiled, loaded", lambda _: compiled(T).asnumpy().tolist())
ask("compiled lost, loaded", lambda _: compiled_lost(T).asnumpy().tolist())
ask("prefixed, loaded", answer(prefixed))
ask("a new network, loaded", lambda _: Net().set_train(False)(T).asnumpy().tolist())
ask("two in turn, loaded", lambda _: head(features(T)).asnumpy().tolist())
recipes = json.loads(sys.argv[3])
ask("same, loaded", answer(head_lost), recipe=recipes["same"])
ask("doubled, loaded", answer(head_lost), recipe=recipes["doubled"])
ask("another", lambda _: other(T).shape, load="trained.ckpt")
ask("reported", answer(head_lost), load="trained.ckpt", inputs=False)
ask("described", answer(head_lost), load="trained.ckpt", parameters=True)
"""
LIBRARY = """
import os
import mindspore as ms
from src_mindspore.engine import accelerate
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

os.chdir(sys.argv[4])
ms.set_context(mode=ms.GRAPH_MODE)
T = ms.Tensor(np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32))

def network():
    backbone = MobileNetV2Backbone()
    return mobilenet_v2(backbone, MobileNetV2Head(backbone.out_channels, 5)).set_train(False)

trained, lost = network(), accelerate(network())
ms.save_checkpoint(trained, "trained.ckpt")
noted["trained"] = accelerate(trained)(T).asnumpy().tolist()
ask("lost", lambda _: lost(T).asnumpy().tolist())
ask("lost, again", lambda _: lost(T).asnumpy().tolist())
noted["engine"] = lost._engine._whole is not None
ask("loaded", lambda _: lost(T).asnumpy().tolist(), load="trained.ckpt")
noted["engine, loaded"] = lost._engine._whole is not None
ask("loaded, again", lambda _: lost(T).asnumpy().tolist())
"""
TORCH = """
import os
import torch
from torch import nn

os.chdir(sys.argv[4])
X = torch.from_numpy(X)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.drop(self.norm(x).mean((2, 3))))

class Prefixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.fn = Net()

    def forward(self, x):
        return self.fn(x)

    def train(self, mode=True):
        return super().train(True)

trained = Net().eval()
trained.norm.running_mean.fill_(2.0)
noted["trained"] = trained(X).tolist()
state = trained.state_dict()
torch.save({"epoch": 3, "state": {name: tensor.double() for name, tensor in state.items()}}, "trained.pth")
np.savez("mindspore.npz", **{
    name.replace("norm.weight", "norm.gamma").replace("norm.bias", "norm.beta")
    .replace("running_mean", "moving_mean").replace("running_var", "moving_variance"): tensor.numpy()
    for name, tensor in state.items()
})

def answer(network):
    return lambda _: network.train()(X).tolist()

ask("lost", answer(Net()), parameters=True)
ask("trained, evaluated", answer(trained), evaluate=True)
ask("lost, loaded", answer(Net()), load="trained.pth")
ask("prefixed, loaded", answer(Prefixed()))
ask("script, loaded", answer(torch.jit.script(Net())))
ask("mindspore, loaded", answer(Net()), load="mindspore.npz")
"""


@pytest.fixture(scope="module", params=["PYNATIVE_MODE", "GRAPH_MODE"])
def networks(request, tmp_path_factory):
    source = NETWORKS.replace("ms.MODE", f"ms.{request.param}")
    return noted_of(source, tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return noted_of(LIBRARY, tmp_path_factory.mktemp("library"))


def is_trained(noted, question):
    """Whether a question was answered as the trained network answers."""
    answered, trained = json.loads(noted[question]["answer"]), np.array(noted["trained"])
    return np.allclose(answered, trained, rtol=0, atol=1e-4 * np.abs(trained).max())


@pytest.mark.mindspore
@pytest.mark.parametrize(
    "question",
    ["head lost", "statistics lost", "trains", "head lost, evaluated", "compiled lost, evaluated"],
)
def test_a_network_answers_as_it_is_where_nobody_wants_it_otherwise(networks, question):
    assert not is_trained(networks, question)


@pytest.mark.mindspore
@pytest.mark.parametrize("question", ["trains", "trains, later", "drops", "compiled"])
def test_a_network_is_evaluated_whatever_mode_the_program_calls_it_in(networks, question):
    name, comma, later = question.partition(",")
    answered = networks[f"{name}, evaluated{comma}{later}"]
    assert answered["records"][-1]["training"] is False
    assert is_trained(networks, f"{name}, evaluated{comma}{later}")


@pytest.mark.mindspore
@pytest.mark.parametrize(
    "question",
    [
        "head lost",
        "statistics lost",
        "trains",
        "compiled",
        "compiled lost",
        "prefixed",
        "a new network",
        "two in turn",
    ],
)
def test_a_network_answers_with_the_parameters_of_a_file(networks, question):
    assert is_trained(networks, f"{question}, loaded")


@pytest.mark.mindspore
def test_recipes_are_answered_with_the_parameters_of_a_file(networks):
    assert networks["same, loaded"]["replaced"] is networks["doubled, loaded"]["replaced"] is True
    assert is_trained(networks, "same, loaded")
    assert not is_trained(networks, "doubled, loaded")


@pytest.mark.mindspore
def test_how_many_parameters_found_a_place_is_said_where_a_file_is_to_be_loaded(networks):
    def loaded(question):
        return {
            (each["name"], each["loaded"], len(each["parameters"])) for each in networks[question]["networks"]
        }

    assert loaded("head lost") == {("Net", 0, 6)}
    assert loaded("no such file") == {("Net", 0, 0)}  # to describe them all takes long
    assert loaded("head lost, loaded") == {("Net", 6, 0)}
    assert loaded("described") == {("Net", 6, 6)}
    assert loaded("statistics lost, loaded") == set()


@pytest.mark.mindspore
def test_a_network_that_is_not_the_files_is_left_as_it_is(networks):
    assert networks["another"]["answer"] == "(1, 3, 2, 7)"


@pytest.mark.mindspore
def test_a_file_that_cannot_be_read_changes_nothing(networks):
    assert networks["no such file"]["answer"] == networks["head lost"]["answer"]


@pytest.mark.mindspore
def test_parameters_of_the_network_and_of_the_file_can_be_compared(networks):
    (file,), (network,) = networks["head lost"]["files"], networks["head lost"]["networks"]
    own = {each["name"]: each["sha1"] for each in network["parameters"]}
    held = {each["name"]: each["sha1"] for each in file["parameters"]}
    assert (file["name"], own.keys()) == ("trained.ckpt", held.keys())
    # The bias is zero before training, too.
    assert {name for name in own if own[name] != held[name]} <= {"head.weight", "head.bias"}
    assert own["head.weight"] != held["head.weight"]
    assert networks["statistics lost"]["files"] == []


@pytest.mark.mindspore
def test_small_outputs_come_without_inputs(networks):
    (call,) = networks["reported"]["records"]
    assert call["input"]["data"] is None
    assert np.allclose(values(call["output"]), networks["trained"], atol=1e-4)


@pytest.mark.mindspore
def test_the_engine_of_the_course_library_answers_with_the_parameters_of_a_file(library):
    assert library["engine"]
    assert library["engine, loaded"]
    assert not is_trained(library, "lost")
    assert not is_trained(library, "lost, again")
    assert is_trained(library, "loaded")
    assert is_trained(library, "loaded, again")
    (network,) = library["loaded"]["networks"]
    assert (network["loaded"], network["parameters"]) == (262, [])


@pytest.mark.torch
def test_modules_of_pytorch_are_evaluated_and_loaded(tmp_path):
    pytest.importorskip("torch")
    torch = noted_of(TORCH, tmp_path)

    assert not is_trained(torch, "lost")
    assert {each["name"] for each in torch["lost"]["files"]} == {"trained.pth", "mindspore.npz"}
    for question in ("trained, evaluated", "lost, loaded", "prefixed, loaded", "script, loaded"):
        assert is_trained(torch, question)
        assert torch[question]["records"][0]["training"] is False
    assert is_trained(torch, "mindspore, loaded")
    assert torch["mindspore, loaded"]["networks"][0]["loaded"] == 7
