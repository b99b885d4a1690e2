"""One grading: what is asked of whom, by which rules, and a record that comes back richer from each stage."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Literal

from grader.errors import Line
from grader.files import digest_of_json, digest_of_parts
from grader.model.assignment import Assignment
from grader.model.dataset import Split
from grader.model.predictions import NO_REPLAY, Answers, Replay, Tally
from grader.model.report import FindingPart, NetworkInputPart
from grader.model.submission import Submission
from grader.model.verdict import Verdict

KEY = "key"

Mode = Literal["official", "self-check"]
Canary = Literal["passed", "skipped", "not-needed"]
DiagnosisStatus = Literal["done", "nothing-to-explain", "incomplete", "failed", "off"]
Stage = Literal["take in", "set up", "canary", "interview", "score", "replay", "diagnose", "judge", "explain"]
_COST_NO_SCORE: frozenset[Stage] = frozenset({"replay", "diagnose", "explain"})
"""Stages that change neither score nor verdict: with counted answers, both outlive such a failure."""


@dataclass(frozen=True)
class Circumstances:
    """What is particular to one run and decides nothing."""

    started: str
    """UTC, ISO 8601."""
    host: str


@dataclass(frozen=True)
class Checks:
    """What an official grading does beside asking every image; a self-check needs only the diagnosis."""

    canary: bool = True
    """Try this harness first on two submissions whose outcome is known."""
    replay: bool = True
    """Ask a part of the split again afterwards."""
    diagnosis: bool = True
    """Find out by experiment why the score is not better; a student's own check does, too."""


ALL_CHECKS = Checks()
NO_CHECKS = Checks(canary=False, replay=False, diagnosis=False)


@dataclass(frozen=True)
class Exam:
    """What is the same for every submission: the images, the rules, and what is done beside asking."""

    split: Split
    assignment: Assignment
    mode: Mode = "official"
    checks: Checks = ALL_CHECKS
    public: Split | None = None
    """Images that students have, for comparison, and may hand in; None for the assignment's own."""

    @property
    def is_official(self) -> bool:
        """Whether it is no student's own check."""
        return self.mode == "official"


@dataclass(frozen=True)
class Harness:
    """The harness that graded, and the environment that submissions ran in."""

    version: str
    source_sha256: str
    """Over the files of the grader, class lists included, and of the course library."""
    python: str
    libraries: dict[str, str]
    """Versions of those that are installed."""

    @property
    def sha256(self) -> str:
        """One digest over all of it."""
        return digest_of_json(asdict(self))


@dataclass(frozen=True)
class Job:
    """What is asked of whom, by which rules: everything a grading's identity is made of."""

    name: str
    """What the submission is called in its report; no part of the identity."""
    submission: Submission | None
    """None if it could not be taken in."""
    split: Split
    assignment: Assignment
    mode: Mode
    harness: Harness

    @property
    def identity(self) -> str:
        """One digest: two gradings with the same identity must have the same score."""
        return digest_of_parts(
            (
                ("submission", self.submission.sha256 if self.submission else ""),
                ("split", self.split.sha256),
                ("assignment", self.assignment.sha256),
                ("harness", self.harness.sha256),
                ("mode", self.mode),
            )
        )


@dataclass(frozen=True)
class Isolation:
    """The isolation level that a grading ran on: how far a submission was kept apart from this machine."""

    rung: Literal["bubblewrap", "process", "child"]
    is_grouped: bool = False
    """Whether a control group binds it, too."""

    @property
    def is_top(self) -> bool:
        """Whether official grading accepts it."""
        return self.rung == "bubblewrap"


@dataclass(frozen=True)
class Diagnosis:
    """What came of looking for the cause of wrong answers."""

    status: DiagnosisStatus
    """`nothing-to-explain`: too few wrong answers, or images, to tell anything from chance; `incomplete`:
    time was over before everything had been tried; `off`: not asked for, or the graded run was itself
    incomplete; `failed`: an experiment failed by a fault of the harness, and the others did not."""
    findings: tuple[FindingPart, ...] = ()
    """The strongest evidence first."""
    seconds: float | None = None
    charts_seconds: float | None = None
    """Of these, what asking about test charts took; None if that was not done."""
    network_input: NetworkInputPart | None = None
    """What a process saw that was asked about nothing hidden; None if it did not look, or saw nothing."""
    traces: tuple[str, ...] = ()
    """Of what failed; for the instructor's eyes only."""


NO_DIAGNOSIS = Diagnosis("off")


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
