"""What is asked of whom, by which rules, and on which machine."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from grader.files import digest_of_json, digest_of_parts
from grader.model.assignment import Assignment
from grader.model.dataset import Split
from grader.model.submission import Submission

Mode = Literal["official", "self-check"]
Canary = Literal["passed", "skipped", "not-needed"]


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
