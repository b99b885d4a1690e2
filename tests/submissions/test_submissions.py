"""Every case of the corpus, through the front door."""

from __future__ import annotations

import pytest

from .corpus import Case, corpus
from .run import Result


def _parameter(case: Case) -> object:
    marks = [getattr(pytest.mark, need) for need in case.needs]
    if case.pending:
        marks.append(pytest.mark.xfail(strict=True, reason=case.pending))
    return pytest.param(case, id=case.id, marks=marks)


@pytest.mark.parametrize("case", [_parameter(case) for case in corpus()])
def test_a_submission_gets_the_verdict_and_the_words_that_it_must(case: Case, result: Result) -> None:
    assert not result.problems, f"{case.does}\ngot: {result.got}"
