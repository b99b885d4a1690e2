"""What everybody was given: no likeness comes of that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.sandbox.policy import course_library
from grader.similarity.sketch import CodeFile, code_of

_TEMPLATES = Path(__file__).parents[2] / "student"
"""There in a clone; an installation has only the course library."""


@dataclass(frozen=True)
class Given:
    """Code that was handed out."""

    name: str
    files: tuple[CodeFile, ...]


def given_code(handed_out: Path | None = None) -> tuple[Given, ...]:
    """Return the lab's templates and its library, and what an instructor handed out besides.

    Raises:
        UsageError: `handed_out` is no folder that can be read, or has no code in it.
    """
    found = [*_of_the_lab()]
    if handed_out is not None:
        try:
            files = tuple(code_of(handed_out))
        except OSError as error:
            raise UsageError(f"cannot read --handed-out {handed_out}: {error.strerror}") from error
        if not files:
            raise UsageError(f"--handed-out {handed_out}: no .py or .ipynb file is in this folder")
        found.append(Given(handed_out.name, files))
    return tuple(found)


def _of_the_lab() -> Iterator[Given]:
    library = course_library()
    if (_TEMPLATES / "main.py").is_file():
        templates = (file for file in code_of(_TEMPLATES) if not file.path.startswith(f"{library.name}/"))
        yield Given("the templates", tuple(templates))
    if library.is_dir():
        yield Given(library.name, tuple(code_of(library)))
