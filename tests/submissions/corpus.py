"""The corpus: one folder a case, described by its `case.toml`.

A case is what somebody hands in. `main.py` and whatever lies beside it are handed in as they are; a `make.py`,
where there is one, is run first and adds what no repository can hold: pipes, bombs, names in another encoding,
checkpoints. It is called as `python make.py FOLDER`, where FOLDER is the copy that will be handed in, and
`FOLDER.zip` is handed in instead if it makes one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grader.model.verdict import Verdict

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
DESCRIPTION, MAKER = "case.toml", "make.py"
_IDS = "[A-F][0-9][0-9]_*"


class CorpusError(Exception):
    """A case is described wrongly, or there is no such case."""


class Case(BaseModel):
    """One submission and what must come of it. Texts between slashes, `/like this/`, are regular expressions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    folder: Path
    row: str = Field(pattern=r"^[A-F][1-9][0-9]?$")
    """The kind of trouble, and a number: A steals, B forges, C exhausts, D is broken in good faith, E was
    found by strangers and is of any of these kinds, F is about the worker that the diagnosis records."""
    does: str = Field(min_length=1)
    """What the submission does, in one sentence."""
    verdict: Verdict = Field(strict=False)
    correct: int | None = None
    """Images answered right, where that is certain."""
    at_most: int | None = None
    """The most that guessing gives, where it is not."""
    unanswered: int | None = None
    """Images without any answer, where that is certain."""
    findings: tuple[str, ...] = Field(default=(), strict=False)
    """Codes of findings that the report must have; it may have no other of severity `error`."""
    first: str = ""
    """Code of the finding that must be told before all others."""
    never_findings: tuple[str, ...] = Field(default=(), strict=False)
    """Codes of findings that it must not have."""
    says: tuple[str, ...] = Field(default=(), strict=False)
    """What the student's report must say, as text or in `report.json`."""
    never_says: tuple[str, ...] = Field(default=(), strict=False)
    """What neither the terminal nor any file for the student may say."""
    printed: tuple[str, ...] = Field(default=(), strict=False)
    """What the instructor's file must show that the submission printed: proof that it did what it is for."""
    tells: tuple[str, ...] = Field(default=(), strict=False)
    """What the instructor's page must say."""
    never_printed: tuple[str, ...] = Field(default=(), strict=False)
    """What it would have printed, had it succeeded."""
    never_shows: tuple[int, int, int] | None = Field(default=None, strict=False)
    """A colour, RGB, that no picture for the student may have in any pixel: that of hidden images."""
    recorded: Literal[
        "", "answers", "not ready", "CRASH", "TIMEOUT", "MEMORY", "PIDS", "OUTPUT", "CONTRACT"
    ] = ""
    """What comes of asking it about the test charts where it is recorded; `test_recorded.py` looks."""
    gone: str = ""
    """Part of a command line that no process of the machine may have afterwards."""
    name: str = "submission"
    """Of the folder that is handed in."""
    limits: dict[str, float] = {}
    """What differs from the corpus's own limits."""
    environment: dict[str, str] = {}
    """Variables of the grader's environment."""
    images: Literal["colours", "sizes"] = "colours"
    """Which images are asked; see `ground.py`."""
    seconds: float = 3.0
    """About how long its grading takes: the longest begin first. No machine is held to it."""
    needs: tuple[Literal["mindspore"], ...] = Field(default=(), strict=False)
    works_without_walls: Literal["never", "as root", "always"] = "never"
    """Whether the attack succeeds on the lower isolation level, which has no walls: all images are right then."""
    pending: str = ""
    """Why the grader does not do what is expected here yet. It must fail until it does."""
    in_a_class: str = ""
    """What of the row needs a class of submissions to be seen; `test_class.py` looks."""

    @property
    def id(self) -> str:
        """Name of the folder: the row, and a few words."""
        return self.folder.name

    @property
    def files(self) -> tuple[Path, ...]:
        """What is handed in before `make.py` adds to it."""
        return tuple(
            path
            for path in sorted(self.folder.iterdir())
            if path.name not in (DESCRIPTION, MAKER, "__pycache__")
        )


def read_case(folder: Path) -> Case:
    """Read one folder's description.

    Raises:
        CorpusError: naming the file, the key and the reason.
    """
    path = folder / DESCRIPTION
    try:
        case = Case(folder=folder, **tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, ValidationError, TypeError) as error:
        raise CorpusError(f"{path}: {error}") from error
    row = f"{case.row[0]}{int(case.row[1:]):02d}"
    if not folder.name.startswith(f"{row}_"):
        raise CorpusError(f"{path}: row {case.row} belongs into a folder {row}_...")
    if case.correct is None and case.at_most is None:
        raise CorpusError(f"{path}: say what score is expected: correct or at_most")
    return case


def corpus() -> tuple[Case, ...]:
    """Read every case, in the order of the ids."""
    return tuple(read_case(folder) for folder in sorted(HERE.glob(_IDS)) if folder.is_dir())


def choose(cases: Sequence[Case], ids: Sequence[str]) -> tuple[Case, ...]:
    """Return the cases whose ids begin with one of `ids`; all if none is given.

    Raises:
        CorpusError: one of `ids` begins no case's id.
    """
    for wanted in ids:
        if not any(case.id.startswith(wanted) for case in cases):
            raise CorpusError(f"there is no case {wanted}: ids are such as C03 or {cases[0].id}")
    return tuple(case for case in cases if not ids or case.id.startswith(tuple(ids)))
