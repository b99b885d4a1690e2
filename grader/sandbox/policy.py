"""What a submission can read, write, reach and call, and for how much: a vocabulary, and one policy.

Theory of operation
-------------------
The student's code is assumed hostile. It is after the machine, the images and their labels, the score, or
everybody's peace. Four walls, each enough alone for most attacks:

1. *Nothing is there.* The process gets a root of its own that holds only the interpreter, its
   libraries, the course library and the submission, all read-only, and capped scratch folders.
   The split, the reports, other submissions and the grader's own files are not mounted.
2. *Nobody is there.* Its own process, network, IPC and host-name namespaces: no process of the
   machine can be named, signalled, traced or read; there is no network at all.
3. *Few doors of the kernel are open.* No capabilities, no new ones, and a filter on system calls
   (`system_calls.py`) that no process inside can take off.
4. *Nothing it says is believed.* Labels, deadlines and scores live in the grader's process. What
   crosses the wall is one image at a time inwards and one text at a time outwards; from a worker of the
   diagnosis, which decides no score, also what passed through the submission's networks.

Who uses everything up, and what stops that (the amounts stand at the end):

* *Processes and threads* are counted from outside: all that stand in the sandbox's namespace, whoever made
  them. Behind that stands the kernel's limit, which binds because nobody inside is root, nor shares a uid
  with anybody outside.
* *Processor time* is summed outside, and bound for each process; that of processes whose end nobody waits for
  is kept as it was last seen. A submission runs on `threads` cores, and cannot choose others.
* *Wall time* ends with the grader's deadlines, and SIGKILL for the whole namespace.
* *Memory of processes* is summed outside, with what is swapped out and page tables: twenty times a
  second, and up to five hundred times where little is left. Behind that stands the kernel's limit on what
  one process maps.
* *Memory of nobody*: files in memory, System V's and POSIX's queues, pages given to pipes, anonymous
  shared memory are refused. Sockets count as what they can hold.
* *Memory that the kernel keeps for processes*: mappings, descriptors, pipes, locks, and what a poll waits
  for are counted four times a second, count as memory, and have a bound of their own (`usage.py` of the
  room `run`). Watching files, leases, locks of open files, rings and sets of rules are refused; signals on
  their way and timers are bound by the kernel; attributes of files count as files. Names that were looked
  up in vain are neither: the kernel gives them back when memory is wanted.
* *Disk*: scratch folders lie in memory and have a size; all together may hold what the largest does.
  Their files are counted from outside.
* *Output* is read as it comes; its head and tail are kept, and too much of it is the end.
* *Descriptors* and *core dumps* are bound by the kernel.

Where the system gives the grader a control group to divide (`kernel.py`), the kernel binds the
sums of memory and processes by itself. Elsewhere, what is left is what a submission's cores can fill
between two looks (tens of megabytes; more only while the grader decodes a very large image).

Should a machine run out of memory nevertheless, a worker is the first to go, and cannot take that back:
/proc is read-only. Whose fault it was cannot be told: a grading that meets such a machine, or whose worker
the kernel ended for it, ends with INTERNAL and no score. No verdict hangs on the machine's own sums of
memory, which tell of everybody's.

There are two kinds of limits. What the kernel can bind, it binds in each process by itself. The sum over
all processes is looked at from outside, twenty times a second, and more often when little is left.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from grader.model.assignment import MIB, Limits
from grader.places import ROOT, course_library, is_a_clone
from grader.sandbox.system_calls import REFUSALS, Refusal

SCRATCH = Path("/home/student")
SUBMISSION = Path("/submission")
LIBRARY = Path("/course")
WORKER = Path("/harness/worker.py")
HOLDER = Path("/harness/holder.py")
RECORDER = Path("/harness/recorder")
SEEN_ABOVE = 8
"""The kernel's limit on processes stands this much higher, so that the grader sees who goes past its own."""
"""The folder in which the harness's packages lie: a clone's, or the one that packages are installed in."""
_SHARED_MEMORY_MIB = 64
_TEMPORARY = Path("/tmp")  # noqa: S108 - inside the sandbox
_SECONDS_ABOVE = 5
_MAPPED_ABOVE_MIB = 4096
"""Libraries map more than they use: MindSpore a gigabyte for its pool, and 8 MiB for each thread's stack."""
_NO_CORE_DUMP = 1
"""Not 0: to a machine's crash handler, behind a pipe, the kernel writes a dump of any size but this one."""
_PENDING_SIGNALS = 1024
"""Signals on their way, and timers: each takes some of the kernel's memory."""
_KERNEL_MIB = 256
"""Sixty processes with all libraries of MindSpore mapped are counted as a third of it."""
_OF_AN_ENVIRONMENT = ("bin", "include", "lib", "lib64", "share", "pyvenv.cfg")
"""What a virtual environment consists of."""
_OUR_OWN_PROCESSOR_SECONDS = 3600.0
"""Work of a program of ours, on all cores together: a hundred times what the diagnosis takes."""
_INODES = 50_000
"""Empty files have no size, but each takes a kilobyte of the kernel's memory."""


@dataclass(frozen=True)
class ReadOnly:
    """A file or folder of this machine that can be read, at `at`."""

    source: Path
    at: Path


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    at: Path
    target: str


@dataclass(frozen=True)
class Scratch:
    """An empty folder in memory that can be written until `mib` are full."""

    at: Path
    mib: int


@dataclass(frozen=True)
class Empty:
    """An empty folder that cannot be written: hides what would lie there."""

    at: Path
    but_for: tuple[Path, ...] = ()
    """What lies below it and is seen all the same."""


@dataclass(frozen=True)
class Device:
    """A device of this machine that is seen, and can be used, at `at`."""

    source: Path
    at: Path


Rule = ReadOnly | Link | Scratch | Empty | Device


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
    open_files: int
    """Of each process."""
    cores: int
    """Processor cores that it may run on."""


@dataclass(frozen=True)
class Policy:
    """Everything that a submission can read, write, reach and call, and for how much.

    What it can reach needs no word: all its namespaces are its own, and there is nobody else in them.
    """

    rules: tuple[Rule, ...]
    """What can be read and written; later ones may cover earlier ones."""
    environment: Mapping[str, str]
    refusals: tuple[Refusal, ...]
    """System calls that fail; all others are let through."""
    each_process: tuple[EachProcess, ...]
    together: Together
    recorder: str = ""
    """Where the diagnosis's recorder is seen; empty in a graded run."""

    def recorded(self, recorder: Path) -> Policy:
        """Return the same policy, with the recorder to be seen besides."""
        return replace(self, rules=(*self.rules, ReadOnly(recorder, RECORDER)), recorder=str(RECORDER))

    @property
    def writable(self) -> tuple[Path, ...]:
        """The folders that can be written, the one that is worked in first."""
        folders = [rule.at for rule in self.rules if isinstance(rule, Scratch)]
        return tuple(sorted(folders, key=lambda folder: folder != SCRATCH))

    @property
    def scratch_bytes(self) -> int:
        """What all of them hold."""
        return sum(rule.mib * MIB for rule in self.rules if isinstance(rule, Scratch))

    def shows(self, path: Path) -> bool:
        """Whether a path of this machine can be read inside."""
        return _show(self.rules, path)


def policy_for(submission: Path, submission_mib: int, identity: Path, limits: Limits) -> Policy:
    """Return the policy for one submission.

    Args:
        submission: the private copy.
        submission_mib: its size; the scratch folder holds a second copy of it.
        identity: folder with the `passwd` and `group` files of the only user there is inside.
        limits: of the assignment.
    """
    scratch_mib = limits.scratch_mib + submission_mib
    return Policy(
        rules=(
            # Of its own, and first: the interpreter may lie below it.
            Scratch(_TEMPORARY, limits.scratch_mib),
            *_of_every_submission(),
            ReadOnly(identity / "passwd", Path("/etc/passwd")),
            ReadOnly(identity / "group", Path("/etc/group")),
            ReadOnly(submission, SUBMISSION),
            Scratch(SCRATCH, scratch_mib),
            Scratch(Path("/dev/shm"), min(_SHARED_MEMORY_MIB, limits.scratch_mib)),  # noqa: S108
            *_devices(),
        ),
        environment=environment_for(SCRATCH, limits),
        refusals=REFUSALS,
        each_process=each_process(limits, scratch_mib, is_alone=True),
        together=together(limits),
    )


def for_our_own(limits: Limits) -> Limits:
    """Return the limits of a program of ours: an assignment binds a student's processor time, not that."""
    return limits.model_copy(update={"processor_seconds": _OUR_OWN_PROCESSOR_SECONDS})


def is_visible_inside(path: Path) -> bool:
    """Whether every submission could read this path of the machine: nothing hidden may lie there."""
    return _show(_of_every_submission(), path)


def own_packages() -> tuple[Path, ...]:
    """Return the folders of the harness's packages, and of the course library."""
    library = course_library()
    # Installed, there are these two alone: a `datasets` beside them is another project's, and the students'.
    names = ("grader", "reference", "datasets") if is_a_clone() else ("grader",)
    return (*(ROOT / name for name in names), library)


def together(limits: Limits) -> Together:
    """Return an assignment's limits on the sum."""
    return Together(
        tasks=limits.processes,
        memory_bytes=limits.memory_mib * MIB,
        kernel_bytes=_KERNEL_MIB * MIB,
        processor_seconds=limits.processor_seconds,
        output_bytes=limits.output_kib * 1024,
        inodes=_INODES,
        open_files=limits.open_files,
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


def environment_for(home: Path, limits: Limits) -> dict[str, str]:
    """Return the whole environment of the process: an allow-list, the same on every machine."""
    threads = str(limits.threads)
    environment = {
        "HOME": str(home),
        "USER": "student",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": str(home / "tmp"),
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        # plt.show() and cv2 windows must not wait for a screen.
        "MPLBACKEND": "Agg",
        "QT_QPA_PLATFORM": "offscreen",
        # The number of threads decides the order of sums, and so the last bits of a result.
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        # Threads that wait for each other sleep. By default they spin, and where other work wants the same
        # cores PyTorch then takes ten times as long over an image.
        "OMP_WAIT_POLICY": "PASSIVE",
        # One instruction set on every machine: the same sums, and on AVX-512 machines MindSpore's
        # oneDNN otherwise falls back to its reference kernels (7 to 20 times slower).
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        # Otherwise ONNX Runtime reports to its makers, from a plain process, which has a network.
        "ORT_DISABLE_TELEMETRY": "1",
    }
    # Set by administrators of machines on which OpenBLAS picks a kernel that is wrong there.
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        if name in os.environ:
            environment[name] = os.environ[name]
    return environment


def _of_every_submission() -> Iterator[Rule]:
    """What every submission can read, whichever is graded."""
    shown = (*_operating_system(), *_interpreter())
    yield from shown
    if is_a_clone():
        # An administrator's clone may lie below /usr, or below the interpreter's folder.
        yield from _covers(shown, ROOT)
    yield from _covers_of_installed_packages()
    yield ReadOnly(Path(__file__).parent / "inside" / "worker.py", WORKER)
    yield ReadOnly(Path(__file__).parent / "inside" / "holder.py", HOLDER)
    yield ReadOnly(course_library(), LIBRARY / "src_mindspore")


def _operating_system() -> Iterator[Rule]:
    """The operating system's programs and libraries, and the little of /etc that they need."""
    yield ReadOnly(Path("/usr"), Path("/usr"))
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            yield Link(path, str(path.readlink()))
        elif path.is_dir():
            yield ReadOnly(path, path)
    for name in ("ld.so.cache", "alternatives", "localtime", "fonts"):
        path = Path("/etc", name)
        if path.exists():
            yield ReadOnly(path.resolve(), path)


def _devices() -> Iterator[Rule]:
    """Two doors to memory that is nobody's closed: shared pages of /dev/zero, and terminals' buffers."""
    # It gives the same zeros, and cannot be mapped into memory.
    yield Device(Path("/dev/full"), Path("/dev/zero"))
    yield Empty(Path("/dev/pts"))


def _interpreter() -> Iterator[Rule]:
    """This interpreter, its environment and its packages."""
    shown = [Path("/usr")]
    for prefix in _prefixes():
        if not any(map(prefix.is_relative_to, shown)):
            shown.append(prefix)
            yield ReadOnly(prefix, prefix)


def _prefixes() -> list[Path]:
    """Return the folders of this interpreter and its environment, by every name that they have."""
    prefixes = {Path(sys.base_prefix), Path(sys.prefix)}
    return sorted(prefixes | {Path(os.path.realpath(prefix)) for prefix in prefixes})


def _covers(shown: Iterable[Rule], clone: Path) -> Iterator[Empty]:
    """Yield what hides a clone of this project wherever rules show it: the answer key lies in it.

    An environment in the clone, or made of the clone's own folder, is still seen.
    """
    clone = clone.resolve()
    # Where they stand: what is a link there is needed under that name, too.
    places = [prefix.parent.resolve() / prefix.name for prefix in _prefixes()]
    kept = [place.relative_to(clone) for place in places if clone in place.parents]
    if clone in places:
        kept += [Path(name) for name in _OF_AN_ENVIRONMENT if (clone / name).exists()]
    for rule in shown:
        if isinstance(rule, ReadOnly) and clone.is_relative_to(source := rule.source.resolve()):
            at = rule.at / clone.relative_to(source)
            yield Empty(at, tuple(at / path for path in sorted(set(kept))))


def _covers_of_installed_packages() -> Iterator[Empty]:
    """Yield what hides the harness's own packages beside the interpreter's others."""
    for packages in map(Path, site.getsitepackages()):
        for own in own_packages():
            # Another project's `reference` may be installed there: that one is the students'.
            if (path := packages / own.name).is_dir() and own.is_dir() and path.samefile(own):
                yield Empty(path)


def _show(rules: Iterable[Rule], path: Path) -> bool:
    real = path.resolve()
    is_shown = False
    for rule in rules:
        if isinstance(rule, ReadOnly) and real.is_relative_to(rule.source.resolve()):
            is_shown = True
        elif isinstance(rule, Empty) and real.is_relative_to(rule.at.resolve()):
            is_shown = any(real.is_relative_to(path.resolve()) for path in rule.but_for)
    return is_shown
