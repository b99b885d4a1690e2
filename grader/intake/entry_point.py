"""Finding `main.py` among a submission's files, and saying what to do where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from grader.intake.refusal import IntakeRefusedError
from grader.intake.submission import SubmittedFile

MAIN = PurePosixPath("main.py")


def find_root(files: Sequence[SubmittedFile]) -> PurePosixPath:
    """Return the folder, relative to what was handed in, in which `main.py` lies.

    The submission itself, or one folder deeper if that is the only folder with a `main.py`.

    Raises:
        IntakeRefusedError: no file at all, no `main.py`, or more than one to choose from.
    """
    if not files:
        raise IntakeRefusedError("empty")
    paths = {file.path for file in files}
    if MAIN in paths:
        return PurePosixPath()
    deeper = sorted(path.parent for path in paths if path.name == "main.py" and len(path.parts) == 2)
    if len(deeper) == 1:
        return deeper[0]
    if deeper:
        raise IntakeRefusedError("several-mains", ", ".join(f"{folder}/main.py" for folder in deeper[:5]))
    raise _no_main(sorted(paths))


def _no_main(paths: Sequence[PurePosixPath]) -> IntakeRefusedError:
    for path in paths:
        if path.name == "main.py":
            return IntakeRefusedError("deep-main", str(path))
    for path in paths:
        if path.name.lower() in ("main.py", "predict.py", "main.py.txt", "main.ipynb"):
            return IntakeRefusedError("misnamed-main", str(path))
    found = ", ".join(str(path) for path in paths[:5])
    return IntakeRefusedError("no-main", found + (" ..." if len(paths) > 5 else ""))
