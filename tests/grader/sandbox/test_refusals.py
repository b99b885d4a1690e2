"""System calls: the program that refuses them, its numbers, and each refusal seen from inside."""

import errno
import json
import platform
import re
import struct
from pathlib import Path

import pytest

from grader.report import build_report
from grader.sandbox import PlainProcess, best_isolation
from grader.sandbox.system_calls import (
    ARCHITECTURES,
    NEWEST,
    REFUSALS,
    Refuse,
    RefuseAnyFlag,
    RefuseBits,
    RefuseOthers,
    RefuseValues,
    assemble,
)
from tests.grader.gradings import STARTED, grading_of, report_of

ALLOWED, KILLED = "allowed", "killed"
X86 = ARCHITECTURES["x86_64"]
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def judge(program: bytes, number: int, *arguments: int, audit: int = X86.audit):
    """Run a program as the kernel does; return what becomes of the call: an error number, or one of two words."""
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, audit, 0, *(*arguments, *[0] * (6 - len(arguments))))
    code = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator = place = 0
    while True:
        operation, if_true, if_false, constant = code[place]
        place += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, constant)
            case 0x54:
                accumulator &= constant
            case 0x15:
                place += if_true if accumulator == constant else if_false
            case 0x35:
                place += if_true if accumulator >= constant else if_false
            case 0x45:
                place += if_true if accumulator & constant else if_false
            case 0x06:
                if constant >> 16 == 0x7FFF:
                    return ALLOWED
                return KILLED if constant == 0x80000000 else constant & 0xFFFF


def test_each_form_of_refusal_refuses_what_it_says_and_nothing_else():
    numbers = X86.numbers
    program = assemble(
        X86,
        [
            Refuse(("mount", "ptrace", "bpf"), errno.EACCES),
            RefuseBits("mmap", 3, 0x21, 0x21, errno.EPERM),
            RefuseAnyFlag("mmap", 3, 0x40000, errno.ENOMEM),
            RefuseOthers("socket", 0, (1, 2), errno.EAFNOSUPPORT),
            RefuseBits("clone", 0, 0x10400, 0x10000, errno.EPERM),
            RefuseValues("fcntl", 1, (37, 38, 1024), errno.EINVAL),
        ],
    )
    for call in ("mount", "ptrace", "bpf"):
        assert judge(program, numbers[call]) == errno.EACCES
    assert judge(program, 0) == judge(program, numbers["clone"]) == ALLOWED
    flags = {0x21: errno.EPERM, 0x31: errno.EPERM, 0x20: ALLOWED, 0x01: ALLOWED, 0x22: ALLOWED, 0x40022: errno.ENOMEM}  # fmt: skip
    for value, becomes in flags.items():
        assert judge(program, numbers["mmap"], 0, 0, 0, value) == becomes, hex(value)
    families = {1: ALLOWED, 2: ALLOWED, 0: errno.EAFNOSUPPORT, 40: errno.EAFNOSUPPORT}
    for value, becomes in families.items():
        assert judge(program, numbers["socket"], value) == becomes
    for value, becomes in {
        0x10000: errno.EPERM,
        0x10400: ALLOWED,
        0x400: ALLOWED,
        0x10111: errno.EPERM,
    }.items():
        assert judge(program, numbers["clone"], value) == becomes
    for value, becomes in {
        37: errno.EINVAL,
        38: errno.EINVAL,
        1024: errno.EINVAL,
        6: ALLOWED,
        0: ALLOWED,
    }.items():
        assert judge(program, numbers["fcntl"], 9, value) == becomes
    # Only the low half is an int to the kernel: nothing is let through for its high half.
    assert judge(program, numbers["socket"], (1 << 32) + 40) == errno.EAFNOSUPPORT


def test_another_architecture_is_the_end_and_calls_of_another_abi_do_not_exist():
    program = assemble(X86, REFUSALS)
    assert judge(program, 20, audit=0x40000003) == KILLED  # i386
    assert judge(program, 0x40000000 + 39) == errno.ENOSYS  # x32
    assert judge(program, NEWEST + 1) == errno.ENOSYS
    assert judge(program, NEWEST) == ALLOWED


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_the_program_is_complete_for_each_architecture(name):
    architecture = ARCHITECTURES[name]
    program = assemble(architecture, REFUSALS)
    assert len(program) % 8 == 0
    assert len(program) // 8 < 4096  # BPF_MAXINSNS
    known = {refusal.call for refusal in REFUSALS if not isinstance(refusal, Refuse)}
    assert known <= set(architecture.numbers)
    for refusal in REFUSALS:
        for call in refusal.calls if isinstance(refusal, Refuse) else ():
            if call in architecture.numbers:
                assert judge(program, architecture.numbers[call], audit=architecture.audit) == refusal.error


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_the_numbers_are_the_kernels(name):
    if not HEADERS[name].exists():
        pytest.skip("this machine has no headers of the kernel")
    lines = HEADERS[name].read_text(encoding="utf-8")
    theirs = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", lines))
    ours = ARCHITECTURES[name].numbers
    compared = set(ours) & set(theirs)
    assert len(compared) > 60
    assert {call: int(theirs[call]) for call in compared} == {call: ours[call] for call in compared}


CALL_ALL = """
    import ctypes, json
    libc = ctypes.CDLL(None, use_errno=True)

    def attempt(number, *arguments):
        ctypes.set_errno(0)
        result = libc.syscall(ctypes.c_long(number), *[ctypes.c_ulong(value) for value in arguments])
        return ctypes.get_errno() if result == -1 else 0

    raise RuntimeError("PROBE" + json.dumps({{name: attempt(*call) for name, call in {calls!r}.items()}}))
"""


def refused_values(refusal) -> tuple[int, ...]:
    """Return what an argument must not be, or an example of it."""
    match refusal:
        case RefuseAnyFlag():
            return (refusal.flags,)
        case RefuseBits():
            return (refusal.value,)
        case RefuseValues():
            return refusal.values
        case RefuseOthers():
            return (40,)


def every_call() -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
    """Return a call for each refusal, with harmless arguments, and the error that each must give."""
    numbers = ARCHITECTURES[platform.machine()].numbers
    calls, errors = {}, {}
    for index, refusal in enumerate(REFUSALS):
        if isinstance(refusal, Refuse):
            made = {call: (numbers[call],) for call in refusal.calls if call in numbers}
        else:
            made = {
                f"{refusal.call} {index} {value}": (
                    numbers[refusal.call],
                    *[0] * refusal.argument,
                    value,
                    1,
                    0,
                )
                for value in refused_values(refusal)
            }
        calls |= made
        errors |= dict.fromkeys(made, refusal.error)
    return calls, errors


@pytest.mark.parametrize(
    "isolation", [best_isolation(official=True), PlainProcess()], ids=["namespaces", "process"]
)
def test_every_refusal_is_felt_inside(write_submission, split, assignment, isolation):
    calls, errors = every_call()
    folder = write_submission(CALL_ALL.format(calls=calls))
    outcome = grading_of(folder, split, assignment, self_check=True, isolation=isolation)
    message = outcome.answers.not_ready.error.message
    assert message.startswith("PROBE"), message
    found = json.loads(message.removeprefix("PROBE"))
    assert found == errors
    assert len(found) > 60


def ended_how(outcome) -> str:
    return build_report(outcome).run.stops[0].detail


@pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code of x86-64")
def test_a_32_bit_system_call_is_the_end(write_submission, split, assignment):
    # mov eax, 20 (getpid); int 0x80; ret
    source = r"""
        import ctypes, mmap
        code = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
        code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
        ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
    """
    # Kernels without 32-bit programs know no such call at all.
    ended = ended_how(grading_of(write_submission(source), split, assignment, isolation=STARTED))
    assert ended in ("signal SIGSYS", "signal SIGSEGV")


def test_what_honest_programs_do_is_let_through(write_submission, split, assignment):
    source = """
        import concurrent.futures, mmap, multiprocessing, socket, subprocess, tempfile, threading
        from multiprocessing import shared_memory

        def square(x):
            return x * x

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            assert list(pool.map(square, range(3))) == [0, 1, 4]
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(square, range(3)) == [0, 1, 4]
        numbers = multiprocessing.Array("d", 10)
        numbers[3] = 1.5
        block = shared_memory.SharedMemory(create=True, size=4096)
        block.close(), block.unlink()
        assert subprocess.run(["/bin/sh", "-c", "echo here"], capture_output=True).stdout == b"here\\n"
        with tempfile.TemporaryFile() as file:
            file.write(bytes(4096)), file.flush()
            mmap.mmap(file.fileno(), 4096)[0] = 1
        assert open("/dev/zero", "rb").read(3) == bytes(3)
        open("/dev/null", "wb").write(b"x")
        for family in (socket.AF_UNIX, socket.AF_INET):
            socket.socket(family).close()
        socket.socketpair()

        def predict(image):
            return ["Plastic Bottle", "Hats", "Newspaper"][int(image[0, 0, 0]) // 80]
    """
    report = report_of(write_submission(source), split, assignment, isolation=STARTED)
    assert (report.verdict.value, report.score.correct) == ("GRADED", 12), report.findings


def test_memory_that_nobody_has_cannot_be_had(write_submission, split, assignment):
    source = """
        import json, mmap, os
        found = {}
        for name, attempt in {
            "shared": lambda: mmap.mmap(-1, 1 << 20),
            "zeros": lambda: mmap.mmap(os.open("/dev/zero", os.O_RDWR), 1 << 20),
            "memfd": lambda: os.memfd_create("x"),
            "terminal": os.openpty,
        }.items():
            try:
                attempt()
                found[name] = "done"
            except OSError as error:
                found[name] = "refused"
        raise RuntimeError("PROBE" + json.dumps(found))
    """
    outcome = grading_of(write_submission(source), split, assignment, isolation=STARTED)
    found = json.loads(outcome.answers.not_ready.error.message.removeprefix("PROBE"))
    assert set(found.values()) == {"refused"}, found


def test_a_choice_of_cores_is_only_said_to_be_made(write_submission, split, assignment):
    source = """
        import os
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, [0])
        os.sched_setaffinity(0, range(os.cpu_count()))
        assert os.sched_getaffinity(0) == before

        def predict(image):
            return ["Plastic Bottle", "Hats", "Newspaper"][int(image[0, 0, 0]) // 80]
    """
    report = report_of(write_submission(source), split, assignment, isolation=STARTED)
    assert report.verdict.value == "GRADED", report.findings
