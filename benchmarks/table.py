"""From runs to a table: medians, extremes and ratios of medians, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from benchmarks.measure import Runs

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
