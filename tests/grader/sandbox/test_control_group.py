"""Control groups: when they are ours, and, on a machine that gives us one, what the kernel does with them."""

import errno
import os
import subprocess
import time
from pathlib import Path

import pytest

from grader import Verdict
from grader.intake import take_in
from grader.run.worker import WorkerProcess
from grader.sandbox import Namespaces, PlainProcess, kernel
from grader.sandbox.kernel import ControlGroup, ControlGroups, dividable, is_delegated, own_group
from tests.grader.gradings import STARTED, report_of
from tests.patience import PATIENCE_SECONDS

needs_a_group = pytest.mark.skipif(dividable() is None, reason="no control group is ours: systemd-run --user --scope -p Delegate=yes")  # fmt: skip


def test_our_group_is_found_where_it_is_mounted(tmp_path):
    (tmp_path / "own").write_text("3:memory:/x\n0::/user.slice/a.scope\n", encoding="ascii")
    (tmp_path / "mounts").write_text("tmpfs /tmp tmpfs rw 0 0\nc /cg cgroup2 rw 0 0\n", encoding="ascii")
    assert str(own_group(tmp_path / "mounts", tmp_path / "own")) == "/cg/user.slice/a.scope"
    (tmp_path / "mounts").write_text("c /cg cgroup rw 0 0\n", encoding="ascii")
    assert own_group(tmp_path / "mounts", tmp_path / "own") is None


def test_what_root_merely_can_write_is_not_its_own(tmp_path, monkeypatch):
    (tmp_path / "cgroup.controllers").write_text("memory pids\n", encoding="ascii")
    (tmp_path / "cgroup.procs").touch()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert not is_delegated(tmp_path)
    monkeypatch.setattr(os, "getxattr", lambda path, name: b"1")
    assert is_delegated(tmp_path)


def test_a_group_that_cannot_be_divided_is_done_without(
    tmp_path, monkeypatch, write_submission, split, assignment
):
    monkeypatch.setattr(kernel, "own_group", lambda: tmp_path)
    monkeypatch.setattr(kernel, "is_delegated", lambda group: True)
    (tmp_path / "cgroup.subtree_control").mkdir()  # writing to it fails
    assert dividable() is None
    assert ControlGroups(tmp_path / "nowhere").make(1, 1) is None
    # One that fails only when a worker wants its own.
    isolation = Namespaces(groups=lambda: tmp_path / "nowhere")
    report = report_of(write_submission(), split, assignment, isolation=isolation)
    assert report.verdict is Verdict.GRADED
    assert "control group" not in report.isolation.description


@pytest.mark.parametrize("isolation", [Namespaces, PlainProcess])
def test_a_group_is_reported_only_if_every_worker_had_one(isolation, tmp_path, write_submission, assignment):
    (tmp_path / "workspace").mkdir()
    (tmp_path / "groups").mkdir()
    submission = take_in(write_submission(), tmp_path / "workspace", assignment.limits)
    sandbox = isolation(groups=lambda: tmp_path / "groups").sandbox(
        submission, tmp_path / "workspace", assignment.limits
    )

    def has_group():
        launch = sandbox.launch(9)
        for descriptor in launch.inherited:
            os.close(descriptor)
        return launch.group is not None

    assert (has_group(), sandbox.isolation.is_grouped) == (True, True)
    (tmp_path / "groups").rename(tmp_path / "gone")
    assert (has_group(), sandbox.isolation.is_grouped) == (False, False)
    (tmp_path / "gone").rename(tmp_path / "groups")
    assert (has_group(), sandbox.isolation.is_grouped) == (True, False)


class Tree:
    """A group whose members are moved while others come."""

    def __init__(self, newcomers):
        self.members, self.moved, self.newcomers = ["1"], [], list(newcomers)
        self.controllers = ""

    def read_text(self, path, most=-1):
        return " ".join(self.members) if path.name == "cgroup.procs" else self.controllers

    def write_text(self, path, text, encoding):
        if path.name == "cgroup.procs":
            self.members.remove(text)
            self.moved.append(text)
            return
        self.members += self.newcomers[:1]
        del self.newcomers[:1]
        if self.members:
            raise OSError(errno.EBUSY, "a group with members cannot be divided")
        self.controllers = "memory pids"


@pytest.mark.parametrize("newcomers", [[], ["2"], ["2", "3", "4"]], ids=len)
def test_who_comes_while_members_are_moved_is_moved_too(tmp_path, monkeypatch, newcomers):
    tree = Tree(newcomers)
    monkeypatch.setattr(kernel, "own_group", lambda: tmp_path)
    monkeypatch.setattr(kernel, "is_delegated", lambda group: True)
    monkeypatch.setattr(kernel, "read_text", tree.read_text)
    monkeypatch.setattr(
        Path, "write_text", lambda path, text, encoding: tree.write_text(path, text, encoding)
    )
    assert dividable() == tmp_path
    assert tree.moved == ["1", *newcomers]


def test_a_group_whose_members_never_end_coming_is_done_without(tmp_path, monkeypatch):
    tree = Tree(map(str, range(2, 10_000)))
    monkeypatch.setattr(kernel, "own_group", lambda: tmp_path)
    monkeypatch.setattr(kernel, "is_delegated", lambda group: True)
    monkeypatch.setattr(kernel, "read_text", tree.read_text)
    monkeypatch.setattr(
        Path, "write_text", lambda path, text, encoding: tree.write_text(path, text, encoding)
    )
    assert dividable() is None


def test_a_group_that_each_worker_has_is_told(tmp_path, monkeypatch, write_submission, split, assignment):
    # Any folder will do: what enters a group writes its number to a file. Only the kernel empties a group.
    isolation = Namespaces(groups=lambda: tmp_path)
    monkeypatch.setattr(kernel, "_SECONDS_TO_END", 0)
    report = report_of(write_submission(), split, assignment, isolation=isolation)
    assert report.verdict is Verdict.GRADED
    assert "control group" in report.isolation.description


def test_a_group_is_made_with_its_bounds_and_taken_away(tmp_path):
    group = ControlGroups(tmp_path).make(1 << 30, 72)
    assert (group.folder / "memory.max").read_text(encoding="ascii") == str(1 << 30)
    assert (group.folder / "pids.max").read_text(encoding="ascii") == "72"
    assert not group.ran_out_of_memory()
    (group.folder / "memory.events").write_text("low 0\noom 3\noom_kill 2\n", encoding="ascii")
    assert group.ran_out_of_memory()
    ControlGroup(tmp_path / "gone").end()


@needs_a_group
def test_the_kernel_ends_a_group_for_its_memory_even_if_nobody_looks(
    write_submission, split, assignment, monkeypatch
):
    monkeypatch.setattr(WorkerProcess, "_look", lambda self: 0.05)
    source = "import os\nos.fork()\nx = []\nwhile True: x.append(bytearray(b'x') * (1 << 20))"
    small = assignment.model_copy(
        update={"limits": assignment.limits.model_copy(update={"memory_mib": 200, "scratch_mib": 16})}
    )
    report = report_of(write_submission(source), split, small, isolation=STARTED)
    assert report.verdict is Verdict.MEMORY
    assert "control group" in report.isolation.description
    assert not [path for path in dividable().iterdir() if path.name.startswith("worker-")]


@needs_a_group
def test_the_end_of_a_group_is_the_end_of_all_that_is_in_it():
    group = ControlGroups(dividable()).make(1 << 30, 20)
    marker = f"{os.getpid()}.75"
    command = ("/bin/sh", "-c", f"setsid sleep {marker} & exec sleep {marker}")
    with subprocess.Popen(group.entering(command)) as process:
        while len((group.folder / "cgroup.procs").read_text(encoding="ascii").split()) < 2:
            time.sleep(0.01)
        group.end()
        assert process.wait(PATIENCE_SECONDS) == -9
    assert not group.folder.exists()
