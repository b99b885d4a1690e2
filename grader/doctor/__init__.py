"""What this machine offers to grading: small probes, each with what it found and what to do about it."""

from grader.doctor.examine import examine
from grader.doctor.results import Result, State

__all__ = ["Result", "State", "examine"]
