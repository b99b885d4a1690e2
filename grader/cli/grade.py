"""`python -m grader SUBMISSION`: grade one submission."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path

from grader.cli.command import (
    EXIT_DONE,
    EXIT_INTERNAL,
    EXIT_REFUSED,
    Command,
    add_key_file,
    add_language,
    add_public,
    add_quiet,
    open_public,
    say,
    say_what_is_left_out,
    warn_if_exposed,
)
from grader.intake import check_exists, name_of
from grader.model.assignment import load_assignment
from grader.model.report import Report
from grader.model.verdict import Verdict
from grader.printable import one_line
from grader.progress import Watched, showing
from grader.report.files import INSTRUCTOR_HTML, check_output_folder, write_outcome
from grader.report.text import render_brief, render_text
from grader.sandbox.isolation import OpenIsolation, open_isolation
from grader.session.grading import Checks, run_grading
from grader.split import choose_split
from grader.wording import words


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("submission", type=Path, help="folder or .zip with main.py and its checkpoint")
    parser.add_argument(
        "--split",
        type=Path,
        help="images to ask about: a folder with one sub-folder a class, or a sealed file",
    )
    add_key_file(parser)
    parser.add_argument("--assignment", type=Path, help="assignment file (default: the 26-class garbage lab)")
    parser.add_argument("--out", type=Path, help="folder for the reports (default: reports/NAME)")
    parser.add_argument(
        "--self-check",
        action="store_true",
        help="a student's own check: public images, runs without a sandbox if need be",
    )
    parser.add_argument(
        "--skip-canary",
        action="store_true",
        help="do not try the two built-in submissions first; the report says so",
    )
    parser.add_argument("--no-replay", action="store_true", help="do not ask a part of the images again")
    parser.add_argument(
        "--no-diagnosis", action="store_true", help="do not look for the cause of wrong answers by experiment"
    )
    add_public(parser)
    add_language(parser, "the summary, and what the pages show first", of_pages=True)
    parser.add_argument(
        "--brief",
        action="store_true",
        help="print one line, and no progress in a log; the reports are the same",
    )
    add_quiet(parser)


def _run(options: argparse.Namespace) -> int:
    submission: Path = options.submission
    check_exists(submission)
    out: Path = options.out or Path("reports", name_of(submission))
    assignment = load_assignment(options.assignment)
    split = choose_split(options.split, assignment, self_check=options.self_check, key_file=options.key_file)
    warn_if_exposed(split.key_file, options.lang)
    if not options.quiet:
        say_what_is_left_out(options.split, split.aside, options.lang)
    check_output_folder(out, submission, options.split)
    public = open_public(options.public, assignment.classes, options.lang)
    watched = Watched(options.lang)
    # Of many that are graded side by side, a line each is what was asked for.
    is_quiet = options.quiet or (options.brief and not sys.stderr.isatty())
    waiting = nullcontext() if is_quiet else showing(watched.words)
    isolate: OpenIsolation = options.isolation or open_isolation
    with isolate(assignment.limits, official=not options.self_check) as isolation, waiting:
        outcome = run_grading(
            submission,
            split,
            assignment,
            self_check=options.self_check,
            checks=Checks(
                canary=not options.skip_canary,
                replay=not options.no_replay,
                diagnosis=not options.no_diagnosis,
            ),
            progress=watched,
            public=public,
            isolation=isolation,
        )
        watched("report")
        page = write_outcome(outcome, out, options.lang)
    if outcome.failure:
        sys.stderr.write(outcome.failure)
    if options.brief or options.quiet:
        say(render_brief(outcome.report))
    else:
        say(f"{render_text(outcome.report, options.lang)}\n{_pages(page, out, options)}")
    return _exit_code(outcome.report)


def _pages(page: Path, out: Path, options: argparse.Namespace) -> str:
    """Say where the pages are; a student's own check needs only one of them."""
    lines = [words(options.lang, "page", path=page)]
    if not options.self_check:
        lines.append(words(options.lang, "instructor-page", path=out / INSTRUCTOR_HTML))
    return "".join(f"  {one_line(line)}\n" for line in lines)


def _exit_code(report: Report) -> int:
    if report.verdict is Verdict.INTERNAL:
        return EXIT_INTERNAL
    return EXIT_DONE if report.verdict is Verdict.GRADED else EXIT_REFUSED


COMMAND = Command(
    summary="grade one submission",
    description="Grade one submission: run predict(image) on every image of a split, in a sandbox.",
    epilog="exit code: 0 graded, 1 not gradable (the report says why), 2 usage, 3 the harness failed",
    add_arguments=_add_arguments,
    run=_run,
)
