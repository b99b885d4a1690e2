"""What a report on a planted mistake is worth: whether it names the mistake, and keeps what it promises.

Everything here is read from the report alone, as a student gets it.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from grader import Report
from tests.submissions.mistakes.planted import Planted

Place = Literal["named", "near", "wrong", "nothing", "silent", "blamed", "failed"]
"""`failed`: there is no report, because the harness failed."""
QUIET = frozenset({"demo-split", "partial-split", "below-usual"})
"""What is particular about the images, or that no mistake was found: no finding of a mistake."""
VAGUE = frozenset({"lost-on-the-way", "constant-answer", "unstable-answers"})
"""True of many mistakes, and the name of few."""
SEVERAL_STEPS = "wrong-preprocessing"
STEPS = frozenset(
    {
        "channel-order",
        "other-colours",
        "wrong-scale",
        "wrong-layout",
        "turned",
        "wrong-resize",
        "random-input",
        SEVERAL_STEPS,
    }
)
"""What may be wrong before the network: "several of them" is near to each."""
LEAST_NAMED, MOST_WRONG, LEAST_KEPT = 0.9, 0.01, 0.95
_PROMISE = re.compile(r"(\d+(?:\.\d+)?) %(?: [a-z]+){0,3} instead of ")
_ROUNDED = 0.05 + 1e-9
"""Per cent; a promise is told with one digit after the point."""
_LINKS = {"preprocessing": "right_input", "labels": "right_readout"}


@dataclass(frozen=True)
class Judged:
    """One program, its report, and what the report is worth."""

    name: str
    expected: tuple[str, ...]
    """Codes that name the mistake; empty if the program is right."""
    found: tuple[str, ...]
    """Codes of the findings, in their order."""
    said: str
    """The first finding's reasons."""
    place: Place
    correct: int
    """Right answers of the program as it was handed in."""
    total: int
    promised: int | None = None
    """Right answers that the first finding promises; None if it does not, or not of all images."""
    mended: int | None = None
    """Right answers of the program without its mistake; None if no line mends it, or it was not asked."""
    cost: float | None = None
    """Of the diagnosis, in times of the graded run; None if there was none."""
    charts_seconds: float | None = None
    """Of the test charts, where the report tells it."""

    @property
    def is_right(self) -> bool:
        """Whether there is nothing in the program to be named."""
        return not self.expected

    @property
    def is_kept(self) -> bool:
        """Whether what is promised is exactly what the mended program gets."""
        return self.promised is not None and self.promised == self.mended

    @property
    def is_miss(self) -> bool:
        """Whether anything is left to be wished for."""
        is_broken = self.promised is not None and self.mended is not None and not self.is_kept
        return self.place not in ("named", "silent") or is_broken


def judged(planted: Planted, report: Report, mended: int | None = None) -> Judged:
    """Judge the report on a program; `mended` are the right answers of the program without its mistake."""
    found = tuple(finding.code for finding in report.findings)
    run = report.run.model_dump()
    seconds, charts = run["diagnosis_seconds"], run.get("charts_seconds")
    return Judged(
        name=planted.name,
        expected=planted.codes,
        found=found,
        said=report.findings[0].rationale if found else "",
        place=place_of(planted.codes, found),
        correct=report.score.correct if report.score else 0,
        total=report.score.total if report.score else report.split.images,
        promised=promised(report),
        mended=mended,
        cost=None if seconds is None else seconds / report.run.total_seconds,
        charts_seconds=charts,
    )


def failed(planted: Planted, total: int, reason: str) -> Judged:
    """Return what is known of a program over which the harness failed."""
    return Judged(planted.name, planted.codes, (), reason, "failed", correct=0, total=total)


def place_of(expected: Sequence[str], found: Sequence[str]) -> Place:
    """Say what findings are worth, given the codes that name the mistake."""
    told = [code for code in found if code not in QUIET]
    if not expected:
        return "blamed" if told else "silent"
    if not told:
        return "nothing"
    if found[0] in expected:
        return "named"
    is_near = told[0] in VAGUE or (told[0] == SEVERAL_STEPS and bool(STEPS & {*expected}))
    return "near" if is_near or {*told} & {*expected} else "wrong"


def promised(report: Report) -> int | None:
    """Return how many right answers the first finding promises.

    What a student reads counts: the per cent in the finding. Only where it has none, the counts beside the
    picture of the four paths do. A per cent that no number of right answers gives is one of a part of the
    images, and is compared with nothing.
    """
    if not report.findings or report.score is None:
        return None
    total = report.score.total
    if told := _PROMISE.search(report.findings[0].rationale):
        count = round(float(told[1]) * total / 100)
        return count if abs(100 * count / total - float(told[1])) <= _ROUNDED else None
    seen = report.network_input
    if seen is None or seen.broken not in _LINKS or seen.paths.images != total:
        return None
    return getattr(seen.paths, _LINKS[seen.broken])


@dataclass(frozen=True)
class Figures:
    """What all programs together say."""

    every: Sequence[Judged]

    @property
    def mistakes(self) -> list[Judged]:
        """Return the programs with a mistake."""
        return [each for each in self.every if not each.is_right]

    @property
    def promises(self) -> list[Judged]:
        """Return the mistakes whose finding promises a score that can be compared."""
        return [each for each in self.mistakes if each.promised is not None and each.mended is not None]

    @property
    def is_enough(self) -> bool:
        """Whether the diagnosis is as good as it must be; what it costs hangs on the machine."""
        counts, wished = Counter(each.place for each in self.every), len(self.mistakes)
        kept = sum(each.is_kept for each in self.promises)
        return (
            counts["named"] >= LEAST_NAMED * wished
            and counts["wrong"] <= MOST_WRONG * wished
            and not (counts["blamed"] or counts["failed"])
            and kept >= LEAST_KEPT * len(self.promises)
        )

    def lines(self) -> Iterator[str]:
        """Yield the summary, and the table of misses."""
        counts, wished = Counter(each.place for each in self.every), len(self.mistakes)
        told = ", ".join(f"{place} {_of(counts[place], wished)}" for place in ("named", "near"))
        rest = ", ".join(f"{place} {_of(counts[place], wished)}" for place in ("wrong", "nothing"))
        yield f"{wished} mistakes: {told}, {rest}"
        yield f"{len(self.every) - wished} right programs: silent {counts['silent']}, blamed {counts['blamed']}"
        if counts["failed"]:
            yield f"{counts['failed']} programs without a report, because the harness failed"
        yield from self._of_styles()
        yield from self._of_promises()
        right = [each for each in self.every if each.is_right]
        for what, some in (("mistakes", self.mistakes), ("right programs", right)):
            yield from _of_times(f"cost of {what}, in times of the graded run", [each.cost for each in some])
        yield from _of_times("seconds for the charts", [each.charts_seconds for each in self.every])
        if misses := [each for each in self.every if each.is_miss]:
            yield "\nmisses"
            yield from map(_row, misses)

    def _of_styles(self) -> Iterator[str]:
        """Yield how many mistakes are named in each style of program, which stands before their names."""
        styles = Counter(_style(each) for each in self.mistakes)
        named = Counter(_style(each) for each in self.mistakes if each.place == "named")
        if len(styles) > 1:
            yield "named by style: " + ", ".join(
                f"{style} {named[style]}/{styles[style]}" for style in styles
            )

    def _of_promises(self) -> Iterator[str]:
        mendable = sum(each.mended is not None for each in self.mistakes)
        if mendable:
            kept = sum(each.is_kept for each in self.promises)
            yield (
                f"{len(self.promises)} promised scores: {_of(kept, len(self.promises))} are that of the mended "
                f"program; {mendable} of the {len(self.mistakes)} programs can be mended by their lines"
            )


def line_of(each: Judged) -> str:
    """Return what is said of a program as soon as it is judged."""
    cost = "" if each.cost is None else f"x{each.cost:.1f}"
    first = f"{each.found[0]}: {each.said}" if each.found else each.said or "-"
    return f"{each.place:7} {each.name:50} {_points(each)} {cost:5} {_promise(each):11} {first}"


def _style(each: Judged) -> str:
    style, colon, _ = each.name.partition(": ")
    return style if colon else "plain"


def _row(each: Judged) -> str:
    wished = " or ".join(each.expected) or "nothing"
    found = ", ".join(each.found) or "nothing"
    return (
        f"{each.place:7} {each.name:50} {_points(each)} {_promise(each):11} expected {wished}; found {found}"
    )


def _points(each: Judged) -> str:
    return f"{each.correct:3}/{each.total}"


def _promise(each: Judged) -> str:
    """Return what is promised, and what the mended program gets."""
    if each.promised is None and each.mended is None:
        return ""
    sides = ("-" if count is None else str(count) for count in (each.promised, each.mended))
    return " for ".join(sides)


def _of(count: int, total: int) -> str:
    return f"{count} ({count / total:.1%})" if total else f"{count}"


def _of_times(what: str, numbers: Sequence[float | None]) -> Iterator[str]:
    known = [number for number in numbers if number is not None]
    if known:
        yield f"{what}: {statistics.median(known):.1f} (median), {max(known):.1f} at most"
