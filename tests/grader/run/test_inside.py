"""What is watched although no process has it: scratch folders and sockets; and the tree of processes."""

import ctypes
import fcntl
import itertools
import mmap
import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from grader.run import usage
from grader.run.usage import Inside, ProcessorTime, Usage, kernel_bytes, most_socket_bytes
from grader.sandbox import descendants, folders_of
from tests.patience import wait_until

OURS = Path("/proc/self")
SOCKSTAT = """sockets: used 11
TCP: inuse 2 orphan 0 tw 7 alloc 2 mem 90
UDP: inuse 0 mem 0
"""


def test_sockets_count_as_what_they_can_hold():
    one = most_socket_bytes("sockets: used 1\n")
    assert one >= 2 * 212_992  # what an untuned kernel lets a socket have, for sending
    tcp = most_socket_bytes(SOCKSTAT) - 9 * one
    assert tcp >= 2 * one
    assert most_socket_bytes("") == most_socket_bytes("sockets: used x".replace("x", "0")) == 0


def test_a_sandbox_is_only_what_has_a_folder_of_its_own(tmp_path):
    # This very process has the folder, but it is the machine's.
    assert usage.find_inside([os.getpid()], [tmp_path]) is None
    assert usage.find_inside([os.getpid()], [tmp_path / "nowhere"]) is None


def test_a_folder_is_full_by_its_files_as_well_as_by_its_size(tmp_path):
    folder = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    held = Inside((folder,), os.open("/proc/self/net/sockstat", os.O_RDONLY), os.open("/proc", os.O_PATH))
    try:
        before = held.socket_bytes()
        with socket.socket():
            assert held.socket_bytes() > before
        assert held.is_full(inodes=0)
        assert not held.is_full(inodes=1 << 40)
    finally:
        held.close()


def test_a_tree_of_processes_is_measured_with_its_time_and_its_memory():
    code = "import os\nos.fork()\nx = bytearray(40 << 20)\nprint(1, flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline(), process.stdout.readline()
            first = usage.measure(folders_of(process.pid))
            wait_until(
                lambda: usage.measure(folders_of(process.pid)).processor_seconds > first.processor_seconds
            )
        finally:
            for pid in list(descendants(process.pid)):
                os.kill(pid, 9)
    assert first.tasks == 2
    assert first.memory_bytes > 80 << 20


@pytest.fixture
def rename():
    """Gives this process names of at most 15 bytes, and in the end its own again."""
    libc, name = ctypes.CDLL(None), ctypes.create_string_buffer(16)
    libc.prctl(16, name)  # PR_GET_NAME
    yield lambda chosen: libc.prctl(15, chosen)  # PR_SET_NAME
    libc.prctl(15, name)


@pytest.mark.parametrize("name", [b"\rVmRSS:-9999999", b"\rVmPTE:-9999999", b"\x0bVmSwap:-999999", b"\rVmRSS:", b"\rVmRSS:x"])  # fmt: skip
def test_a_process_cannot_lower_its_memory_by_its_name(rename, name):
    rename(name)
    assert usage.measure([OURS]).memory_bytes > 1 << 20
    assert usage.proportional_bytes([OURS]) > 1 << 20


@pytest.mark.parametrize("end", ["\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_the_name_of_a_mapped_file_is_no_line_of_the_list_of_mapped_files(tmp_path, end):
    before = usage.frameworks([OURS])
    path = tmp_path / f"x{end}0 r--p 0 00:00 odd " / "torch" / "lib" / "x.so"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 1, access=mmap.ACCESS_READ):
        assert usage.frameworks([OURS]) == {**before, "torch": "brought along by the submission"}


def test_a_process_whose_first_thread_has_ended_still_has_its_memory():
    code = """
import platform, threading, time, ctypes
def hold():
    kept = bytearray(b"x") * (60 << 20)
    print(1, flush=True)
    time.sleep(60)
threading.Thread(target=hold).start()
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            seen, exact = (
                usage.measure(folders_of(process.pid)),
                usage.proportional_bytes(folders_of(process.pid)),
            )
        finally:
            process.kill()
    assert seen.memory_bytes > 60 << 20
    assert exact > 60 << 20


def looked_at(processor_seconds, **living):
    return Usage(
        len(living), 0, processor_seconds, {(name, "0"): seconds for name, seconds in living.items()}
    )


def test_processor_time_of_those_that_are_gone_still_counts_and_none_twice():
    used = ProcessorTime()
    assert used.with_those_gone(looked_at(3.0, parent=1.0, child=2.0)) == 3.0
    # The kernel has added the child's time, and half a second that no look has seen, to its parent's.
    assert used.with_those_gone(looked_at(3.5, parent=1.0)) == 3.5
    # Nobody has waited for the next two, so that the kernel has forgotten their time.
    assert used.with_those_gone(looked_at(5.5, parent=1.0, other=2.0)) == 5.5
    assert used.with_those_gone(looked_at(3.5, parent=1.0)) == 5.0
    assert used.with_those_gone(looked_at(6.5, parent=1.0, another=3.0)) == 8.0
    assert used.with_those_gone(looked_at(3.5, parent=1.0)) == 8.0


def test_a_number_that_is_given_again_is_another_process():
    used = ProcessorTime()
    used.with_those_gone(Usage(1, 0, 2.0, {("7", "100"): 2.0}))
    assert used.with_those_gone(Usage(1, 0, 1.0, {("7", "200"): 1.0})) == 3.0


@pytest.fixture
def kept():
    """Returns what the kernel is counted to keep for this process, in bytes."""
    return lambda: kernel_bytes([OURS], 1 << 30)


def test_what_the_kernel_keeps_is_counted_by_kind(kept, tmp_path):
    before = kept()
    pipes = [os.pipe() for _ in range(20)]
    with_pipes = kept()
    assert with_pipes - before >= 20 * (64 << 10)
    with select.epoll() as poll:
        for reading, _ in pipes:
            poll.register(reading)
        assert kept() - with_pipes >= 20 << 10
    for descriptor in (end for pipe in pipes for end in pipe):
        os.close(descriptor)
    # Of its own mappings this process may make and give back a few at any time.
    assert kept() - before <= 20 << 10
    with (tmp_path / "file").open("wb") as file:
        for place in range(50):
            fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * place)
        assert kept() - before >= 50 << 10
    kinds = itertools.cycle([mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE])
    mapped = [mmap.mmap(-1, 4096, mmap.MAP_PRIVATE, prot) for prot, _ in zip(kinds, range(200), strict=False)]
    assert kept() - before >= 150 << 10
    del mapped


def test_between_two_processes_there_is_time_for_what_must_not_wait():
    looks = []
    kernel_bytes([OURS, OURS, OURS], 1 << 30, lambda: looks.append("memory"))
    assert len(looks) == 3


def test_what_is_on_its_way_is_taken_for_the_largest_that_is_seen(kept):
    reading, writing = os.pipe()
    left, right = socket.socketpair()
    with select.epoll() as poll, left, right:
        poll.register(reading)
        before = kept()
        socket.send_fds(left, [b"-"], [writing])
        assert kept() - before >= 1 << 20
        _, received, _, _ = socket.recv_fds(right, 1, 1)
        assert kept() - before == 8 << 10
    for descriptor in (reading, writing, *received):
        os.close(descriptor)


def test_past_the_most_the_count_goes_no_further(kept):
    assert kernel_bytes(itertools.repeat(OURS), 8 << 20) < 9 << 20 < 20 * kept()
    assert kernel_bytes([Path("/proc/0")], 8 << 20) == 0
