"""Files that others may change at any moment: held, so that what was looked at is what is used.

A path is looked up anew each time that it is used, and whoever may write one of its folders can put something
else there in between: a link to what they may not read, for example. A descriptor stays with what it was
opened for, whatever becomes of the name. So a path from outside is walked once, and after that everything is
asked of what is held:

    with hold(path) as folder:
        for name in folder.names():
            with folder.entry(name) as entry:
                ...  # entry.status, entry.is_file, entry.open()

Nothing is opened for reading until somebody asks for that: a pipe or a device is only looked at. Only Linux
has descriptors for looking alone; elsewhere the path itself has to do.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from grader.system import HAS_DESCRIPTORS_FOR_LOOKING

if TYPE_CHECKING or HAS_DESCRIPTORS_FOR_LOOKING:
    from grader.files.by_descriptor import Held, hold
else:
    from grader.files.by_path import Held, hold

__all__ = ["Held", "hold", "place_of", "read_whole"]


def place_of(path: Path) -> Path:
    """Return where a path leads, links followed; of one that leads nowhere, the path itself.

    `Path.resolve` looks at a name twice, and fails where a link was put there or taken away in between.
    """
    try:
        with hold(path) as held:
            return held.place
    except OSError:
        return path.absolute()


def read_whole(path: Path, most_bytes: int) -> tuple[bytes, Path]:
    """Return the content of a plain file, and where what was read lies, links followed.

    Raises:
        OSError: it cannot be read, is no plain file, or has more than `most_bytes`.
    """
    with hold(path) as held, held.open() as file:
        content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return content, held.place
