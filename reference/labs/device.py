"""Where MindSpore computes: the platform of the command line, in one process or in several.

Training in several processes is data parallel: each reads its share of a step's images, the gradients are
averaged, and all make the same step. MindSpore's own launcher starts the processes, and one more, which
brings them together:

    msrun --worker_num=2 --local_worker_num=2 --join=True python -m reference.train --run_distribute True ...

Its wheels for the CPU can do that too (seen with MindSpore 2.10: two processes, the same weights in both).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from src_mindspore.cpu import cap_onednn_isa

from reference.errors import InputError

# Both work only before MindSpore's import, hence the order. The second silences its warnings.
cap_onednn_isa()
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms  # noqa: E402
from mindspore import communication  # noqa: E402

# Set by msrun for every process that it starts.
COUNT = "MS_WORKER_NUM"
LAUNCH = "msrun --worker_num=2 --local_worker_num=2 --join=True python -m reference.train ..."


@dataclass(frozen=True)
class Processes:
    """Who trains together.

    Attributes:
        rank: this process's number, from 0.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1


def use_platform(platform: str) -> None:
    """Let MindSpore compile whole graphs, on this platform.

    Raises:
        InputError: this build of MindSpore cannot use it.
    """
    try:
        # It may be set once only, before MindSpore has computed anything.
        if ms.get_context("device_target") != platform:
            with _silent():
                ms.set_device(platform)
    except (RuntimeError, ValueError):
        raise InputError(
            f"--platform {platform}: not available to MindSpore {ms.__version__} on this machine;"
            " take --platform CPU, or a MindSpore that is built for it"
        ) from None
    ms.set_context(mode=ms.GRAPH_MODE)


@contextmanager
def _silent() -> Iterator[None]:
    """Drop what is written to standard error in the body: MindSpore logs an error for each library."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def launched_processes() -> int:
    """Return how many processes MindSpore's launcher has started for the training.

    Raises:
        InputError: it was not used.
    """
    count = os.environ.get(COUNT, "")
    if not count.isdecimal():
        raise InputError(f"--run_distribute True: start it with MindSpore's launcher: {LAUNCH}")
    return int(count)


def join_processes() -> Processes:
    """Wait for the other processes and agree on averaging gradients; call it when all input is checked.

    The launcher's own process does not return from here until the others have ended. Were one of them to end
    before it gets here, it would wait for ten minutes: all processes make the same checks first.

    Raises:
        InputError: this build of MindSpore cannot, or the others did not come.
    """
    try:
        communication.init()
    except (RuntimeError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), "no reason given")
        raise InputError(f"--run_distribute True: MindSpore cannot join the processes: {reason}") from None
    processes = Processes(communication.get_rank(), communication.get_group_size())
    ms.set_auto_parallel_context(
        parallel_mode=ms.ParallelMode.DATA_PARALLEL, gradients_mean=True, device_num=processes.size
    )
    return processes
