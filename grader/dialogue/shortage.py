"""Whether the machine itself is out of memory, which says nothing about any one submission."""

from __future__ import annotations

from pathlib import Path

from grader.assignment import MIB
from grader.errors import HarnessError

_MEMORY, _EVENTS = Path("/proc/meminfo"), Path("/proc/vmstat")
_LEAST = 64
"""One part in so many of all memory has to be available, or free for swapping; with less, the kernel soon
ends whom it finds."""


def check_memory_of_machine() -> None:
    """See that the machine has memory left.

    Raises:
        HarnessError: it has not; whose fault that is cannot be told, and nobody gets a score for it.
    """
    kib = _numbers(_MEMORY)
    if {"MemTotal:", "MemAvailable:", "SwapFree:"} <= kib.keys():
        left = kib["MemAvailable:"] + kib["SwapFree:"]
        if left * _LEAST < kib["MemTotal:"]:
            raise HarnessError("out-of-memory", left=left * 1024 // MIB)


def processes_ended_for_memory() -> int:
    """Return how many processes the kernel has ever ended because memory had run out."""
    return _numbers(_EVENTS).get("oom_kill", 0)


def _numbers(path: Path) -> dict[str, int]:
    """Read the first number of each line by its name; none where there is no such file."""
    try:
        rows = (line.split() for line in path.read_text(encoding="ascii").splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) > 1}
    except (OSError, ValueError):
        return {}
