"""What a probe found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """How good it is."""

    OK = "ok"
    WARNING = "warning"
    """Grading works; something could be better, or is worth knowing."""
    PROBLEM = "problem"
    """Official grading does not work here, or would not be right."""


@dataclass(frozen=True)
class Result:
    """One probe's result."""

    name: str
    state: State
    found: str
    """In plain words."""
    remedy: str = ""
    """What to do; empty where nothing has to be done."""


def ok(name: str, found: str) -> Result:
    """Return a result with which all is well."""
    return Result(name, State.OK, found)


def warning(name: str, found: str, remedy: str) -> Result:
    """Return a result that grading can live with."""
    return Result(name, State.WARNING, found, remedy)


def problem(name: str, found: str, remedy: str) -> Result:
    """Return a result that official grading cannot live with."""
    return Result(name, State.PROBLEM, found, remedy)
