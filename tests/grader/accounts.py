"""Running a command as an ordinary user, for tests that are run by root."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

UID = "1500"
# An interpreter in root's own folder: shown to that user alone, in a mount namespace of its own.
_SHOW = 'mount --bind "$1" /mnt && mount -t tmpfs -o mode=755 none "$2" && mkdir -p "$1" && mount --bind /mnt "$1"'


def as_ordinary_user(command: Sequence[str], home: Path) -> list[str]:
    """Return the command that root runs to have `command` run by a user without any privilege."""
    user = ["setpriv", "--reuid", UID, "--regid", UID, "--clear-groups"]
    whole = [*user, "env", f"HOME={home}", f"TMPDIR={home}", *command]
    prefix = Path(sys.base_prefix).resolve()
    closed = [folder for folder in prefix.parents if not folder.stat().st_mode & stat.S_IXOTH]
    if not closed:
        return whole
    script = f'{_SHOW} && shift 2 && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(prefix), str(closed[-1]), *whole]  # fmt: skip


@contextmanager
def home_of_ordinary_user() -> Iterator[Path]:
    """Give that user a folder. It is not below pytest's own, which other runs of pytest close."""
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, int(UID), int(UID))
        yield Path(folder)
