"""From runs to a file of results: medians, extremes and ratios of medians, as Markdown, with a twin in JSON.

A file that this command did not write is never replaced. What it writes, it knows by the first line.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any, Literal

from src_mindspore.cpu import available_cores

from benchmarks.measure import Runs
from reference.errors import InputError

Better = Literal["less", "more", "neither"]

HEADINGS = ("figure", "program", "median", "min .. max", "runs", "times as fast")


@dataclass(frozen=True)
class Figure:
    """Something that is measured.

    Attributes:
        name: as the programs tell it.
        unit: of its samples.
        better: whether less of it is faster, or more; "neither" if it says nothing of speed.
    """

    name: str
    unit: str
    better: Better = "less"


@dataclass(frozen=True)
class Spread:
    """Median and extremes of some samples."""

    median: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        """Summarise at least one sample."""
        return cls(median(samples), min(samples), max(samples), len(samples))


@dataclass(frozen=True)
class Row:
    """One figure of one program.

    Attributes:
        figure: what was measured.
        subject: the program's name.
        samples: all of them, in order.
        spread: None if there are no samples.
        speedup: how many times as fast as the first program, by medians; None where that makes no sense.
        failed: the program failed, perhaps after some samples.
    """

    figure: Figure
    subject: str
    samples: tuple[float, ...]
    spread: Spread | None
    speedup: float | None
    failed: bool


@dataclass(frozen=True)
class Table:
    """The result of one benchmark.

    Attributes:
        name: of the benchmark, one word.
        title: what it measures, one line.
        rows: by figure, then by program.
        notes: sentences below the table.
        failed: a program failed, or something that must agree did not.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    failed: bool


def failures(everything: Sequence[Runs]) -> tuple[str, ...]:
    """Return a sentence on each program that failed."""
    return tuple(f"Failed: {runs.subject.name}: {runs.failure}" for runs in everything if runs.failure)


def make_rows(everything: Sequence[Runs], figures: Sequence[Figure]) -> tuple[Row, ...]:
    """Return a row for each figure and program; the first program is what the others are compared with."""
    return tuple(
        _row(figure, runs, everything[0].samples(figure.name)) for figure in figures for runs in everything
    )


def _row(figure: Figure, runs: Runs, baseline: Sequence[float]) -> Row:
    samples = runs.samples(figure.name)
    return Row(
        figure=figure,
        subject=runs.subject.name,
        samples=samples,
        spread=Spread.of(samples) if samples else None,
        speedup=speedup(figure.better, baseline, samples),
        failed=bool(runs.failure),
    )


def speedup(better: Better, baseline: Sequence[float], samples: Sequence[float]) -> float | None:
    """Return how many times as fast `samples` are as `baseline`, by medians; None if that cannot be said."""
    if better == "neither" or not baseline or not samples:
        return None
    before, now = median(baseline), median(samples)
    if min(before, now) <= 0:
        return None
    return before / now if better == "less" else now / before


def to_markdown(table: Table) -> str:
    """Return the table under its title, and the notes below it."""
    lines = [f"## {table.title}", "", _line(HEADINGS), _line(["---"] * len(HEADINGS))]
    earlier = ""
    for row in table.rows:
        name = f"{row.figure.name}, {row.figure.unit}"
        lines.append(_line([name if name != earlier else "", *_cells(row)]))
        earlier = name
    lines += [line for note in table.notes for line in ("", note)]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    if row.spread is None:
        return [row.subject, "failed" if row.failed else "not measured", "", "0", ""]
    spread = row.spread
    return [
        row.subject,
        number(spread.median),
        f"{number(spread.least)} .. {number(spread.most)}",
        f"{spread.count}, then failed" if row.failed else str(spread.count),
        "" if row.speedup is None else number(row.speedup),
    ]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def number(value: float) -> str:
    """Return three significant digits, and all those before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def to_json(table: Table) -> dict[str, Any]:
    """Return the table as plain values, with every sample."""
    return {
        "name": table.name,
        "title": table.title,
        "rows": [_row_json(row) for row in table.rows],
        "notes": list(table.notes),
        "failed": table.failed,
    }


def _row_json(row: Row) -> dict[str, Any]:
    spread = row.spread
    return {
        "figure": row.figure.name,
        "unit": row.figure.unit,
        "program": row.subject,
        "median": spread and spread.median,
        "min": spread and spread.least,
        "max": spread and spread.most,
        "times_as_fast": row.speedup,
        "samples": list(row.samples),
        "failed": row.failed,
    }


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


MARK = "<!-- Written by python -m benchmarks, which replaces this file when it is run again. -->"
JSON_MARK = '{\n "written_by": "python -m benchmarks"'


@dataclass(frozen=True)
class Circumstances:
    """When, how and where the figures were taken.

    Attributes:
        date: ISO 8601, with the zone.
        command: the command line.
        machine: what it ran on.
    """

    date: str
    command: str
    machine: Machine


def markdown(circumstances: Circumstances, tables: Sequence[Table]) -> str:
    """Return the whole Markdown file."""
    head = [
        MARK,
        "# Benchmark results",
        f"{circumstances.date}, `{circumstances.command}`",
        str(circumstances.machine),
        "What is measured, and how, is in `benchmarks/README.md`. *Times as fast* is a ratio of medians, to "
        "the first program of each figure.",
    ]
    return "\n\n".join([*head, *(to_markdown(table) for table in tables)])


def as_json(circumstances: Circumstances, tables: Sequence[Table]) -> str:
    """Return the whole JSON file."""
    content = {
        "written_by": "python -m benchmarks",
        **asdict(circumstances),
        "tables": [to_json(table) for table in tables],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def twin(path: Path) -> Path:
    """Return the path of the JSON file beside a Markdown file."""
    return path.with_suffix(".json")


def check(path: Path) -> None:
    """Make sure that the results may be written to `path` and its twin.

    Raises:
        InputError: not a name of a Markdown file, no such folder, or a file of somebody else's is there.
    """
    if path.suffix != ".md":
        raise InputError(
            f"--out {path}: the name must end in .md; a .json of the same name is written beside it"
        )
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"--out {path}: {path.parent} is not a folder that can be written to")
    for file, mark in ((path, MARK), (twin(path), JSON_MARK)):
        if (file.exists() or file.is_symlink()) and not _is_ours(file, mark):
            raise InputError(f"--out {file}: was not written by this command; choose another name")


def _is_ours(path: Path, mark: str) -> bool:
    try:
        return path.read_text(encoding="utf-8").startswith(mark)
    except (OSError, UnicodeDecodeError):
        return False


def write(path: Path, circumstances: Circumstances, tables: Sequence[Table]) -> None:
    """Write both files, each whole or not at all."""
    for file, text in ((path, markdown(circumstances, tables)), (twin(path), as_json(circumstances, tables))):
        temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
