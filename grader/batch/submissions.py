"""Which submissions are there: one for every folder and file below a folder, each with an id of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from grader.batch.ids import Platform, likeness, owner_of
from grader.batch.roster import Student
from grader.errors import UsageError
from grader.intake.entry import is_junk

_EXPORTED_ALONG = frozenset({"submission_metadata.yml"})
"""Files that a platform puts beside the submissions."""
_MAX_ID_BYTES = 200
"""An id names a folder, and files with a suffix."""


@dataclass(frozen=True)
class Entry:
    """One student's submission, or a student of the roster who handed nothing in."""

    id: str
    name: str
    source: Path | None
    """The folder or archive; None if there is none."""
    days_late: float = 0.0
    platform: Platform | None = None
    """Where it was handed in, as far as its name says."""
    number: str = ""
    """The student's or submission's there."""


def find_entries(folder: Path, roster: Sequence[Student] | None = None) -> tuple[Entry, ...]:
    """List a class's submissions, in the order of their ids.

    Whatever lies in `folder` and is not hidden is a submission: a file that cannot be graded is
    somebody's mistake, and gets a verdict that says so.

    Raises:
        UsageError: no such folder, nothing in it, an id that cannot be used, one id twice or two that look
            alike, or a submission that no row of the roster names.
    """
    found = [(path, _entry(path)) for path in _paths(folder)]
    if not found:
        raise UsageError(f"there are no submissions in {folder}: expected one folder or .zip a student")
    check_ids((entry.id, str(path)) for path, entry in found)
    entries = [entry for _, entry in found] if roster is None else [*_matched(found, roster)]
    return tuple(sorted(entries, key=lambda entry: entry.id))


def check_ids(ids: Iterable[tuple[str, str]]) -> None:
    """Refuse ids that could be mistaken for each other.

    Args:
        ids: each with where it comes from.

    Raises:
        UsageError: naming two that look alike, or one that cannot name a folder.
    """
    seen: dict[str, tuple[str, str]] = {}
    for id_, where in ids:
        if id_ in ("", ".", "..") or "/" in id_ or id_.startswith(".") or len(id_.encode()) > _MAX_ID_BYTES:
            raise UsageError(f"{where}: {id_[:40]!r} cannot be an id: rename it, or give a --roster")
        first = seen.setdefault(likeness(id_), (id_, where))
        if first != (id_, where):
            same = f"the id {id_!r}" if first[0] == id_ else f"{first[0]!r} and {id_!r}, which look alike,"
            raise UsageError(f"{same} is used twice: {first[1]} and {where}; rename or remove one of them")


def _paths(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        raise UsageError(f"{folder} is a file: unpack it, and give the folder that holds the submissions")
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(f"cannot read the folder of submissions {folder}: {error.strerror}") from error
    for path in paths:
        is_aside = path.name in _EXPORTED_ALONG or path.name.startswith(".")
        if not (is_aside or is_junk(PurePosixPath(path.name))):
            yield path


def _entry(path: Path) -> Entry:
    owner = owner_of(_own_name(path))
    # Platforms that say so do not say by how much: late is at least a day begun.
    days_late = 1.0 if owner.is_late else 0.0
    number = owner.id if owner.platform else ""
    return Entry(owner.id, owner.name, _inside(path), days_late, owner.platform, number)


def _own_name(path: Path) -> str:
    """Return the name without `.zip`; of a link its own, never that of what it leads to."""
    # A name in another encoding must not keep the gradebook from being written.
    return _without_zip(os.fsencode(path.name).decode("utf-8", "replace"))


def _inside(path: Path) -> Path:
    """Return the archive in a folder that holds nothing else, as platforms export an upload."""
    if not path.is_dir():
        return path
    try:
        inside = [entry for entry in path.iterdir() if not is_junk(PurePosixPath(entry.name))]
    except OSError:
        return path
    is_archive = len(inside) == 1 and inside[0].suffix.lower() == ".zip" and not inside[0].is_symlink()
    return inside[0] if is_archive else path


def _matched(found: Sequence[tuple[Path, Entry]], roster: Sequence[Student]) -> Iterator[Entry]:
    """Give every student of the roster their submission.

    Raises:
        UsageError: two students or two submissions for one, or a submission that is nobody's.
    """
    check_ids((student.id, f"row {number} of the roster") for number, student in enumerate(roster, 2))
    theirs: dict[str, Student] = {}
    for student in roster:
        if theirs.setdefault(likeness(_without_zip(student.submission)), student) != student:
            raise UsageError(f"the roster gives the submission {student.submission!r} to two students")
    taken: dict[str, Path] = {}
    for path, entry in found:
        keys = (likeness(entry.id), likeness(_own_name(path)))
        owner = next((theirs[key] for key in keys if key in theirs), None)
        if owner is None:
            raise UsageError(f"{path} is nobody's in the roster: add a row, or move it elsewhere")
        if owner.id in taken:
            raise UsageError(f"{owner.id!r} has two submissions: {taken[owner.id]} and {path}")
        taken[owner.id] = path
        late = entry.days_late if owner.days_late is None else owner.days_late
        yield replace(entry, id=owner.id, name=owner.name, days_late=late)
    for student in roster:
        if student.id not in taken:
            yield Entry(student.id, student.name, None)


def _without_zip(name: str) -> str:
    return name[: -len(".zip")] if name.lower().endswith(".zip") else name
