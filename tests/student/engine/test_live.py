"""The engine behind a live network: the same answers as MindSpore, never a stale one, and no part in training."""

import copy
import os
import subprocess
import sys

import numpy as np
import pytest

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


def answer(network, images):
    return network(images).asnumpy()


def stock_answer(network, images):
    """What MindSpore itself answers."""
    engine = network.backbone._engine
    usable, engine._is_usable = engine._is_usable, False
    try:
        return answer(network, images)
    finally:
        engine._is_usable = usable


def uses_engine(network, images) -> bool:
    return network.backbone.fast_features(images) is not None


def assert_same(network, images):
    np.testing.assert_allclose(answer(network, images), stock_answer(network, images), atol=1e-3)


def test_it_answers_as_mindspore_does(network, images, mode):
    assert uses_engine(network, images)
    assert_same(network, images)
    np.testing.assert_allclose(
        network.backbone(images).asnumpy(), network.backbone.construct(images).asnumpy(), atol=1e-3
    )


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


@pytest.mark.parametrize(
    "change",
    [change_by_training, change_by_training_without_saying_so, change_by_loading, change_by_assigning],
)
def test_changed_parameters_are_noticed_at_the_next_call(network, images, mode, change):
    before = answer(network, images)
    change(network, images)
    assert np.abs(answer(network, images) - before).max() > 1e-3
    assert_same(network, images)


def test_a_single_weight_set_by_hand_is_noticed_soon(network, images):
    import time

    from src_mindspore.engine import live

    before = answer(network, images)
    network.backbone.parameters_dict()["features.0.features.0.weight"][1, 1, 1, 1] = 50.0
    time.sleep(live._FULL_CHECK_SECONDS)
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
        assert backbone.fast_features(images) is None
    assert network.backbone.fast_features(images[:, :, :200]) is None
    assert network.backbone.fast_features(images.astype(ms.float16)) is None
    assert network.backbone.fast_features(images.asnumpy()) is None
    network.backbone.features[4].conv[3].set_train(True)
    assert network.backbone.fast_features(images) is None


def test_a_copy_of_a_network_has_an_engine_of_its_own(network, images):
    before = answer(network, images)
    twin = copy.deepcopy(network)
    change_by_loading(twin, images)
    assert np.abs(answer(twin, images) - before).max() > 1e-3
    np.testing.assert_array_equal(answer(network, images), before)


def test_a_students_own_head_goes_with_it(images, mode):
    from mindspore import nn, ops
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone, mobilenet_v2

    class MaxHead(nn.Cell):
        def __init__(self):
            super().__init__()
            self.dense = nn.Dense(1280, 7, has_bias=False)

        def construct(self, x):
            return self.dense(ops.amax(x, (2, 3)))

    network = mobilenet_v2(MobileNetV2Backbone(), MaxHead()).set_train(False)
    assert answer(network, images).shape == (2, 7)
    assert_same(network, images)


def test_one_switch_turns_it_off():
    code = """
import numpy as np
from src_mindspore.mobilenetv2 import MobileNetV2Backbone
import mindspore as ms
backbone = MobileNetV2Backbone().set_train(False)
print(backbone.fast_features(ms.Tensor(np.zeros((1, 3, 224, 224), np.float32))) is None)
"""
    for value, off in (("off", "True"), ("on", "False")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "SRC_MINDSPORE_ENGINE": value},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == off
