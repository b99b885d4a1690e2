"""What a command of `python -m grader` is, and the exit codes that they share.

The option that chooses a language, which every command has.

The option `--key-file`, which every command has that opens a sealed split.

What a command says of files in a split that are no images: nothing is left out in silence.

The option that names public images, which several commands have.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import ENVIRONMENT_VARIABLE, LANGUAGES, OPTION, Language, usual_language
from grader.model.classes import ClassInfo
from grader.model.split import Split
from grader.printable import one_line
from grader.split import KEY_VARIABLE, PASSED_OVER, is_exposed, open_split
from grader.wording import words

EXIT_DONE = 0
EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_INTERNAL = 3
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        summary: one line for the list of commands.
        description: what `--help` says first.
        epilog: what `--help` says last, its exit codes among it.
        add_arguments: give the parser its arguments.
        run: do it; returns the exit code. UsageError and HarnessError are said in one line by the caller.
    """

    summary: str
    description: str
    epilog: str
    add_arguments: Callable[[argparse.ArgumentParser], object]
    run: Callable[[argparse.Namespace], int]


def command_of(actions: Mapping[str, Command], summary: str, description: str) -> Command:
    """Return a command that does one of several actions: `python -m grader COMMAND ACTION ...`."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        subparsers = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        for name, action in actions.items():
            own = subparsers.add_parser(
                name, help=action.summary, description=action.description, epilog=action.epilog
            )
            action.add_arguments(own)

    return Command(
        summary=summary,
        description=description,
        epilog="every action has a --help of its own",
        add_arguments=add_arguments,
        run=lambda options: actions[options.action].run(options),
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Give a parser `--quiet`, for a command that says how far it is."""
    parser.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        help="print the last line and errors alone: no progress, no notes; the files are the same",
    )


def say(text: str) -> None:
    """Print to whoever still listens: what matters is in files already."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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


def add_key_file(parser: argparse.ArgumentParser) -> None:
    """Give a parser the option."""
    parser.add_argument("--key-file", type=Path, help=f"key of a sealed split (default: ${KEY_VARIABLE})")


def warn_if_exposed(key_file: Path | None, language: Language) -> None:
    """Say so if others than the key file's owner can read it; it is used all the same."""
    if key_file is not None and is_exposed(key_file):
        sys.stderr.write(f"grader: {one_line(words(language, 'key-exposed', path=key_file))}\n")


_REASONS = (*PASSED_OVER, "empty")
_MOST_NAMED = 3


def say_what_is_left_out(place: Path | None, aside: Mapping[str, Sequence[str]], language: Language) -> None:
    """Say in one line on standard error what was passed over, with counts, reasons and first names.

    Args:
        place: the folder that the user gave; None for the assignment's own.
        aside: names relative to the folder, by the reason.
        language: of the line.
    """
    said = [_said(why, names, language) for why in _REASONS if (names := aside.get(why))]
    if said:
        where = place or words(language, "aside-own-split")
        line = words(language, "aside", where=where, what=words(language, "semicolon").join(said))
        sys.stderr.write(f"grader: {one_line(line)}\n")


def _said(why: str, names: Sequence[str], language: Language) -> str:
    first = ", ".join([*names[:_MOST_NAMED], *(["..."] if names[_MOST_NAMED:] else [])])
    return words(language, f"aside-{why}", count=len(names), names=first)


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
