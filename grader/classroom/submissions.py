"""The submissions of a class: one for every folder and archive in a folder, each with an id of its own.

The class may come as one zip, as learning platforms let it be downloaded. Some platforms export each file by
itself, with the student's name before the file's own; the files of one student make one submission then. Any
other single file is nobody's. With a roster, every submission must be a student's, and a student without a
submission has an entry all the same.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from grader.classroom.roster import Owner, Platform, Student, is_typed_text, likeness, numbers_in, owner_of
from grader.errors import Language, Line, UsageError, in_short, line
from grader.intake import IntakeRefusedError, Receiver, is_junk, receive_zip
from grader.model.assignment import MIB, Limits
from grader.printable import one_line

_EXPORTED_ALONG = frozenset({"submission_metadata.yml"})
"""Files that a platform puts beside the submissions."""
_ARCHIVES = frozenset({".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz"})
"""Those that cannot be opened are students' mistakes, and get a verdict that says so."""
_NUMBERED_MAIN = re.compile(r"main-\d+(\.py|\.ipynb)")
"""What Canvas makes of `main.py` when it is handed in again; of a notebook, too."""
_NO_NAMES = ("", ".", "..")
"""What no file can be called."""
_MAX_NAME_BYTES = 255
_MAX_ID_BYTES = 200
"""An id names a folder, and files with a suffix."""
_MOST_NAMED = 5
"""Names that one line mentions."""
_MOST_FILES = 100_000
"""Of a class in one zip."""
_SHARE_OF_DISK = 0.5
"""Of what is free, for a class in one zip."""


@dataclass(frozen=True)
class Part:
    """A file that was exported by itself, and its student's own name for it."""

    name: str
    path: Path


@dataclass(frozen=True)
class Entry:
    """One student's submission, or a student of the roster who handed nothing in."""

    id: str
    name: str
    source: Path | None
    """The folder or archive; None if nothing was handed in."""
    days_late: float = 0.0
    platform: Platform | None = None
    """Where it was handed in, as far as its name says."""
    number: str = ""
    """The student's or submission's number there."""
    parts: tuple[Part, ...] = ()
    """Single files; :func:`gather_parts` makes the source of them."""


@dataclass(frozen=True)
class Found:
    """The contents of a class's folder."""

    entries: tuple[Entry, ...]
    """In the order of their ids."""
    passed_over: tuple[str, ...]
    """Names of what is nobody's submission."""

    def passed_over_in_short(self, language: Language) -> str:
        """Return the first few names, made fit for a terminal, and how many more there are."""
        names = _in_short(self.passed_over)
        return names if isinstance(names, str) else names.text(language)


def read_class(path: Path, roster: Sequence[Student] | None, workspace: Path) -> Found:
    """Find a class's submissions, each with a source of its own.

    Args:
        path: a folder, or a .zip of one.
        roster: who is in the class, if that is known.
        workspace: an empty folder for what has to be unpacked or put together.

    Raises:
        UsageError: see :func:`open_class` and :func:`find_entries`.
    """
    found = find_entries(open_class(path, workspace / "class"), roster)
    return replace(found, entries=tuple(gather_parts(found.entries, workspace / "gathered")))


def open_class(path: Path, room: Path) -> Path:
    """Return the folder that holds a class's submissions: `path` itself or, if that is a zip, what is in it.

    Args:
        path: a folder or a .zip.
        room: where a zip is unpacked; absent so far.

    Raises:
        UsageError: a file that cannot be unpacked, or one submission instead of a class.
    """
    if not path.is_file():
        return path
    if not zipfile.is_zipfile(path):
        raise UsageError("class-no-zip", path=path)
    room.mkdir(parents=True)
    free = int(shutil.disk_usage(room).free * _SHARE_OF_DISK) // MIB
    receiver = Receiver(room, Limits(submission_files=_MOST_FILES, submission_mib=max(1, free)))
    try:
        with path.open("rb") as archive:
            receive_zip(archive, receiver)
    except IntakeRefusedError as refusal:
        raise UsageError("class-not-unpacked", path=path, reason=refusal) from refusal
    folder = _innermost(room)
    if (folder / "main.py").is_file():
        raise UsageError("one-submission", path=path)
    return folder


def find_entries(folder: Path, roster: Sequence[Student] | None = None) -> Found:
    """List a class's submissions.

    Raises:
        UsageError: no such folder, nothing in it, one submission instead of a class, an id that cannot be
            used, one id twice or two that look alike, a name that could be read in two ways where there is no
            roster, or a submission that no row of the roster names.
    """
    sorted_out = _sort_out(folder, roster or ())
    found, passed_over = sorted_out.submissions, sorted_out.passed_over
    whole = {entry.id for _, entry in found}
    for id_, files in sorted_out.single.items():
        if id_ in whole:  # a report beside the archive
            passed_over += [path.name for path, _ in files]
        else:
            found.append(_of_parts(files))
    if not found:
        others = line("only-others", names=_in_short(passed_over)) if passed_over else ""
        raise UsageError("no-submissions", path=folder, others=others)
    check_ids((entry.id, _shown(path.name)) for path, entry in found)
    if roster is None:
        _check_clear(path for path, _ in found)
    entries = [entry for _, entry in found] if roster is None else [*_matched(found, roster)]
    return Found(tuple(sorted(entries, key=lambda entry: entry.id)), tuple(sorted(passed_over)))


def gather_parts(entries: Iterable[Entry], room: Path) -> Iterator[Entry]:
    """Yield the entries, each with a source: a student's single files are copied to a folder in `room`."""
    for entry in entries:
        if not entry.parts:
            yield entry
            continue
        folder = room / entry.id
        folder.mkdir(parents=True)
        for part in entry.parts:
            _copy(part.path, folder / part.name)
        yield replace(entry, source=folder)


def check_ids(ids: Iterable[tuple[str, str | Line]]) -> None:
    """Refuse ids that could be mistaken for each other.

    Args:
        ids: each with where it comes from.

    Raises:
        UsageError: naming two that look alike, or one that cannot name a folder.
    """
    seen: dict[str, tuple[str, str | Line]] = {}
    for id_, where in ids:
        if id_ in _NO_NAMES or "/" in id_ or id_.startswith(".") or len(id_.encode()) > _MAX_ID_BYTES:
            raise UsageError("id-unusable", where=where, id=id_[:40])
        try:
            os.fsencode(id_)
        except UnicodeEncodeError as error:
            encoding = sys.getfilesystemencoding()
            raise UsageError("id-not-in-locale", where=where, id=id_, encoding=encoding) from error
        first = seen.setdefault(likeness(id_), (id_, where))
        if first != (id_, where):
            is_same = first[0] == id_
            same = line("same-id", id=id_) if is_same else line("alike-ids", first=first[0], second=id_)
            raise UsageError("id-twice", same=same, first=first[1], second=where)


@dataclass(frozen=True)
class _SortedOut:
    """The contents of a folder by kind."""

    submissions: list[tuple[Path, Entry]] = field(default_factory=list)
    single: defaultdict[str, list[tuple[Path, Owner]]] = field(default_factory=lambda: defaultdict(list))
    """By id, the files that a platform exported by themselves."""
    passed_over: list[str] = field(default_factory=list)


def _sort_out(folder: Path, roster: Sequence[Student]) -> _SortedOut:
    named = {likeness(_without_zip(student.submission)) for student in roster}
    found = _SortedOut()
    for path in _paths(folder):
        name = _own_name(path)
        owner = owner_of(name)
        if is_typed_text(name):
            found.passed_over.append(path.name)
        elif not _is_single_file(path) or likeness(name) in named:
            found.submissions.append((path, _entry(owner, path)))
        elif owner.platform and _can_be_called(owner.file):
            found.single[owner.id].append((path, owner))
        else:
            found.passed_over.append(path.name)
    return found


def _paths(folder: Path) -> Iterator[Path]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError("submissions-unread", path=folder, reason=error) from error
    for path in paths:
        if path.name.lower() == "main.py" and path.is_file():
            raise UsageError("one-submission", path=folder)
        is_aside = path.name in _EXPORTED_ALONG or path.name.startswith(".")
        if not (is_aside or is_junk(PurePosixPath(path.name))):
            yield path


def _is_single_file(path: Path) -> bool:
    """Whether a path is a file that is no archive. A link that leads nowhere is somebody's mistake."""
    return path.is_file() and path.suffix.lower() not in _ARCHIVES


def _can_be_called(name: str) -> bool:
    return name not in _NO_NAMES and len(name.encode()) <= _MAX_NAME_BYTES


def _entry(owner: Owner, source: Path | None, parts: tuple[Part, ...] = ()) -> Entry:
    # Platforms that say so do not say by how much: late is at least a day begun.
    days_late = 1.0 if owner.is_late else 0.0
    number = owner.id if owner.platform else ""
    return Entry(owner.id, owner.name, source, days_late, owner.platform, number, parts)


def _of_parts(files: Sequence[tuple[Path, Owner]]) -> tuple[Path, Entry]:
    """Return the submission that a student's single files make, with the path of the first.

    Raises:
        UsageError: two of them have one name.
    """
    parts: dict[str, Part] = {}
    for path, owner in files:
        main = _NUMBERED_MAIN.fullmatch(owner.file) if owner.platform == "canvas" else None
        name = f"main{main[1]}" if main else owner.file
        first = parts.setdefault(name, Part(name, path))
        if first.path != path:
            raise UsageError("parts-twice", both=_in_short([first.path.name, path.name]), name=name)
    path, owner = files[0]
    return path, _entry(owner, None, tuple(parts.values()))


def _matched(found: Sequence[tuple[Path, Entry]], roster: Sequence[Student]) -> Iterator[Entry]:
    """Give every student of the roster their submission.

    Raises:
        UsageError: two students or two submissions for one, or a submission that is nobody's.
    """
    check_ids((student.id, line("roster-row", row=student.row)) for student in roster)
    theirs: dict[str, Student] = {}
    for student in roster:
        if theirs.setdefault(likeness(_without_zip(student.submission)), student) != student:
            raise UsageError("roster-shared", submission=student.submission)
    taken: dict[str, Path] = {}
    nobodys = []
    for path, entry in found:
        keys = _keys(path, entry)
        owner = next((theirs[key] for key in keys if key in theirs), None) or _by_number(path, roster)
        _check_zeros(entry.id, owner, roster)
        if owner is None:
            nobodys.append(path.name)
            continue
        if owner.id in taken:
            raise UsageError(
                "two-submissions", id=owner.id, both=_in_short([taken[owner.id].name, path.name])
            )
        taken[owner.id] = path
        late = entry.days_late if owner.days_late is None else owner.days_late
        yield replace(entry, id=owner.id, name=owner.name, days_late=late)
    if nobodys:
        raise UsageError("nobodys", names=_in_short(nobodys))
    for student in roster:
        if student.id not in taken:
            yield Entry(student.id, student.name, None)


def _keys(path: Path, entry: Entry) -> tuple[str, ...]:
    """Return what a row of the roster may call a submission, in the order in which rows are asked."""
    whole = likeness(_own_name(path))
    # Who is named in full, and not by a number, has been decided by a person.
    return (likeness(entry.id), whole) if entry.platform else (whole, likeness(entry.id))


def _by_number(path: Path, roster: Sequence[Student]) -> Student | None:
    """Return the only student of the roster whose id is among the numbers of a name that is no student's."""
    numbers = {likeness(number) for number in numbers_in(_own_name(path))}
    named = [student for student in roster if likeness(student.id) in numbers]
    return named[0] if len(named) == 1 else None


def _check_clear(paths: Iterable[Path]) -> None:
    """Find out whose submissions these are from names alone.

    Raises:
        UsageError: a name could be read in two ways.
    """
    unclear = [path.name for path in paths if owner_of(_own_name(path)).is_unclear]
    if unclear:
        raise UsageError("unclear-names", names=_in_short(unclear))


def _check_zeros(id_: str, owner: Student | None, roster: Iterable[Student]) -> None:
    """Find out whether a spreadsheet has taken the leading zeros off the roster's ids.

    Raises:
        UsageError: a student's id is that of the submission but for leading zeros.
    """
    for student in roster if owner is None else (owner,):
        for short in (student.id, student.submission):
            is_number = short.isdigit() and id_.isdigit() and len(short) < len(id_)
            if is_number and id_.lstrip("0") == short.lstrip("0"):
                raise UsageError("zeros-lost", row=student.row, short=short, id=id_)


def _copy(source: Path, target: Path) -> None:
    """Copy a plain file. In place of anything else a link is left, which intake refuses by name."""
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        target.symlink_to(source)
        return
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            with target.open("xb") as copy:
                shutil.copyfileobj(file, copy)
        else:
            target.symlink_to(source)


def _innermost(folder: Path) -> Path:
    """Return the folder in the archive, where the whole class was packed as one."""
    inside = [*folder.iterdir()]
    if len(inside) != 1 or not inside[0].is_dir():
        return folder
    owner = owner_of(inside[0].name)
    is_a_students = owner.platform is not None or (bool(owner.numbers) and not owner.is_unclear)
    return folder if is_a_students else inside[0]


def _own_name(path: Path) -> str:
    """Return the name without `.zip`; of a link its own, never that of what it leads to."""
    # A name in another encoding must not keep the gradebook from being written.
    return _without_zip(os.fsencode(path.name).decode("utf-8", "replace"))


def _without_zip(name: str) -> str:
    return name[: -len(".zip")] if name.lower().endswith(".zip") else name


def _in_short(names: Sequence[str]) -> Line | str:
    return in_short([_shown(name) for name in names], _MOST_NAMED)


def _shown(name: str) -> str:
    return one_line(os.fsencode(name).decode("utf-8", "replace"))
