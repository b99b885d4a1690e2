import numpy as np
import pytest

from reference.errors import WeightsError
from reference.values import Arrays
from reference.weights.naming import COURSE, FAMILIES, Family, backbone_shapes, to_course_names


def renamed(arrays: Arrays, family: Family) -> Arrays:
    return dict(zip(family.names(), arrays.values(), strict=True))


def test_the_backbone_has_260_tensors_and_2257984_numbers() -> None:
    shapes = backbone_shapes()
    assert len(shapes) == 260
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 2_257_984


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.title)
def test_every_family_is_recognised_and_converted(family: Family, random_backbone: Arrays) -> None:
    foreign = renamed(random_backbone, family)
    extras = {
        "features.0.1.num_batches_tracked": np.array(3),
        "classifier.1.weight": np.ones((1000, 1280), np.float32),
        "dense.weight": np.ones((26, 1280), np.float32),
        "moments.features.0.features.0.weight": np.ones(3, np.float32),
    }
    # The order in the file says nothing: names do.
    shuffled = dict(sorted({**foreign, **extras}.items()))

    converted = to_course_names(shuffled)

    assert list(converted) == list(backbone_shapes())
    for name, array in random_backbone.items():
        np.testing.assert_array_equal(converted[name], array)


@pytest.mark.parametrize(
    ("title", "foreign", "ours"),
    [
        ("torchvision", "features.0.0.weight", "features.0.features.0.weight"),
        ("torchvision", "features.1.conv.0.0.weight", "features.1.conv.0.features.0.weight"),
        ("torchvision", "features.1.conv.2.running_var", "features.1.conv.2.moving_variance"),
        ("torchvision", "features.2.conv.1.1.bias", "features.2.conv.1.features.1.beta"),
        ("torchvision", "features.17.conv.3.weight", "features.17.conv.3.gamma"),
        ("the bottleneck file", "features.1.conv.3.weight", "features.1.conv.1.weight"),
        ("the bottleneck file", "features.2.conv.3.weight", "features.2.conv.1.features.0.weight"),
        ("the bottleneck file", "features.17.conv.7.running_mean", "features.17.conv.3.moving_mean"),
        ("timm", "conv_stem.weight", "features.0.features.0.weight"),
        ("timm", "blocks.0.0.conv_pw.weight", "features.1.conv.1.weight"),
        ("timm", "blocks.0.0.bn2.weight", "features.1.conv.2.gamma"),
        ("timm", "blocks.1.0.conv_pw.weight", "features.2.conv.0.features.0.weight"),
        ("timm", "blocks.6.0.conv_pwl.weight", "features.17.conv.2.weight"),
        ("timm", "bn2.running_mean", "features.18.features.1.moving_mean"),
        ("MindCV", "features.0.weight", "features.0.features.0.weight"),
        ("MindCV", "features.3.layers.3.weight", "features.1.conv.1.weight"),
        ("MindCV", "features.19.layers.6.weight", "features.17.conv.2.weight"),
        ("MindCV", "features.21.gamma", "features.18.features.1.gamma"),
    ],
)
def test_some_names_written_out(title: str, foreign: str, ours: str) -> None:
    family = next(family for family in FAMILIES if family.title == title)
    assert dict(zip(family.names(), COURSE.names(), strict=True))[foreign] == ours


def test_a_prefix_of_a_wrapper_does_not_matter(random_backbone: Arrays) -> None:
    wrapped = {f"module.backbone.{name}": array for name, array in random_backbone.items()}
    assert list(to_course_names(wrapped)) == list(random_backbone)


def test_a_missing_parameter_is_named_in_the_file_s_own_words(random_backbone: Arrays) -> None:
    foreign = renamed(random_backbone, FAMILIES[3])
    del foreign["blocks.2.1.conv_dw.weight"]
    with pytest.raises(WeightsError, match=r"timm.*1 of 260.*blocks\.2\.1\.conv_dw\.weight"):
        to_course_names(foreign)


def test_a_wrong_shape_is_named(random_backbone: Arrays) -> None:
    wrong = {**random_backbone, "features.5.conv.3.gamma": np.ones(33, np.float32)}
    with pytest.raises(WeightsError, match=r"features\.5\.conv\.3\.gamma \(33,\) instead of \(32,\)"):
        to_course_names(wrong)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("features.5.conv.3.gamma", np.full(32, np.nan, np.float32), "finite"),
        ("features.5.conv.3.gamma", np.full(32, 1e300), "finite"),
        ("features.5.conv.3.gamma", np.ones(32, np.int64), "int64"),
        ("features.5.conv.3.moving_variance", np.full(32, -1, np.float32), "negative variance"),
    ],
)
def test_values_no_network_has_are_refused(
    random_backbone: Arrays, name: str, value: np.ndarray, message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        to_course_names({**random_backbone, name: value})


def test_another_network_is_one_short_line() -> None:
    with pytest.raises(WeightsError) as caught:
        to_course_names({"conv1.weight": np.ones((64, 3, 7, 7), np.float32)})
    assert "260 of 260 parameters are missing" in str(caught.value)
    assert len(str(caught.value)) < 300
