"""The two languages that everything is said in, and which one somebody wants."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
ENVIRONMENT_VARIABLE = "GRADER_LANG"
OPTION = "--lang"
_SHORTEST = len("--l")
"""argparse takes the beginning of an option for the whole."""


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


def _named(text: str) -> Language | None:
    """Return the language that a code or a locale's name begins with."""
    return next((language for language in LANGUAGES if text.lower().startswith(language)), None)
