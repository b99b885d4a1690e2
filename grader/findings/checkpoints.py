"""What is the matter with the checkpoints that were handed in, as far as their outside tells."""

from __future__ import annotations

from collections.abc import Iterator

from grader.findings.catalogue import finding
from grader.findings.exceptions import short
from grader.intake.checkpoint_format import ENCRYPTED, EXPECTED
from grader.intake.submission import Submission, SubmittedFile
from grader.report.model import FindingPart

_MOST_PATH = 80


def findings_of_checkpoints(submission: Submission, *, is_unreadable: bool) -> Iterator[FindingPart]:
    """Name the checkpoints that cannot be any: one finding for each kind of trouble.

    Args:
        submission: what was handed in.
        is_unreadable: whether a library refused to load one. Only then is a file blamed for being of another
            format than its name says, or encrypted: a program may well know how to read that.
    """
    alike: dict[tuple[str, str, str], list[SubmittedFile]] = {}
    for file in submission.checkpoints:
        if (trouble := _trouble(file, is_unreadable=is_unreadable)) is not None:
            alike.setdefault(trouble, []).append(file)
    for (code, format_, expected), files in alike.items():
        first = short(str(files[0].path), _MOST_PATH)
        more, more_zh = (f" (and {len(files) - 1} more)", f"（及另外 {len(files) - 1} 个文件）")
        yield finding(
            code,
            detail=first + (more if files[1:] else ""),
            detail_zh=first + (more_zh if files[1:] else ""),
            format=format_,
            expected=expected,
        )


def _trouble(file: SubmittedFile, *, is_unreadable: bool) -> tuple[str, str, str] | None:
    """Return the code of what is the matter, the format that a file has, and the one that its name says."""
    if file.size == 0:
        return "empty-checkpoint", "", ""
    if file.is_lfs_pointer:
        return "lfs-pointer", "", ""
    if file.is_web_page:
        return "web-page-checkpoint", "", ""
    if file.state.defect == "line-ends":
        return "line-ends-changed", "", ""
    if file.state.defect == "cut-off":
        return "cut-off-checkpoint", "", ""
    if file.state.defect == "damaged":
        return "damaged-checkpoint", "", ""
    if not is_unreadable:
        return None
    format_, expected = file.format, EXPECTED.get(file.path.suffix.lower(), ("",))
    if format_ == ENCRYPTED:
        return "encrypted-checkpoint", "", ""
    return ("other-format-checkpoint", format_, expected[0]) if format_ and format_ not in expected else None
