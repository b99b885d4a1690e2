"""The pages about a grading, as HTML that works offline: no script, no font, no request; pictures are in it.

The report is for everybody, in the order of a reader's questions: score, what to do next, classes, evidence,
how it was graded. The instructor's page shows the hidden images that were missed, and what was printed.
"""

from __future__ import annotations

import base64
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy.typing as npt
from jinja2 import Environment, Template

from grader.errors import LANGUAGES, Language
from grader.model.dataset import SplitImage
from grader.model.grading import KEY, Grading
from grader.model.predictions import Prediction, Raised, Replay, WrongType, classes_of
from grader.model.report import PreprocessingPart, Report
from grader.model.verdict import Verdict
from grader.printable import as_written, one_line
from grader.report.text import (
    asked_again,
    costliest,
    excluded_in_words,
    families_as_in_lab,
    has_answers,
    nothing_found,
    wrong_bins,
)
from grader.run import says_other
from grader.wording import environment_of, words

_MOST_CONFUSIONS = 8
_MOST_FILES = 100
_SIDE = 128
"""Pixels of the longer side of a small picture."""
_QUALITY = 80
_MOST_SHOWN = 300
"""Missed images; a page of more is slow to open, and says nothing new."""
_LONGEST_TEXT = 200


@dataclass(frozen=True)
class Cell:
    """One cell of the confusion matrix."""

    count: int
    share: float
    """Of its row, 0..1; decides the colour."""
    is_right: bool
    title: str


@dataclass(frozen=True)
class Missed:
    """One missed image."""

    name: str
    source: str
    """A data URI."""
    said: str
    """What was said or raised, in the submission's own words."""


@dataclass(frozen=True)
class Confusion:
    """All images of one class that were taken for one other."""

    truth: int
    said: int | None
    """None if it is no class."""
    count: int
    images: tuple[Missed, ...]
    """Those that are shown."""


@dataclass(frozen=True)
class Changed:
    """An image that was answered otherwise when it was asked again."""

    image: str
    is_altered: bool
    first: str
    then: str


@dataclass(frozen=True)
class Sentence:
    """One sentence of the catalogue of words."""

    name: str
    numbers: dict[str, int]


def render_html(report: Report, language: Language = "en") -> str:
    """Return the whole page, which has both languages and shows `language` first.

    Everything that comes from a submission is escaped by the template engine.
    """
    is_measured = report.score is not None and report.score.is_measured
    page: str = _template("report.html").render(
        language=language,
        report=report,
        tone=_tone_of(report),
        is_measured=is_measured and has_answers(report),
        nothing_found=nothing_found(report),
        asked_again=asked_again(report.checks.replay),
        checkpoints=[file for file in report.submission.files if file.is_checkpoint],
        most_files=_MOST_FILES,
        classes=report.per_class,
        index_of={name: index for index, name in enumerate(report.confusion.labels)},
        confusions=costliest(report, _MOST_CONFUSIONS),
        rows=_confusion_rows(report),
        bin_of={
            index: number
            for number, part in enumerate(report.bins.per_bin if report.bins else ())
            for index in part.classes
        },
        wrong_bins=[*zip(*(wrong_bins(report, each) for each in LANGUAGES), strict=True)],
        # Where all are wrong, they are so in every class: the confusions say which way.
        weakest_first=sorted(
            (row for row in report.per_class if row.accuracy is not None),
            key=lambda row: (row.accuracy or 0.0, row.index),
        )
        if report.score is not None and report.score.correct
        else [],
    )
    return page


def render_instructor_page(grading: Grading, report: Report, language: Language = "en") -> str:
    """Return the whole page about a grading, of which `report` is the report.

    Everything that comes from a submission is escaped by the template engine.
    """
    answers = grading.answers
    not_ready = answers.not_ready if answers else None
    groups, left_out = _confusions(grading)
    page: str = _template("instructor.html").render(
        language=language,
        report=report,
        tone=_tone_of(report),
        classes=grading.job.assignment.classes,
        groups=groups,
        left_out=left_out,
        was_asked=answers is not None and not_ready is None,
        looked_at=[*_looked_at(grading.replay)],
        changed=[*_changed(grading)],
        import_error=not_ready.error.trace if not_ready else "",
        printed=answers.output if answers else "",
        printed_again=grading.replay.output,
        hidden_files=[
            (one_line(str(file.path)), None if file.secret == KEY else file.secret)
            for file in grading.hidden_files[:_MOST_SHOWN]
        ],
        more_hidden_files=len(grading.hidden_files[_MOST_SHOWN:]),
        failure=grading.trace,
    )
    return page


def thumbnail(pixels: npt.NDArray[Any]) -> str:
    """Return a data URI of a small JPEG of `pixels`, uint8 (height, width, 3) in BGR."""
    scale = _SIDE / max(pixels.shape[:2])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
    return f"data:image/jpeg;base64,{base64.b64encode(encoded).decode('ascii')}"


def _template(name: str) -> Template:
    """Return the template of a page about one submission."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    """Return the environment of both pages: what they share is compiled once."""
    environment = environment_of(Path(__file__).parent)
    environment.filters.update(size=_size, sum_of=_sum_of, as_in_lab=families_as_in_lab)
    environment.filters.update(excluded=excluded_in_words, ends=_ends_of)
    return environment


def _tone_of(report: Report) -> str:
    """Return the page's accent: good, middling, or bad."""
    if report.verdict is not Verdict.GRADED:
        return "bad"
    return "good" if report.score is not None and report.score.accuracy >= 0.8 else "middling"


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


def _ends_of(found: PreprocessingPart) -> tuple[str, str] | None:
    """Return what black and white become, as a person writes it; None where no sum tells."""
    if found.matrix is None or found.offset is None:
        return None
    black = statistics.fmean(found.offset)
    white = black + statistics.fmean(map(sum, found.matrix))
    return as_written(black), as_written(white)


def _size(count: int) -> str:
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):.1f} MiB"


def _confusions(grading: Grading) -> tuple[list[Confusion], int]:
    """Return the confusions, the costliest first, and how many images are left out of them."""
    if grading.answers is None or grading.answers.not_ready is not None:
        return [], 0
    missed: defaultdict[tuple[int, int | None], list[tuple[SplitImage, Prediction | None]]] = defaultdict(
        list
    )
    predictions = grading.answers.predictions
    said_to = zip(grading.job.split.images, predictions, classes_of(predictions), strict=True)
    for image, prediction, said in said_to:
        if said != image.label:
            missed[image.label, said].append((image, prediction))
    order = sorted(missed, key=lambda pair: (-len(missed[pair]), pair[0], -1 if pair[1] is None else pair[1]))
    room = _MOST_SHOWN
    groups = []
    for truth, said in order:
        pairs = missed[truth, said]
        shown = tuple(_missed(image, prediction) for image, prediction in pairs[:room])
        room -= len(shown)
        groups.append(Confusion(truth, said, len(pairs), shown))
    return groups, sum(group.count - len(group.images) for group in groups)


def _missed(image: SplitImage, prediction: Prediction | None) -> Missed:
    return Missed(image.name, _source(image), _in_words(prediction))


@lru_cache(maxsize=4096)
def _source(image: SplitImage) -> str:
    """Return the small picture; one submission of a class after the other misses the same images."""
    return thumbnail(image.pixels("bgr"))


def _looked_at(again: Replay) -> Iterator[Sentence]:
    """Say what asking again has shown, and what it has not looked at."""
    if again.status not in ("done", "incomplete"):
        yield Sentence("instructor-looked-not", {})
        return
    names = ("repeated", "differed", "altered", "lost", "controls", "gained")
    yield Sentence("instructor-looked-at", {name: getattr(again, name) for name in names})
    if again.unanswered:
        yield Sentence("instructor-looked-unanswered", {"count": again.unanswered})
    if not again.can_tell and not again.is_collapse:
        yield Sentence("instructor-looked-too-few", {})
    yield Sentence("instructor-looked-limits", {})


def _changed(grading: Grading) -> Iterator[Changed]:
    """Yield what was asked again and answered otherwise; of altered copies, only what was right before."""
    if grading.answers is None:
        return
    for probe, then in zip(grading.replay.probes, grading.replay.predictions, strict=True):
        first = grading.answers.predictions[probe.index]
        if says_other(first, then) and (not probe.is_altered or probe.was_right):
            yield Changed(probe.image.name, probe.is_altered, _in_words(first), _in_words(then))


def _in_words(prediction: Prediction | None) -> str:
    """Return what was said or raised, on one line and not too long."""
    if prediction is None:
        return "-"
    match prediction.problem:
        case Raised(type=kind, message=message):
            text = f"{kind}: {message}"
        case WrongType(name):
            text = f"({name})"
        case None:
            text = prediction.text or ""
    return one_line(text[:_LONGEST_TEXT])
