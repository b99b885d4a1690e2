"""The results of a class, kept one by one: a kill at any moment costs no result that is there.

Below the class's output folder lie, for every student,

    students/<id>/            the reports, as the grading of one submission writes them
    records/<id>.json         says that this result is whole: written last, and atomically

A result counts once its record is there and names the same grading as the report; anything less is
graded again. Records are the instructor's: `attempts` lists the submissions that were graded for this id.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from grader.errors import Language, UsageError
from grader.files import WRITING, write_atomically
from grader.model.grading import Grading
from grader.model.report import Report
from grader.model.verdict import Verdict
from grader.report import (
    EARLIER,
    INSTRUCTOR_HTML,
    INSTRUCTOR_JSON,
    REPORT_HTML,
    REPORT_JSON,
    build_report,
    check_output_folder,
    write_grading,
)
from grader.system import lock

STUDENTS = "students"
_RECORDS = "records"
_LOCK = ".lock"


@dataclass(frozen=True)
class Result:
    """One student's grading, as it is kept."""

    id: str
    report: Report
    attempts: tuple[str, ...]
    """Digests of the submissions that were graded for this id so far, in their order."""


class Store:
    """The output folder of one class; opened by :func:`open_store`."""

    def __init__(self, folder: Path, language: Language = "en") -> None:
        self.folder = folder
        self._language: Language = language

    def read(self, id_: str) -> Result | None:
        """Return the result that is kept of a student, or None if there is none, or not a whole one."""
        try:
            record = json.loads(self._record(id_).read_text(encoding="utf-8"))
            report = Report.model_validate_json((self.student(id_) / REPORT_JSON).read_text(encoding="utf-8"))
            others = (self.student(id_) / name for name in (REPORT_HTML, INSTRUCTOR_JSON, INSTRUCTOR_HTML))
            is_whole = record["identity"] == report.identity and all(path.is_file() for path in others)
            return Result(id_, report, tuple(map(str, record["attempts"]))) if is_whole else None
        except (OSError, ValidationError, ValueError, KeyError, TypeError):
            return None  # of another version, half there, or meddled with: it is graded again

    def attempts(self, id_: str) -> tuple[str, ...]:
        """Return the digests of all submissions graded for a student so far, whole results or not."""
        try:
            record = json.loads(self._record(id_).read_text(encoding="utf-8"))
            return tuple(map(str, record["attempts"]))
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def save(self, id_: str, grading: Grading) -> tuple[Result, bool]:
        """Keep a grading; an earlier one's files are moved aside, never overwritten.

        Returns:
            What is kept now, and whether that is this grading: one that adds nothing is not kept.
        """
        report = build_report(grading)
        kept = self.read(id_)
        if kept is not None and _adds_nothing(report, kept.report):
            return kept, False
        attempts = self.attempts(id_)
        digest = report.submission.sha256
        if digest and digest not in attempts[-1:] and report.verdict is not Verdict.INTERNAL:
            attempts = (*attempts, digest)
        write_grading(grading, report, self.student(id_), self._language)
        record = {"id": id_, "identity": report.identity, "attempts": attempts}
        text = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
        write_atomically(self._record(id_), text.encode("utf-8"))
        return Result(id_, report, attempts), True

    def answers(self, id_: str) -> list[dict[str, Any]]:
        """Return the answer to every image, for the instructor's eyes; empty if no code was run."""
        try:
            text = (self.student(id_) / INSTRUCTOR_JSON).read_text(encoding="utf-8")
            answers: list[dict[str, Any]] = json.loads(text)["answers"]
        except (OSError, ValueError, KeyError):
            return []
        return answers

    def ids(self) -> list[str]:
        """Return whose results are kept, whole or not."""
        return sorted(path.stem for path in (self.folder / _RECORDS).glob("*.json"))

    def student(self, id_: str) -> Path:
        """Return the folder of one student's reports."""
        return self.folder / STUDENTS / id_

    def write_page(self, name: str, text: str) -> Path:
        """Write one file about the whole class; one that was there and differs is moved aside."""
        path = self.folder / name
        new = text.encode("utf-8")
        if path.exists():
            if path.read_bytes() == new:
                return path
            _move_aside(path, self.folder / EARLIER)
        write_atomically(path, new)
        return path

    def _record(self, id_: str) -> Path:
        return self.folder / _RECORDS / f"{id_}.json"


@contextmanager
def open_store(
    folder: Path, submissions: Path, language: Language = "en", images: Iterable[Path] = ()
) -> Iterator[Store]:
    """Open a class's output folder, or make it; students' pages show `language` first.

    Raises:
        UsageError: it cannot be written, lies inside the submissions or they in it, or inside `images`, is
            something else's folder, or another command is at work in it.
    """
    if submissions.resolve().is_relative_to(folder.resolve()):
        raise UsageError("batch-inside-out", path=folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _RECORDS).is_dir():
        raise UsageError("batch-out-other", path=folder)
    check_output_folder(folder, submissions, images)
    with (folder / _LOCK).open("a", encoding="utf-8") as opened:
        try:
            lock(opened.fileno())
        except OSError as error:
            raise UsageError("batch-running", path=folder) from error
        for name in (STUDENTS, _RECORDS):
            (folder / name).mkdir(exist_ok=True)
        _sweep(folder)
        yield Store(folder, language)


def _move_aside(path: Path, earlier: Path) -> None:
    earlier.mkdir(exist_ok=True)
    number = 1 + max((int(entry.name) for entry in earlier.iterdir() if entry.name.isdigit()), default=0)
    (earlier / f"{number:03d}").mkdir()
    path.rename(earlier / f"{number:03d}" / path.name)


def _sweep(folder: Path) -> None:
    """Remove what a command that was killed had not finished writing."""
    for path in (
        *folder.glob(f"{WRITING}*"),
        *folder.glob(f"*/{WRITING}*"),
        *folder.glob(f"*/*/{WRITING}*"),
    ):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _adds_nothing(new: Report, kept: Report) -> bool:
    """Whether a new report says what the kept one says, or only that the harness failed over the same."""
    if new.verdict is Verdict.INTERNAL and new.identity == kept.identity:
        return True
    return new.model_dump(exclude={"run"}) == kept.model_dump(exclude={"run"})
