"""A grading's files: written so that none is ever half there and none of anybody's is lost; and read.

What only the instructor may see, the answer to every image and what was printed, lies in a folder of its own.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from grader.errors import Language, UsageError
from grader.files import WRITING, Held, hold, place_of
from grader.findings import stop_in_words
from grader.model.grading import Grading
from grader.model.predictions import Prediction, Raised, WrongType
from grader.model.report import SCHEMA_VERSION, Report
from grader.report.html import render_html, render_instructor_page
from grader.sandbox import is_visible_inside

REPORT_JSON = Path("report.json")
REPORT_HTML = Path("report.html")
INSTRUCTOR_JSON = Path("instructor", "answers.json")
INSTRUCTOR_HTML = Path("instructor", "report.instructor.html")
EARLIER = "earlier"
_MOST_DIGITS = 4
"""Of a version."""


def check_output_folder(out: Path, submission: Path, images: Iterable[Path] = ()) -> None:
    """Find out before grading whether reports can be written there.

    Args:
        out: where the reports are to be.
        submission: the folder or file that was handed in.
        images: where the images lie, or their sealed file: those asked about, and those that students have.

    Raises:
        UsageError: `out` cannot be made or written, lies inside the submission, where a submission could
            read it, or inside images, or something else stands in the place of one of its folders.
    """
    if any(out.resolve().is_relative_to(place.resolve()) for place in images):
        # The next grading would take it for a class.
        raise UsageError("out-inside-split", out=out)
    if out.resolve().is_relative_to(place_of(submission)):
        raise UsageError("out-inside-submission", out=out)
    if is_visible_inside(out):
        raise UsageError("out-visible", out=out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError("out-not-made", out=out, reason=error) from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError("out-not-writable", out=out)
    for folder in (out / EARLIER, (out / INSTRUCTOR_JSON).parent):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise UsageError("out-in-the-way", path=folder)


def write_grading(grading: Grading, report: Report, out: Path, language: Language = "en") -> Path:
    """Write all files of a grading, and of its report, below `out`; return the path of `report.html`.

    The pages have both languages, and show `language` first.

    Files of an earlier grading are moved to `earlier/<number>/`, once the new ones are on the disk. The
    folder is held all the while: nothing is written where a link in it, or in its place, leads.
    """
    contents = {
        REPORT_JSON: to_json(report),
        REPORT_HTML: render_html(report, language),
        INSTRUCTOR_JSON: render_instructor(grading),
        INSTRUCTOR_HTML: render_instructor_page(grading, report, language),
    }
    out.mkdir(parents=True, exist_ok=True)
    with hold(out) as folder:
        writing = f"{WRITING}{secrets.token_hex(8)}"
        try:
            with folder.folder(writing) as new:
                for path, text in contents.items():
                    with new.folder(str(path.parent)) as inside:
                        inside.write(path.name, text.encode("utf-8"))
                for path in contents:  # before anything is moved
                    with folder.folder(str(path.parent)):
                        pass
                _keep_earlier(folder, contents)
                for path in contents:
                    _move(path, new, folder)
        finally:
            with suppress(FileNotFoundError):  # where it could not be made, that is what went wrong
                folder.remove(writing)
    return out / REPORT_HTML


def to_json(report: Report) -> str:
    """Return `report.json`'s text."""
    return json.dumps(report.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n"


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


def read_report(path: Path) -> Report:
    """Read a `report.json`.

    Raises:
        UsageError: it is none, or one of another version.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = str(json.loads(text)["schema_version"])
        if found != SCHEMA_VERSION and found.isdecimal() and len(found) <= _MOST_DIGITS:
            raise UsageError("report-version", path=path, found=found, ours=SCHEMA_VERSION)
        return Report.model_validate_json(text)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError("no-report", path=path) from error


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


def _keep_earlier(folder: Held, paths: Iterable[Path]) -> None:
    present = [path for path in paths if _has(folder, path)]
    if not present:
        return
    with folder.folder(EARLIER) as earlier:
        number = 1 + max((int(name) for name in earlier.names() if name.isdigit()), default=0)
        with earlier.folder(f"{number:03d}") as place:
            for path in present:
                _move(path, folder, place)


def _has(folder: Held, path: Path) -> bool:
    try:
        with folder.entry(str(path.parent)) as inside, inside.entry(path.name):
            return True
    except (FileNotFoundError, NotADirectoryError):
        return False


def _move(path: Path, source: Held, target: Held) -> None:
    """Move a file from one folder to the same place in another."""
    with source.folder(str(path.parent)) as here, target.folder(str(path.parent)) as there:
        here.move(path.name, there)
