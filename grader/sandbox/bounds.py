"""For how much: the part of the policy's vocabulary that says how much of everything may be used.

Two kinds of limits. What the kernel can bind, it binds in each process by itself. The sum over all processes
is looked at from outside, twenty times a second, and more often when little is left.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.assignment import MIB, Limits

SEEN_ABOVE = 8
"""The kernel's limit on processes stands this much higher, so that the grader sees who goes past its own."""
_SECONDS_ABOVE = 5
_MAPPED_ABOVE_MIB = 4096
"""Libraries map more than they use: MindSpore a gigabyte for its pool, and 8 MiB for each thread's stack."""
_NO_CORE_DUMP = 1
"""Not 0: to a machine's crash handler, behind a pipe, the kernel writes a dump of any size but this one."""
_PENDING_SIGNALS = 1024
"""Signals on their way, and timers: each takes some of the kernel's memory."""
_KERNEL_MIB = 256
"""Sixty processes with all libraries of MindSpore mapped are counted as a third of it."""
_INODES = 50_000
"""Empty files have no size, but each takes a kilobyte of the kernel's memory."""


@dataclass(frozen=True)
class EachProcess:
    """A limit that the kernel holds each process to, and that none can raise again."""

    resource: str
    """Name in the module `resource`."""
    at_most: int


@dataclass(frozen=True)
class Together:
    """What all processes of a submission may use in sum."""

    tasks: int
    """Processes and threads alive at one time."""
    memory_bytes: int
    """Resident or swapped out, and what the kernel keeps for them: page tables, sockets, and the next."""
    kernel_bytes: int
    """What of it the kernel may keep for mappings, descriptors and locks."""
    processor_seconds: float
    output_bytes: int
    """Standard output and standard error."""
    inodes: int
    """Files and folders that exist at one time."""
    cores: int
    """Processor cores that it may run on."""


def together(limits: Limits) -> Together:
    """Return an assignment's limits on the sum."""
    return Together(
        tasks=limits.processes,
        memory_bytes=limits.memory_mib * MIB,
        kernel_bytes=_KERNEL_MIB * MIB,
        processor_seconds=limits.processor_seconds,
        output_bytes=limits.output_kib * 1024,
        inodes=_INODES,
        cores=limits.threads,
    )


def each_process(limits: Limits, file_mib: int, *, is_alone: bool) -> tuple[EachProcess, ...]:
    """Return the limits that the kernel binds.

    Args:
        limits: of the assignment.
        file_mib: the largest file that can be useful.
        is_alone: whether the kernel counts this submission's processes by themselves; elsewhere it would
            count all of the user's.
    """
    bound = (
        EachProcess("RLIMIT_CORE", _NO_CORE_DUMP),
        EachProcess("RLIMIT_NOFILE", limits.open_files),
        EachProcess("RLIMIT_FSIZE", file_mib * MIB),
        # Between two looks, one process alone cannot go far past what all may use.
        EachProcess("RLIMIT_DATA", (limits.memory_mib + _MAPPED_ABOVE_MIB) * MIB),
        EachProcess("RLIMIT_CPU", int(limits.processor_seconds) + _SECONDS_ABOVE),
    )
    if is_alone:
        return (
            *bound,
            EachProcess("RLIMIT_NPROC", limits.processes + SEEN_ABOVE),
            EachProcess("RLIMIT_SIGPENDING", _PENDING_SIGNALS),
        )
    return bound
