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
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from grader.classroom import (
    GRADEBOOK,
    ClassPass,
    Entry,
    Executor,
    PassResult,
    Row,
    Store,
    local_executor,
    missing_packages,
    open_store,
    publish,
    read_class,
    read_roster,
    row_of,
)
from grader.cli.command_line import EXIT_DONE, EXIT_INTERNAL, EXIT_INTERRUPTED, Command, note, say
from grader.cli.options import Inputs, add_inputs, add_jobs, add_language, add_quiet, open_inputs
from grader.errors import Language, UsageError
from grader.files import workspace
from grader.model.dataset import Split
from grader.model.grading import Checks, Exam
from grader.model.verdict import Verdict
from grader.printable import one_line
from grader.progress import WatchedClass, showing
from grader.report import verdict_in_words
from grader.sandbox import open_isolation
from grader.session import Session, open_session
from grader.similarity import Given, given_to_all
from grader.wording import words

_DASK = "dask://"
_GRACE_SECONDS = 5.0
"""For the gradings that are under way to end by themselves, between two images, after Ctrl-C."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "submissions", type=Path, help="folder, or .zip of one, with one folder or .zip per student"
    )
    add_inputs(parser)
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the gradebook, the pages and the students' reports",
    )
    _add_class_arguments(parser)
    _add_machine_arguments(parser)
    add_language(parser, "the summary and the gradebook", of_pages=True)
    add_quiet(parser)


def _add_class_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--roster",
        type=Path,
        metavar="FILE",
        help="CSV file of the class with the column id and, if needed, name, submission and days_late",
    )
    parser.add_argument(
        "--handed-out",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="file, folder or zip that all students were given besides the templates and the backbone; the "
        "comparison of submissions leaves it out (repeatable)",
    )
    parser.add_argument(
        "--pseudonyms",
        action="store_true",
        help="show pseudonyms instead of ids on the leaderboard; pseudonyms.csv says who is who",
    )
    parser.add_argument(
        "--replay",
        action="store_true",
        help="ask every submission about some images again, including those graded without this check; "
        "takes about 75 %% longer",
    )
    parser.add_argument("--regrade", action="store_true", help="grade unchanged submissions again, too")


def _add_machine_arguments(parser: argparse.ArgumentParser) -> None:
    add_jobs(
        parser,
        "submissions graded at a time (default: the cores divided by the assignment's threads, or the "
        "cluster's threads)",
    )
    parser.add_argument(
        "--executor",
        type=_cluster_address,
        metavar="dask://HOST:PORT",
        help="grade on the workers of the Dask cluster with this scheduler (default: on this machine)",
    )


def _cluster_address(text: str) -> str:
    if not text.startswith(_DASK) or text == _DASK:
        raise UsageError("executor-place", text=text, form=f"{_DASK}HOST:PORT")
    return text.removeprefix(_DASK)


@dataclass(frozen=True)
class _Batch:
    """A class that is being graded."""

    options: argparse.Namespace
    inputs: Inputs
    given: tuple[Given, ...]
    """What all students were given."""
    entries: Sequence[Entry]
    store: Store


def _run(options: argparse.Namespace) -> int:
    roster = None if options.roster is None else read_roster(options.roster)
    with workspace() as folder:
        found = read_class(options.submissions, roster, folder)
        if found.passed_over and not options.quiet:
            note(words(options.lang, "batch-passed-over", names=found.passed_over_in_short(options.lang)))
        inputs = open_inputs(options, self_check=False)
        _check_apart(options.submissions, inputs.split)
        given = given_to_all(options.handed_out, len(inputs.assignment.classes))
        with open_store(options.out, options.submissions, options.lang, inputs.places) as store:
            return _grade_class(_Batch(options, inputs, given, found.entries, store))


def _grade_class(batch: _Batch) -> int:
    options, assignment = batch.options, batch.inputs.assignment
    watched = WatchedClass(sum(entry.source is not None for entry in batch.entries), options.lang)
    waiting = nullcontext if options.quiet else showing
    try:
        with waiting(watched.words):
            results = _grade(batch, watched)
    except KeyboardInterrupt:
        return _interrupted(batch.store, options.lang)
    rows = [
        row_of(entry, batch.store.read(entry.id) if entry.source else None, assignment)
        for entry in batch.entries
    ]
    watched.close()
    with waiting(watched.words):
        page = publish(
            batch.store,
            assignment,
            rows,
            batch.given,
            pseudonymous=options.pseudonyms,
            language=options.lang,
        )
    say("".join(f"{one_line(line)}\n" for line in _summary(batch, rows, results, page)))
    has_failed = any(row.verdict == Verdict.INTERNAL.value for row in rows)
    return EXIT_INTERNAL if has_failed else EXIT_DONE


def _grade(batch: _Batch, watched: WatchedClass) -> list[PassResult]:
    """Grade the submissions that have no result yet, and report progress."""
    options, inputs = batch.options, batch.inputs
    exam = Exam(inputs.split, inputs.assignment, checks=Checks(replay=options.replay), public=inputs.public)
    results: list[PassResult] = []

    def keep(graded: PassResult) -> None:
        results.append(graded)
        watched.end(graded.result.id, graded.result.report.verdict.value)

    with (
        open_session(exam, options.isolate or open_isolation) as session,
        _executor(options, session) as executor,
    ):
        ClassPass(session, executor, batch.store, options.regrade, watched.begin).run(batch.entries, keep)
    return results


def _executor(options: argparse.Namespace, session: Session) -> AbstractContextManager[Executor]:
    """Return where to grade, once entered.

    Raises:
        UsageError: that is a cluster, and dask is not installed.
    """
    if options.executor is None:
        return local_executor(session, options.jobs)
    try:
        from grader.classroom import cluster_executor  # an extra
    except ModuleNotFoundError as error:
        raise UsageError("executor-missing", name=error.name) from error
    return cluster_executor(options.executor, session, options.jobs, options.lang)


def _summary(batch: _Batch, rows: Sequence[Row], results: Sequence[PassResult], page: Path) -> Iterator[str]:
    """Yield the last words, a line each."""
    options = batch.options
    said = partial(words, options.lang)
    done = said(
        "batch-done",
        students=len(rows),
        new=sum(each.is_new for each in results),
        verdicts=_in_words(Counter(row.verdict for row in rows), options.lang),
    )
    if options.quiet:
        yield done
        return
    for id_ in sorted(each.result.id for each in results if each.is_refused):
        yield f"  {said('batch-too-many', id=id_, most=batch.inputs.assignment.attempts.most)}"
    yield done
    if packages := missing_packages(rows):
        named = (name + said("in-brackets", what=count) for name, count in packages.most_common())
        listed = said("list").join(named)
        yield f"  {said('batch-missing-packages', packages=listed)}"
    yield f"  {said('batch-book', path=options.out / GRADEBOOK)}"
    yield f"  {said('batch-pages', path=page)}"


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
    note(words(language, "batch-interrupted", count=len(store.ids())))
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


BATCH = Command(
    summary="grade a whole class into one gradebook",
    description="Grade every submission in a folder, and write a gradebook and pages about the class. "
    "Finished results are kept: give the same command again after an interruption, or when submissions have "
    "changed, and only new and changed submissions are graded.",
    epilog="exit code: 0 every submission has its verdict, 2 wrong usage, 3 the harness failed on one or "
    "more submissions or altogether, 130 interrupted",
    add_arguments=_add_arguments,
    run=_run,
)
