"""Running a command as an ordinary user, for tests that are run by root."""

from __future__ import annotations

import os
import shlex
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

UID = "1500"
ROOT = Path(__file__).parents[2]


def as_ordinary_user(command: Sequence[str], home: Path) -> list[str]:
    """Return the command that root runs to have `command` run by a user without any privilege.

    Interpreter, environment and project may lie in folders that are root's own. They are shown to that user
    alone, in a mount namespace of its own.
    """
    user = ["setpriv", "--reuid", UID, "--regid", UID, "--clear-groups"]
    whole = [*user, "env", f"HOME={home}", f"TMPDIR={home}", *command]
    needed = {Path(prefix).resolve() for prefix in (sys.base_prefix, sys.prefix, ROOT)}
    script = " && ".join([*_to_show(needed), f"exec {shlex.join(whole)}"])
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]


def _to_show(needed: Iterable[Path]) -> Iterator[str]:
    """Yield the shell commands after which anybody can enter these folders: they open a layer above the real ones."""
    yield "mount -t tmpfs none /mnt"
    opened = list(dict.fromkeys(folder for path in sorted(needed) for folder in reversed(_closed(path))))
    for number, folder in enumerate(map(str, opened)):
        if not any(other in Path(folder).parents for other in opened):
            upper, work = f"/mnt/{number}-upper", f"/mnt/{number}-work"
            layers = f"lowerdir={folder},upperdir={upper},workdir={work}"
            yield f"mkdir {upper} {work} && mount -t overlay none -o {shlex.quote(layers)} {shlex.quote(folder)}"
        yield f"chmod o+x {shlex.quote(folder)}"


def _closed(path: Path) -> list[Path]:
    """Return the folders above `path` that others may not enter, the outermost last."""
    return [folder for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH]


@contextmanager
def home_of_ordinary_user() -> Iterator[Path]:
    """Give that user a folder. It is not below pytest's own, which other runs of pytest close."""
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, int(UID), int(UID))
        yield Path(folder)
