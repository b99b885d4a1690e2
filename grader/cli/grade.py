"""`python -m grader SUBMISSION`: grade one submission.

`doctor` and `canary` say before whether this machine can: what it offers, and whether it grades as it should.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from contextlib import nullcontext
from pathlib import Path

from grader import doctor
from grader.cli.command_line import EXIT_DONE, EXIT_INTERNAL, EXIT_REFUSED, Command, say
from grader.cli.options import add_assignment, add_inputs, add_jobs, add_language, add_quiet, open_inputs
from grader.errors import HarnessError, Language, UsageError
from grader.intake import check_exists, name_of
from grader.model.assignment import load_assignment
from grader.model.grading import Checks, Exam, Grading
from grader.model.report import Report
from grader.model.verdict import Verdict
from grader.printable import one_line
from grader.progress import Watched, showing
from grader.report import (
    INSTRUCTOR_HTML,
    REPORT_HTML,
    build_report,
    check_output_folder,
    render_brief,
    render_text,
    write_grading,
)
from grader.sandbox import open_isolation
from grader.session import MOST_JOBS, open_session, pass_canary
from grader.wording import words


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("submission", type=Path, help="folder or .zip that holds main.py and its checkpoint")
    add_inputs(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for the reports (default: reports/NAME)"
    )
    parser.add_argument(
        "--self-check",
        action="store_true",
        help="check your own submission on public images; works without the sandbox, too",
    )
    parser.add_argument(
        "--skip-canary",
        action="store_true",
        help="skip the self-test of the grader on two built-in submissions; the report says so",
    )
    parser.add_argument(
        "--no-replay", action="store_true", help="skip the second pass, which asks about some images again"
    )
    parser.add_argument(
        "--no-diagnosis",
        action="store_true",
        help="skip the experiments that look for the cause of wrong answers",
    )
    add_language(parser, "the summary", of_pages=True)
    parser.add_argument(
        "--brief",
        action="store_true",
        help="print one line, and progress on a terminal only; the files are the same",
    )
    add_jobs(parser, f"workers that are asked at a time (default: one for each core, at most {MOST_JOBS})")
    add_quiet(parser)


def _run(options: argparse.Namespace) -> int:
    submission: Path = options.submission
    check_exists(submission)
    out: Path = options.out or Path("reports", name_of(submission))
    if options.self_check and options.public is not None:
        raise UsageError("public-in-self-check")
    inputs = open_inputs(options, self_check=options.self_check)
    check_output_folder(out, submission, inputs.places)
    exam = Exam(
        inputs.split,
        inputs.assignment,
        "self-check" if options.self_check else "official",
        Checks(
            canary=not options.skip_canary,
            replay=not options.no_replay,
            diagnosis=not options.no_diagnosis,
        ),
        inputs.public,
    )
    watched = Watched(options.lang)
    # Many that are graded side by side in a log give one line each.
    is_quiet = options.quiet or (options.brief and not sys.stderr.isatty())
    waiting = nullcontext() if is_quiet else showing(watched.words)
    opened = open_session(exam, options.isolate or open_isolation, options.jobs or MOST_JOBS)
    with opened as session, waiting:
        grading = session.grade(submission, progress=watched)
        watched("report")
        report = build_report(grading)
        unwritten = _write(grading, report, out, options.lang)
    sys.stderr.write(grading.trace)
    if options.brief or options.quiet:
        say(render_brief(report, options.lang))
    else:
        pages = "" if unwritten else f"\n{_pages(out, options)}"
        say(f"{render_text(report, options.lang)}{pages}")
    if unwritten:
        raise unwritten
    return _exit_code(report)


def _write(grading: Grading, report: Report, out: Path, language: Language) -> HarnessError | None:
    """Write the files; return what is to be said where that fails, once the score has been said."""
    try:
        write_grading(grading, report, out, language)
    except OSError as error:
        return HarnessError("report-not-written", out=out, reason=error)
    return None


def _pages(out: Path, options: argparse.Namespace) -> str:
    """Return where the pages are; a student's own check needs only one of them."""
    lines = [words(options.lang, "page", path=out / REPORT_HTML)]
    if not options.self_check:
        lines.append(words(options.lang, "instructor-page", path=out / INSTRUCTOR_HTML))
    return "".join(f"  {one_line(line)}\n" for line in lines)


def _exit_code(report: Report) -> int:
    if report.verdict is Verdict.INTERNAL:
        return EXIT_INTERNAL
    return EXIT_DONE if report.verdict is Verdict.GRADED else EXIT_REFUSED


def _add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the results as JSON, in both languages")
    add_assignment(
        parser, "assignment whose limits the machine must meet (default: the 26-class garbage lab)"
    )
    add_language(parser, "the table")


def _doctor(options: argparse.Namespace) -> int:
    isolation, results = doctor.examine(load_assignment(options.assignment).limits)
    if options.json:
        say(doctor.as_json(isolation, results))
    else:
        say(doctor.render(isolation, results, shutil.get_terminal_size((100, 24)).columns, options.lang))
    return EXIT_DONE if isolation.is_top else EXIT_REFUSED


def _canary(options: argparse.Namespace) -> int:
    pass_canary()
    say(f"{words(options.lang, 'canary-passed')}\n")
    return EXIT_DONE


GRADE = Command(
    summary="grade one submission",
    description="Grade one submission: ask its predict(image) about every image of a split, in a sandbox, "
    "and write a report that says what to mend first.",
    epilog="exit code: 0 graded, 1 another verdict (the report says why), 2 wrong usage, "
    "3 the harness failed, 130 interrupted",
    add_arguments=_add_arguments,
    run=_run,
)


DOCTOR = Command(
    summary="say which isolation level this machine offers, and how to get a higher one",
    description="Check what grading needs of this machine: the sandbox and what it is made of, memory, "
    "cores, libraries.",
    epilog="exit code: 0 official grading works here, 1 it does not (the table says why), 2 wrong usage",
    add_arguments=_add_doctor_arguments,
    run=_doctor,
)


CANARY = Command(
    summary="check the grader on two built-in submissions",
    description="Grade two built-in submissions: an honest one, which must get its known score, and an "
    "attack, which must gain nothing. Official grading does this by itself before it begins.",
    epilog="exit code: 0 both got the known result, 3 one of them did not: do not grade on this machine",
    add_arguments=lambda parser: add_language(parser, "the result"),
    run=_canary,
)
