import subprocess
import sys

import numpy as np
import onnx
import pytest
from narrow_network import LAST, narrow_parameters, numpy_features
from src_mindspore.engine.graph import build_graph, fold_batch_norm
from src_mindspore.engine.session import FeatureExtractor


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1.2, (9, 3, 224, 224)).astype(np.float32)


def test_a_folded_convolution_equals_convolution_then_batch_norm() -> None:
    weight = np.array([[[[2.0]], [[3.0]]]], np.float32)
    gamma, beta, mean, variance = (np.array([x], np.float32) for x in (4.0, 0.5, 1.0, 0.25 - 1e-5))
    folded, bias = fold_batch_norm(weight, gamma, beta, mean, variance)
    # 4 * (w * x - 1) / 0.5 + 0.5 = 8 w * x - 7.5
    np.testing.assert_allclose(folded.ravel(), [16.0, 24.0], rtol=1e-6)
    np.testing.assert_allclose(bias, [-7.5], rtol=1e-6)


def test_the_graph_computes_what_the_network_does_without_folding(images: np.ndarray) -> None:
    parameters = narrow_parameters()
    expected = numpy_features(parameters, images[:2])
    features = FeatureExtractor(parameters, pooled=False)(images[:2])
    assert features.shape == (2, LAST, 7, 7)
    assert expected.std() > 0.1
    np.testing.assert_allclose(features, expected, atol=1e-3)


def test_pooled_features_are_the_mean_of_the_map(images: np.ndarray) -> None:
    parameters = narrow_parameters()
    pooled = FeatureExtractor(parameters)(images)
    whole = FeatureExtractor(parameters, pooled=False)(images)
    np.testing.assert_allclose(pooled, whole.mean((2, 3)), atol=1e-6)


@pytest.mark.parametrize("cell", [1, 2, 8, 14, 18])
def test_a_network_cut_in_two_computes_the_same(images: np.ndarray, cell: int) -> None:
    parameters = narrow_parameters()
    before = FeatureExtractor(parameters, pooled=False, stop=cell)(images[:2])
    after = FeatureExtractor(parameters, start=cell)
    assert before.shape[1:] == after.input_shape
    np.testing.assert_allclose(after(before), FeatureExtractor(parameters)(images[:2]), atol=1e-5)


def test_a_cut_where_no_cell_is_is_refused() -> None:
    with pytest.raises(ValueError, match="has 19 cells and none from 19 to None"):
        build_graph(narrow_parameters(), start=19)


def test_an_image_has_the_same_bits_in_every_batch_and_with_any_threads(images: np.ndarray) -> None:
    parameters = narrow_parameters()
    extract = FeatureExtractor(parameters, threads=2)
    together = extract(images)
    alone = np.concatenate([extract(images[i : i + 1]) for i in range(len(images))])
    assert np.array_equal(together, alone)
    assert np.array_equal(together, FeatureExtractor(parameters, threads=1)(images[::-1])[::-1])


def test_no_images_have_no_features() -> None:
    assert FeatureExtractor(narrow_parameters())(np.zeros((0, 3, 224, 224), np.float32)).shape == (0, LAST)


def test_the_graph_is_valid_onnx_with_a_free_batch() -> None:
    model = build_graph(narrow_parameters())
    onnx.checker.check_model(model, full_check=True)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"


def test_a_head_in_the_same_checkpoint_is_left_out() -> None:
    parameters = narrow_parameters()
    FeatureExtractor({**parameters, "head.1.weight": np.zeros((5, LAST), np.float32)})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda p: p.pop("features.7.conv.1.features.1.beta"),
            "no parameter features.7.conv.1.features.1.beta",
        ),
        (lambda p: p.update({"features.19.weight": np.zeros(1, np.float32)}), "without a place"),
        (
            lambda p: p.update({"features.5.conv.2.weight": np.zeros((4, 3, 1, 1), np.float32)}),
            "channels come in",
        ),
        (lambda p: p.update({"features.0.features.1.gamma": np.zeros(3, np.float32)}), "instead of"),
        (lambda p: p.clear(), "not a MobileNetV2 backbone"),
    ],
)
def test_parameters_that_are_not_a_mobilenetv2_are_refused(change, complaint: str) -> None:
    parameters = narrow_parameters()
    change(parameters)
    with pytest.raises(ValueError, match=complaint):
        FeatureExtractor(parameters)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((1, 3, 256, 256), np.float32), np.zeros((1, 3, 224, 224)), np.zeros((3, 224, 224), np.float32)],
)
def test_images_of_another_shape_or_type_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected float32"):
        FeatureExtractor(narrow_parameters())(wrong)


def test_the_engine_does_not_import_mindspore() -> None:
    code = "import sys, src_mindspore.engine.session; sys.exit('mindspore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.mindspore
def test_pooled_features_agree_with_stock_mindspore_within_a_thousandth() -> None:
    import cv2
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone
    from src_mindspore.transforms import evaluation_transform

    rng = np.random.default_rng(5)
    backbone = MobileNetV2Backbone()
    for name, parameter in backbone.parameters_and_names():
        # Statistics as trained networks have them; those of a new network are all 0 and 1.
        if name.endswith(("beta", "moving_mean")):
            parameter.set_data(ms.Tensor(rng.normal(0, 0.3, parameter.shape).astype(np.float32)))
        if name.endswith(("gamma", "moving_variance")):
            parameter.set_data(ms.Tensor(rng.uniform(0.5, 1.5, parameter.shape).astype(np.float32)))
    coarse = rng.integers(0, 256, (4, 6, 7, 3), dtype=np.uint8)
    photos = [cv2.resize(image, (240, 200), interpolation=cv2.INTER_CUBIC) for image in coarse]
    inputs = np.stack([evaluation_transform(photo) for photo in photos])

    ms.set_context(mode=ms.GRAPH_MODE)
    stock = backbone.set_train(False)(ms.Tensor(inputs)).asnumpy()
    assert stock.std() > 0.01
    assert np.abs(FeatureExtractor(backbone)(inputs) - stock.mean((2, 3))).max() < 1e-3
    assert np.abs(FeatureExtractor(backbone, pooled=False)(inputs) - stock).max() < 1e-3


@pytest.mark.mindspore
def test_a_cell_with_other_blocks_brings_its_own_strides() -> None:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone

    setting = [(1, 8, 1, 2), (3, 8, 2, 1), (2, 16, 1, 2)]
    backbone = MobileNetV2Backbone(inverted_residual_setting=setting, input_channel=8, last_channel=24)
    images = np.random.default_rng(0).normal(0, 1, (1, 3, 224, 224)).astype(np.float32)
    ms.set_context(mode=ms.GRAPH_MODE)
    stock = backbone.set_train(False)(ms.Tensor(images)).asnumpy()
    np.testing.assert_allclose(FeatureExtractor(backbone, pooled=False)(images), stock, atol=1e-4)
