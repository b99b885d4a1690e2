"""Probes of the machine and of what is installed on it."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from grader.assignment import MIB, Limits
from grader.doctor.result import Result, ok, warning

_LIBRARIES = ("mindspore", "onnxruntime", "opencv-python-headless", "numpy")


def memory(limits: Limits, meminfo: Path = Path("/proc/meminfo")) -> Result:
    """Compare the memory that is free with what one submission may use."""
    lines = (line.split() for line in meminfo.read_text(encoding="ascii").splitlines())
    free = next(int(words[1]) for words in lines if words[0] == "MemAvailable:") // 1024
    # What is written lies in memory as well, and a submission's copy.
    needed = limits.memory_mib + limits.scratch_mib
    found = f"{free} MiB are free; one submission may use {needed} MiB"
    if free < needed:
        return warning("memory", found, "lower memory_mib and scratch_mib in the assignment, or add memory")
    return ok("memory", found)


def cores(limits: Limits) -> Result:
    """Compare the cores of this process with what one submission may use."""
    count = len(os.sched_getaffinity(0))
    found = f"{count}; one submission uses {limits.threads}"
    if count < limits.threads:
        return warning("cores", found, "lower threads in the assignment, or expect slow answers")
    return ok("cores", found)


def shared_memory(folder: Path = Path("/dev/shm")) -> Result:  # noqa: S108 - only its size is read
    """Look at the machine's own shared memory; a sandbox has one to itself."""
    try:
        state = os.statvfs(folder)
    except OSError as error:
        return warning(str(folder), f"{error.strerror}", f"mount a tmpfs there: mount -t tmpfs none {folder}")
    size = state.f_blocks * state.f_frsize // MIB
    return ok(str(folder), f"{size} MiB here; a sandbox has its own")


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Result:
    """Look at the vector instructions, which decide how fast MindSpore computes."""
    name = "vector instructions"
    text = cpuinfo.read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    flags = {
        flag
        for line in text.splitlines()
        if line.startswith(("flags", "Features"))
        for flag in line.partition(":")[2].split()
    }
    if "avx512f" in flags:
        # Above it, MindSpore's oneDNN computes convolutions by its reference kernels.
        return ok(name, "AVX-512; submissions run with ONEDNN_MAX_CPU_ISA=AVX2, which is faster in MindSpore")
    if "avx2" in flags:
        return ok(name, "AVX2")
    if platform.machine() == "aarch64":
        return ok(name, "NEON" if "asimd" in flags else "none named")
    return warning(
        name, "no AVX2", "expect slow answers; last bits of scores may differ from other machines'"
    )


def python() -> Result:
    """Say where the interpreter lies: submissions can read all of its environment."""
    found = f"{platform.python_version()} in {sys.prefix}"
    if sys.prefix == sys.base_prefix:
        return warning(
            "Python", f"{found}, not an environment of its own", "make one: python -m venv, or tox"
        )
    return ok("Python", found)


def library(distribution: str) -> Result:
    """Look up an installed library's version, without importing it."""
    try:
        version = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return warning(distribution, "not installed", f"pip install {distribution}")
    if distribution == "numpy" and not version.startswith("1."):
        return warning(
            distribution, f"{version}, with which MindSpore's PyNative mode breaks", "pip install 'numpy<2'"
        )
    return ok(distribution, version)


def libraries() -> tuple[Result, ...]:
    """Look up the libraries that answer."""
    return tuple(library(distribution) for distribution in _LIBRARIES)


def locale() -> Result:
    """Look whether this terminal can show Chinese; files are UTF-8 whatever it is."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding == "utf8":
        return ok("locale", "UTF-8")
    return warning(
        "locale",
        f"{sys.stdout.encoding}: names in Chinese show as ?",
        "export LC_ALL=C.UTF-8 or PYTHONUTF8=1",
    )
