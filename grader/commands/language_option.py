"""The option that chooses a language, which every command has."""

from __future__ import annotations

import argparse

from grader.language import ENVIRONMENT_VARIABLE, LANGUAGES, OPTION, usual_language


def add_language(parser: argparse.ArgumentParser, of_what: str, *, of_pages: bool = False) -> None:
    """Give a parser `--lang`, which is the language `of_what`; errors are in it, too.

    Args:
        parser: of a command.
        of_what: for `--help`.
        of_pages: whether pages are written, which have both languages and show this one first.
    """
    both = "; pages have both, and a switch" if of_pages else ""
    parser.add_argument(
        OPTION,
        choices=LANGUAGES,
        default=usual_language(),
        help=f"language of {of_what}: en or zh (default: ${ENVIRONMENT_VARIABLE}, or en){both}",
    )
