"""Where the harness and the course library lie: in a clone, or installed side by side."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""Holds the package `grader`."""


def is_a_clone() -> bool:
    """Whether this is a clone, or a handout, with everything in the folders that it has there."""
    return (ROOT / "student" / "src_mindspore").is_dir()


def course_library() -> Path:
    """Return where `src_mindspore` lies, which a submission that brings none gets."""
    # Not what would be imported: that may be a student's, if the grader was started in their folder.
    return ROOT / "student" / "src_mindspore" if is_a_clone() else ROOT / "src_mindspore"
