"""Whatever fails while a worker is started: no descriptor, no process and no control group is left of it."""

import contextlib
import errno
import os
import subprocess
import time

import pytest

from grader.intake import take_in
from grader.run import worker
from grader.run.worker import WorkerProcess
from grader.sandbox import Namespaces, descendants, fork_server_for, kernel, start_worker, starting
from grader.sandbox import namespaces as namespaces_module
from tests.grader.conftest import ORACLE
from tests.isolation import QUICK_IMPORTS, WHATEVER_IT_SAYS
from tests.patience import wait_until


def fail(*given, **named):
    raise OSError(errno.EMFILE, "too many open files")


STEPS = {
    "the command": (namespaces_module, "sandboxed"),
    "the pipe": (starting.os, "pipe"),
    "the choice of cores": (starting, "_cores_for"),
    "the process": (starting.subprocess, "Popen"),
    "the selector": (worker.selectors, "DefaultSelector"),
    "the output that does not block": (starting.os, "set_blocking"),
}


@pytest.fixture(params=["started", "forked"])
def launch(request, write_submission, assignment, tmp_path):
    """How a worker is started, or forked."""
    (tmp_path / "workspace").mkdir()
    submission = take_in(write_submission(ORACLE), tmp_path / "workspace", assignment.limits)
    with fork_server_for(assignment.limits, QUICK_IMPORTS, WHATEVER_IT_SAYS) as server:
        level = Namespaces(server if request.param == "forked" else None, groups=lambda: None)
        sandbox = level.sandbox(submission, tmp_path / "workspace", assignment.limits)
        assert request.param == "started" or server.imported()
        yield sandbox.launch


def what_is_there():
    return sorted(os.listdir("/proc/self/fd")), sorted(descendants(os.getpid()))


@pytest.mark.parametrize("step", STEPS)
def test_of_a_worker_that_could_not_be_started_nothing_is_left(launch, monkeypatch, step):
    before = what_is_there()
    monkeypatch.setattr(*STEPS[step], fail)
    with pytest.raises(OSError, match="too many"):
        WorkerProcess(launch, time.monotonic)
    monkeypatch.undo()
    # Whoever waited for a forked worker is not ours to wait for.
    wait_until(lambda: what_is_there() == before)


def test_output_that_a_process_still_holds_is_not_waited_for(launch, monkeypatch):
    """A sandbox that is killed before it has bound its life to ours is left alive, for a moment."""
    pipe, held = starting._pipe, []

    @contextlib.contextmanager
    def held_pipe():
        with pipe() as (ours, theirs):
            held.append(os.dup(theirs))
            yield ours, theirs

    monkeypatch.setattr(starting, "_pipe", held_pipe)
    monkeypatch.setattr(*STEPS["the output that does not block"], fail)
    with pytest.raises(OSError, match="too many"):
        WorkerProcess(launch, time.monotonic)
    for descriptor in held:
        os.close(descriptor)


@pytest.mark.parametrize("step", ["the pipe", "the process"])
def test_a_control_group_of_a_worker_that_could_not_be_started_is_ended(launch, monkeypatch, tmp_path, step):
    ended = []
    monkeypatch.setattr(kernel.ControlGroup, "end", lambda self: ended.append(self))
    made = []

    def launch_in_group(channel):
        chosen = namespaces_module.replace(launch(channel), group=kernel.ControlGroup(tmp_path))
        made.append(chosen.group)
        return chosen

    monkeypatch.setattr(*STEPS[step], fail)
    with pytest.raises(OSError, match="too many"):
        start_worker(launch_in_group)
    assert made
    assert ended == made


def test_a_fork_server_that_cannot_be_started_leaves_nothing(assignment, monkeypatch):
    before = what_is_there()
    with fork_server_for(assignment.limits, QUICK_IMPORTS, WHATEVER_IT_SAYS) as server:
        monkeypatch.setattr(subprocess, "Popen", fail)
        assert server.imported() == frozenset()
        monkeypatch.undo()
        assert what_is_there() == before
