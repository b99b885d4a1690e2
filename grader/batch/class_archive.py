"""A whole class in one zip, as learning platforms let it be downloaded."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from grader.assignment import MIB, Limits
from grader.batch.ids import owner_of
from grader.batch.submissions import one_submission
from grader.errors import UsageError
from grader.intake.archive import receive_zip
from grader.intake.entry import Receiver
from grader.intake.refusal import IntakeRefusedError

_MOST_FILES = 100_000
_SHARE_OF_DISK = 0.5


def opened(path: Path, room: Path) -> Path:
    """Return the folder that holds a class's submissions: `path` itself or, if that is a zip, what is in it.

    Args:
        path: a folder or a .zip.
        room: a folder that what is unpacked may be put into; absent.

    Raises:
        UsageError: a file that cannot be unpacked.
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
        raise one_submission(path)
    return folder


def _innermost(folder: Path) -> Path:
    """Return the folder in the archive, where the whole class was packed as one."""
    inside = [*folder.iterdir()]
    is_packing = len(inside) == 1 and inside[0].is_dir() and owner_of(inside[0].name).platform is None
    return inside[0] if is_packing else folder
