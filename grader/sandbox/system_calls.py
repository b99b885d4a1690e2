"""The kernel's numbers of the system calls that the refusals name, for the two architectures of MindSpore.

Taken from the kernel's own headers: `arch/x86/entry/syscalls/syscall_64.tbl` for x86-64 and
`include/uapi/asm-generic/unistd.h` for AArch64. Numbers are for ever; a test compares them with the
headers of the machine where it has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NEWEST = 469
"""The last call that this table's author knew of, `file_setattr` of Linux 6.17. Newer ones have the same
number everywhere; an older kernel does not have them, so a program must be ready to miss them."""


@dataclass(frozen=True)
class Architecture:
    """One architecture as seccomp names it (`include/uapi/linux/audit.h`)."""

    audit: int
    """`AUDIT_ARCH_...`: which of the kernel's tables a call came through."""
    numbers: Mapping[str, int]


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
