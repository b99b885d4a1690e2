"""What only the instructor sees: the answer to every image, and what the submission printed."""

from __future__ import annotations

import json
from typing import Any

from grader.dialogue.frames import Answered
from grader.report.outcome import Outcome
from grader.scoring.labels import LabelReader


def render_instructor(outcome: Outcome) -> str:
    """Return the JSON text of `instructor/answers.json`."""
    answers = outcome.answers
    names = outcome.report.confusion.labels
    value: dict[str, Any] = {
        "identity": outcome.report.identity,
        "verdict": outcome.report.verdict.value,
        "shuffle_seed": outcome.shuffle_seed,
        "harness_failure": outcome.failure,
        "output": answers.output if answers else "",
        "hidden_files": [{"file": str(file.path), "is": file.secret} for file in outcome.hidden_files],
        "import_error": answers.not_ready.error.trace if answers and answers.not_ready else None,
        "stops": [],
        "answers": [],
    }
    if answers is not None:
        value["stops"] = [
            {"verdict": stop.verdict.value, "phase": stop.phase, "image": stop.asked, "detail": stop.detail}
            for stop in answers.stops
        ]
        reader = LabelReader(outcome.classes)
        value["answers"] = [
            {"image": image.name, "truth": names[image.label], **_answer(answer, reader, names)}
            for image, answer in zip(outcome.split.images, answers.answers, strict=True)
        ]
    value["replay"] = {"output": outcome.again.output, "answers": _replay(outcome, names)}
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _replay(outcome: Outcome, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return what was asked again, one row an image."""
    reader = LabelReader(outcome.classes)
    again = outcome.again
    return [
        {
            "image": probe.image.name,
            "is_altered": probe.is_altered,
            "truth": names[probe.image.label],
            **_answer(answer, reader, names),
        }
        for probe, answer in zip(again.probes, again.answers, strict=True)
    ]


def _answer(answer: Answered | None, reader: LabelReader, names: tuple[str, ...]) -> dict[str, Any]:
    if answer is None:
        return {"answered": None, "as": None, "problem": "no answer"}
    if answer.error is not None:
        return {"answered": None, "as": None, "problem": answer.error.trace or answer.error.type}
    if answer.label is None:
        return {"answered": None, "as": None, "problem": f"returned {answer.wrong_type}"}
    index = reader.read(answer.label)
    problem = "names no class" if index is None else None
    return {"answered": answer.label, "as": None if index is None else names[index], "problem": problem}
