"""Temporary files of tests lie in memory, where there is room: on a disk they cost more than most of the tests.

Each grading makes and removes hundreds of files, and waits until its report is on the disk; so does each snapshot
of a training. A submission of thousands of files took a minute of journal, and its neighbours waited with it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30
"""Bytes; tests that run side by side use a part of it."""


def lie_in_memory() -> None:
    """Have this process, and what it starts, make temporary files in memory; whoever sets TMPDIR is obeyed."""
    if "TMPDIR" not in os.environ and _is_roomy(_MEMORY):
        os.environ["TMPDIR"] = str(_MEMORY)
        tempfile.tempdir = None


def _is_roomy(folder: Path) -> bool:
    """Whether programs can be written to a folder and run there, and many; in a container they often cannot."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    may_run = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return may_run and shutil.disk_usage(folder).free >= _ROOM
