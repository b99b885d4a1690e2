"""Options that commands share, what they open, and the lines that say what was found on the way."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.cli.command_line import note
from grader.errors import ENVIRONMENT_VARIABLE, LANGUAGES, OPTION, Language, UsageError, usual_language
from grader.model.assignment import Assignment, load_assignment
from grader.model.dataset import Split
from grader.split import KEY_VARIABLE, PASSED_OVER, choose_split, is_exposed, open_split
from grader.wording import words

_REASONS = (*PASSED_OVER, "empty")
"""Why something in a split's folder is left out, in the order in which the reasons are said."""
_MOST_NAMED = 3
_MOST_JOBS = 1024


@dataclass(frozen=True)
class Inputs:
    """What submissions are graded on."""

    assignment: Assignment
    split: Split
    public: Split | None
    """Images that students have, as given by `--public`."""
    places: tuple[Path, ...]
    """Where images lie, or their sealed file: those given, and the assignment's own."""


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options that :func:`open_inputs` goes by."""
    parser.add_argument(
        "--split",
        type=Path,
        metavar="PATH",
        help="images to grade on: a folder with one sub-folder per class, or a sealed file "
        "(default: the assignment's own)",
    )
    add_key_file(parser)
    add_assignment(parser)
    parser.add_argument(
        "--public",
        type=Path,
        metavar="DIR",
        help="images that students have; the diagnosis asks about some of them, too, to find out what was "
        "memorised (default: the assignment's own)",
    )


def open_inputs(options: argparse.Namespace, *, self_check: bool) -> Inputs:
    """Open what submissions are graded on, and say what in it is left out.

    Raises:
        UsageError: something that was given cannot be used.
    """
    assignment = load_assignment(options.assignment)
    split = choose_split(options.split, assignment, self_check=self_check, key_file=options.key_file)
    warn_if_exposed(split.key_file, options.lang)
    public = None if options.public is None else open_split(options.public, assignment.classes)
    if not options.quiet:
        say_what_is_left_out(options.split, split.aside, options.lang)
        if public is not None:
            say_what_is_left_out(options.public, public.aside, options.lang)
    own = (Path(path) for path in (assignment.splits.hidden, assignment.splits.public) if path is not None)
    given = (path for path in (options.split, options.public) if path is not None)
    return Inputs(assignment, split, public, (*given, *own))


def add_assignment(
    parser: argparse.ArgumentParser, what: str = "assignment file (default: the 26-class garbage lab)"
) -> None:
    """Give a parser `--assignment`."""
    parser.add_argument("--assignment", type=Path, metavar="FILE", help=what)


def add_key_file(parser: argparse.ArgumentParser, what: str = "key of a sealed split") -> None:
    """Give a parser `--key-file`, for a command that opens a sealed split or makes one."""
    parser.add_argument("--key-file", type=Path, metavar="FILE", help=f"{what} (default: ${KEY_VARIABLE})")


def add_language(parser: argparse.ArgumentParser, of_what: str, *, of_pages: bool = False) -> None:
    """Give a parser `--lang`, the language of `of_what` and of errors.

    Args:
        parser: of a command.
        of_what: for `--help`.
        of_pages: whether pages are written, which have both languages and show this one first.
    """
    both = "; pages have both languages, and show this one first" if of_pages else ""
    parser.add_argument(
        OPTION,
        choices=LANGUAGES,
        default=usual_language(),
        help=f"language of {of_what}: en or zh (default: ${ENVIRONMENT_VARIABLE}, or en){both}",
    )


def add_jobs(parser: argparse.ArgumentParser, what: str) -> None:
    """Give a parser `--jobs`: how many of something are done at a time."""
    parser.add_argument("--jobs", type=_count, metavar="N", help=what)


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Give a parser `--quiet`, for a command that says how far it is."""
    parser.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        help="print only the last line and errors: no progress, no notes; the files are the same",
    )


def warn_if_exposed(key_file: Path | None, language: Language) -> None:
    """Say so if others than the key file's owner can read it; the key is used all the same."""
    if key_file is not None and is_exposed(key_file):
        note(words(language, "key-exposed", path=key_file))


def say_what_is_left_out(place: Path | None, aside: Mapping[str, Sequence[str]], language: Language) -> None:
    """Say in one line on standard error what a split leaves out, with counts, reasons and first names.

    Args:
        place: the folder that the user gave; None for the assignment's own.
        aside: names relative to the folder, by the reason.
        language: of the line.
    """
    said = [_in_short(why, names, language) for why in _REASONS if (names := aside.get(why))]
    if said:
        where = place or words(language, "aside-own-split")
        note(words(language, "aside", where=where, what=words(language, "semicolon").join(said)))


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST_JOBS:
        raise UsageError("jobs-number", text=text)
    return int(text)


def _in_short(why: str, names: Sequence[str], language: Language) -> str:
    first = ", ".join([*names[:_MOST_NAMED], *(["..."] if names[_MOST_NAMED:] else [])])
    return words(language, f"aside-{why}", count=len(names), names=first)
