from pathlib import Path

import numpy as np
import pytest

from reference.errors import DivergedError, InputError
from reference.training.epochs import ArrayBatches, Snapshot

pytestmark = pytest.mark.mindspore

RNG = np.random.default_rng(0)
LABELS = np.arange(60) % 3
FEATURES = (RNG.normal(0, 1, (1, 60, 8)) + LABELS[None, :, None]).astype(np.float32)
EPOCHS = 4


def task(rate: float = 0.01, norm: bool = False):
    """A small network with an optimizer that has a state, and a schedule that moves."""
    from mindspore import Tensor, nn

    from reference.training.loop import Accuracies, Task

    batches = ArrayBatches(FEATURES, LABELS, 8, seed=5)
    weight = Tensor(np.random.default_rng(1).normal(0, 0.1, (3, 8)).astype(np.float32))
    dense = nn.Dense(8, 3, weight_init=weight, bias_init="zeros")
    layers = [nn.BatchNorm1d(8), dense] if norm else [dense]
    network = nn.SequentialCell(layers)
    steps = batches.steps * EPOCHS
    rates = [rate * (1 - i / steps) for i in range(steps)]
    step = nn.TrainOneStepCell(
        nn.WithLossCell(network, nn.CrossEntropyLoss()), nn.Adam(network.trainable_params(), rates)
    )

    def evaluate() -> Accuracies:
        logits = FEATURES[0] @ dense.weight.asnumpy().T + dense.bias.asnumpy()
        return Accuracies(None, float(np.mean(logits.argmax(1) == LABELS)))

    learned = {parameter.name: parameter for parameter in network.trainable_params()}
    frozen = layers[:1] if norm else []
    return Task(step, learned, batches, rates, EPOCHS, frozen=frozen, evaluate=evaluate)


class StoppedError(Exception):
    pass


@pytest.fixture(scope="module")
def uninterrupted():
    from reference.training.loop import fit

    return fit(task())


@pytest.mark.parametrize("stops", [[1], [3, 12], [7, 7, 14, 21], [27]])
def test_a_run_stopped_anywhere_goes_on_to_the_same_bits(tmp_path: Path, uninterrupted, stops) -> None:
    from reference.training.loop import Watcher, fit

    def attempt(stop: int | None):
        def on_step(epoch: int, step: int, loss: float) -> None:
            if stop is not None and (epoch - 1) * 7 + step >= stop:
                raise StoppedError

        snapshot = Snapshot(tmp_path / "state.npz", {"seed": 5}, seconds_between=0)
        return fit(task(), snapshot, Watcher(on_step=on_step))

    for stop in stops:
        with pytest.raises(StoppedError):
            attempt(stop)
    resumed = attempt(None)
    assert resumed.best_epoch == uninterrupted.best_epoch
    for one, other in ((resumed.final, uninterrupted.final), (resumed.best, uninterrupted.best)):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)
    assert [entry.train_loss for entry in resumed.log] == [entry.train_loss for entry in uninterrupted.log]


def test_a_finished_run_is_not_trained_again(tmp_path: Path, uninterrupted) -> None:
    from reference.training.loop import Watcher, fit

    snapshot = Snapshot(tmp_path / "state.npz", {})
    fit(task(), snapshot)
    steps = []
    again = fit(task(), snapshot, Watcher(on_step=lambda *step: steps.append(step)))
    assert steps == []
    assert all(np.array_equal(again.final[name], uninterrupted.final[name]) for name in again.final)


def test_a_loss_that_is_no_number_stops_with_epoch_and_step() -> None:
    from reference.training.loop import fit

    with np.errstate(all="ignore"), pytest.raises(DivergedError, match=r"epoch 1, step 2 of 7"):
        fit(task(rate=1e38))


def test_frozen_norms_keep_their_statistics_and_others_do_not() -> None:
    from dataclasses import replace

    from reference.training.loop import fit

    for frozen in (True, False):
        one = task(norm=True)
        fit(one if frozen else replace(one, frozen=()))
        moving = next(p for p in one.step.get_parameters() if p.name.endswith("moving_mean"))
        assert bool(np.any(moving.asnumpy())) is not frozen


def test_a_snapshot_of_another_run_is_refused(tmp_path: Path) -> None:
    from reference.training.loop import fit

    fit(task(), Snapshot(tmp_path / "state.npz", {"seed": 5, "epochs": 4}))
    other = Snapshot(tmp_path / "state.npz", {"seed": 6, "epochs": 4})
    with pytest.raises(InputError, match=r"another seed \(5, now 6\)"):
        other.load()


@pytest.mark.parametrize("keep", [0, 10, -1])
def test_a_damaged_snapshot_is_refused_in_one_line(tmp_path: Path, keep: int) -> None:
    from reference.training.loop import fit

    path = tmp_path / "state.npz"
    snapshot = Snapshot(path, {})
    fit(task(), snapshot)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="is damaged"):
        snapshot.load()
