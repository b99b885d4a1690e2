import math
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.mindspore

RATES = np.array([0.1, 0.05, 0.2], np.float32)
FEATURES = np.random.default_rng(0).normal(0, 1, (8, 4)).astype(np.float32)
TARGETS = np.random.default_rng(1).normal(0, 1, (8, 3)).astype(np.float32)


def trained(name: str, decay: float, scale: float = 1.0) -> dict[str, Any]:
    """Parameters after three steps of least squares on a normalisation and a dense layer."""
    import mindspore as ms
    from mindspore import nn

    from reference.labs.network import optimizer

    weight = np.random.default_rng(2).normal(0, 1, (3, 4)).astype(np.float32)
    norm = nn.BatchNorm1d(4, gamma_init="ones", beta_init="zeros")
    dense = nn.Dense(4, 3, weight_init=ms.Tensor(weight), bias_init="ones")
    network = nn.SequentialCell([norm, dense])
    descent = optimizer(name, network.trainable_params(), RATES, decay, 0.9, scale)  # type: ignore[arg-type]
    step = nn.TrainOneStepCell(nn.WithLossCell(network, nn.MSELoss()), descent, scale).set_train()
    norm.set_train(False)
    for _ in RATES:
        step(ms.Tensor(FEATURES), ms.Tensor(TARGETS))
    return {parameter.name: parameter.asnumpy() for parameter in network.trainable_params()}


def by_hand(decay: float) -> dict[str, Any]:
    """Momentum as the lab's text has it: v = mu * v + (g + wd * w); w = w - lr * v."""
    shrunk = FEATURES.astype(np.float64) / np.sqrt(1 + 1e-5)  # the statistics stay (0, 1)
    now: dict[str, Any] = {"gamma": np.ones(4), "beta": np.zeros(4), "bias": np.ones(3)}
    now["weight"] = np.random.default_rng(2).normal(0, 1, (3, 4)).astype(np.float32).astype(np.float64)
    velocity = {name: np.zeros_like(value) for name, value in now.items()}
    for rate in RATES.astype(np.float64):
        normal = shrunk * now["gamma"] + now["beta"]
        error = 2 * (normal @ now["weight"].T + now["bias"] - TARGETS) / TARGETS.size
        back = error @ now["weight"]
        gradients = {"weight": error.T @ normal, "bias": error.sum(0)}
        gradients.update(gamma=(back * shrunk).sum(0), beta=back.sum(0))
        for name in now:
            decayed = 0.0 if name in {"gamma", "beta"} else decay * now[name]
            velocity[name] = 0.9 * velocity[name] + gradients[name] + decayed
        now = {name: value - rate * velocity[name] for name, value in now.items()}
    return now


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_momentum_decays_weights_and_biases_but_not_gamma_and_beta(decay: float) -> None:
    expected = by_hand(decay)
    found = trained("momentum", decay)
    assert len(found) == 4
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name.rsplit(".", 1)[-1]], rtol=1e-4, atol=1e-6)


def test_a_loss_scale_that_is_a_power_of_two_changes_no_bit() -> None:
    plain, scaled = trained("momentum", 0.5), trained("momentum", 0.5, 1024.0)
    assert [value.tobytes() for value in plain.values()] == [value.tobytes() for value in scaled.values()]


def test_adam_moves_every_parameter_by_about_its_learning_rate() -> None:
    moved = trained("adam", 0.0)
    weight = np.random.default_rng(2).normal(0, 1, (3, 4)).astype(np.float32)
    assert np.abs(moved["1.weight"] - weight).max() == pytest.approx(RATES.sum(), rel=0.2)


def test_a_group_of_parameters_may_have_a_share_of_the_learning_rate() -> None:
    import mindspore as ms
    from mindspore import nn

    from reference.labs.network import optimizer

    moved = []
    for share in (1.0, 0.25):
        dense = nn.Dense(4, 3, weight_init="ones", bias_init="ones")
        groups = [
            {"params": [dense.weight], "lr": ms.Tensor(RATES * np.float32(share))},
            {"params": [dense.bias], "lr": ms.Tensor(RATES)},
        ]
        descent = optimizer("momentum", groups, RATES, 0.5)
        nn.TrainOneStepCell(nn.WithLossCell(dense, nn.MSELoss()), descent).set_train()(
            ms.Tensor(FEATURES), ms.Tensor(TARGETS)
        )
        moved.append((dense.weight.asnumpy() - 1, dense.bias.asnumpy() - 1))
    np.testing.assert_allclose(moved[1][0], 0.25 * moved[0][0], rtol=1e-4)
    np.testing.assert_array_equal(moved[1][1], moved[0][1])
    error = 2 * (FEATURES.sum(1, keepdims=True) + 1 - TARGETS) / TARGETS.size
    np.testing.assert_allclose(moved[0][1], -RATES[0] * (error.sum(0) + 0.5), rtol=1e-4)


@pytest.mark.parametrize(("classes", "floor"), [(5, 0.4637), (26, 0.6470)])
def test_the_loss_has_the_floor_of_the_labs_targets(classes: int, floor: float) -> None:
    from mindspore import Tensor

    from reference.labs.network import CrossEntropyWithLabelSmooth

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

    from reference.labs.network import CrossEntropyWithLabelSmooth

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

    from reference.labs.network import CrossEntropyWithLabelSmooth

    logits = Tensor(np.random.default_rng(2).normal(0, 2, (8, 26)).astype(np.float32))
    labels = Tensor((np.arange(8) * 3).astype(np.int32))
    assert float(CrossEntropyWithLabelSmooth(0.0, 26)(logits, labels).asnumpy()) == pytest.approx(
        float(nn.CrossEntropyLoss()(logits, labels).asnumpy()), rel=1e-6
    )
