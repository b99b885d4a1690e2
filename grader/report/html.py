"""The report as one HTML file that works offline: no script, no font, no request; small pictures are in it.

In the order of a reader's questions: score, what to do next, classes, evidence, how it was graded.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy.typing as npt
from jinja2 import Template

from grader.errors import LANGUAGES, Language
from grader.model.report import Report
from grader.model.verdict import Verdict
from grader.report.text import costliest, families_as_in_lab, has_answers, nothing_found
from grader.wording import environment_of, words

_MOST_CONFUSIONS = 8
_MOST_FILES = 100
SIDE = 128
"""Pixels of the longer side."""
_QUALITY = 80


@dataclass(frozen=True)
class Cell:
    """One cell of the confusion matrix."""

    count: int
    share: float
    """Of its row, 0..1; decides the colour."""
    is_right: bool
    title: str


def render_html(report: Report, language: Language = "en") -> str:
    """Return the whole page, which has both languages and shows `language` first.

    Everything that comes from a submission is escaped by the template engine.
    """
    is_measured = report.score is not None and report.score.is_measured
    page: str = template("report.html").render(
        language=language,
        report=report,
        tone=tone_of(report),
        is_measured=is_measured and has_answers(report),
        nothing_found=nothing_found(report),
        checkpoints=[file for file in report.submission.files if file.is_checkpoint],
        most_files=_MOST_FILES,
        classes=report.per_class,
        index_of={name: index for index, name in enumerate(report.confusion.labels)},
        confusions=costliest(report, _MOST_CONFUSIONS),
        rows=_confusion_rows(report),
        # Where all are wrong, they are so in every class: the confusions say which way.
        weakest_first=sorted(
            (row for row in report.per_class if row.accuracy is not None),
            key=lambda row: (row.accuracy or 0.0, row.index),
        )
        if report.score is not None and report.score.correct
        else [],
    )
    return page


def tone_of(report: Report) -> str:
    """Return the page's accent: good, middling, or bad."""
    if report.verdict is not Verdict.GRADED:
        return "bad"
    return "good" if report.score is not None and report.score.accuracy >= 0.8 else "middling"


def thumbnail(pixels: npt.NDArray[Any]) -> str:
    """Return a data URI of a small JPEG of `pixels`, uint8 (height, width, 3) in BGR."""
    scale = SIDE / max(pixels.shape[:2])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return f"data:image/jpeg;base64,{base64.b64encode(encoded).decode('ascii')}"


@cache
def template(name: str) -> Template:
    """Return the template of a page about one submission."""
    environment = environment_of(Path(__file__).parent)
    environment.filters.update(size=_size, sum_of=_sum_of, as_in_lab=families_as_in_lab)
    return environment.get_template(name)


def _confusion_rows(report: Report) -> list[list[Cell]]:
    names = [f"{row.name} {row.zh}".strip() for row in report.per_class]
    columns = (*names, " ".join(words(language, "no-valid-answer") for language in LANGUAGES))
    return [
        [
            Cell(
                count=count,
                share=count / total if (total := sum(counts)) else 0.0,
                is_right=row == column,
                title=f"{names[row]} → {columns[column]}: {count}",
            )
            for column, count in enumerate(counts)
        ]
        for row, counts in enumerate(report.confusion.matrix)
    ]


def _sum_of(factors: Sequence[float], offset: float) -> str:
    """Return what a channel is made of, such as `4.37 B - 2.12`; what is nothing is left out."""
    terms = [*zip(factors, (" R", " G", " B"), strict=False), (offset, "")]
    text = " ".join(f"{'-' if factor < 0 else '+'} {abs(factor):.3g}{of}" for factor, of in terms if factor)
    return text.removeprefix("+ ") or "0"


def _size(count: int) -> str:
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):.1f} MiB"
