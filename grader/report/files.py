"""Writing a grading's files, so that none is ever half there and none of anybody's is lost."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from grader.errors import UsageError
from grader.report.html import render_html
from grader.report.instructor import render_instructor
from grader.report.outcome import Outcome

REPORT_JSON = Path("report.json")
REPORT_HTML = Path("report.html")
INSTRUCTOR_JSON = Path("instructor", "answers.json")


def check_output_folder(out: Path, submission: Path) -> None:
    """Find out before grading whether reports can be written there.

    Raises:
        UsageError: `out` is a file, cannot be made or written, or lies inside the submission.
    """
    if out.resolve().is_relative_to(submission.resolve()):
        raise UsageError(f"--out {out} lies inside the submission: choose a folder beside it")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {out}: {error.strerror}; choose another --out") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write into {out}: choose another --out")


def write_outcome(outcome: Outcome, out: Path) -> Path:
    """Write all files of a grading below `out`; return the path of `report.html`.

    Files of an earlier grading are moved to `earlier/<number>/` first.
    """
    contents = {
        REPORT_JSON: to_json(outcome),
        REPORT_HTML: render_html(outcome.report),
        INSTRUCTOR_JSON: render_instructor(outcome),
    }
    _keep_earlier(out, [*contents])
    for path, text in contents.items():
        _write_atomically(out / path, text)
    return out / REPORT_HTML


def to_json(outcome: Outcome) -> str:
    """Return `report.json`'s text."""
    return json.dumps(outcome.report.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n"


def _keep_earlier(out: Path, paths: list[Path]) -> None:
    present = [path for path in paths if (out / path).exists()]
    if not present:
        return
    earlier = out / "earlier"
    earlier.mkdir(exist_ok=True)
    number = 1 + max((int(entry.name) for entry in earlier.iterdir() if entry.name.isdigit()), default=0)
    for path in present:
        target = earlier / f"{number:03d}" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (out / path).rename(target)


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
