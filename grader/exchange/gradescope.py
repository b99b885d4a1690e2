"""Gradescope: the zip that an instructor uploads as an autograder, and the `results.json` of a submission.

The zip holds grader, assignment, sealed split and key, and the two programs that Gradescope starts:
`setup.sh` when it builds the image, `run_autograder` for every submission.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

from grader.errors import Language, UsageError
from grader.exchange.handout import contents
from grader.model.assignment import Assignment
from grader.model.report import FindingPart, Report
from grader.report import render_text

_HERE = Path(__file__).parent
_PROGRAMS = ("setup.sh", "run_autograder")
_SECRETS = ("hidden.sealed", "split.key")
_DATE = (1980, 1, 1, 0, 0, 0)
"""The same bytes from the same files."""


def write_autograder(root: Path, assignment: Assignment, sealed: Path, key_file: Path, out: Path) -> None:
    """Write the zip. The key is in it: the zip is for Gradescope and for nobody else.

    Args:
        root: a clone of this project.
        assignment: the rules; written out whole, so that they need no other file.
        sealed: the split.
        key_file: its key.
        out: a new file, which only its owner can read.

    Raises:
        UsageError: `out` is there already, or something cannot be read or written.
    """
    files = contents(root)
    try:
        files |= {name: (_HERE / name).read_bytes() for name in _PROGRAMS}
        files |= {"hidden.sealed": sealed.read_bytes(), "split.key": key_file.read_bytes()}
        files["assignment.toml"] = _as_toml(assignment).encode("utf-8")
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError("out-exists", path=out) from error
    except OSError as error:
        raise UsageError("cannot-use", path=error.filename, reason=error) from error
    with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w") as zipped:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = _mode(name) << 16
            zipped.writestr(entry, data, zipfile.ZIP_DEFLATED)


def render_results(report: Report, language: Language = "en") -> str:
    """Return the text of `results.json`.

    Where the harness itself failed there is no `score`: Gradescope then shows that the autograder failed, and
    gives no mark. The output of a submission is hidden, since a submission could print hidden images.
    """
    value: dict[str, Any] = {
        "output": render_text(report, language),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "execution_time": round(report.run.total_seconds),
        "tests": [_test(finding) for finding in report.findings],
        "extra_data": {"identity": report.identity, "submission": report.submission.sha256},
    }
    if report.score is not None:
        value["score"] = report.score.points
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _mode(name: str) -> int:
    # The grader's own files are read by workers, which have another uid.
    return 0o755 if name in _PROGRAMS else 0o600 if name in _SECRETS else 0o644


def _as_toml(assignment: Assignment) -> str:
    """Write an assignment as TOML; where its splits lie on this machine is left out.

    JSON's texts, numbers, truths and arrays are TOML's, too.
    """
    value = assignment.model_dump(mode="json", exclude={"splits"}, exclude_none=True)
    plain = {key: item for key, item in value.items() if key != "classes" and not isinstance(item, dict)}
    lines = [_line(key, item) for key, item in plain.items()]
    for name, section in value.items():
        if isinstance(section, dict):
            lines += [f"[{name}]", *(_line(key, item) for key, item in section.items())]
    for info in value["classes"]:
        lines += ["[[classes]]", *(_line(key, item) for key, item in info.items() if item)]
    return "\n".join(lines) + "\n"


def _line(key: str, value: object) -> str:
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"


def _test(finding: FindingPart) -> dict[str, Any]:
    """Show a finding as a test without points of its own."""
    return {
        "name": finding.title,
        "status": "failed" if finding.severity == "error" else "passed",
        "output": f"{finding.rationale}\n{finding.help}\n\n{finding.rationale_zh}\n{finding.help_zh}",
        "output_format": "text",
        "visibility": "visible",
    }
