"""The option that names public images, which several commands have."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from grader.classes import ClassInfo
from grader.commands.left_out import say_what_is_left_out
from grader.findings.catalogue import Language
from grader.split import Split, open_split


def add_public(parser: argparse.ArgumentParser) -> None:
    """Give a parser `--public`."""
    parser.add_argument(
        "--public",
        type=Path,
        metavar="DIR",
        help="images that students have: the diagnosis asks about some of them, too, to tell what was learnt "
        "by heart (default: the assignment's own)",
    )


def open_public(path: Path | None, classes: Sequence[ClassInfo], language: Language) -> Split | None:
    """Open the folder that was given, and say what in it is no image; None if none was given.

    Raises:
        UsageError: the folder cannot be used.
    """
    if path is None:
        return None
    split = open_split(path, classes)
    say_what_is_left_out(path, split.aside, language)
    return split
