"""The ways to the grader: a program that is started, or one that is forked from a Python that is ready.

Whichever way, it is given a command line, an environment and a working folder, as an instructor gives them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from tests.patience import PATIENCE_SECONDS
from tests.ready_python import Program, ReadyPython

Door: TypeAlias = Callable[[Sequence[str], Mapping[str, str], Path], "subprocess.CompletedProcess[str]"]
"""Runs the grader with a command line, an environment and a working folder."""
Maker: TypeAlias = Callable[[Sequence[str], Mapping[str, str]], "subprocess.CompletedProcess[str]"]
"""Runs a script, with its arguments and an environment, that makes what is handed in."""
Isolation: TypeAlias = Literal["usual", "forked", "side_by_side", "without_walls"]
"""How workers are kept apart: as by `python -m grader`, or as by a function of `tests/isolation.py`."""
_PROGRAM = """
import sys
from grader.cli import main
from tests import isolation
{first}
sys.exit(main(sys.argv[1:], isolation.{isolation}))
"""


def starting(isolation: Isolation) -> Door:
    """Return a door that starts Python for each command line."""

    def start(
        arguments: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *_program(isolation), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            cwd=folder,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    return start


def make(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Start Python for a script that makes what is handed in."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=PATIENCE_SECONDS,
        check=False,
    )


class ReadyGraders:
    """Graders that are forked from a ready Python, which has done what each of them would do again.

    A third of the processor time of a small submission is the canary's. So the canary is tried until it has
    passed, once with each isolation, and taken for passed from then on, as in a session that goes on.
    """

    def __init__(self, python: ReadyPython) -> None:
        self._python = python
        self._passed: set[Isolation] = set()

    def door(self, isolation: Isolation) -> Door:
        """Return a door that has a Python forked for each command line."""
        program = _program(isolation, canary_has_passed=isolation in self._passed)
        return lambda arguments, environment, folder: self._python.run(
            Program([*program, *arguments], folder, environment)
        )

    def make(
        self, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Have a Python forked for a script that makes what is handed in."""
        return self._python.run(Program(arguments, environment=environment))

    def canary_passed(self, isolation: Isolation) -> None:
        """Take note that the canary has passed with this isolation."""
        self._passed.add(isolation)


def _program(isolation: Isolation, *, canary_has_passed: bool = False) -> Sequence[str]:
    """Return what comes after `python` on a command line, before the grader's own arguments."""
    if isolation == "usual" and not canary_has_passed:
        return ("-m", "grader")
    first = "isolation.canary_has_passed()" if canary_has_passed else ""
    return ("-c", _PROGRAM.format(first=first, isolation=isolation))
