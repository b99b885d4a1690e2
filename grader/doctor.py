"""What this machine offers to grading: small probes, each with what it found and what to do about it.

First come probes of what the sandbox is made of, then of the machine and of what is installed on it. What a
probe says stands in `doctor.toml`, in English and Chinese.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path

from tabulate import tabulate

from grader import system
from grader.errors import LANGUAGES, Language, line, text_of
from grader.files import workspace
from grader.model.assignment import MIB, Limits
from grader.model.grading import Isolation
from grader.printable import columns, wrapped
from grader.report import isolation_in_words
from grader.sandbox import (
    ARCHITECTURES,
    CONTROLLERS,
    SETPRIV,
    ChildProcess,
    Namespaces,
    PlainProcess,
    find_bwrap,
    is_delegated,
    own_group,
    spare_uids,
)
from grader.session import opencv
from grader.wording import table, words

_SUFFIX: Mapping[Language, str] = {"en": "", "zh": "_zh"}
_SECONDS = 20
_NEW_USER_AND_MOUNTS = """
import ctypes, os, sys
if {uid}:
    os.setgroups([]), os.setgid({uid}), os.setuid({uid})
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x10000000 | 0x00020000):
    sys.exit(f"unshare {{ctypes.get_errno()}}")
if libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None):
    sys.exit(f"mount {{ctypes.get_errno()}}")
"""
"""New user and mount namespaces, as an ordinary user, and something that only their owner may do."""
_SWITCHES = {
    # /proc/sys: (the value that forbids, the result)
    "user/max_user_namespaces": ("0", "userns-max"),
    "kernel/unprivileged_userns_clone": ("0", "userns-clone"),
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "userns-apparmor"),
}
_MEANINGS = {"ENOSPC": "userns-no-more", "EINVAL": "userns-not-built"}
_LANDLOCK_CREATE_RULESET, _LANDLOCK_VERSION = 444, 1
_LIBRARIES = ("mindspore", "onnxruntime", "numpy")
_OPENCV = "opencv-python-headless"
_NARROWEST = 30
"""Columns that a table and its remedies are given, however narrow the terminal."""


class State(str, Enum):
    """How good it is."""

    OK = "ok"
    WARNING = "warning"
    """Grading works; something could be better, or is worth knowing."""
    PROBLEM = "problem"
    """Official grading does not work here, or would not be right."""


_MARKS = {State.OK: "ok", State.WARNING: "!", State.PROBLEM: "FAIL"}


@dataclass(frozen=True)
class Result:
    """One probe's result."""

    name: str
    state: State
    found: str
    """In plain words."""
    remedy: str
    """What to do; empty where nothing has to be done."""
    name_zh: str
    found_zh: str
    remedy_zh: str

    def texts(self, language: Language) -> tuple[str, str, str]:
        """Return name, what was found, and remedy."""
        if language == "zh":
            return self.name_zh, self.found_zh, self.remedy_zh
        return self.name, self.found, self.remedy


def examine(limits: Limits) -> tuple[Isolation, tuple[Result, ...]]:
    """Run all probes; return the isolation level that grading gets here, and the results."""
    if not system.HAS_NAMESPACES:
        elsewhere = result("sandbox-elsewhere", system=system.name())
        return ChildProcess.NAME, (elsewhere, python(), *libraries(), locale())
    whole = whole_sandbox(limits)
    level = Namespaces.NAME if whole.state is State.OK else PlainProcess.NAME
    return level, (
        whole,
        user_namespaces(),
        bubblewrap(),
        system_call_filter(),
        root(),
        control_groups(),
        landlock(),
        overlay(),
        memory(limits),
        cores(limits),
        shared_memory(),
        processor(),
        python(),
        *libraries(),
        locale(),
    )


def render(isolation: Isolation, results: Sequence[Result], width: int, language: Language = "en") -> str:
    """Return the table, what to do, and the verdict, for a terminal of `width` columns."""
    probes = [(_MARKS[each.state], *each.texts(language)) for each in results]
    rest = max(_NARROWEST, width - max(columns(name) for _, name, _, _ in probes) - 10)
    rows = [(mark, name, wrapped(found, rest)) for mark, name, found, _ in probes]
    headers = ("", words(language, "doctor-probe"), words(language, "doctor-found"))
    parts = [tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True)]
    # On a line of its own, so that a command can be copied whole.
    parts += [
        f"* {name}\n{wrapped(remedy, max(_NARROWEST, width), '  ')}"
        for _, name, _, remedy in probes
        if remedy
    ]
    parts.append(wrapped(_verdict(isolation, language), max(_NARROWEST, width)))
    return "\n\n".join(parts) + "\n"


def as_json(isolation: Isolation, results: Sequence[Result]) -> str:
    """Return the same for programs, in both languages."""
    content = {
        "rung": isolation.rung,
        "is_top": isolation.is_top,
        "description": isolation_in_words(isolation, "en"),
        "description_zh": isolation_in_words(isolation, "zh"),
        "probes": [asdict(each) for each in results],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def result(code: str, /, **details: object) -> Result:
    """Return the result of that code of `doctor.toml`, its braces filled in.

    The name of the probe is what the code begins with, or else the detail `name`: of a library its own.

    Raises:
        KeyError: there is no such code, or a detail that its text needs was not given.
    """
    row = table("doctor")["results"][code]
    names = table("doctor")["names"].get(code.partition("-")[0])
    texts: dict[str, str] = {}
    for language in LANGUAGES:
        filling = {name: text_of(detail, language) for name, detail in details.items()}
        texts[f"name{_SUFFIX[language]}"] = names[language] if names else str(details["name"])
        for part in ("found", "remedy"):
            key = f"{part}{_SUFFIX[language]}"
            texts[key] = row.get(key, "").format(**filling)
    return Result(state=State(row["state"]), **texts)


def whole_sandbox(limits: Limits) -> Result:
    """Start Python in the very sandbox that grading uses, around an empty submission."""
    with workspace() as folder:
        obstacle = Namespaces().obstacle(folder, limits)
    if obstacle is None:
        return result("sandbox-works")
    return result(_code_of(str(obstacle)), obstacle=obstacle)


def user_namespaces(proc_sys: Path = Path("/proc/sys")) -> Result:
    """Make a user namespace as an ordinary user would, and find out what forbids it."""
    code = _NEW_USER_AND_MOUNTS.format(uid=next(iter(spare_uids()), 0))
    child = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if child.returncode == 0:
        return result("userns-works")
    words = child.stderr.split()
    error = errno.errorcode.get(int(words[1])) if len(words) == 2 and words[1].isdigit() else None
    reason = error or child.stderr.strip() or line("no-reason")
    for switch, (forbids, code) in _SWITCHES.items():
        if _read(proc_sys / switch) == forbids:
            return result(code, error=reason, switch=switch.replace("/", "."), value=forbids)
    if error in _MEANINGS:
        return result(_MEANINGS[error], error=reason)
    return result("userns-filtered" if _status("Seccomp") == "2" else "userns-refused", error=reason)


def bubblewrap() -> Result:
    """Look for the bwrap binary."""
    bwrap = find_bwrap()
    if bwrap is None:
        return result("bubblewrap-absent")
    try:
        said = subprocess.run(
            [bwrap, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return result("bubblewrap-broken", path=bwrap, reason=str(error))
    version = tuple(int(part) for part in re.findall(r"\d+", said)[:2])
    if version < (0, 8):
        return result("bubblewrap-old", version=said.strip())
    return result("bubblewrap-works", version=said.strip(), path=bwrap)


def root() -> Result:
    """Say who grades; root needs `setpriv` to become somebody else."""
    if not spare_uids():
        return result("user-ordinary", uid=os.geteuid())
    return result("user-root" if SETPRIV.exists() else "user-root-stuck", setpriv=SETPRIV)


def system_call_filter() -> Result:
    """Look whether the kernel filters system calls, and whether we know this architecture's."""
    if platform.machine() not in ARCHITECTURES:
        return result("filter-unknown", machine=platform.machine())
    if "errno" not in _read(Path("/proc/sys/kernel/seccomp/actions_avail")).split():
        return result("filter-absent")
    return result("filter-works", machine=platform.machine())


def control_groups(group: Path | None = None) -> Result:
    """Look whether a control group with memory and processes is ours to divide; there is a way without."""
    group = group or own_group()
    if group is None:
        return result("groups-absent")
    if is_delegated(group):
        return result("groups-ours", group=group)
    missing = CONTROLLERS - set(_read(group / "cgroup.controllers").split())
    if missing:
        return result("groups-incomplete", missing=", ".join(sorted(missing)))
    return result("groups-not-ours", group=group)


def landlock() -> Result:
    """Ask the kernel for its version of Landlock; the sandbox does without."""
    version = ctypes.CDLL(None).syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    return result("landlock-version", version=version) if version > 0 else result("landlock-absent")


def overlay() -> Result:
    """Look for overlayfs; the sandbox does without, because an overlay's upper layer has no size."""
    known = "overlay" in _read(Path("/proc/filesystems")).split()
    return result("overlay-known" if known else "overlay-absent")


def memory(limits: Limits, meminfo: Path = Path("/proc/meminfo")) -> Result:
    """Compare the memory that is free with what one submission may use."""
    lines = (line.split() for line in meminfo.read_text(encoding="ascii").splitlines())
    free = next(int(words[1]) for words in lines if words[0] == "MemAvailable:") // 1024
    # What is written lies in memory as well, and a submission's copy.
    needed = limits.memory_mib + limits.scratch_mib
    return result("memory-short" if free < needed else "memory-enough", free=free, needed=needed)


def cores(limits: Limits) -> Result:
    """Compare the cores of this process with what one submission may use."""
    count = len(os.sched_getaffinity(0))
    threads = limits.threads
    return result("cores-short" if count < threads else "cores-enough", count=count, threads=threads)


def shared_memory(folder: Path = Path("/dev/shm")) -> Result:  # noqa: S108 - only its size is read
    """Look at the machine's own shared memory; a sandbox has one to itself."""
    try:
        state = os.statvfs(folder)
    except OSError as error:
        return result("shm-absent", folder=folder, reason=error)
    size = state.f_blocks * state.f_frsize // MIB
    return result("shm-size", size=size)


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Result:
    """Look at the vector instructions, which decide how fast MindSpore computes."""
    text = cpuinfo.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    flags = {
        flag
        for line in text.splitlines()
        if line.startswith(("flags", "Features"))
        for flag in line.partition(":")[2].split()
    }
    if "avx512f" in flags:
        # Above it, MindSpore's oneDNN computes convolutions by its reference kernels.
        return result("vectors-avx512")
    if "avx2" in flags:
        return result("vectors-known", name="AVX2")
    if platform.machine() == "aarch64":
        return result("vectors-known", name="NEON") if "asimd" in flags else result("vectors-unnamed")
    return result("vectors-none")


def python() -> Result:
    """Say where the interpreter lies: submissions can read all of its environment."""
    code = "python-shared" if sys.prefix == sys.base_prefix else "python-own"
    return result(code, version=platform.python_version(), folder=sys.prefix)


def library(distribution: str) -> Result:
    """Look up an installed library's version, without importing it."""
    try:
        version = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return result("library-absent", name=distribution)
    is_too_new = distribution == "numpy" and not version.startswith("1.")
    return result("numpy-too-new" if is_too_new else "library-version", name=distribution, version=version)


def libraries() -> tuple[Result, ...]:
    """Look up the libraries that answer."""
    return (*map(library, _LIBRARIES), _opencv())


def locale() -> Result:
    """Look whether this terminal can show Chinese; files are UTF-8 whatever it is."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding == "utf8":
        return result("locale-utf8")
    return result("locale-other", encoding=sys.stdout.encoding)


def _code_of(obstacle: str) -> str:
    """Return the result that says what helps against what bubblewrap said last."""
    return "sandbox-in-container" if "mount proc" in obstacle else "sandbox-fails"


def _status(key: str) -> str:
    """Return a line of this process's status."""
    lines = (line.partition(":") for line in _read(Path("/proc/self/status")).splitlines())
    return next((value.strip() for name, _, value in lines if name == key), "")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _opencv() -> Result:
    try:
        [(name, version)] = opencv().items()
    except ImportError:
        return result("library-absent", name=_OPENCV)
    return result("library-version", name=name, version=version)


def _verdict(isolation: Isolation, language: Language) -> str:
    name = "doctor-works" if isolation.is_top else "doctor-refused"
    return words(language, name, rung=isolation.rung, isolation=isolation_in_words(isolation, language))
