"""`python -m grader gradescope ACTION ...`: the harness as a Gradescope autograder."""

from __future__ import annotations

import argparse
from pathlib import Path

from grader.cli.command import EXIT_DONE, Command, command_of, say
from grader.cli.options import add_assignment, add_key_file, add_language, warn_if_exposed
from grader.errors import UsageError
from grader.exchange import render_results, write_autograder
from grader.files import write_atomically
from grader.model.assignment import load_assignment
from grader.printable import one_line
from grader.report import REPORT_JSON, read_report
from grader.split import key_file_from, open_sealed
from grader.wording import words

_ROOT = Path(__file__).parents[2]


def _add_results_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the report")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results.json to write")
    add_language(parser, "the summary")


def _results(options: argparse.Namespace) -> int:
    report = read_report(options.folder / REPORT_JSON)
    try:
        write_atomically(options.out, render_results(report, options.lang).encode("utf-8"))
    except OSError as error:
        raise UsageError("cannot-write", path=options.out, reason=error) from error
    return EXIT_DONE


def _add_pack_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--split", type=Path, required=True, metavar="FILE", help="sealed split, as `split seal` writes it"
    )
    add_key_file(parser)
    add_assignment(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="zip to write")
    add_language(parser, "the output")


def _pack(options: argparse.Namespace) -> int:
    assignment = load_assignment(options.assignment)
    key_file = key_file_from(options.key_file)
    open_sealed(options.split, key_file, assignment.classes)  # what could not be graded is not packed
    warn_if_exposed(key_file, options.lang)
    write_autograder(_ROOT, assignment, options.split, key_file, options.out)
    say(f"{one_line(words(options.lang, 'pack-written', path=options.out))}\n")
    return EXIT_DONE


ACTIONS = {
    "pack": Command(
        summary="write the zip to upload",
        description="Pack grader, assignment, sealed split and key into the zip that Gradescope takes as an "
        "autograder. Its container must allow user namespaces: without them submissions get no mark.",
        epilog="exit code: 0 written, 2 wrong usage",
        add_arguments=_add_pack_arguments,
        run=_pack,
    ),
    "results": Command(
        summary="write a report as results.json",
        description="Write a report as the results.json that Gradescope reads.",
        epilog="exit code: 0 written, 2 wrong usage",
        add_arguments=_add_results_arguments,
        run=_results,
    ),
}


COMMAND = command_of(
    ACTIONS,
    summary="make a Gradescope autograder, or write its results",
    description="Use this grader as a Gradescope autograder.",
)
