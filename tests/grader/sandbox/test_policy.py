"""What the policy shows and hides, read from the policy alone."""

import os
import resource
import sys
from pathlib import Path

import pytest

from grader.model.assignment import Limits
from grader.places import course_library
from grader.sandbox import namespaces
from grader.sandbox import policy as policy_module
from grader.sandbox.policy import (
    SCRATCH,
    Device,
    Empty,
    Link,
    Policy,
    ReadOnly,
    Scratch,
    Together,
    each_process,
    environment_for,
    is_visible_inside,
    policy_for,
)
from grader.sandbox.system_calls import REFUSALS

ROOT = Path(__file__).parents[3]


@pytest.fixture
def policy(tmp_path) -> Policy:
    (tmp_path / "submission").mkdir()
    return policy_for(tmp_path / "submission", 9, tmp_path / "identity", Limits(scratch_mib=100))


def test_the_interpreter_and_the_submission_are_shown(policy, tmp_path):
    for path in (sys.executable, os.__file__, "/usr/bin/env", tmp_path / "submission" / "main.py"):
        assert policy.shows(Path(path)), path


def test_the_project_homes_and_the_rest_of_the_machine_are_hidden(policy, tmp_path):
    for path in (ROOT / "grader" / "cli" / "main.py", ROOT / "reference", ROOT / "datasets", tmp_path / "hidden", Path.home() / ".ssh", "/etc/shadow", "/var", "/"):  # fmt: skip
        assert not policy.shows(Path(path)), path


def test_all_that_can_be_written_is_capped(policy):
    writable = {rule.at: rule.mib for rule in policy.rules if isinstance(rule, Scratch)}
    assert writable == {SCRATCH: 109, Path("/tmp"): 100, Path("/dev/shm"): 64}
    assert policy.writable == (SCRATCH, Path("/tmp"), Path("/dev/shm"))


def test_every_amount_of_the_assignment_is_a_bound(policy):
    limits = Limits(scratch_mib=100)
    assert policy.together == Together(
        tasks=64,
        memory_bytes=4096 << 20,
        kernel_bytes=256 << 20,
        processor_seconds=600.0,
        output_bytes=1024 << 10,
        inodes=50_000,
        open_files=limits.open_files,
        cores=1,
    )
    bound = {limit.resource: limit.at_most for limit in policy.each_process}
    # The kernel's limits stand a little behind those that are seen from outside, and never before them.
    assert bound["RLIMIT_NPROC"] > limits.processes
    assert bound["RLIMIT_DATA"] > limits.memory_mib << 20
    assert bound["RLIMIT_CPU"] > limits.processor_seconds
    assert bound["RLIMIT_FSIZE"] == 109 << 20
    assert bound["RLIMIT_NOFILE"] == limits.open_files
    assert bound["RLIMIT_CORE"] <= 1
    assert all(hasattr(resource, name) for name in bound)


def test_where_all_processes_of_a_user_are_counted_their_number_is_not_bound():
    names = {limit.resource for limit in each_process(Limits(), 512, is_alone=False)}
    assert not {"RLIMIT_NPROC", "RLIMIT_SIGPENDING"} & names
    assert "RLIMIT_DATA" in names


@pytest.mark.parametrize("prefix", ["/tmp/somebody/clone", "/srv/clone", "/home/student/clone"])
def test_what_can_be_written_does_not_hang_on_where_the_interpreter_lies(
    policy, tmp_path, monkeypatch, prefix
):
    there = ReadOnly(Path(prefix), Path(prefix))
    monkeypatch.setattr(policy_module, "_interpreter", lambda: iter([there]))
    other = policy_for(tmp_path / "submission", 9, tmp_path / "identity", Limits(scratch_mib=100))
    assert (other.writable, other.scratch_bytes) == (policy.writable, policy.scratch_bytes)
    assert other.rules.index(Scratch(Path("/tmp"), 100)) < other.rules.index(there)


def test_the_doors_to_memory_that_nobody_counts_are_covered(policy):
    assert Device(Path("/dev/full"), Path("/dev/zero")) in policy.rules
    assert Empty(Path("/dev/pts")) in policy.rules
    assert policy.refusals == REFUSALS


def test_rules_become_arguments_in_order_with_parents_that_anybody_may_enter(tmp_path):
    rules = [
        ReadOnly(tmp_path, Path("/a/b")),
        Link(Path("/l"), "a"),
        Scratch(Path("/s"), 2),
        Device(Path("/dev/full"), Path("/d")),
        Empty(Path("/a/b/c")),
    ]
    words = " ".join(word for rule in rules for word in namespaces._arguments(rule))
    assert f"--perms 0755 --dir /a --ro-bind {tmp_path} /a/b" in words
    assert "--symlink a /l" in words
    assert f"--size {2 << 20} --tmpfs /s" in words
    assert "--dev-bind /dev/full /d" in words
    assert words.endswith("--tmpfs /a/b/c --remount-ro /a/b/c")


def test_root_gives_itself_up_before_the_sandbox_is_made(policy, monkeypatch):
    monkeypatch.setattr(namespaces, "spare_uids", lambda: range(1_900_000_000, 1_900_000_009))
    as_root = namespaces.sandboxed(Path("/opt/x/_bin/bwrap"), policy, ("true",), 9)
    assert as_root.index("/usr/bin/setpriv") < as_root.index("--unshare-all")
    uid = int(as_root[as_root.index("--reuid") + 1])
    assert uid > 1_000_000_000
    monkeypatch.setattr(namespaces, "spare_uids", lambda: range(0))
    as_user = namespaces.sandboxed(Path("/opt/x/_bin/bwrap"), policy, ("true",), 9)
    assert "/usr/bin/setpriv" not in as_user
    assert as_user[1 : as_user.index("--ro-bind")] == as_root[as_root.index("--unshare-all") : as_root.index("--ro-bind", as_root.index("--unshare-all"))]  # fmt: skip
    assert as_root[-1] == as_user[-1] == "true"


@pytest.mark.parametrize(
    ("owned", "first", "count"),
    [
        ("0 0 4294967295", 1_900_000_000, 1 << 24),
        ("0 100000 65536", 32_768, 32_768),
        ("0 1000 1\n1 100000 65536", 32_769, 32_768),
        ("0 1000 1", None, 0),
    ],
    ids=["the machine's root", "a container's", "a rootless container's", "a root of one"],
)
def test_root_becomes_a_uid_that_it_owns_and_nobody_uses(tmp_path, monkeypatch, owned, first, count):
    (tmp_path / "uid_map").write_text(owned + "\n", encoding="ascii")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    uids = namespaces.spare_uids(tmp_path / "uid_map")
    assert (next(iter(uids), None), len(uids)) == (first, count)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not namespaces.spare_uids(tmp_path / "uid_map")


def test_what_every_submission_could_read_is_known_without_any_submission(tmp_path):
    assert is_visible_inside(Path("/usr/share"))
    assert is_visible_inside(Path(sys.prefix) / "anything")
    link = tmp_path / "link"
    link.symlink_to("/usr")
    assert is_visible_inside(link / "share")
    assert is_visible_inside(course_library() / "reports")
    assert not is_visible_inside(tmp_path)
    assert not is_visible_inside(course_library().parent / "reports")


def test_what_a_policy_shows_is_its_own_submission_or_known_to_be_visible(tmp_path):
    policy = policy_for(tmp_path / "submission", 1, tmp_path / "identity", Limits())
    shown = {rule.source for rule in policy.rules if isinstance(rule, ReadOnly)}
    own = {path for path in shown if path.is_relative_to(tmp_path)}
    assert {path.name for path in own} == {"submission", "passwd", "group"}
    assert all(is_visible_inside(path) for path in shown - own)


def test_the_environment_is_the_same_whoever_grades(monkeypatch):
    first = environment_for(SCRATCH, Limits())
    monkeypatch.setenv("HTTP_PROXY", "x")
    monkeypatch.setenv("PYTHONPATH", "x")
    assert environment_for(SCRATCH, Limits()) == first
    assert first["OMP_NUM_THREADS"] == "1"
    assert first["OMP_WAIT_POLICY"] == "PASSIVE"
