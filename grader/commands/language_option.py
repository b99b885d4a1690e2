"""The option that chooses a language, which several commands have."""

from __future__ import annotations

import argparse

from grader.findings.catalogue import LANGUAGES


def add_language(parser: argparse.ArgumentParser, of_what: str) -> None:
    """Give a parser `--lang`, which is the language `of_what`; pages have both and show this one first."""
    parser.add_argument(
        "--lang",
        choices=LANGUAGES,
        default="en",
        help=f"language of {of_what}: en or zh (default: en); pages have both, and a switch",
    )
