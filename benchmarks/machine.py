"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from src_mindspore.cpu import available_cores

LIBRARIES = ("mindspore", "numpy", "onnxruntime", "opencv-python-headless")
# From the newest down; the first that the CPU has is named.
INSTRUCTION_SETS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "sse4_2": "SSE4.2", "asimd": "NEON"}


@dataclass(frozen=True)
class Machine:
    """This machine and what is installed on it.

    Attributes:
        cpu: its model.
        cores: that this process may use.
        instruction_set: the widest vector instructions.
        load: of the last minute, by the system's count of running processes; None if it does not say.
        versions: of Python and of the libraries that compute.
    """

    cpu: str
    cores: int
    instruction_set: str
    load: float | None
    versions: dict[str, str]

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        load = "" if self.load is None else f"; load before the run {self.load:.1f}"
        return f"{self.cpu}, {self.cores} cores, {self.instruction_set}; {versions}{load}"


def this_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> Machine:
    """Describe the machine this runs on, as far as it tells."""
    described = _described(cpuinfo)
    flags = described.get("flags", described.get("Features", "")).split()
    known = (name for flag, name in INSTRUCTION_SETS.items() if flag in flags)
    return Machine(
        cpu=described.get("model name") or platform.processor() or platform.machine(),
        cores=available_cores(),
        instruction_set=next(known, "unknown instruction set"),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        versions={"Python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}},
    )


def _described(cpuinfo: Path) -> dict[str, str]:
    """Return what the system says of the first core."""
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
