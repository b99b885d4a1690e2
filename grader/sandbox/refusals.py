"""Which system calls a submission is refused: a short vocabulary, and the list with its reasons.

It is a list of refusals, not of permissions: the libraries of deep learning use some two hundred calls, and
others in every release. What is refused is what no prediction needs, and what either opens a door in the
kernel or holds memory that nobody could count. MindSpore, PyTorch, ONNX Runtime and OpenCV make none
of these calls, or go on without; but for MindSpore's data sets with `python_multiprocessing=True`, whose
worker processes exchange images through System V's queues. The report says so to who uses them.

Where honest programs do need a call that takes kernel memory, it is let through and counted instead
(`grader.dialogue.kernel_memory`): asyncio polls; SQLite, MindSpore and libraries' caches lock files.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass


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


Refusal = Refuse | RefuseAnyFlag | RefuseBits | RefuseValues | RefuseOthers

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
