from pathlib import Path

import numpy as np
import pytest
from src_mindspore.transforms import training_transform

from reference.errors import InputError
from reference.images import Split
from reference.training.epochs import ArrayBatches, Batches, ImageBatches, learning_rates
from tests.reference.drawn_shapes import draw_set


def array_batches() -> Batches:
    inputs = np.arange(2 * 11 * 3, dtype=np.float16).reshape(2, 11, 3)
    return ArrayBatches(inputs, np.arange(11), batch_size=4, seed=1)


@pytest.fixture
def image_batches(tmp_path: Path) -> Batches:
    paths = sorted(draw_set(tmp_path / "set", {"train": 3}).rglob("*.png"))
    images = Split("train", tuple(paths), np.arange(9))
    return ImageBatches(images, training_transform, batch_size=4, seed=1, repeat=2)


@pytest.fixture(params=["arrays", "images"])
def batches(request: pytest.FixtureRequest) -> Batches:
    return array_batches() if request.param == "arrays" else request.getfixturevalue("image_batches")


def test_an_epoch_comes_again_as_it_was_from_any_step(batches: Batches) -> None:
    whole = list(batches.epoch(3))
    assert len(whole) == batches.steps
    for first in range(batches.steps + 1):
        rest = list(batches.epoch(3, first))
        assert len(rest) == batches.steps - first
        for (inputs, labels), (expected_inputs, expected_labels) in zip(rest, whole[first:], strict=True):
            assert np.array_equal(inputs, expected_inputs)
            assert np.array_equal(labels, expected_labels)


def test_epochs_differ(batches: Batches) -> None:
    first, second = next(iter(batches.epoch(1))), next(iter(batches.epoch(2)))
    assert not np.array_equal(first[0], second[0])


def test_rows_keep_their_labels_and_come_once_an_epoch_in_float32() -> None:
    batches = array_batches()
    assert batches.steps == 5
    seen = []
    for inputs, labels in batches.epoch(1):
        assert inputs.dtype == np.float32
        assert np.array_equal(inputs[:, 0].astype(int) // 3 % 11, labels)
        seen += inputs[:, 0].tolist()
    assert len(set(seen)) == 20


def test_a_small_set_makes_one_batch() -> None:
    batches = ArrayBatches(np.zeros((1, 3, 2), np.float32), np.arange(3), batch_size=64, seed=0)
    ((_, labels),) = batches.epoch(1)
    assert sorted(labels) == [0, 1, 2]


def test_a_repeated_image_is_augmented_anew(image_batches: Batches) -> None:
    views = {}
    for inputs, labels in image_batches.epoch(1):
        for view, label in zip(inputs, labels, strict=True):
            views.setdefault(label, []).append(view)
    pairs = [both for both in views.values() if len(both) == 2]
    assert pairs
    assert not any(np.array_equal(*pair) for pair in pairs)


def test_an_image_that_vanishes_is_named(tmp_path: Path) -> None:
    images = Split("train", (tmp_path / "a.png",), np.array([0]))
    batches = ImageBatches(images, training_transform, 1, seed=0)
    with pytest.raises(InputError, match=r"a\.png: cannot be read: No such file"):
        list(batches.epoch(1))


def test_processes_that_train_together_share_each_step_and_miss_no_row_of_it() -> None:
    features = np.arange(26, dtype=np.float32).reshape(1, 26, 1)
    labels = np.arange(26)
    whole = list(ArrayBatches(features, labels, 8, seed=3).epoch(2))
    shares = [list(ArrayBatches(features, labels, 4, seed=3, share=(rank, 2)).epoch(2)) for rank in (0, 1)]
    assert len(whole) == ArrayBatches(features, labels, 4, seed=3, share=(1, 2)).steps == 3
    for (inputs, rows), first, second in zip(whole, *shares, strict=True):
        np.testing.assert_array_equal(inputs, np.concatenate([first[0], second[0]]))
        np.testing.assert_array_equal(rows, np.concatenate([first[1], second[1]]))


def test_warm_up_is_linear_and_then_comes_half_a_cosine() -> None:
    rates = learning_rates(10, 2, 0.1)
    assert rates == pytest.approx(
        [0.05, 0.1, 0.1, 0.09619398, 0.08535534, 0.06913417, 0.05, 0.03086583, 0.01464466, 0.00380602]
    )


def test_the_cosine_agrees_with_the_flower_labs_golden_values() -> None:
    rates = learning_rates(1120, 0, 0.01)
    assert (rates[0], rates[560]) == pytest.approx((0.01, 0.005))
    assert (rates[56], rates[1119]) == pytest.approx((0.0099384421, 1.967e-8), rel=1e-4)
    assert sum(rates) == pytest.approx(5.6050005, rel=1e-6)


def test_the_cosine_ends_where_it_is_told_to() -> None:
    assert learning_rates(2, 0, 1.0, end=0.5) == pytest.approx([1.0, 0.75])


@pytest.mark.parametrize("warmup", [-1, 5, 6])
def test_a_warm_up_that_leaves_no_step_is_refused(warmup: int) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        learning_rates(5, warmup, 0.1)
