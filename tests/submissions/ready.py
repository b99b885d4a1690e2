"""A grader that has imported what it needs, and forks for each command line.

Half a second of each `python -m grader` is imports, and there are hundreds of cases. Each still has a grader
of its own: a process that does nothing after its command line, with environment, working folder and files for
temporary data as asked for. `python -m tests.submissions` starts the grader anew for every case.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Timer
from typing import Any

from grader.cli import main
from tests.isolation import forked
from tests.patience import PATIENCE_SECONDS
from tests.ready_python import end_at_once, settle

ROOT = Path(__file__).parents[2]


class ReadyGrader:
    """The process, which lives as long as the body of a `with`.

    Args:
        environment: that it is started with, and that /proc shows of all its graders.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def __enter__(self) -> ReadyGrader:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.submissions.ready"],
            env=self._environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, *, fork_workers: bool
    ) -> subprocess.CompletedProcess[bytes]:
        """Give one command line to a new grader, and wait until it has ended.

        Args:
            arguments: of `python -m grader`.
            environment: the whole of it.
            folder: to work in.
            fork_workers: have workers enter their sandboxes from a fork server, whatever they import.

        Raises:
            subprocess.TimeoutExpired: it does not end.
        """
        with tempfile.TemporaryDirectory(prefix="said-") as name:
            said = [Path(name) / stream for stream in ("stdout", "stderr")]
            asked = {
                "arguments": arguments,
                "environment": dict(environment),
                "folder": str(folder),
                "said": [*map(str, said)],
                "fork_workers": fork_workers,
            }
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            patience = Timer(PATIENCE_SECONDS, self._process.kill)
            patience.start()
            code = self._process.stdout.readline()
            patience.cancel()
            if not code:
                raise subprocess.TimeoutExpired(arguments, PATIENCE_SECONDS)
            stdout, stderr = (path.read_bytes() for path in said)
        return subprocess.CompletedProcess(arguments, int(code), stdout, stderr)


def _serve() -> None:
    """Fork for each line on standard input; answer with the exit code."""
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            end_at_once(_grade(json.loads(line)))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


def _grade(asked: Mapping[str, Any]) -> int:
    """Become what `python -m grader` is when its imports are done; return the exit code."""
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for number, path in enumerate(asked["said"], 1):
        with Path(path).open("wb") as file:
            os.dup2(file.fileno(), number)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    tempfile.tempdir = None  # an import may have asked for it, and the environment has another
    return main(asked["arguments"], forked if asked["fork_workers"] else None)


if __name__ == "__main__":
    # What `python -m grader SUBMISSION` imports once it has read its command line, and for the diagnosis.
    import scipy.optimize  # noqa: F401

    import grader.cli.grade  # noqa: F401

    settle()
    _serve()
