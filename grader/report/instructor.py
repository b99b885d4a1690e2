"""What only the instructor sees, as data and as a page: the answer to every image, and what was printed.

The page shows the hidden images that were missed. Both lie in the instructor's folder alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from grader.errors import Language
from grader.findings import stop_in_words
from grader.model.dataset import SplitImage
from grader.model.grading import KEY, Grading
from grader.model.predictions import Prediction, Raised, Replay, WrongType, classes_of
from grader.model.report import Report
from grader.printable import one_line
from grader.report.html import template, thumbnail, tone_of
from grader.run import says_other

MOST_SHOWN = 300
"""Missed images; a page of more is slow to open, and says nothing new."""
_LONGEST_TEXT = 200


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


def render_instructor(grading: Grading) -> str:
    """Return the JSON text of `instructor/answers.json`."""
    answers, job = grading.answers, grading.job
    names = tuple(info.name for info in job.assignment.classes)
    value: dict[str, Any] = {
        "identity": job.identity,
        "verdict": grading.verdict.value if grading.verdict else None,
        "shuffle_seed": grading.shuffle_seed,
        "harness_failure": grading.trace,
        "output": answers.output if answers else "",
        "hidden_files": [{"file": str(file.path), "is": file.secret} for file in grading.hidden_files],
        "import_error": answers.not_ready.error.trace if answers and answers.not_ready else None,
        "stops": [],
        "answers": [],
    }
    if answers is not None:
        value["stops"] = [
            {
                "verdict": stop.verdict.value,
                "phase": stop.phase,
                "image": stop.asked,
                "detail": stop_in_words(stop, "en", for_student=False),
            }
            for stop in answers.stops
        ]
        value["answers"] = [
            {"image": image.name, "truth": names[image.label], **_prediction(prediction, names)}
            for image, prediction in zip(grading.job.split.images, answers.predictions, strict=True)
        ]
    value["replay"] = {"output": grading.replay.output, "answers": _replay(grading, names)}
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def render_instructor_page(grading: Grading, report: Report, language: Language = "en") -> str:
    """Return the whole page about a grading, of which `report` is the report.

    Everything that comes from a submission is escaped by the template engine.
    """
    answers = grading.answers
    not_ready = answers.not_ready if answers else None
    groups, left_out = _confusions(grading)
    page: str = template("instructor.html").render(
        language=language,
        report=report,
        tone=tone_of(report),
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
            for file in grading.hidden_files[:MOST_SHOWN]
        ],
        more_hidden_files=len(grading.hidden_files[MOST_SHOWN:]),
        failure=grading.trace,
    )
    return page


def _replay(grading: Grading, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return what was asked again, one row an image."""
    again = grading.replay
    return [
        {
            "image": probe.image.name,
            "is_altered": probe.is_altered,
            "truth": names[probe.image.label],
            **_prediction(prediction, names),
        }
        for probe, prediction in zip(again.probes, again.predictions, strict=True)
    ]


def _prediction(prediction: Prediction | None, names: tuple[str, ...]) -> dict[str, Any]:
    if prediction is None:
        return {"answered": None, "as": None, "problem": "no answer"}
    match prediction.problem:
        case Raised() as error:
            return {"answered": None, "as": None, "problem": error.trace or error.type}
        case WrongType(name):
            return {"answered": None, "as": None, "problem": f"returned {name}"}
    index = prediction.index
    named = (
        {"as": None, "problem": "names no class"} if index is None else {"as": names[index], "problem": None}
    )
    return {"answered": prediction.text, **named}


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
    room = MOST_SHOWN
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
