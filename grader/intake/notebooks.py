"""`main.py` of a submission that has only a notebook: made of the cells that are marked for it.

A notebook is text that a student may make grow as it is read. It is read in a process of its own, under the
kernel's bounds, by the course library's `cells.py`. No cell is run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from grader.errors import HarnessError
from grader.intake.receiving import IntakeRefusedError, Receiver, find_root
from grader.model.assignment import MIB
from grader.model.submission import MAIN, NotebookUse
from grader.places import course_library
from grader.system import own_variables

_BOUNDS = {"RLIMIT_CPU": 10, "RLIMIT_DATA": 600 * MIB, "RLIMIT_FSIZE": 16 * MIB, "RLIMIT_CORE": 0}
"""Seconds and bytes. A notebook with 20 MB of pictures takes .2 s and 100 MiB."""
_PATIENCE_SECONDS = 600.0
"""By the clock: for systems whose kernel has no such bounds."""
_WITHOUT_MAIN = frozenset({"no-main", "misnamed-main"})
"""Refusals of what has no `main.py`."""
_WITHOUT_MARKS = frozenset({"notebook-unmarked", "notebook-unreadable"})
_PROCESS = Path(__file__).with_name("notebook_process.py")
_SUFFIX, _USUAL = ".ipynb", "main.ipynb"


@dataclass(frozen=True)
class _MadeOfNotebook:
    """What came of a notebook's marked cells."""

    text: str
    cells: int
    left_out: tuple[str, ...]
    """What a program cannot do, each as `cell:line text`."""
    is_same: bool
    """Whether it is the program that it was compared with."""


def find_main(receiver: Receiver) -> tuple[PurePosixPath, NotebookUse | None]:
    """Return the folder of `main.py`, which is made of a notebook if there is none, and what that is to it.

    Raises:
        IntakeRefusedError: there is no `main.py`, and none can be made.
        HarnessError: the process that reads a notebook cannot be started.
    """
    paths = [file.path for file in receiver.files]
    try:
        root = find_root(receiver.files)
    except IntakeRefusedError as refusal:
        notebook = _notebook_at_top(paths, deeper=True)
        if refusal.code not in _WITHOUT_MAIN or notebook is None:
            raise
        made = _made_of(notebook, receiver, refusal)
        receiver.accept(notebook.parent / MAIN, iter([made.text.encode("utf-8")]))
        used = NotebookUse(PurePosixPath(notebook.name), True, made.cells, made.left_out)
        return notebook.parent, used
    return root, _other_program(receiver.folder, root, paths)


def _notebook_at_top(paths: Iterable[PurePosixPath], *, deeper: bool) -> PurePosixPath | None:
    """Return the notebook that is at the top: `main.ipynb`, or the only one.

    Args:
        paths: of the files of a submission.
        deeper: look one folder deeper, if there is none at the top.
    """
    notebooks = sorted(path for path in paths if path.suffix.lower() == _SUFFIX)
    at_depth = [[path for path in notebooks if len(path.parts) == depth] for depth in (1, 2)]
    found = at_depth[0] or (at_depth[1] if deeper else [])
    chosen = [path for path in found if path.name.lower() == _USUAL] or found
    return chosen[0] if len(chosen) == 1 else None


def _made_of(notebook: PurePosixPath, receiver: Receiver, refusal: IntakeRefusedError) -> _MadeOfNotebook:
    """Make a `main.py`, in place of a refusal.

    Raises:
        IntakeRefusedError: none can be made of the notebook.
    """
    try:
        return _read(receiver.folder / notebook)
    except IntakeRefusedError as error:
        # A program under another name is nearer to what was meant than a notebook that no mark is found in.
        is_named = refusal.code == "misnamed-main" and PurePosixPath(refusal.detail).suffix != notebook.suffix
        raise refusal if is_named and error.code in _WITHOUT_MARKS else error from error


def _other_program(folder: Path, root: PurePosixPath, paths: Sequence[PurePosixPath]) -> NotebookUse | None:
    """Return the notebook whose marked cells make another program than `main.py`.

    It lies beside `main.py`, or at the top, where an older `main.py` may lie in a folder of its own.
    """
    at_top = PurePosixPath()
    for place in dict.fromkeys((root, at_top)):
        beside = [PurePosixPath(path.name) for path in paths if path.parent == place]
        notebook = _notebook_at_top(beside, deeper=False)
        if notebook is None:
            continue
        try:
            made = _read(folder / place / notebook, folder / root / MAIN)
        except IntakeRefusedError:  # it is a notebook like any other, and nobody's main.py
            continue
        if not made.is_same:
            return NotebookUse(notebook if place == root else ".." / notebook, False, made.cells)
    return None


def _read(notebook: Path, main: Path | None = None) -> _MadeOfNotebook:
    """Return what a notebook's marked cells make.

    Args:
        notebook: in the private copy of a submission.
        main: a program to compare with.

    Raises:
        IntakeRefusedError: nothing can be made of it.
        HarnessError: the process that reads it cannot be started.
    """
    request = {
        "notebook": str(notebook),
        "main": "" if main is None else str(main),
        "library": str(course_library() / "cells.py"),
        "bounds": _BOUNDS,
    }
    answer = _asked(request)
    if answer is None or "refused" in answer:
        raise _refusal(answer or {"refused": "unreadable"}, notebook.name)
    return _MadeOfNotebook(answer["text"], answer["cells"], tuple(answer["left_out"]), answer["is_same"])


def _refusal(answer: dict[str, Any], name: str) -> IntakeRefusedError:
    match answer["refused"]:
        case "unmarked":
            return IntakeRefusedError("notebook-unmarked", name)
        case "syntax":
            return IntakeRefusedError("notebook-syntax", f"{name}, {answer['detail']}")
        case "shell":
            return IntakeRefusedError("notebook-shell", f"{name}, {answer['detail']}")
    return IntakeRefusedError("notebook-unreadable", name)


def _asked(request: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the process answers; None if it went past its bounds."""
    with tempfile.TemporaryFile() as written:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-B", "-X", "utf8", str(_PROCESS)],
                input=json.dumps(request).encode("ascii"),
                stdout=written,
                stderr=subprocess.DEVNULL,
                env=own_variables(),
                timeout=_PATIENCE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        except OSError as error:
            raise HarnessError("notebook-process", reason=error) from error
        written.seek(0)
        answer: dict[str, Any] | None = None if done.returncode else json.loads(written.read())
    return answer
