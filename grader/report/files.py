"""Writing a grading's files, so that none is ever half there and none of anybody's is lost."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from grader.errors import UsageError
from grader.findings.catalogue import Language
from grader.report.html import render_html
from grader.report.instructor import render_instructor
from grader.report.instructor_page import render_instructor_page
from grader.report.outcome import Outcome
from grader.sandbox.policy import is_visible_inside
from grader.whole_file import WRITING

REPORT_JSON = Path("report.json")
REPORT_HTML = Path("report.html")
INSTRUCTOR_JSON = Path("instructor", "answers.json")
INSTRUCTOR_HTML = Path("instructor", "report.instructor.html")
EARLIER = "earlier"


def check_output_folder(out: Path, submission: Path, images: Path | None = None) -> None:
    """Find out before grading whether reports can be written there.

    Args:
        out: where the reports are to be.
        submission: the folder or file that was handed in.
        images: the split that was asked for, where it was one by its path.

    Raises:
        UsageError: `out` cannot be made or written, lies inside the submission or the split, where a
            submission could read it, or something else stands in the place of one of its folders.
    """
    if images is not None and out.resolve().is_relative_to(images.resolve()):
        # The next grading would take it for a class.
        raise UsageError(f"--out {out} lies inside the split: choose a folder beside it")
    if out.resolve().is_relative_to(submission.resolve()):
        raise UsageError(f"--out {out} lies inside the submission: choose a folder beside it")
    if is_visible_inside(out):
        raise UsageError(f"--out {out} lies where submissions can read: choose a folder of your own")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {out}: {error.strerror}; choose another --out") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write into {out}: choose another --out")
    for folder in (out / EARLIER, (out / INSTRUCTOR_JSON).parent):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is in the way: move it, or choose another --out")


def write_outcome(outcome: Outcome, out: Path, language: Language = "en") -> Path:
    """Write all files of a grading below `out`; return the path of `report.html`.

    The pages have both languages, and show `language` first.

    Files of an earlier grading are moved to `earlier/<number>/`, once the new ones are on the disk.
    """
    contents = {
        REPORT_JSON: to_json(outcome),
        REPORT_HTML: render_html(outcome.report, language),
        INSTRUCTOR_JSON: render_instructor(outcome),
        INSTRUCTOR_HTML: render_instructor_page(outcome, language),
    }
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=WRITING) as folder:
        for path, text in contents.items():
            _write(Path(folder) / path, text)
        _keep_earlier(out, [*contents])
        for path in contents:
            (out / path).parent.mkdir(exist_ok=True)
            (Path(folder) / path).replace(out / path)
    return out / REPORT_HTML


def to_json(outcome: Outcome) -> str:
    """Return `report.json`'s text."""
    return json.dumps(outcome.report.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n"


def _keep_earlier(out: Path, paths: list[Path]) -> None:
    present = [path for path in paths if (out / path).exists()]
    if not present:
        return
    earlier = out / EARLIER
    earlier.mkdir(exist_ok=True)
    number = 1 + max((int(entry.name) for entry in earlier.iterdir() if entry.name.isdigit()), default=0)
    for path in present:
        target = earlier / f"{number:03d}" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (out / path).rename(target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
