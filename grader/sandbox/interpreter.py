"""This interpreter on a file system that cannot be written, for a process that others will be forked from."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from grader.sandbox.processes import innermost

_SECONDS = 20.0


@contextlib.contextmanager
def read_only_interpreter(bwrap: Path) -> Iterator[str]:
    """Yield a path by which this interpreter can be started; what is started keeps the file system.

    A process can change the file that it runs, through `/proc/self/exe`, if that is its user's own: its mode
    even while it runs. A submission that is forked runs what the fork server runs.

    Raises:
        OSError: it cannot be had here.
    """
    file = os.path.realpath(sys.executable)
    if os.geteuid() == 0:
        yield file  # a submission is somebody else then, to whom it does not belong
        return
    command = (str(bwrap), "--ro-bind", "/", "/", "--die-with-parent", "--", "/bin/cat")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdin is not None  # noqa: S101 - a pipe was asked for
            process.stdin.write(b"\n")
            process.stdin.flush()
            yield f"/proc/{innermost(process, _SECONDS)}/root{file}"
        finally:
            process.kill()


def runs_read_only(pid: int) -> bool:
    """Whether the file that a process runs is on a file system that cannot be written."""
    return bool(os.statvfs(f"/proc/{pid}/exe").f_flag & os.ST_RDONLY)
