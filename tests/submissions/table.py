"""The results of a run of the corpus as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from tabulate import tabulate

from .corpus import Case, corpus
from .run import Result

RESULT = "submission"
"""The property under which a test's report carries a result."""


def table_of(reports: Iterable[pytest.TestReport]) -> str:
    """Return the table of the results that tests' reports carry; empty if none does."""
    rows = [value for report in reports for name, value in report.user_properties if name == RESULT]
    cases = {case.id: case for case in corpus()}
    return (
        table(
            [
                Result(cases[id_], got, tuple(problems), seconds)
                for id_, got, problems, seconds in sorted(rows)
            ]
        )
        if rows
        else ""
    )


def table(results: Sequence[Result]) -> str:
    """Return a row a case: id, what was expected, what came, seconds; then what is wrong, in words."""
    rows = [
        [result.case.id, expected(result.case), result.got, f"{result.seconds:.1f}", mark(result)]
        for result in results
    ]
    wrong = [
        f"{result.case.id}: {problem}"
        for result in results
        if not result.case.pending
        for problem in result.problems
    ]
    counted = f"{len(results)} submissions, {sum(not result.problems for result in results)} as expected"
    pending = sum(bool(result.case.pending) for result in results)
    if pending:
        counted += f", {pending} pending"
    head = ["id", "expected", "got", "seconds", ""]
    return "\n".join(
        [tabulate(rows, headers=head, tablefmt="simple", disable_numparse=True), "", counted, *wrong]
    )


def expected(case: Case) -> str:
    """Return what a case must come to, in one line."""
    right = f"{case.correct}" if case.correct is not None else f"<={case.at_most}"
    return " ".join([case.verdict.value, right, *case.findings])


def mark(result: Result) -> str:
    """Return `ok`, `WRONG`, or for a pending case `pending` and `WRONG` if it needs waiting no longer."""
    if result.case.pending:
        return "pending" if result.problems else "WRONG: no longer pending"
    return "WRONG" if result.problems else "ok"
