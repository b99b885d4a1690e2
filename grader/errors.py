"""Errors that end a command; each is one line for a person, in the language that was asked for.

An error carries a code of `wording/errors.toml` and details, which are filled into the text of that code.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
ENVIRONMENT_VARIABLE = "GRADER_LANG"
OPTION = "--lang"
_SHORTEST = len("--l")
"""argparse takes the beginning of an option for the whole."""
_TABLE = Path(__file__).parent / "wording" / "errors.toml"
"""It lies with all other sentences: whoever translates finds them in one folder."""


@dataclass(frozen=True)
class Line:
    """A text of `errors.toml` with what is filled in, to be said in either language.

    A detail may be a line itself, or an error: an OSError gives the system's reason.
    """

    code: str
    details: Mapping[str, object] = field(default_factory=dict)

    def text(self, language: Language) -> str:
        """Return the text, filled in.

        Raises:
            KeyError: there is no such code, or a detail that its text needs was not given.
        """
        sentence: str = lines()[self.code][language]
        return sentence.format(**{name: text_of(detail, language) for name, detail in self.details.items()})

    def __str__(self) -> str:
        return self.text("en")


def line(code: str, /, **details: object) -> Line:
    """Return the line of that code; its braces are filled with the details."""
    return Line(code, details)


def in_short(names: Sequence[str], most: int = 5) -> Line | str:
    """Return the first few of a list of names, and how many more there are."""
    first, more = ", ".join(names[:most]), len(names) - most
    return line("and-more", names=first, count=more) if more > 0 else first


class LineError(Exception):
    """An error that says what is the matter in a :class:`Line`. `str()` gives it in English."""

    def __init__(self, code: str, /, **details: object) -> None:
        self.line = line(code, **details)
        super().__init__(str(self.line))

    def text(self, language: Language) -> str:
        """Return what is the matter in that language."""
        return self.line.text(language)

    def __reduce__(self) -> tuple[object, ...]:
        # The workers of a cluster send errors.
        return _again, (type(self), self.line)


class UsageError(LineError):
    """What the caller gave cannot be used: a path, a split, a setting. Exit code 2.

    The line says what is wrong and what to do about it.
    """


class ContentError(LineError, ValueError):
    """What a file says cannot be used. Whoever knows the file's name makes a :class:`UsageError` of it."""


class HarnessError(LineError):
    """This machine or the harness itself cannot grade now. Exit code 3, never a score.

    Raised, for example, when official grading finds no working sandbox.
    """


@cache
def lines() -> Mapping[str, Any]:
    """Return the table: a text in each language by code."""
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


def text_of(detail: object, language: Language) -> object:
    """Return a detail as it is filled in: a line or an error in that language, anything else as it is."""
    if isinstance(detail, Line | LineError):
        return detail.text(language)
    if isinstance(detail, OSError):
        known = f"system-{errno.errorcode.get(detail.errno or 0, '')}"
        english = detail.strerror or str(detail)
        return english if language == "en" or known not in lines() else lines()[known][language]
    return detail


def usual_language(environment: Mapping[str, str] = os.environ) -> Language:
    """Return the language of who has not said so on the command line: that of GRADER_LANG, else English.

    `zh_CN.UTF-8`, as a locale is called, is Chinese, too.
    """
    return _named(environment.get(ENVIRONMENT_VARIABLE, "")) or "en"


def language_of(arguments: Sequence[str]) -> Language:
    """Return the language that a command line asks for, which may be wrong in every other respect."""
    chosen: Language | None = None
    for argument, following in pairwise([*arguments, ""]):
        if argument == "--":
            break
        option, equals, value = argument.partition("=")
        if len(option) >= _SHORTEST and OPTION.startswith(option):
            chosen = _named(value if equals else following) or chosen
    return chosen or usual_language()


def _again(kind: type[LineError], said: Line) -> LineError:
    return kind(said.code, **said.details)


def _named(text: str) -> Language | None:
    """Return the language that a code or a locale's name begins with."""
    return next((language for language in LANGUAGES if text.lower().startswith(language)), None)
