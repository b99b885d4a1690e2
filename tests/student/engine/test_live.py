"""The engine behind a live network: the same answers as MindSpore, never a stale one, and no part in training."""

import copy
import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.ready_python import Program

pytestmark = pytest.mark.mindspore

SIZE = (3, 224, 224)


@pytest.fixture(scope="module")
def images():
    from mindspore import Tensor

    rng = np.random.default_rng(5)
    return Tensor(rng.normal(0, 1.2, (2, *SIZE)).astype(np.float32))


@pytest.fixture(params=["graph", "pynative"])
def mode(request):
    import mindspore as ms

    ms.set_context(mode=ms.GRAPH_MODE if request.param == "graph" else ms.PYNATIVE_MODE)
    return request.param


@pytest.fixture
def network():
    """A network through which a signal gets, so that every parameter counts."""
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

    network = mobilenet_v2(MobileNetV2Backbone(), MobileNetV2Head(num_classes=5))
    rng = np.random.default_rng(2)
    for parameter in network.get_parameters():
        spread = 0.1 if parameter.ndim == 1 else np.sqrt(2 / np.prod(parameter.shape[1:]))
        if "gamma" not in parameter.name and "variance" not in parameter.name:
            parameter.set_data(ms.Tensor(rng.normal(0, spread, parameter.shape).astype(np.float32)))
    return network.set_train(False)


def fast(network, images):
    """What the engine answers once it is asked for; None where only MindSpore can."""
    from src_mindspore.engine import accelerate
    from src_mindspore.engine.live import fast_answer

    return fast_answer(accelerate(network), images)


def answer(network, images):
    from src_mindspore.engine import accelerate

    return accelerate(network)(images).asnumpy()


def stock_answer(network, images):
    """What MindSpore itself answers."""
    from src_mindspore.engine import accelerate

    accelerate(network)
    engines = [network._engine, network.backbone._engine]
    before = [engine._is_usable for engine in engines]
    for engine in engines:
        engine._is_usable = False
    try:
        return answer(network, images)
    finally:
        for engine, usable in zip(engines, before, strict=True):
            engine._is_usable = usable


@pytest.fixture(scope="module")
def twins():
    """Networks that nobody accelerates, by number of classes; MindSpore compiles each once."""
    return {}


@pytest.fixture
def twins_answer(twins, mode):
    """Return what MindSpore answers with a network's parameters as they are now; compiled once for all tests."""
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

    def answered(network, images):
        if mode == "pynative":  # where nothing is compiled, the network itself is asked
            return stock_answer(network, images)
        classes = network.head.parameters_dict()["head.1.bias"].size
        if classes not in twins:
            twin = mobilenet_v2(MobileNetV2Backbone(), MobileNetV2Head(num_classes=classes))
            twins[classes] = twin.set_train(False)
        twin = twins[classes]
        for parameter, own in zip(twin.get_parameters(), network.get_parameters(), strict=True):
            assert parameter.name == own.name
            parameter.set_data(ms.Tensor(own.asnumpy().copy()))
        return twin(images).asnumpy()

    return answered


def uses_engine(network, images) -> bool:
    return fast(network.backbone, images) is not None


def answers_for_both(network, images) -> bool:
    """Whether the engine, having been asked, answers for backbone and head together."""
    answer(network, images)
    whole = network._engine._whole
    return whole is not None and images.shape[0] in whole.batch_sizes


def assert_same(network, images):
    np.testing.assert_allclose(answer(network, images), stock_answer(network, images), atol=1e-3)


def test_it_answers_as_mindspore_does(network, images, mode):
    assert uses_engine(network, images)
    assert answers_for_both(network, images)
    assert_same(network, images)
    np.testing.assert_allclose(
        network.backbone(images).asnumpy(), network.backbone.construct(images).asnumpy(), atol=1e-3
    )


def test_a_network_that_nobody_accelerates_is_mindspores_alone(network, images, mode):
    from mindspore import nn
    from src_mindspore.engine import accelerate
    from src_mindspore.engine.live import fast_answer

    twin = copy.deepcopy(network)
    answer(twin, images)
    expected = nn.Cell.__call__(network, images).asnumpy()
    np.testing.assert_array_equal(network(images).asnumpy(), expected)
    assert [fast_answer(cell, images) for cell in (network, network.backbone)] == [None, None]
    assert accelerate(network) is network
    assert fast_answer(network, images) is not None


def test_a_network_is_accelerated_wherever_it_stands_in_a_students_own(network, images):
    import mindspore as ms
    from students_heads import Doubling

    ms.set_context(mode=ms.PYNATIVE_MODE)
    own = Doubling(network)
    np.testing.assert_allclose(answer(own, images), 2 * stock_answer(network, images), atol=1e-3)
    assert network._engine._whole is not None


def test_a_model_of_mindspores_predicts_by_the_engine_too(network, images, mode):
    import mindspore as ms
    from src_mindspore.engine import accelerate

    said = ms.Model(accelerate(network)).predict(images).asnumpy()
    assert len(images) in network._engine._whole.batch_sizes
    np.testing.assert_allclose(said, stock_answer(network, images), atol=1e-3)


def change_by_training(network, images):
    from mindspore import Tensor, int32, nn

    optimizer = nn.Momentum(network.trainable_params(), 0.01, 0.9)
    step = nn.TrainOneStepCell(nn.WithLossCell(network, nn.CrossEntropyLoss()), optimizer)
    step.set_train(True)
    step(images, Tensor([1, 2], int32))
    network.set_train(False)


def change_by_training_without_saying_so(network, images):
    from mindspore import Tensor, int32, nn

    optimizer = nn.Momentum(network.trainable_params(), 0.01, 0.9)
    nn.TrainOneStepCell(nn.WithLossCell(network, nn.CrossEntropyLoss()), optimizer)(
        images, Tensor([1, 2], int32)
    )


def change_by_loading(network, images):
    import mindspore as ms

    name = "features.5.conv.2.weight"
    value = network.backbone.parameters_dict()[name].asnumpy() * 1.5
    ms.load_param_into_net(network, {name: ms.Parameter(ms.Tensor(value), name=name)})


def change_by_assigning(network, images):
    from mindspore import ops

    parameter = network.backbone.parameters_dict()["features.9.conv.0.features.1.beta"]
    ops.assign(parameter, parameter + 1)


def change_the_head_by_loading(network, images):
    import mindspore as ms

    value = network.head.parameters_dict()["head.1.weight"].asnumpy() * 1.5
    ms.load_param_into_net(network, {"head.1.weight": ms.Parameter(ms.Tensor(value), name="head.1.weight")})


def change_the_head_by_assigning(network, images):
    from mindspore import ops

    parameter = network.head.parameters_dict()["head.1.bias"]
    ops.assign(parameter, parameter + 1)


@pytest.mark.parametrize(
    "change",
    [
        change_by_training,
        change_by_training_without_saying_so,
        change_by_loading,
        change_by_assigning,
        change_the_head_by_loading,
        change_the_head_by_assigning,
    ],
)
def test_changed_parameters_are_noticed_at_the_next_call(network, images, mode, change, twins_answer):
    assert answers_for_both(network, images)
    before = answer(network, images)
    change(network, images)
    after = answer(network, images)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, twins_answer(network, images), atol=1e-3)
    assert answers_for_both(network, images)


def set_by_index(parameter):
    parameter[0] = 100.0


def set_in_memory(parameter):
    parameter.asnumpy()[0] = 100.0


def set_by_assigning(parameter):
    from mindspore import Tensor, ops

    value = parameter.asnumpy().copy()
    value[0] = 100.0
    ops.assign(parameter, Tensor(value))


def set_in_a_corner_of_the_weight(parameter):
    parameter.asnumpy().flat[-1] = 100.0


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (set_by_index, "head.1.bias"),
        (set_in_memory, "head.1.bias"),
        (set_by_assigning, "head.1.bias"),
        (set_in_a_corner_of_the_weight, "head.1.weight"),
    ],
)
def test_one_number_of_the_head_is_noticed_at_the_next_call(
    network, images, mode, change, name, twins_answer, monkeypatch
):
    from mindspore import ops
    from src_mindspore.engine import watch

    # More classes than samples are taken of a parameter: the first and the last lie outside.
    network = with_many_classes(network)
    monkeypatch.setattr(watch, "FULL_CHECK_SECONDS", 3600)
    assert answers_for_both(network, images)
    parameter = network.head.parameters_dict()[name]
    # A first change makes another graph, the second must be noticed by that one, too.
    for _ in range(2):
        before = answer(network, images)
        change(parameter)
        after = answer(network, images)
        assert np.abs(after - before).max() > 1
        np.testing.assert_allclose(after, twins_answer(network, images), atol=1e-3)
        assert answers_for_both(network, images)
        ops.assign(parameter, parameter * 0)
        assert np.abs(answer(network, images) - after).max() > 1


def with_many_classes(network):
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Head, mobilenet_v2

    head = MobileNetV2Head(num_classes=26)
    rng = np.random.default_rng(3)
    for parameter in head.get_parameters():
        parameter.set_data(ms.Tensor(rng.normal(0, 0.1, parameter.shape).astype(np.float32)))
    return mobilenet_v2(network.backbone, head).set_train(False)


def test_parameters_given_other_memory_are_noticed_at_the_next_call(network, images):
    import mindspore as ms

    # In GRAPH mode MindSpore itself goes on with the old memory.
    ms.set_context(mode=ms.PYNATIVE_MODE)
    before = answer(network, images)
    for parameter in network.get_parameters():
        parameter.data = ms.Tensor(parameter.asnumpy() * 1.1)
    assert np.abs(answer(network, images) - before).max() > 1e-3
    assert_same(network, images)


def test_a_single_weight_set_by_hand_is_noticed_soon(network, images):
    import time

    from src_mindspore.engine import watch

    before = answer(network, images)
    network.backbone.parameters_dict()["features.0.features.0.weight"][1, 1, 1, 1] = 50.0
    time.sleep(watch.FULL_CHECK_SECONDS)
    assert np.abs(answer(network, images) - before).max() > 1e-4
    assert_same(network, images)


def test_training_and_gradients_are_mindspores_alone(network, images, mode):
    import mindspore as ms

    network.set_train(True)
    assert not uses_engine(network, images)
    network.set_train(False)
    assert uses_engine(network, images)
    weights = [network.backbone.parameters_dict()["features.3.conv.2.weight"]]

    def total(inputs):
        return network(inputs).sum()

    gradients = ms.grad(total, None, weights)(images)
    assert np.abs(gradients[0].asnumpy()).max() > 0


def test_what_is_not_the_plain_network_is_left_to_mindspore(network, images):
    import mindspore as ms
    from mindspore import nn
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone

    class Doubled(MobileNetV2Backbone):
        def construct(self, x):
            return 2 * self.features(x)

    hooked, swapped, half = (copy.deepcopy(network).backbone.set_train(False) for _ in range(3))
    hooked.features[2].register_forward_hook(lambda cell, inputs, output: output * 2)
    swapped.features[0].features[2] = nn.ReLU()
    half.to_float(ms.float16)
    for backbone in (Doubled().set_train(False), hooked, swapped, half):
        assert fast(backbone, images) is None
    assert fast(network.backbone, images[:, :, :200]) is None
    assert fast(network.backbone, images.astype(ms.float16)) is None
    assert fast(network.backbone, images.asnumpy()) is None
    network.backbone.features[4].conv[3].set_train(True)
    assert fast(network.backbone, images) is None


def test_a_copy_of_a_network_has_an_engine_of_its_own(network, images):
    before = answer(network, images)
    twin = copy.deepcopy(network)
    change_by_loading(twin, images)
    assert np.abs(answer(twin, images) - before).max() > 1e-3
    np.testing.assert_array_equal(answer(network, images), before)


@pytest.fixture(scope="module")
def backbone():
    """One backbone for many heads; they do not change it."""
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone

    return MobileNetV2Backbone().set_train(False)


def with_head(backbone, head):
    """A network whose head gives answers of ordinary size to the features of a new backbone."""
    import mindspore as ms
    from src_mindspore.mobilenetv2 import mobilenet_v2

    rng = np.random.default_rng(4)
    for parameter in head.get_parameters():
        if parameter.name != "seen":
            parameter.set_data(ms.Tensor(rng.normal(0, 1, parameter.shape).astype(np.float32)))
    return mobilenet_v2(backbone, head).set_train(False)


def by_mindspores_head(network, images):
    return network.head(fast(network.backbone, images)).asnumpy()


@pytest.mark.parametrize(
    ("reduction", "activation"), [("mean", "None"), ("max", "Softmax"), (None, "Sigmoid")]
)
def test_a_students_plain_head_is_answered_for_in_graph_mode(backbone, images, reduction, activation):
    import mindspore as ms
    from students_heads import StudentsHead

    ms.set_context(mode=ms.GRAPH_MODE)
    network = with_head(backbone, StudentsHead(reduction=reduction, activation=activation))
    for some in (images, images[:1]):
        assert answers_for_both(network, some)
        np.testing.assert_allclose(answer(network, some), by_mindspores_head(network, some), atol=1e-3)


@pytest.mark.parametrize("name", ["TwoLayers", "SoftmaxFirst"])
def test_any_straight_line_of_known_layers_is_a_plain_head(backbone, images, name):
    import mindspore as ms
    import students_heads

    ms.set_context(mode=ms.GRAPH_MODE)
    network = with_head(backbone, getattr(students_heads, name)())
    assert answers_for_both(network, images)
    np.testing.assert_allclose(answer(network, images), by_mindspores_head(network, images), atol=1e-4)


def test_dropout_in_training_is_mindspores(backbone, images):
    import mindspore as ms
    from students_heads import TwoLayers

    ms.set_context(mode=ms.GRAPH_MODE)
    network = with_head(backbone, TwoLayers())
    assert answers_for_both(network, images)
    network.head.set_train(True)
    # Few of the head's units are above zero: two calls may well drop the same of them, many may not.
    assert len({answer(network, images).tobytes() for _ in range(30)}) > 1


@pytest.mark.parametrize("activation", [None, "Softmax"])
def test_the_librarys_head_is_answered_for_in_either_mode(backbone, images, mode, activation):
    from src_mindspore.mobilenetv2 import MobileNetV2Head

    network = with_head(backbone, MobileNetV2Head(num_classes=5, has_dropout=True, activation=activation))
    first = answer(network, images)
    assert answers_for_both(network, images)
    # From the first call on an image is given the same bits.
    np.testing.assert_array_equal(answer(network, images), first)
    np.testing.assert_allclose(first, by_mindspores_head(network, images), atol=1e-4)


@pytest.mark.parametrize("name", ["Random", "Branching", "Half", "Twice", "Along", "Called"])
def test_any_other_head_stays_with_mindspore(backbone, images, name):
    import mindspore as ms
    import students_heads

    ms.set_context(mode=ms.GRAPH_MODE)
    network = with_head(backbone, getattr(students_heads, name)())
    assert not answers_for_both(network, images)
    if name != "Random":
        np.testing.assert_allclose(answer(network, images), by_mindspores_head(network, images), atol=1e-3)


@pytest.mark.parametrize(("scale", "activation"), [(1e-16, None), (0.1, "Softmax")])
def test_a_head_that_was_read_wrongly_is_refused_however_small_its_answers(
    network, images, monkeypatch, scale, activation
):
    import mindspore as ms
    from src_mindspore.engine import live
    from src_mindspore.engine.graph import HeadStep
    from src_mindspore.mobilenetv2 import MobileNetV2Head, mobilenet_v2

    ms.set_context(mode=ms.PYNATIVE_MODE)
    head = MobileNetV2Head(num_classes=5 if activation is None else 20000, activation=activation)
    rng = np.random.default_rng(4)
    weight = head.parameters_dict()["head.1.weight"]
    weight.set_data(ms.Tensor((scale * rng.normal(0, 0.01, weight.shape)).astype(np.float32)))
    network = mobilenet_v2(network.backbone, head).set_train(False)
    right = live.read_library_head(head)
    wrong = (HeadStep("GlobalMaxPool"), *right[1:])
    with monkeypatch.context() as patch:
        patch.setattr(live, "read_library_head", lambda _: wrong)
        assert not answers_for_both(network, images)
    expected = by_mindspores_head(network, images)
    np.testing.assert_allclose(answer(network, images), expected, rtol=0, atol=1e-4 * expected.max())
    assert 0 < np.abs(expected).max() < 1e-2
    again = mobilenet_v2(network.backbone, head).set_train(False)
    assert answers_for_both(again, images), "the same head, read rightly"


def test_answers_agree_in_parts_of_the_largest_number():
    from src_mindspore.engine.live import _agree

    logits = np.array([[3.0, -1.0], [0.5, 2.0]], np.float32)
    for scale in (1e-16, 1.0, 1e6):
        some = logits * np.float32(scale)
        assert _agree(some * np.float32(1 + 1e-6), some)
        assert not _agree(some[:, ::-1], some)
        assert not _agree(some * np.float32(1.001), some)
    assert _agree(logits * 0, logits * 0)
    assert not _agree(logits, logits * 0)
    for no_number in (np.float32("nan"), np.float32("inf")):
        with np.errstate(invalid="ignore"):
            assert not _agree(logits * no_number, logits * no_number)


@pytest.mark.parametrize("name", ["Counting", "Remembering"])
def test_a_head_that_remembers_is_called_once_a_call(backbone, images, mode, name):
    import students_heads

    network = with_head(backbone, getattr(students_heads, name)())
    first, second, third = (answer(network, images) for _ in range(3))
    if name == "Counting":
        np.testing.assert_allclose([second, third], [2 * first, 3 * first], atol=1e-3)
    else:
        np.testing.assert_allclose([second, third], [first + 1, first + 2], atol=1e-3)


def test_in_pynative_mode_a_students_head_stays_with_mindspore(backbone, images):
    import mindspore as ms
    from students_heads import StudentsHead

    ms.set_context(mode=ms.PYNATIVE_MODE)
    network = with_head(backbone, StudentsHead(activation="Softmax"))
    assert not answers_for_both(network, images)
    np.testing.assert_allclose(answer(network, images).sum(1), 1, atol=1e-5)
    network.head.need_activation = False
    assert not np.allclose(answer(network, images).sum(1), 1)


def test_in_pynative_mode_a_setting_of_the_librarys_head_counts_at_once(backbone, images):
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Head

    ms.set_context(mode=ms.PYNATIVE_MODE)
    network = with_head(backbone, MobileNetV2Head(num_classes=5, activation="Softmax"))
    assert answers_for_both(network, images)
    network.head.need_activation = False
    assert not np.allclose(answer(network, images).sum(1), 1)
    network.head.register_forward_hook(lambda cell, inputs, output: output * 0)
    assert not answer(network, images).any()


def test_another_head_is_another_network(backbone, images, mode):
    from src_mindspore.mobilenetv2 import MobileNetV2Head, mobilenet_v2

    first, second = (with_head(backbone, MobileNetV2Head(num_classes=n)) for n in (5, 6))
    assert answers_for_both(first, images)
    assert answers_for_both(second, images)
    network = mobilenet_v2(backbone, first.head).set_train(False)
    assert answer(network, images).shape == (2, 5)
    network.head = second.head
    np.testing.assert_array_equal(answer(network, images), answer(second, images))


def test_a_subclass_of_the_combined_network_is_mindspores(backbone, images):
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Combine, MobileNetV2Head

    class Negative(MobileNetV2Combine):
        def construct(self, x):
            return -self.head(self.backbone(x))

    ms.set_context(mode=ms.PYNATIVE_MODE)
    plain = with_head(backbone, MobileNetV2Head(num_classes=5))
    negative = Negative(backbone, plain.head).set_train(False)
    np.testing.assert_allclose(answer(negative, images), -answer(plain, images), atol=1e-3)


def test_an_exchanged_layer_is_noticed_soon_in_pynative_mode(network, images):
    import time

    import mindspore as ms
    from mindspore import nn
    from src_mindspore.engine import watch

    ms.set_context(mode=ms.PYNATIVE_MODE)
    before = answer(network, images)
    network.backbone.features[0].features[2] = nn.ReLU()
    time.sleep(watch.FULL_CHECK_SECONDS)
    assert np.abs(answer(network, images) - before).max() > 1e-3
    assert_same(network, images)


def test_drawn_images_are_answered_as_by_mindspore(network, tmp_path):
    import cv2
    import mindspore as ms
    from src_mindspore.transforms import evaluation_transform

    from datasets.demo import write_demo

    ms.set_context(mode=ms.GRAPH_MODE)
    write_demo(tmp_path / "demo", train=1, val=1)
    files = sorted(Path(tmp_path / "demo").rglob("*.jpg"))
    assert len(files) == 2 * 26
    inputs = np.stack([evaluation_transform(cv2.imread(str(file))) for file in files])
    fast = np.concatenate([answer(network, ms.Tensor(image[np.newaxis])) for image in inputs])
    assert answers_for_both(network, ms.Tensor(inputs[:1]))
    stock = stock_answer(network, ms.Tensor(inputs))
    assert fast.std(axis=0).min() > 0.01
    np.testing.assert_array_equal(fast.argmax(1), stock.argmax(1))
    np.testing.assert_allclose(fast, stock, atol=1e-3)


def test_one_switch_turns_it_off(python):
    code = """
import numpy as np
import mindspore as ms
from src_mindspore.engine import accelerate, accelerate_every_network
from src_mindspore.mobilenetv2 import MobileNetV2Backbone
class Negative(MobileNetV2Backbone):
    def construct(self, x):
        return -self.features(x)
images = ms.Tensor(np.zeros((1, 3, 224, 224), np.float32))
accelerated, plain = accelerate(MobileNetV2Backbone().set_train(False)), MobileNetV2Backbone().set_train(False)
own = Negative().set_train(False)
accelerated(images), plain(images), own(images)
print([vars(each).get("_engine") is not None for each in (accelerated, plain, own)])
accelerate_every_network()
plain(images), own(images)
print([vars(each).get("_engine") is not None for each in (accelerated, plain, own)])
print("onnxruntime" in __import__("sys").modules)
"""
    both = ["[True, False, False]", "[True, True, False]", "True"]
    for value, said in (("off", ["[False, False, False]"] * 2 + ["False"]), ("on", both)):
        done = python.run(Program(["-c", code], environment={**os.environ, "SRC_MINDSPORE_ENGINE": value}))
        assert (done.returncode, done.stdout.splitlines()) == (0, said), done.stderr


CHANGES = {
    "no sum": ("return x + self.conv(x)", "return self.conv(x)"),
    "another sum": ("return x + self.conv(x)", "return x - self.conv(x)"),
    "never a sum": ("self.use_res_connect = stride == 1 and", "self.use_res_connect = False and"),
    "no activation": ("                nn.ReLU6(),\n", ""),
    "two activations": ("                nn.ReLU6(),\n", "                nn.ReLU6(),\n" * 2),
    "another stem": ("ConvBNReLU(3, channels, stride=2)", "ConvBNReLU(3, channels, stride=1)"),
    "scaled features": (
        "return self.features(x)\n\n    @property",
        "return self.features(x) * 2\n\n    @property",
    ),
    "features turned": ("return self.head(self.backbone(x))", "return self.head(-self.backbone(x))"),
    "a stride in the projection": (
        "_conv(hidden, oup),",
        "_conv(hidden, oup, 1, 1 + (hidden == 960)),",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_library_that_was_changed_is_mindspores(images, change, mode, tmp_path, monkeypatch):
    from src_mindspore import mobilenetv2

    source = Path(mobilenetv2.__file__).read_text(encoding="utf-8")
    before, after = CHANGES[change]
    assert before in source
    theirs = loaded(source.replace(before, after), tmp_path, monkeypatch)
    network = theirs.mobilenet_v2(theirs.MobileNetV2Backbone(), theirs.MobileNetV2Head(num_classes=5))
    network.set_train(False)
    assert fast(network, images) is None


ASKS_BY_ITSELF = """
import math
from src_mindspore.engine.live import LiveEngine, LiveNetwork
"""
CALL = """

    def __call__(self, *inputs, **kwargs):
        answer = None if kwargs else self.{name}(*inputs)
        return super().__call__(*inputs, **kwargs) if answer is None else answer

    def {name}(self, *inputs):
        return self._engine.{method}(self, inputs) if type(self) is {kind} else None
"""
BACKBONE = CALL.format(name="fast_features", method="features", kind="MobileNetV2Backbone")
FORGETS = """
    def forget_fast_features(self):
        self._engine.forget()
"""
COMBINE = CALL.format(name="fast_answer", method="answer", kind="MobileNetV2Combine")
EARLIER = {
    "import math\n": ASKS_BY_ITSELF,
    "nn.SequentialCell(layers)\n": "nn.SequentialCell(layers)\n        self._engine = LiveEngine()"
    + BACKBONE
    + FORGETS,
    "self.head = head\n": "self.head = head\n        self._engine = LiveNetwork()" + COMBINE,
}
"""How the network's own file asked the engine before a program did: copies of it are handed in."""


def test_an_earlier_copy_of_the_network_stays_fast_by_itself(images, mode, tmp_path, monkeypatch):
    from src_mindspore import mobilenetv2

    source = Path(mobilenetv2.__file__).read_text(encoding="utf-8")
    for now, before in EARLIER.items():
        assert source.count(now) == 1
        source = source.replace(now, before)
    theirs = loaded(source, tmp_path, monkeypatch)
    network = theirs.mobilenet_v2(theirs.MobileNetV2Backbone(), theirs.MobileNetV2Head(num_classes=5))
    network.set_train(False)
    said = network(images).asnumpy()
    assert len(images) in network._engine._whole.batch_sizes
    np.testing.assert_allclose(said, stock_answer(network, images), atol=1e-3)
    twin = copy.deepcopy(network)
    np.testing.assert_array_equal(twin(images).asnumpy(), said)
    assert twin._engine is not network._engine


def loaded(source, folder, monkeypatch):
    """The network's file as a student has it."""
    (folder / "mobilenetv2.py").write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("src_mindspore.mobilenetv2", folder / "mobilenetv2.py")
    theirs = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "src_mindspore.mobilenetv2", theirs)
    spec.loader.exec_module(theirs)
    return theirs


def test_a_library_that_was_not_changed_is_answered_for(network, images, mode):
    assert fast(network, images) is not None
