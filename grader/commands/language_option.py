"""The option that chooses a language, which several commands have."""

from __future__ import annotations

import argparse

from grader.findings.catalogue import LANGUAGES


def add_language(parser: argparse.ArgumentParser) -> None:
    """Give a parser `--lang`; pages have both languages and show this one first."""
    parser.add_argument(
        "--lang",
        choices=LANGUAGES,
        default="en",
        help="language of the summary, and the one that pages show first: en or zh (default: en)",
    )
