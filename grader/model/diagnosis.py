"""What came of looking for the cause of wrong answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grader.model.report import FindingPart

Status = Literal["done", "nothing-to-explain", "incomplete", "failed", "off"]


@dataclass(frozen=True)
class Diagnosis:
    """What came of it."""

    status: Status
    """`nothing-to-explain`: too few wrong answers, or images, to tell anything from chance; `incomplete`:
    time was over before everything had been tried; `off`: not asked for, or the graded run was itself
    incomplete."""
    findings: tuple[FindingPart, ...] = ()
    """The strongest evidence first."""
    seconds: float | None = None


OFF = Diagnosis("off")
