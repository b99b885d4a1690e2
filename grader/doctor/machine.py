"""What a probe found, said in English and Chinese from one table, `results.toml`.

Probes of the machine and of what is installed on it.

Text in the columns of a terminal, in which a Chinese character takes two and a line may end behind any.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from grader.errors import LANGUAGES, Language, told
from grader.model.assignment import MIB, Limits
from grader.session.harness import opencv

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_TABLE = Path(__file__).with_name("results.toml")
_SUFFIX: Mapping[Language, str] = {"en": "", "zh": "_zh"}


class State(str, Enum):
    """How good it is."""

    OK = "ok"
    WARNING = "warning"
    """Grading works; something could be better, or is worth knowing."""
    PROBLEM = "problem"
    """Official grading does not work here, or would not be right."""


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

    def told(self, language: Language) -> tuple[str, str, str]:
        """Return name, what was found, and remedy."""
        if language == "zh":
            return self.name_zh, self.found_zh, self.remedy_zh
        return self.name, self.found, self.remedy


def result(code: str, /, **details: object) -> Result:
    """Return the result of that code, its braces filled in.

    The name of the probe is what the code begins with, or else the detail `name`: of a library its own.

    Raises:
        KeyError: there is no such code, or a detail that its text needs was not given.
    """
    row = results()["results"][code]
    names = results()["names"].get(code.partition("-")[0])
    texts: dict[str, str] = {}
    for language in LANGUAGES:
        filling = {name: told(detail, language) for name, detail in details.items()}
        texts[f"name{_SUFFIX[language]}"] = names[language] if names else str(details["name"])
        for part in ("found", "remedy"):
            key = f"{part}{_SUFFIX[language]}"
            texts[key] = row.get(key, "").format(**filling)
    return Result(state=State(row["state"]), **texts)


@cache
def results() -> Mapping[str, Any]:
    """Return the table: names of probes, and results by code."""
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


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


_NEVER_FIRST = "，。；：？！、）”』》"
"""No line begins with these."""
_NEVER_LAST = "（『《"
"""No line ends with these."""
_PIECE = re.compile(r" +|[^\s\u2e80-\uffef]+|.", re.DOTALL)
"""A gap, a word of a script with gaps (or an option, a path), or one character of one without."""


def columns(text: str) -> int:
    """Return how many columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def wrapped(text: str, width: int, indent: str = "") -> str:
    """Return the text in lines of at most `width` columns, each indented; a longer word stands alone."""
    lines = [""]
    for piece in _pieces(text):
        if columns(indent + lines[-1] + piece.rstrip()) > width and lines[-1].strip():
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return "\n".join(f"{indent}{line.rstrip()}" for line in lines)


def _pieces(text: str) -> list[str]:
    """Cut a text where a line may end: punctuation stays with what it belongs to."""
    pieces: list[str] = []
    for piece in _PIECE.findall(text):
        if pieces and (piece in _NEVER_FIRST or pieces[-1] in _NEVER_LAST):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces
