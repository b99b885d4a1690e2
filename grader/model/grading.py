"""One grading, as far as it has come: a record that comes back richer from each stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from grader.errors import Line
from grader.model.diagnosis import OFF as NO_DIAGNOSIS
from grader.model.diagnosis import Diagnosis
from grader.model.isolation import Isolation
from grader.model.job import Canary, Circumstances, Job
from grader.model.predictions import NO_REPLAY, Answers, Replay, Tally
from grader.model.report import FindingPart
from grader.model.verdict import Verdict

KEY = "key"

Stage = Literal["take in", "set up", "canary", "interview", "score", "replay", "diagnose", "judge", "explain"]
_COST_NO_SCORE: frozenset[Stage] = frozenset({"replay", "diagnose", "explain"})
"""Stages that change neither score nor verdict: with counted answers, both outlive such a failure."""


@dataclass(frozen=True)
class Refusal:
    """Why a submission was not taken in."""

    code: str
    """Of the catalogue of findings."""
    detail: str
    """What is wrong, or with which file."""


@dataclass(frozen=True)
class HiddenFile:
    """One file of a submission that is, byte for byte, one of the grading's."""

    path: PurePosixPath
    """In the submission."""
    secret: str
    """The hidden image's name, or KEY; for the instructor's eyes only."""


@dataclass(frozen=True)
class Failure:
    """What went wrong in the harness itself."""

    stage: Stage
    said: Line | str
    trace: str
    """All that is known of it; for the instructor's eyes only."""


@dataclass(frozen=True)
class Grading:
    """What a grading has found out so far. What a stage has not been reached for has its default."""

    job: Job
    circumstances: Circumstances
    """Of the machine that asks."""
    refusal: Refusal | None = None
    """None if the submission was taken in."""
    hidden_files: tuple[HiddenFile, ...] = ()
    """What the submission holds that is kept for grading; nothing is run then."""
    canary: Canary = "not-needed"
    isolation: Isolation | None = None
    """Of the workers that were asked; None if no code was run."""
    shuffle_seed: int | None = None
    """Of the order in which images were asked. Beside a report it would tell labels: no report has it."""
    answers: Answers | None = None
    """None if no code was run."""
    tally: Tally | None = None
    """The counted answers; None if there are none."""
    replay: Replay = NO_REPLAY
    """What came of asking a part of the split again."""
    diagnosis: Diagnosis = NO_DIAGNOSIS
    verdict: Verdict | None = None
    """None until the grading has been explained."""
    findings: tuple[FindingPart, ...] = ()
    """In the order in which they are to be read."""
    failures: tuple[Failure, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether nothing of the submission is run: it could not be taken in, or holds what is hidden."""
        return self.job.submission is None or bool(self.hidden_files)

    @property
    def is_lost(self) -> bool:
        """Whether the harness failed before there was a score."""
        return self.fault is not None

    @property
    def fault(self) -> Failure | None:
        """The failure that cost the score, if one did."""
        spared = frozenset() if self.tally is None else _COST_NO_SCORE
        return next((failure for failure in self.failures if failure.stage not in spared), None)

    @property
    def trace(self) -> str:
        """All that is known of each failure, with its stage; the one that cost the score comes first."""
        costly = self.fault
        others = (failure for failure in self.failures if failure is not costly)
        told = [*([costly] if costly else ()), *others]
        return "\n".join(f"stage {failure.stage}:\n{failure.trace.rstrip()}\n" for failure in told)
