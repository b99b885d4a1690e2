"""`python -m grader batch SUBMISSIONS`: grade a whole class."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

from grader.classroom.class_pass import ClassPass, Step
from grader.classroom.executor import Executor, local_executor
from grader.classroom.gradebook import Row, missing_packages, row_of
from grader.classroom.pages import GRADEBOOK, publish
from grader.classroom.roster import read_roster
from grader.classroom.store import Store, open_store
from grader.classroom.submissions import Entry, find_entries, gathered, in_short, opened
from grader.cli.command import (
    EXIT_DONE,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
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
from grader.errors import Language, UsageError
from grader.files import workspace
from grader.model.assignment import Assignment, load_assignment
from grader.model.job import Checks, Exam
from grader.model.split import Split
from grader.model.verdict import Verdict
from grader.printable import one_line
from grader.progress import WatchedClass, showing
from grader.report import verdict_in_words
from grader.session import Session, open_session
from grader.similarity import given_to_all
from grader.split import choose_split
from grader.wording import words

_DASK = "dask://"
_GRACE_SECONDS = 5.0
"""For the gradings that are under way to end by themselves, between two images, after Ctrl-C."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "submissions", type=Path, help="folder, or .zip of one, with one folder or .zip a student"
    )
    parser.add_argument("--split", type=Path, help="images to ask about: a folder, or a sealed file")
    add_key_file(parser)
    parser.add_argument("--assignment", type=Path, help="assignment file (default: the 26-class garbage lab)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the gradebook")
    parser.add_argument("--roster", type=Path, help="CSV with id, and name, submission, days_late if need be")
    parser.add_argument(
        "--jobs",
        type=_count,
        help="submissions at a time (default: cores / threads of the assignment, or a cluster's threads)",
    )
    parser.add_argument(
        "--executor",
        type=_executor_place,
        metavar="dask://HOST:PORT",
        help="grade on the workers of a dask cluster, whose scheduler is there (default: on this machine)",
    )
    parser.add_argument("--regrade", action="store_true", help="grade also what has not changed")
    parser.add_argument("--pseudonyms", action="store_true", help="name nobody on the leaderboard")
    add_language(parser, "the summary and the gradebook, and what the pages show first", of_pages=True)
    parser.add_argument(
        "--handed-out",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="what students were given besides the templates and the backbone (a folder, zip or file; may be "
        "given again): no likeness comes of it",
    )
    add_public(parser)
    parser.add_argument(
        "--replay",
        action="store_true",
        help="ask a part of the images of each again, also where that was left out before; takes "
        "three quarters longer",
    )
    add_quiet(parser)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1024:
        raise UsageError("jobs-number", text=text)
    return int(text)


def _executor_place(text: str) -> str:
    if not text.startswith(_DASK) or text == _DASK:
        raise UsageError("executor-place", text=text, form=f"{_DASK}HOST:PORT")
    return text.removeprefix(_DASK)


def _run(options: argparse.Namespace) -> int:
    roster = None if options.roster is None else read_roster(options.roster)
    with workspace() as room:
        found = find_entries(opened(options.submissions, room / "class"), roster)
        if found.passed_over and not options.quiet:
            names = in_short(found.passed_over, options.lang)
            sys.stderr.write(f"grader: {words(options.lang, 'batch-passed-over', names=names)}\n")
        return _grade_class(options, [*gathered(found.entries, room / "gathered")])


def _grade_class(options: argparse.Namespace, entries: Sequence[Entry]) -> int:
    folder: Path = options.submissions
    assignment = load_assignment(options.assignment)
    split = choose_split(options.split, assignment, self_check=False, key_file=options.key_file)
    warn_if_exposed(split.key_file, options.lang)
    if not options.quiet:
        say_what_is_left_out(options.split, split.aside, options.lang)
    _check_apart(folder, split)
    given = given_to_all(options.handed_out, len(assignment.classes))
    public = open_public(options.public, assignment.classes, options.lang)
    waiting = nullcontext if options.quiet else showing
    watched = WatchedClass(sum(entry.source is not None for entry in entries), options.lang)
    with open_store(options.out, folder, options.lang) as store:
        exam = Exam(split, assignment, checks=Checks(replay=options.replay), public=public)
        try:
            with (
                waiting(watched.words),
                open_session(exam) as session,
                _executor(options, session) as executor,
            ):
                plan = ClassPass(session, executor, store, options.regrade, watched.begin)
                steps = _grade(plan, entries, watched)
        except KeyboardInterrupt:
            return _interrupted(store, options.lang)
        rows = [
            row_of(entry, store.read(entry.id) if entry.source else None, assignment) for entry in entries
        ]
        watched.close()
        with waiting(watched.words):
            page = publish(
                store, assignment, rows, given, pseudonymous=options.pseudonyms, language=options.lang
            )
    counts = Counter(row.verdict for row in rows)
    say("".join(f"{one_line(line)}\n" for line in _summary(rows, steps, page, options, assignment)))
    return EXIT_INTERNAL if counts[Verdict.INTERNAL.value] else EXIT_DONE


def _summary(
    rows: Sequence[Row],
    steps: Sequence[Step],
    page: Path,
    options: argparse.Namespace,
    assignment: Assignment,
) -> Iterator[str]:
    """Yield what is said at the end, a line each."""
    say_ = partial(words, options.lang)
    done = say_(
        "batch-done",
        students=len(rows),
        new=sum(step.is_new for step in steps),
        verdicts=_in_words(Counter(row.verdict for row in rows), options.lang),
    )
    if options.quiet:
        yield done
        return
    for id_ in sorted(step.result.id for step in steps if step.is_refused):
        yield f"  {say_('batch-too-many', id=id_, most=assignment.attempts.most)}"
    yield done
    if packages := missing_packages(rows):
        listed = ", ".join(f"{name} ({count})" for name, count in packages.most_common())
        yield f"  {say_('batch-missing-packages', packages=listed)}"
    yield f"  {say_('batch-book', path=options.out / GRADEBOOK)}"
    yield f"  {say_('batch-pages', path=page)}"


def _executor(options: argparse.Namespace, session: Session) -> AbstractContextManager[Executor]:
    """Return where to grade, once entered.

    Raises:
        UsageError: that is a cluster, and dask is not installed.
    """
    if options.executor is None:
        return local_executor(session, options.jobs)
    try:
        from grader.classroom.cluster import cluster_executor  # an extra; and it takes half a second
    except ModuleNotFoundError as error:
        raise UsageError("executor-missing", name=error.name) from error
    return cluster_executor(options.executor, session, options.jobs, options.lang)


def _grade(plan: ClassPass, entries: Sequence[Entry], watched: WatchedClass) -> list[Step]:
    """Grade all, and tell who watches of each."""
    steps: list[Step] = []

    def heard(step: Step) -> None:
        steps.append(step)
        watched.end(step.result.id, step.result.report.verdict.value)

    plan.run(entries, heard)
    return steps


def _in_words(counts: Counter[str], language: Language) -> str:
    """Say how many have which verdict, from best to worst."""
    order = [*(verdict.value for verdict in Verdict), *counts]
    said = (
        words(language, "batch-counted", count=counts[name], verdict=verdict_in_words(name, language))
        for name in dict.fromkeys(order)
        if counts[name]
    )
    return words(language, "list").join(said)


def _check_apart(submissions: Path, split: Split) -> None:
    """Refuse a split, or its key, that lies among the submissions.

    Raises:
        UsageError: naming what lies there.
    """
    for path in (*split.places, *([split.key_file] if split.key_file else [])):
        if path.resolve().is_relative_to(submissions.resolve()):
            raise UsageError("among-submissions", path=path)


def _interrupted(store: Store, language: Language) -> int:
    """End soon, whatever the submissions that are being graded are doing."""
    sys.stderr.write(f"grader: {words(language, 'batch-interrupted', count=len(store.ids()))}\n")
    sys.stderr.flush()
    end = time.monotonic() + _GRACE_SECONDS
    others = [thread for thread in threading.enumerate() if not thread.daemon]
    others.remove(threading.main_thread())
    for thread in others:
        thread.join(max(0.0, end - time.monotonic()))
    if any(thread.is_alive() for thread in others):
        # A submission that hangs would hold Python's own end up. Its sandbox dies with this process.
        os._exit(EXIT_INTERRUPTED)
    return EXIT_INTERRUPTED


COMMAND = Command(
    summary="grade a whole class into one gradebook",
    description="Grade every submission below a folder. Stopped at any moment and started again, it goes on; "
    "what has not changed is not graded again.",
    epilog="exit code: 0 every submission has its verdict, 2 usage, 3 the harness failed, over some or all, "
    "130 interrupted",
    add_arguments=_add_arguments,
    run=_run,
)
