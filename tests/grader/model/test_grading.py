"""The record of a grading: what of several failures is told."""

from dataclasses import replace

import pytest

from grader.model.grading import Exam, Failure
from grader.scoring import nothing_answered
from grader.session import begun

REPLAY = Failure("replay", "no", "trace of the replay\n")
DIAGNOSE = Failure("diagnose", "no", "trace of the diagnosis\n")
JUDGE = Failure("judge", "no", "trace of the judgement\n")


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ((), ""),
        ((REPLAY,), "stage replay:\ntrace of the replay\n"),
        (
            (REPLAY, DIAGNOSE),
            "stage replay:\ntrace of the replay\n\nstage diagnose:\ntrace of the diagnosis\n",
        ),
        ((REPLAY, JUDGE), "stage judge:\ntrace of the judgement\n\nstage replay:\ntrace of the replay\n"),
    ],
    ids=["none", "one", "two that cost no score", "the one that cost the score first"],
)
def test_the_trace_of_every_failure_is_kept_with_its_stage(split, assignment, failures, told):
    counted = nothing_answered(split, len(assignment.classes))
    grading = replace(begun(Exam(split, assignment), "zhang"), tally=counted, failures=failures)
    assert grading.trace == told
