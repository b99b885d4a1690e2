"""The command line: `python -m grader SUBMISSION [--split DIR] [--out DIR] ...`."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from grader.assignment import load_assignment
from grader.errors import HarnessError, UsageError
from grader.grading import choose_split, run_grading
from grader.intake.intake import check_exists, name_of
from grader.report.files import check_output_folder, write_outcome
from grader.report.model import Report
from grader.report.text import one_line, render_text
from grader.verdict import Verdict

EXIT_GRADED = 0
EXIT_NOT_GRADABLE = 1
EXIT_USAGE = 2
EXIT_INTERNAL = 3
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one grading; return the exit code.

    0 graded; 1 not gradable, the verdict is in the report; 2 something that was given cannot be
    used; 3 the harness or this machine failed; 130 interrupted.
    """
    # A terminal that cannot show Chinese must not cost anybody a report.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    # Being told to stop must clean up as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        return _grade(options)
    except UsageError as error:
        return _complain(str(error), EXIT_USAGE)
    except HarnessError as error:
        return _complain(str(error), EXIT_INTERNAL)
    except Exception:
        traceback.print_exc()
        return _complain(
            "that was a fault of the harness; there is no score. Please report it", EXIT_INTERNAL
        )
    except KeyboardInterrupt:
        return _complain("interrupted; no report was written", EXIT_INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m grader",
        description="Grade one submission: run predict(image) on every image of a split, in a sandbox.",
        epilog="exit code: 0 graded, 1 not gradable (the report says why), 2 usage, 3 the harness failed",
    )
    parser.add_argument("submission", type=Path, help="folder or .zip with main.py and its checkpoint")
    parser.add_argument(
        "--split", type=Path, help="images to ask about: a folder with one sub-folder a class"
    )
    parser.add_argument("--assignment", type=Path, help="assignment file (default: the 26-class garbage lab)")
    parser.add_argument("--out", type=Path, help="folder for the reports (default: reports/NAME)")
    parser.add_argument(
        "--self-check",
        action="store_true",
        help="a student's own check: public images, runs without a sandbox if need be",
    )
    return parser


def _grade(options: argparse.Namespace) -> int:
    submission: Path = options.submission
    check_exists(submission)
    out: Path = options.out or Path("reports", name_of(submission))
    assignment = load_assignment(options.assignment)
    split = choose_split(options.split, assignment, self_check=options.self_check)
    check_output_folder(out, submission)
    with tqdm(total=len(split.images), unit="image", desc="import", leave=False, disable=None) as bar:
        outcome = run_grading(
            submission,
            split,
            assignment,
            self_check=options.self_check,
            progress=lambda asked: _advance(bar, asked),
        )
    page = write_outcome(outcome, out)
    if outcome.failure:
        sys.stderr.write(outcome.failure)
    _print(f"{render_text(outcome.report)}\n  report: {one_line(str(page))}\n")
    return _exit_code(outcome.report)


def _advance(bar: tqdm[NoReturn], asked: int) -> None:
    bar.set_description("predict", refresh=False)
    bar.update(asked - bar.n)


def _print(text: str) -> None:
    """Print to whoever still listens; the files are written already."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _exit_code(report: Report) -> int:
    if report.verdict is Verdict.INTERNAL:
        return EXIT_INTERNAL
    return EXIT_GRADED if report.verdict is Verdict.GRADED else EXIT_NOT_GRADABLE


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"grader: {message}\n")
    return code
