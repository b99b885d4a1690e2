"""From a path that somebody handed in to a :class:`Submission`, or a refusal."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from grader.errors import HarnessError, UsageError
from grader.files import ForeignLinkError, Held, digest_of_parts, hold, make_readable
from grader.intake.checkpoints import look_at_checkpoint
from grader.intake.receiving import (
    ZIP_SUFFIX,
    IntakeRefusedError,
    Receiver,
    find_root,
    receive_folder,
    receive_zip,
)
from grader.model.assignment import Limits
from grader.model.submission import Submission, SubmittedFile

_MOST_LOOKED_AT = 20
"""Checkpoints of one submission; students keep one for every few epochs, not thousands."""


def take_in(source: Path, workspace: Path, limits: Limits) -> Submission:
    """Copy what was handed in below `workspace`, hash it, and find its `main.py`.

    Whatever happens to `source` afterwards, the copy is what is run and what the hashes are of.

    Raises:
        UsageError: `source` does not exist or is neither a folder nor a file.
        HarnessError: this process cannot name every file.
        IntakeRefusedError: it cannot be graded as it is (verdict FORMAT).
    """
    _check_locale()
    receiver = Receiver(folder=workspace / "submission", limits=limits)
    receiver.folder.mkdir(parents=True)
    try:
        held = hold(source, foreign_links=False)
    except ForeignLinkError as error:
        raise IntakeRefusedError("link", source.name) from error
    except OSError as error:
        raise _cannot_look(source, error) from error
    with held:
        _receive(held, source.name, receiver)
    make_readable(receiver.folder)
    root = find_root(receiver.files)
    return _submission(source, receiver, root)


def check_exists(source: Path) -> None:
    """Find out early whether there is anything to take in.

    Raises:
        UsageError: there is not, or it cannot be looked at.
    """
    try:
        source.stat()
    except OSError as error:
        raise _cannot_look(source, error) from error


def name_of(source: Path) -> str:
    """Return the name a submission goes by in reports: its folder's, or its archive's without `.zip`.

    Of a link it is the link's own: the student chooses what that leads to, and may change it meanwhile.
    Composed (NFC), so that what looks the same is the same.
    """
    whole = Path(os.path.abspath(source))  # noqa: PTH100 - Path.absolute keeps `..`
    is_archive = whole.suffix.lower() == ZIP_SUFFIX and not whole.is_dir()
    name = whole.stem if is_archive else whole.name
    # A name in another encoding must not keep the report from being written.
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))


def _submission(source: Path, receiver: Receiver, root: PurePosixPath) -> Submission:
    files = sorted(
        (_moved(file, root) for file in receiver.files if root in (PurePosixPath(), *file.path.parents)),
        key=lambda file: file.path,
    )
    notes = (f"main.py was found one folder deeper, in {root}/",) if root.parts else ()
    return Submission(
        name=name_of(source),
        folder=receiver.folder / root,
        files=tuple(_looked_at(files, receiver.folder / root)),
        sha256=digest_of_parts((str(file.path), file.sha256) for file in files),
        notes=notes,
    )


def _moved(file: SubmittedFile, root: PurePosixPath) -> SubmittedFile:
    return replace(file, path=file.path.relative_to(root))


def _looked_at(files: Sequence[SubmittedFile], folder: Path) -> Iterator[SubmittedFile]:
    """Yield the files, the first of the checkpoints with what can be told of them."""
    left = _MOST_LOOKED_AT
    for file in files:
        if file.is_checkpoint and left:
            left -= 1
            yield replace(file, state=look_at_checkpoint(folder / file.path))
        else:
            yield file


def _receive(held: Held, name: str, receiver: Receiver) -> None:
    if held.is_folder:
        receive_folder(held, receiver)
    elif held.is_file and name.lower().endswith(ZIP_SUFFIX):
        try:
            archive = held.open()
        except OSError as error:
            raise IntakeRefusedError("unreadable", name) from error
        with archive:
            receive_zip(archive, receiver)
    else:
        raise IntakeRefusedError("not-a-submission", name)


def _cannot_look(source: Path, error: OSError) -> UsageError:
    if isinstance(error, FileNotFoundError):
        return UsageError("submission-absent", path=source)
    return UsageError("submission-unseen", path=source, reason=error)


def _check_locale() -> None:
    """Make sure that a name which Python cannot read here is not held against the submission.

    Raises:
        HarnessError: names are read and written in another encoding than UTF-8.
    """
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8":
        raise HarnessError("locale-names", encoding=encoding)
