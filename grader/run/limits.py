"""What ends a worker before it has answered everything: a limit that it passed, or its own end."""

from __future__ import annotations

from dataclasses import dataclass

from grader.model.verdict import StopReason, Verdict


@dataclass
class LimitExceededError(Exception):
    """The worker went past a limit and has been killed."""

    verdict: Verdict
    reason: StopReason | None = None
    value: str = ""

    @property
    def is_deadline(self) -> bool:
        """Whether it only was too slow."""
        return self.verdict is Verdict.TIMEOUT and self.reason is not StopReason.PROCESSOR_TIME


@dataclass
class WorkerDiedError(Exception):
    """The worker ended although it still had something to answer."""

    reason: StopReason
    value: str = ""
    """The exit code, or the signal's name."""
