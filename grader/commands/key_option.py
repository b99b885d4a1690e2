"""The option `--key-file`, which every command has that opens a sealed split."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from grader.findings.catalogue import Language, words
from grader.printable import one_line
from grader.sealed.key_file import ENVIRONMENT_VARIABLE, is_exposed


def add_key_file(parser: argparse.ArgumentParser) -> None:
    """Give a parser the option."""
    parser.add_argument(
        "--key-file", type=Path, help=f"key of a sealed split (default: ${ENVIRONMENT_VARIABLE})"
    )


def warn_if_exposed(key_file: Path | None, language: Language) -> None:
    """Say so if others than the key file's owner can read it; it is used all the same."""
    if key_file is not None and is_exposed(key_file):
        sys.stderr.write(f"grader: {one_line(words(language, 'key-exposed', path=key_file))}\n")
