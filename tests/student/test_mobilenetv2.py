import math
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.mindspore


def expected_names() -> dict[str, tuple[int, ...]]:
    """The backbone's parameters, written down from the course's specification."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv(name: str, *shape: int) -> None:
        shapes[f"{name}.weight"] = shape

    def batch_norm(name: str, channels: int) -> None:
        for word in ("gamma", "beta", "moving_mean", "moving_variance"):
            shapes[f"{name}.{word}"] = (channels,)

    conv("features.0.features.0", 32, 3, 3, 3)
    batch_norm("features.0.features.1", 32)
    conv("features.1.conv.0.features.0", 32, 1, 3, 3)
    batch_norm("features.1.conv.0.features.1", 32)
    conv("features.1.conv.1", 16, 32, 1, 1)
    batch_norm("features.1.conv.2", 16)
    outputs = [16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320]
    for i in range(2, 18):
        inputs, out = outputs[i - 2], outputs[i - 1]
        hidden = 6 * inputs
        conv(f"features.{i}.conv.0.features.0", hidden, inputs, 1, 1)
        batch_norm(f"features.{i}.conv.0.features.1", hidden)
        conv(f"features.{i}.conv.1.features.0", hidden, 1, 3, 3)
        batch_norm(f"features.{i}.conv.1.features.1", hidden)
        conv(f"features.{i}.conv.2", out, hidden, 1, 1)
        batch_norm(f"features.{i}.conv.3", out)
    conv("features.18.features.0", 1280, 320, 1, 1)
    batch_norm("features.18.features.1", 1280)
    return shapes


def shapes_of(cell: Any) -> dict[str, tuple[int, ...]]:
    return {parameter.name: tuple(parameter.shape) for parameter in cell.get_parameters()}


@pytest.fixture(scope="module")
def backbone() -> Any:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone

    ms.set_seed(0)
    return MobileNetV2Backbone().set_train(False)


@pytest.fixture
def images() -> Any:
    import mindspore as ms

    return ms.Tensor(np.random.default_rng(0).normal(size=(2, 3, 224, 224)).astype(np.float32))


def test_the_backbone_has_exactly_the_parameters_of_the_course(backbone: Any) -> None:
    assert len(expected_names()) == 260
    assert shapes_of(backbone) == expected_names()


def test_the_reference_knows_the_same_parameters() -> None:
    from reference.weights import backbone_shapes

    assert backbone_shapes() == expected_names()


def test_in_the_combined_network_the_backbone_has_no_prefix() -> None:
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

    network = mobilenet_v2(MobileNetV2Backbone(), MobileNetV2Head(num_classes=26))
    assert shapes_of(network) == {**expected_names(), "head.1.weight": (26, 1280), "head.1.bias": (26,)}


def test_a_head_with_dropout_calls_its_dense_layer_head_2() -> None:
    from src_mindspore.mobilenetv2 import MobileNetV2Head

    assert list(shapes_of(MobileNetV2Head(num_classes=5, has_dropout=True))) == [
        "head.2.weight",
        "head.2.bias",
    ]


def test_features_are_1280_maps_of_7_by_7_not_pooled(backbone: Any, images: Any) -> None:
    features = backbone(images)
    assert features.shape == (2, 1280, 7, 7)
    assert backbone.out_channels == 1280
    assert features.asnumpy().min() >= 0
    assert features.asnumpy().max() <= 6


def test_the_logits_of_a_head_are_one_row_per_image(backbone: Any, images: Any) -> None:
    from src_mindspore.mobilenetv2 import MobileNetV2Head, mobilenet_v2

    assert mobilenet_v2(backbone, MobileNetV2Head(num_classes=26)).set_train(False)(images).shape == (2, 26)


@pytest.mark.parametrize("name", ["Softmax", "Sigmoid", "None", None])
def test_activation_is_applied_only_when_asked_for(name: str | None) -> None:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Head

    features = ms.Tensor(np.random.default_rng(0).normal(size=(3, 1280, 7, 7)).astype(np.float32))
    plain, head = MobileNetV2Head(num_classes=4), MobileNetV2Head(num_classes=4, activation=name)
    ms.load_param_into_net(head, plain.parameters_dict())
    logits = plain(features).asnumpy()

    expected = {
        "Softmax": np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
        "Sigmoid": 1 / (1 + np.exp(-logits)),
    }.get(name or "None", logits)
    np.testing.assert_allclose(head(features).asnumpy(), expected, atol=1e-5)
    assert head.need_activation is (name in {"Softmax", "Sigmoid"})


def test_dropout_drops_a_fifth_and_only_in_training() -> None:
    import mindspore as ms
    from mindspore import nn
    from src_mindspore.mobilenetv2 import MobileNetV2Head

    head = MobileNetV2Head(num_classes=4, has_dropout=True)
    dropout = next(cell for _, cell in head.cells_and_names() if isinstance(cell, nn.Dropout))
    ones = ms.Tensor(np.ones((1, 100_000), np.float32))
    dropout.set_train(True)
    assert (dropout(ones).asnumpy() == 0).mean() == pytest.approx(0.2, abs=0.01)
    dropout.set_train(False)
    assert (dropout(ones).asnumpy() == 1).all()


@pytest.mark.parametrize("reduction", ["mean", "max", None])
def test_a_student_s_own_head_fits(backbone: Any, images: Any, reduction: str | None) -> None:
    from mindspore import nn, ops
    from src_mindspore.mobilenetv2 import mobilenet_v2

    class MobileNetV2Head(nn.Cell):
        def __init__(self) -> None:
            super().__init__()
            inputs = 1280 if reduction else 1280 * 7 * 7
            self.flatten = nn.Flatten()
            self.dense = nn.Dense(inputs, 26, weight_init="ones", has_bias=False)

        def construct(self, x: Any) -> Any:
            if reduction == "mean":
                x = ops.mean(x, (2, 3))
            elif reduction == "max":
                x = ops.amax(x, (2, 3))
            return self.dense(self.flatten(x))

    network = mobilenet_v2(backbone, MobileNetV2Head()).set_train(False)
    assert list(shapes_of(network))[-1] == "dense.weight"
    assert network(images).shape == (2, 26)


def test_graph_and_pynative_mode_agree(backbone: Any, images: Any) -> None:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Head, mobilenet_v2

    network = mobilenet_v2(backbone, MobileNetV2Head(num_classes=26)).set_train(False)
    before = ms.get_context("mode")
    answers = []
    try:
        for mode in (ms.GRAPH_MODE, ms.PYNATIVE_MODE):
            ms.set_context(mode=mode)
            answers.append(network(images).asnumpy())
    finally:
        ms.set_context(mode=before)
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-5)


def test_convolutions_pad_evenly_and_batch_norm_has_eps_1e_5(backbone: Any) -> None:
    from mindspore import nn

    cells = [cell for _, cell in backbone.cells_and_names()]
    convolutions = [cell for cell in cells if isinstance(cell, nn.Conv2d)]
    norms = [cell for cell in cells if isinstance(cell, nn.BatchNorm2d)]
    assert len(convolutions) == len(norms) == 52
    for conv in convolutions:
        assert conv.pad_mode == "pad"
        assert conv.padding == (conv.kernel_size[0] - 1) // 2
        assert not conv.has_bias
    assert {norm.eps for norm in norms} == {1e-5}


def test_the_initial_weights_have_the_spread_of_the_course(backbone: Any) -> None:
    from src_mindspore.mobilenetv2 import MobileNetV2Head

    for parameter in backbone.get_parameters():
        values = parameter.asnumpy()
        if parameter.name.endswith("weight"):
            out, _, k, _ = values.shape
            sigma = math.sqrt(2 / (k * k * out))
            assert values.std() == pytest.approx(sigma, rel=4 / math.sqrt(values.size)), parameter.name
            assert abs(values.mean()) < 5 * sigma / math.sqrt(values.size), parameter.name
        else:
            filled = 1 if parameter.name.endswith(("gamma", "moving_variance")) else 0
            assert (values == filled).all(), parameter.name
    weight, bias = MobileNetV2Head(num_classes=26).get_parameters()
    assert weight.asnumpy().std() == pytest.approx(0.01, rel=0.05)
    assert (bias.asnumpy() == 0).all()


def test_the_same_seed_gives_the_same_weights() -> None:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone

    weights = []
    for _ in range(2):
        ms.set_seed(11)
        weights.append(MobileNetV2Backbone().features[3].conv[2].weight.asnumpy())
    np.testing.assert_array_equal(weights[0], weights[1])


@pytest.mark.parametrize(("width", "stem", "out"), [(0.5, 16, 1280), (1.4, 48, 1792), (0.35, 16, 1280)])
def test_a_wider_or_narrower_network_rounds_channels_to_eight(width: float, stem: int, out: int) -> None:
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone

    backbone = MobileNetV2Backbone(width_mult=width)
    assert backbone.out_channels == out
    assert shapes_of(backbone)["features.0.features.0.weight"][0] == stem
    assert all(shape[0] % 8 == 0 for shape in shapes_of(backbone).values())


KEYWORDS = {
    "ConvBNReLU": {"in_planes": 8, "out_planes": 8, "kernel_size": 3, "stride": 2, "groups": 8},
    "InvertedResidual": {"inp": 8, "oup": 16, "stride": 2, "expand_ratio": 6},
    "MobileNetV2Backbone": {
        "width_mult": 0.25, "inverted_residual_setting": [[1, 8, 1, 1]], "round_nearest": 8,
        "input_channel": 16, "last_channel": 32,
    },
    "MobileNetV2Head": {
        "input_channel": 8, "hw": 7, "num_classes": 3, "has_dropout": True, "reduction": "max",
        "activation": "Softmax",
    },
    "MobileNetV2": {
        "num_classes": 3, "width_mult": 0.25, "has_dropout": False, "inverted_residual_setting": [[1, 8, 1, 1]],
        "round_nearest": 8, "input_channel": 16, "last_channel": 32,
    },
}  # fmt: skip
"""The labs' classes, with every keyword of the originals."""


@pytest.mark.parametrize("name", KEYWORDS)
def test_the_class_takes_the_keywords_of_the_labs(name: str) -> None:
    from mindspore import nn
    from src_mindspore import mobilenetv2

    assert isinstance(getattr(mobilenetv2, name)(**KEYWORDS[name]), nn.Cell)


def test_the_network_for_training_from_scratch_is_backbone_and_head_in_one(images: Any) -> None:
    from src_mindspore.mobilenetv2 import MobileNetV2, MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

    network = MobileNetV2(num_classes=5)
    assert shapes_of(network) == shapes_of(
        mobilenet_v2(MobileNetV2Backbone(), MobileNetV2Head(num_classes=5))
    )
    last = network.parameters_dict()["features.18.features.0.weight"].asnumpy()
    assert last.std() == pytest.approx(math.sqrt(2 / 1280), rel=0.02)
    assert network.set_train(False)(images).shape == (2, 5)


@pytest.mark.parametrize("reduction", ["mean", "max", "none", None])
def test_the_head_pools_as_its_reduction_says(reduction: str | None) -> None:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Head

    maps = np.random.default_rng(0).normal(size=(2, 4, 3, 3)).astype(np.float32)
    head = MobileNetV2Head(4, 5, reduction=reduction, hw=3).set_train(False)
    flat = {"mean": maps.mean((2, 3)), "max": maps.max((2, 3))}.get(reduction or "", maps.reshape(2, -1))
    weight, bias = (parameter.asnumpy() for parameter in head.get_parameters())
    np.testing.assert_allclose(head(ms.Tensor(maps)).asnumpy(), flat @ weight.T + bias, atol=1e-6)


def test_a_reduction_that_does_not_exist_is_refused() -> None:
    from src_mindspore.mobilenetv2 import MobileNetV2Head

    with pytest.raises(ValueError, match="reduction is 'average', not one of mean, max, none"):
        MobileNetV2Head(reduction="average")


@pytest.mark.parametrize("mode", [0, 1], ids=["graph", "pynative"])
@pytest.mark.parametrize("reduction", ["mean", "max", "none", "from scratch"])
def test_the_engine_answers_for_every_network_of_the_library(images: Any, mode: int, reduction: str) -> None:
    import mindspore as ms
    from src_mindspore.engine import accelerate
    from src_mindspore.mobilenetv2 import MobileNetV2, MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

    before = ms.get_context("mode")
    ms.set_context(mode=mode)
    try:
        network = (
            MobileNetV2(num_classes=5)
            if reduction == "from scratch"
            else mobilenet_v2(MobileNetV2Backbone(), MobileNetV2Head(num_classes=5, reduction=reduction))
        ).set_train(False)
        expected = network(images).asnumpy()
        for _ in range(2):
            found = accelerate(network)(images).asnumpy()
    finally:
        ms.set_context(mode=before)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert network._engine._whole is not None, "the graph of both has been found right"
