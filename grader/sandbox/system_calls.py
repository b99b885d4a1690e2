"""Which system calls a submission is refused: a short vocabulary, and the list with its reasons.

It is a list of refusals, not of permissions: the libraries of deep learning use some two hundred calls, and
others in every release. What is refused is what no prediction needs, and what either opens a door in the
kernel or holds memory that nobody could count. MindSpore, PyTorch, ONNX Runtime and OpenCV make none
of these calls, or go on without; but for MindSpore's data sets with `python_multiprocessing=True`, whose
worker processes exchange images through System V's queues. The report says so to who uses them.

Where honest programs do need a call that takes kernel memory, it is let through and counted instead
(`grader.run.usage`): asyncio polls; SQLite, MindSpore and libraries' caches lock files.

The numbers are the kernel's, of the system calls that the refusals name, for the two architectures of
MindSpore. They are taken from the kernel's own headers: `arch/x86/entry/syscalls/syscall_64.tbl` for x86-64
and `include/uapi/asm-generic/unistd.h` for AArch64. Numbers are for ever; a test compares them with the
headers of the machine where it has them.

The refusals become the program that seccomp runs before each system call, in classic BPF. Its machine has
one accumulator and jumps forward only (https://docs.kernel.org/networking/filter.html). An instruction is 8
bytes, `struct sock_filter`: code, how many to skip if true, how many if false, constant. What a program can
load is `struct seccomp_data` (`include/uapi/linux/seccomp.h`): the call's number at 0, the architecture at
4, and six arguments of 64 bits from 16 on. Only the low half of an argument is looked at, as the kernel
does with the flags and small numbers that refusals are about.

The kernel works out beforehand for which calls the program always says yes, and then does not run it.
"""

from __future__ import annotations

import base64
import errno
import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NEWEST = 469
"""The last call that this table's author knew of, `file_setattr` of Linux 6.17. Newer ones have the same
number everywhere; an older kernel does not have them, so a program must be ready to miss them."""

# include/uapi/linux/sched.h: CLONE_NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWNS.
_NEW_NAMESPACE = 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x00020000
_CLONE_PARENT, _CLONE_THREAD, _CLONE_FILES = 0x00008000, 0x00010000, 0x00000400
# include/uapi/linux/mman.h, asm-generic/mman.h
_MAP_SHARED, _MAP_ANONYMOUS, _MAP_HUGETLB = 0x01, 0x20, 0x40000
_CLOSE_RANGE_UNSHARE = 0x2  # include/uapi/linux/close_range.h
_PR_SET_DUMPABLE = 4  # include/uapi/linux/prctl.h
# include/uapi/asm-generic/fcntl.h, include/uapi/linux/fcntl.h
_F_OFD_SETLK, _F_OFD_SETLKW, _F_SETLEASE, _F_NOTIFY = 37, 38, 1024, 1026
# include/linux/socket.h
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_PERSONALITY_OF_LINUX, _PERSONALITY_ASKED_FOR = 0, 0xFFFFFFFF

# Of classic BPF, and of what seccomp takes as its answer.
_LOAD, _AND = 0x20, 0x54
_JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT = 0x15, 0x35, 0x45
_RETURN = 0x06
_ALLOW = 0x7FFF0000
_FAIL = 0x00050000
"""With the error number in the low 16 bits."""
_KILL = 0x80000000
_AT_NUMBER, _AT_ARCHITECTURE, _AT_ARGUMENTS = 0, 4, 16


@dataclass(frozen=True)
class Refuse:
    """These calls fail with `error`, whatever their arguments; with 0 they only seem to be done."""

    calls: tuple[str, ...]
    error: int = errno.EPERM


@dataclass(frozen=True)
class RefuseAnyFlag:
    """A call fails if its argument (counted from 0) has any of these bits."""

    call: str
    argument: int
    flags: int
    error: int = errno.EPERM


@dataclass(frozen=True)
class RefuseBits:
    """A call fails if, of the bits in `mask`, its argument has exactly those of `value`."""

    call: str
    argument: int
    mask: int
    value: int
    error: int = errno.EPERM


@dataclass(frozen=True)
class RefuseValues:
    """A call fails if its argument is one of these values."""

    call: str
    argument: int
    values: tuple[int, ...]
    error: int = errno.EPERM


@dataclass(frozen=True)
class RefuseOthers:
    """A call fails unless its argument is one of these values."""

    call: str
    argument: int
    values: tuple[int, ...]
    error: int = errno.EPERM


@dataclass(frozen=True)
class Architecture:
    """One architecture as seccomp names it (`include/uapi/linux/audit.h`)."""

    audit: int
    """`AUDIT_ARCH_...`: which of the kernel's tables a call came through."""
    numbers: Mapping[str, int]


Refusal = Refuse | RefuseAnyFlag | RefuseBits | RefuseValues | RefuseOthers
Code = list[bytes]

REFUSALS: tuple[Refusal, ...] = (
    # New namespaces, in which a process has capabilities again and reaches much more of the kernel. The
    # arguments of clone3 lie in memory, where a filter cannot look: without it, libraries use clone.
    Refuse(("unshare", "setns")),
    Refuse(("clone3",), errno.ENOSYS),
    RefuseAnyFlag("clone", 0, _NEW_NAMESPACE),
    # Children that are their parent's siblings: a forked worker's would be outside's.
    RefuseAnyFlag("clone", 0, _CLONE_PARENT),
    # Mounts: to uncover what is covered.
    Refuse(("mount", "umount2", "pivot_root", "chroot", "move_mount", "mount_setattr")),
    Refuse(("open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick")),
    Refuse(("open_by_handle_at", "name_to_handle_at")),
    # Other processes: their memory and their descriptors.
    Refuse(("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease")),
    Refuse(("pidfd_getfd", "kcmp")),
    # Hiding from who counts: what a process has, and descriptors of a thread's own.
    RefuseValues("prctl", 0, (_PR_SET_DUMPABLE,)),
    RefuseBits("clone", 0, mask=_CLONE_THREAD | _CLONE_FILES, value=_CLONE_THREAD),
    RefuseAnyFlag("close_range", 2, _CLOSE_RANGE_UNSHARE),
    # Keyrings, which no namespace separates.
    Refuse(("add_key", "request_key", "keyctl")),
    # Programs, rings and faults inside the kernel: where most of its holes were.
    Refuse(("bpf", "perf_event_open", "userfaultfd", "lookup_dcookie", "fanotify_init")),
    Refuse(("io_uring_setup", "io_uring_enter", "io_uring_register"), errno.ENOSYS),
    # The machine itself.
    Refuse(("kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot")),
    Refuse(("swapon", "swapoff", "acct", "syslog", "quotactl", "quotactl_fd", "vhangup", "uselib")),
    Refuse(("settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname", "setdomainname")),
    Refuse(("iopl", "ioperm", "modify_ldt")),
    RefuseOthers("personality", 0, (_PERSONALITY_OF_LINUX, _PERSONALITY_ASKED_FOR)),
    # Memory that is no process's own, so that nobody could count it: files in memory without a file system,
    # System V's and POSIX's queues, pages given to a pipe, anonymous memory that is shared. What is
    # left for sharing is /dev/shm, which has a size.
    Refuse(("memfd_create", "memfd_secret", "shmget", "semget", "msgget", "mq_open"), errno.ENOSYS),
    Refuse(("vmsplice",)),
    RefuseBits("mmap", 3, mask=_MAP_SHARED | _MAP_ANONYMOUS, value=_MAP_SHARED | _MAP_ANONYMOUS),
    RefuseAnyFlag("mmap", 3, _MAP_HUGETLB, errno.ENOMEM),
    # Kernel memory without a bound, or with one for the whole machine: what happened to files, rings for
    # their input and output, sets of rules. Of locks, those are left that a descriptor always shows.
    Refuse(("inotify_init", "inotify_init1", "io_setup", "landlock_create_ruleset"), errno.ENOSYS),
    RefuseValues("fcntl", 1, (_F_OFD_SETLK, _F_OFD_SETLKW, _F_SETLEASE, _F_NOTIFY), errno.EINVAL),
    # The cores are chosen outside: their number says how fast memory is filled, and how much is computed.
    # Who chooses some inside is told that it was done, for no answer depends on it.
    Refuse(("sched_setaffinity",), 0),
    # Kinds of sockets that no network namespace holds (a virtual machine's host, for one) or nobody needs.
    RefuseOthers("socket", 0, (_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK), errno.EAFNOSUPPORT),
    RefuseOthers("socketpair", 0, (_AF_UNIX,), errno.EAFNOSUPPORT),
)

# name: (x86-64, AArch64); None where an architecture does not have the call.
_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "unshare": (272, 97),
    "setns": (308, 268),
    "clone": (56, 220),
    "clone3": (435, 435),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "lookup_dcookie": (212, 18),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "personality": (135, 92),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "vmsplice": (278, 75),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "io_setup": (206, 0),
    "landlock_create_ruleset": (444, 444),
    "fcntl": (72, 25),
    "prctl": (157, 167),
    "close_range": (436, 436),
    "mmap": (9, 222),
    "sched_setaffinity": (203, 122),
    "socket": (41, 198),
    "socketpair": (53, 199),
    # Not refused: by it, a process refuses itself the others.
    "seccomp": (317, 277),
}


def _column(index: int) -> dict[str, int]:
    return {name: number for name, row in _NUMBERS.items() if (number := row[index]) is not None}


ARCHITECTURES = {
    "x86_64": Architecture(audit=0xC000003E, numbers=_column(0)),
    "aarch64": Architecture(audit=0xC00000B7, numbers=_column(1)),
}
"""By the machine's name as `platform.machine()` gives it."""


def assemble(architecture: Architecture, refusals: Sequence[Refusal]) -> bytes:
    """Return the program for one architecture.

    A call through another architecture's table (32-bit programs) ends the process; one of another ABI or
    newer than our list fails as on a kernel that does not have it.
    """
    code = [
        _load(_AT_ARCHITECTURE),
        _instruction(_JUMP_EQUAL, architecture.audit, 1, 0),
        _instruction(_RETURN, _KILL),
        _load(_AT_NUMBER),
    ]
    # Numbers of a foreign ABI are higher still: one comparison refuses both.
    code += [_instruction(_JUMP_AT_LEAST, NEWEST + 1, 0, 1), _fail(errno.ENOSYS)]
    for refusal in refusals:
        code += _block(refusal, architecture)
    code.append(_instruction(_RETURN, _ALLOW))
    return b"".join(code)


def program(refusals: Sequence[Refusal]) -> bytes | None:
    """Return the compiled program for this machine; None where its system calls are not known to us."""
    architecture = ARCHITECTURES.get(platform.machine())
    return assemble(architecture, refusals) if architecture else None


def for_worker(refusals: Sequence[Refusal]) -> dict[str, str | int]:
    """Return what the worker needs to install the program by itself; empty where there is none."""
    architecture = ARCHITECTURES.get(platform.machine())
    if architecture is None:
        return {}
    compiled = base64.b64encode(assemble(architecture, refusals)).decode("ascii")
    return {"call": architecture.numbers["seccomp"], "program": compiled}


def _block(refusal: Refusal, architecture: Architecture) -> Code:
    """Return the code of one refusal; if it does not apply, control falls out of its end."""
    match refusal:
        case Refuse(calls, error):
            numbers = [architecture.numbers[call] for call in calls if call in architecture.numbers]
            return _refuse_numbers(numbers, error)
        case RefuseAnyFlag(call, argument, flags, error):
            test = [_instruction(_JUMP_ANY_BIT, flags, 0, 1), _fail(error)]
        case RefuseBits(call, argument, mask, value, error):
            test = [_instruction(_AND, mask), _instruction(_JUMP_EQUAL, value, 0, 1), _fail(error)]
        case RefuseValues(call, argument, values, error):
            test = [*_jumps_if_any(values), _fail(error)]
        case RefuseOthers(call, argument, values, error):
            # From each value to behind the failure.
            test = [
                _instruction(_JUMP_EQUAL, value, len(values) - index, 0) for index, value in enumerate(values)
            ]
            test.append(_fail(error))
    test = [_load(_AT_ARGUMENTS + 8 * argument), *test]
    number = architecture.numbers[call]
    return [_load(_AT_NUMBER), _instruction(_JUMP_EQUAL, number, 0, len(test)), *test]


def _refuse_numbers(numbers: Sequence[int], error: int) -> Code:
    if not numbers:
        return []
    return [_load(_AT_NUMBER), *_jumps_if_any(numbers), _fail(error)]


def _jumps_if_any(values: Sequence[int]) -> Code:
    """Return comparisons: the first that is met goes on behind the last; if none is, one more is skipped."""
    last = len(values) - 1
    return [
        _instruction(_JUMP_EQUAL, value, last - index, 1 if index == last else 0)
        for index, value in enumerate(values)
    ]


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, offset)


def _fail(error: int) -> bytes:
    return _instruction(_RETURN, _FAIL | error)


def _instruction(code: int, constant: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, constant)
