"""Probes of the machine and of what is installed on it."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from grader.doctor.results import Result, result
from grader.model.assignment import MIB, Limits
from grader.session import opencv

_LIBRARIES = ("mindspore", "onnxruntime", "numpy")
_OPENCV = "opencv-python-headless"


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


def _opencv() -> Result:
    try:
        [(name, version)] = opencv().items()
    except ImportError:
        return result("library-absent", name=_OPENCV)
    return result("library-version", name=name, version=version)


def locale() -> Result:
    """Look whether this terminal can show Chinese; files are UTF-8 whatever it is."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding == "utf8":
        return result("locale-utf8")
    return result("locale-other", encoding=sys.stdout.encoding)
