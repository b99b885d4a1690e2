import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from src_mindspore.interrupts import stoppable

from tests.patience import PATIENCE_SECONDS


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in earlier.items():
        signal.signal(number, handler)


def press(number: signal.Signals) -> None:
    """Send a signal to this very thread: one that is sent to the process may be taken by another, a little later."""
    signal.pthread_kill(threading.get_ident(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_round_that_has_begun_is_finished_before_the_loop_stops(number: signal.Signals) -> None:
    begun, finished = [], []
    with pytest.raises(KeyboardInterrupt):
        for step in stoppable(range(5)):
            begun.append(step)
            if step == 2:
                press(number)
            finished.append(step)
    assert begun == finished == [0, 1, 2]


def test_a_stop_in_the_last_round_is_not_forgotten() -> None:
    with pytest.raises(KeyboardInterrupt):
        for _ in stoppable([1]):
            press(signal.SIGINT)


def test_a_stop_while_the_next_item_is_made_comes_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        press(signal.SIGINT)
        yield 2

    seen = []
    with pytest.raises(KeyboardInterrupt):
        seen += list(stoppable(items()))
        pytest.fail("the loop went on")


def test_the_inner_of_two_loops_ends_both_and_all_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    rounds = []
    with pytest.raises(KeyboardInterrupt):
        for epoch in stoppable(range(3)):
            for batch in stoppable(range(3)):
                rounds.append((epoch, batch))
                if len(rounds) == 5:
                    press(signal.SIGINT)
    assert rounds == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    assert signal.getsignal(signal.SIGINT) is before


def test_after_a_break_and_after_an_error_ctrl_c_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    for _ in stoppable(range(3)):
        break
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(ZeroDivisionError):
        for i in stoppable(range(3)):
            1 // i
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_it_is_a_plain_loop() -> None:
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.extend(stoppable(range(3))))
    thread.start()
    thread.join()
    assert seen == [0, 1, 2]


@pytest.mark.mindspore
def test_signals_do_no_harm_to_a_training(tmp_path: Path) -> None:
    """Without `stoppable` this ends before the thousand presses do: "corrupted size vs. prev_size"."""
    script = tmp_path / "training.py"
    script.write_text(TRAINING, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) >= 200


TRAINING = """
import os, signal, threading, time
os.environ.update(GLOG_v="3", ONEDNN_MAX_CPU_ISA="AVX2")
import numpy as np
import mindspore as ms
from mindspore import nn
from src_mindspore.interrupts import stoppable

ms.set_context(mode=ms.GRAPH_MODE)
rng = np.random.default_rng(0)
features, labels = rng.random((64, 1280), np.float32), rng.integers(0, 26, 64).astype(np.int32)
dense = nn.Dense(1280, 26)
loss = nn.CrossEntropyLoss()
step = nn.TrainOneStepCell(nn.WithLossCell(dense, loss), nn.Momentum(dense.trainable_params(), 0.001, 0.9))
step.set_train()

def press_again_and_again():
    for _ in range(1000):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.003)

steps = 0
try:
    for _ in stoppable(range(2)):
        presses = threading.Thread(target=press_again_and_again)
        presses.start()
        while presses.is_alive() or steps < 200:
            step(ms.Tensor(features), ms.Tensor(labels)).asnumpy()
            steps += 1
except KeyboardInterrupt:
    print(steps)
"""
