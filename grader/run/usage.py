"""What a submission uses, read by the grader itself: its processes in /proc, and its sandbox as a whole.

Counted are memory, processor time and tasks, the inference libraries that are loaded, what the kernel keeps
for processes, what the sandbox holds that belongs to no process (files in its scratch folders, sockets), and
whether the machine itself is out of memory, which says nothing about any one submission.

Nothing says how much memory the kernel keeps for processes beside their own, but it can be counted. The
machine's own sums (`SUnreclaim` and others in /proc/meminfo) would tell of everybody's, so that a verdict
would hang on what else the machine does. Instead each process is asked for what is its own: mappings,
descriptors, and what hangs on these (locks, and what a poll waits for). What could not be counted so is
refused (`grader.sandbox.system_calls`) or bound by the kernel (`grader.sandbox.policy`). What is left, such
as names that were looked up in vain, the kernel gives back by itself as soon as memory is wanted.

Two ways lead out of the count, and both are closed here. A descriptor that has been sent through a socket and
not received yet is on no list: while one is, each of those that may be is taken for the largest that is seen.
And a process that runs a program which it may not read has its lists closed to all but root: it is past every
limit.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path

from grader.errors import HarnessError
from grader.model.assignment import MIB
from grader.sandbox import descendants, listdir, read_bytes, read_text

_MAX_MAPS = 1 << 21
"""Bytes of a list of mapped files; MindSpore's is a tenth of it."""
_MAX_PROCESSES_READ = 8
_MEMORY = ("VmRSS", "VmSwap", "VmPTE")
_SHARE = ("Pss", "SwapPss")
_ALLOWED_INSTRUCTIONS = "ONEDNN_MAX_CPU_ISA"
_BROUGHT_ALONG = "brought along by the submission"
FRAMEWORKS = {
    # Name as people say it: (a part of its libraries' paths, the distribution that has its version).
    "mindspore": ("/mindspore/", "mindspore"),
    "onnxruntime": ("/onnxruntime/", "onnxruntime"),
    "torch": ("/torch/lib/", "torch"),
    "tensorflow": ("/tensorflow/", "tensorflow"),
    "openvino": ("/openvino/", "openvino"),
    "paddle": ("/paddle/", "paddlepaddle"),
}
_MAPPING = 1 << 10
"""Bytes, generously: `struct vm_area_struct`, its place in the tree, and what it has of anonymous memory."""
_DESCRIPTOR = 8 << 10
"""Bytes: what is open, with a buffer; in a pipe, what a user without any pipe left is still given."""
_HANGING = 1 << 10
"""Bytes of a lock, or of what a poll waits for."""
_PIPE, _ALL_PIPES = 64 << 10, 64 << 20
"""Bytes that a pipe holds, until all of a user's hold so much (pipe(7))."""
_POLLED, _LOCKED = b"\ntfd:", b"\nlock:"
_SENT = re.compile(rb"\nscm_fds:\s*[1-9]")
"""What a socket shows that others have sent descriptors to, from Linux 5.9 on."""
_MOST_SENT = 1024
"""Descriptors of one user's that are on their way at one time, where nobody has raised what he may open."""
_CHUNK = 1 << 18
_MACHINE_MEMORY, _EVENTS = Path("/proc/meminfo"), Path("/proc/vmstat")
_LEAST_LEFT = 64
"""One part in so many of all memory has to be available, or free for swapping; with less, the kernel soon
ends whom it finds."""
_FULL = 0.99
_BUFFER_IF_UNKNOWN = 4 << 20
"""Bytes that a socket can hold, where the kernel does not say."""


@dataclass(frozen=True)
class Usage:
    """One look at some processes."""

    tasks: int
    """Processes and threads."""
    memory_bytes: int
    """Memory, resident or swapped out, and page tables, summed; pages that processes share count once for
    each."""
    processor_seconds: float
    """Processor time of those that live, and of those whose parent has seen their end."""
    own_seconds: Mapping[tuple[str, str], float]
    """Processor time of each that lives, by its number and when it began."""


class ProcessorTime:
    """Processor time over many looks: it does not fall when those are gone whose end no parent has seen."""

    def __init__(self) -> None:
        self._living: Mapping[tuple[str, str], float] = {}
        self._gone = 0.0

    def with_those_gone(self, seen: Usage) -> float:
        """Return the seconds used up to this look.

        What the looks have seen themselves, or what the kernel has added up for parents, whichever is more:
        each misses something, and both together would count most of it twice.
        """
        self._gone += sum(
            seconds for process, seconds in self._living.items() if process not in seen.own_seconds
        )
        self._living = seen.own_seconds
        return max(seen.processor_seconds, self._gone + sum(self._living.values()))


@dataclass(frozen=True)
class Inside:
    """Handles on a sandbox from outside. They stay valid whatever its processes do, so close them."""

    folders: tuple[int, ...]
    """Descriptors of what can be written, file systems of their own."""
    sockets: int
    """Descriptor of the network namespace's count of sockets."""
    proc: int
    """Descriptor of its own /proc, in which the kernel shows its processes and no others."""

    def processes(self) -> Iterator[Path]:
        """Yield the folders of all processes inside, the first one's among them.

        Whoever made them and whoever has outlived whom: the kernel itself says who is of the namespace.
        """
        proc = Path(f"/proc/self/fd/{self.proc}")
        return (proc / name for name in listdir(proc) if name.isdigit())

    def is_full(self, inodes: int) -> bool:
        """Whether a folder has no room left, or all together hold what the largest does, or too many files.

        Args:
            inodes: files and folders that each may hold.
        """
        states = self._states()
        used, most = _bytes_in(states)
        return used >= most * _FULL or any(_has_no_room(state, inodes) for state in states)

    def used(self, inodes: int) -> tuple[float, float]:
        """Return what is used of the room for all folders together, and of the files that one may hold.

        In times of either; :meth:`is_full` holds to the same, and each folder to its own room besides.

        Args:
            inodes: files and folders that each may hold.
        """
        states = self._states()
        used, most = _bytes_in(states)
        return used / most, max(state.f_files - state.f_ffree for state in states) / inodes

    def socket_bytes(self) -> int:
        """Return what all sockets can hold at most; the kernel does not say how much they do hold."""
        return most_socket_bytes(os.pread(self.sockets, 1 << 12, 0).decode("ascii", "replace"))

    def _states(self) -> list[os.statvfs_result]:
        return [os.fstatvfs(folder) for folder in self.folders]

    def close(self) -> None:
        """Let go of the sandbox, whose memory is freed only then."""
        for descriptor in (*self.folders, self.sockets, self.proc):
            os.close(descriptor)


def measure(processes: Iterable[Path]) -> Usage:
    """Measure processes, each given by its folder in a /proc."""
    tasks = memory = ticks = 0
    a_second = os.sysconf("SC_CLK_TCK")
    own: dict[tuple[str, str], float] = {}
    for process in processes:
        fields = _fields_of_stat(process)
        if fields:
            # By proc(5), from the third on: 14-17 utime, stime, cutime, cstime; 20 num_threads; 22 starttime.
            times = [int(field) for field in fields[11:15]]
            ticks += sum(times)
            own[process.name, fields[19]] = sum(times[:2]) / a_second
            tasks += int(fields[17])
        memory += sum(_kib(read_text(task_with_memory(process) / "status"), _MEMORY)) * 1024
    return Usage(tasks, memory, ticks / a_second, own)


def most_descriptors(processes: Iterable[Path]) -> int:
    """Return how many descriptors the process has that has most of them, as far as they can be seen."""
    return max((len(_descriptors(process) or ()) for process in processes), default=0)


def proportional_bytes(processes: Iterable[Path]) -> int:
    """Return the memory of processes in bytes, each shared page counted once in all."""
    return sum(_proportional(process) for process in processes)


def frameworks(processes: Iterable[Path]) -> dict[str, str]:
    """Return the inference libraries that processes have loaded, with their versions.

    Read from the kernel's list of mapped files: the code that is looked at has no say in it. A library
    that is not this environment's own file, but one that was brought along, is called so.
    """
    found: dict[str, str] = {}
    for process in islice(processes, _MAX_PROCESSES_READ):
        for path, inode in _mapped_libraries(process):
            for name, (part, distribution) in FRAMEWORKS.items():
                if part in path and found.get(name, _BROUGHT_ALONG) == _BROUGHT_ALONG:
                    found[name] = _version(distribution) if _is_ours(path, inode) else _BROUGHT_ALONG
    return dict(sorted(found.items()))


def allowed_instructions(
    environment: Mapping[str, str], processor: Path = Path("/proc/cpuinfo")
) -> str | None:
    """Return the widest vector instructions that oneDNN is allowed; None if the processor has none so wide.

    Args:
        environment: of a worker.
        processor: what the kernel says of this machine's.
    """
    allowed = environment.get(_ALLOWED_INSTRUCTIONS)
    has_them = allowed is not None and allowed.lower() in read_text(processor).split()
    return allowed if has_them else None


def kernel_bytes(processes: Iterable[Path], most: int, between: Callable[[], object] = lambda: None) -> int:
    """Return what the kernel may keep for processes, in bytes.

    Args:
        processes: each by its folder in a /proc.
        most: past so much, it is not counted any further.
        between: called before each process, for what must not wait until the last is counted: thirty
            thousand descriptors take a second or more.
    """
    total = largest = 0
    is_some_sent = False
    pipes: set[str] = set()
    for process in map(task_with_memory, processes):
        between()
        total += _MAPPING * _lines_of(process / "maps", (most - total) // _MAPPING)
        names = _descriptors(process)
        if names is None:
            return most + 1
        for name in names:
            if total > most:
                return total
            shown = b"\n" + read_bytes(process / "fdinfo" / name)
            polled = shown.count(_POLLED)
            total += _DESCRIPTOR + _HANGING * (polled + shown.count(_LOCKED))
            largest = max(largest, polled)
            is_some_sent = is_some_sent or _SENT.search(shown) is not None
            if (target := _target(process / "fd" / name)).startswith("pipe:"):
                pipes.add(target)
    sent = _MOST_SENT * _HANGING * largest if is_some_sent else 0
    return total + sent + min(len(pipes) * _PIPE, _ALL_PIPES)


def check_memory_of_machine() -> None:
    """See that the machine has memory left.

    Raises:
        HarnessError: it has not; whose fault that is cannot be told, and nobody gets a score for it.
    """
    kib = _numbers(_MACHINE_MEMORY)
    if {"MemTotal:", "MemAvailable:", "SwapFree:"} <= kib.keys():
        left = kib["MemAvailable:"] + kib["SwapFree:"]
        if left * _LEAST_LEFT < kib["MemTotal:"]:
            raise HarnessError("out-of-memory", left=left * 1024 // MIB)


def processes_ended_for_memory() -> int:
    """Return how many processes the kernel has ever ended because memory had run out."""
    return _numbers(_EVENTS).get("oom_kill", 0)


def task_with_memory(first: Path) -> Path:
    """Return the folder of a task that shows the process's memory; of its first one if none does.

    The first one may have ended before the others: it then shows none, and the others go on with it.
    """
    if shows_memory(first):
        return first
    others = (first / "task" / task for task in listdir(first / "task"))
    return next(filter(shows_memory, others), first)


def shows_memory(task: Path) -> bool:
    """Whether a task has memory, as all have that have not ended."""
    # Its size in pages is the first number there, and 0 without memory.
    return not read_text(task / "statm").startswith("0 ")


def find_inside(roots: Sequence[int], folders: Sequence[Path]) -> Inside | None:
    """Return handles on the sandbox of these processes; None if none of them stands in it yet.

    Args:
        roots: the first processes; they and those below are looked at until one is inside.
        folders: paths inside of what can be written; where the first of them is a file system that we do not
            have is inside.
    """
    for process in descendants(*roots):
        with contextlib.suppress(OSError):
            if _is_inside(process, folders[0]):
                return _handles_on(process, folders)
    return None


def most_socket_bytes(sockstat: str) -> int:
    """Return the most that the sockets counted in a `/proc/net/sockstat` can hold, in bytes."""
    # "sockets: used 3", then a line for each protocol: "TCP: inuse 1 orphan 0 tw 0 alloc 2 mem 1"
    lines = (line.split() for line in sockstat.splitlines())
    counts = {
        words[0].rstrip(":"): dict(zip(words[1::2], words[2::2], strict=False)) for words in lines if words
    }
    used = int(counts.get("sockets", {}).get("used", "0"))
    tcp = int(counts.get("TCP", {}).get("inuse", "0"))
    # What a program asks for is doubled; TCP's buffers also grow by themselves.
    asked = [2 * _kernel_setting(f"net/core/{name}_max") for name in ("wmem", "rmem")]
    grown = [_kernel_setting(f"net/ipv4/tcp_{name}") for name in ("wmem", "rmem")]
    largest = sum(max(pair) for pair in zip(asked, grown, strict=True))
    # Of the others, what is on its way is charged to one end: to the sender's (Unix) or to the receiver's.
    return tcp * largest + max(0, used - tcp) * max(asked)


def _mapped_libraries(process: Path) -> set[tuple[str, int]]:
    """Return path and inode of the shared libraries that a process has mapped, as far as read."""
    lines = _lines(read_text(task_with_memory(process) / "maps", _MAX_MAPS))
    # address, permissions, offset, device, inode, path
    rows = (line.split(maxsplit=5) for line in lines)
    return {(row[5], int(row[4])) for row in rows if len(row) == 6 and ".so" in row[5]}


def _is_ours(path: str, inode: int) -> bool:
    """Whether a mapped library is the very file of this environment."""
    try:
        return path.startswith(sys.prefix) and Path(path).stat().st_ino == inode
    except OSError:
        return False


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "unknown"


def _fields_of_stat(process: Path) -> list[str]:
    """Return what follows the name in a process's `stat`, whatever its name is."""
    return read_text(process / "stat").rpartition(")")[2].split()


def _proportional(process: Path) -> int:
    """Return a process's share of its memory in bytes."""
    task = task_with_memory(process)
    status = read_text(task / "status")
    # A process may be gone, or its memory: then its plain sum stands.
    shared = _kib(read_text(task / "smaps_rollup"), _SHARE) or _kib(status, ("VmRSS", "VmSwap"))
    return (sum(shared) + sum(_kib(status, ("VmPTE",)))) * 1024


def _kib(text: str, names: Sequence[str]) -> list[int]:
    """Return the values of the lines `name: value kB` with these names."""
    fields = (line.partition(":") for line in _lines(text))
    return [int(value.split()[0]) for name, _, value in fields if name in names]


def _lines(text: str) -> list[str]:
    """Split what the kernel says into lines, where it ends them itself.

    A process chooses its own name and those of its files, and the kernel escapes nothing in them but line
    feeds. To `str.splitlines` a carriage return begins a line, too: one that says `VmRSS:-9999999`, perhaps.
    """
    return text.split("\n")


def _descriptors(process: Path) -> list[str] | None:
    """Return the names of a process's descriptors; None if it keeps them to itself."""
    try:
        return os.listdir(process / "fd")
    except PermissionError:
        # What is left of one that has ended may not be listed either.
        return None if shows_memory(process) else []
    except OSError:
        return []


def _lines_of(path: Path, most: int) -> int:
    """Count lines; past `most`, any number above it."""
    found = 0
    try:
        with path.open("rb", buffering=0) as file:
            while found <= most and (chunk := file.read(_CHUNK)):
                found += chunk.count(b"\n")
    except OSError:  # it has gone
        pass
    return found


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def _numbers(path: Path) -> dict[str, int]:
    """Read the first number of each line by its name; none where there is no such file."""
    try:
        rows = (line.split() for line in path.read_text(encoding="ascii").splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) > 1}
    except (OSError, ValueError):
        return {}


def _is_inside(pid: int, folder: Path) -> bool:
    there = _path_inside(pid, folder).stat().st_dev
    return not folder.exists() or folder.stat().st_dev != there


def _handles_on(pid: int, folders: Sequence[Path]) -> Inside:
    with contextlib.ExitStack() as undo:
        opened = []
        for folder in (*folders, Path("/proc")):
            opened.append(os.open(_path_inside(pid, folder), os.O_PATH | os.O_DIRECTORY))
            undo.callback(os.close, opened[-1])
        sockets = os.open(f"/proc/{pid}/net/sockstat", os.O_RDONLY)
        undo.pop_all()
    return Inside(tuple(opened[:-1]), sockets, opened[-1])


def _path_inside(pid: int, folder: Path) -> Path:
    return Path(f"/proc/{pid}/root") / folder.relative_to("/")


def _bytes_in(states: Sequence[os.statvfs_result]) -> tuple[int, int]:
    """Return the bytes in all folders together, and what the largest can hold: all together may hold that."""
    used = sum((state.f_blocks - state.f_bavail) * state.f_frsize for state in states)
    return used, max(state.f_blocks * state.f_frsize for state in states)


def _has_no_room(state: os.statvfs_result, inodes: int) -> bool:
    return state.f_bavail <= state.f_blocks * (1 - _FULL) or state.f_files - state.f_ffree > inodes


def _kernel_setting(name: str) -> int:
    """Read a kernel setting: a number, or least, default and most."""
    try:
        return int(Path("/proc/sys", name).read_text(encoding="ascii").split()[-1])
    except (OSError, ValueError, IndexError):
        return _BUFFER_IF_UNKNOWN
