import math

import numpy as np
import pytest

pytestmark = pytest.mark.mindspore


@pytest.mark.parametrize(("classes", "floor"), [(5, 0.4637), (26, 0.6470)])
def test_the_loss_has_the_floor_of_the_labs_targets(classes: int, floor: float) -> None:
    from mindspore import Tensor

    from reference.labs.label_smoothing import CrossEntropyWithLabelSmooth

    targets = np.full((classes, classes), 0.1 / (classes - 1), np.float32)
    np.fill_diagonal(targets, 0.9)
    loss = CrossEntropyWithLabelSmooth(0.1, classes)
    labels = Tensor(np.arange(classes, dtype=np.int32))
    assert float(loss(Tensor(np.log(targets)), labels).asnumpy()) == pytest.approx(floor, abs=5e-5)
    rng = np.random.default_rng(0)
    for _ in range(5):
        away = np.log(targets) + rng.normal(0, 0.1, targets.shape).astype(np.float32)
        assert float(loss(Tensor(away), labels).asnumpy()) > floor + 5e-5


def test_the_wrong_classes_share_eps_and_the_true_one_gets_none_of_it() -> None:
    from mindspore import Tensor

    from reference.labs.label_smoothing import CrossEntropyWithLabelSmooth

    rng = np.random.default_rng(1)
    logits, labels = rng.normal(0, 2, (6, 5)).astype(np.float32), np.array([0, 4, 2, 2, 1, 3], np.int32)
    expected = 0.0
    for row, label in zip(logits.astype(np.float64), labels, strict=True):
        log_p = row - math.log(np.exp(row).sum())
        expected -= sum((0.9 if k == label else 0.1 / 4) * log_p[k] for k in range(5)) / 6
    loss = CrossEntropyWithLabelSmooth(0.1, 5)(Tensor(logits), Tensor(labels))
    assert float(loss.asnumpy()) == pytest.approx(expected, rel=1e-6)


def test_without_smoothing_it_is_the_cross_entropy() -> None:
    from mindspore import Tensor, nn

    from reference.labs.label_smoothing import CrossEntropyWithLabelSmooth

    logits = Tensor(np.random.default_rng(2).normal(0, 2, (8, 26)).astype(np.float32))
    labels = Tensor((np.arange(8) * 3).astype(np.int32))
    assert float(CrossEntropyWithLabelSmooth(0.0, 26)(logits, labels).asnumpy()) == pytest.approx(
        float(nn.CrossEntropyLoss()(logits, labels).asnumpy()), rel=1e-6
    )
