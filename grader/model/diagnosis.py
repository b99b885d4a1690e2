"""What came of looking for the cause of wrong answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grader.model.report import FindingPart, NetworkInputPart

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
    network_input: NetworkInputPart | None = None
    """What a process saw that was asked about nothing hidden; None if it did not look, or saw nothing."""


OFF = Diagnosis("off")
