"""What a measured program tells the benchmark that started it: JSON, one message a line of standard output.

    {"message": "samples", "figure": "head", "samples": [4.1]}
    {"message": "answers", "answers": ["Hats", "Cans"]}
    {"message": "progress", "done": 3, "total": 40}

Every other line is somebody else's (MindSpore prints what it likes) and is passed over.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import TypeAlias

SECONDS_BETWEEN_PROGRESS = 0.5


@dataclass(frozen=True)
class Samples:
    """Measured values of one figure, in its unit."""

    figure: str
    samples: tuple[float, ...]


@dataclass(frozen=True)
class Answers:
    """The class names that were answered, in the order of the images."""

    answers: tuple[str, ...]


@dataclass(frozen=True)
class Progress:
    """How far the program has come, in units of its own."""

    done: int
    total: int


Message: TypeAlias = Samples | Answers | Progress


def tell(message: Message) -> None:
    """Print a message as one line."""
    print(json.dumps({"message": type(message).__name__.lower(), **asdict(message)}), flush=True)


class ProgressTeller:
    """Tells how many of `total` units are done, twice a second at most: a message costs both sides time."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._told = total, 0, time.monotonic()

    def advance(self, units: int = 1) -> None:
        """Count `units` more."""
        self._done += units
        if time.monotonic() - self._told > SECONDS_BETWEEN_PROGRESS:
            self._told = time.monotonic()
            tell(Progress(self._done, self._total))


def parse(line: str) -> Message | None:
    """Return the message that a line of output holds, or None if it is somebody else's line."""
    try:
        content = json.loads(line)
        kind = content["message"]
        if kind == "samples":
            return Samples(str(content["figure"]), tuple(float(value) for value in content["samples"]))
        if kind == "answers":
            return Answers(tuple(str(answer) for answer in content["answers"]))
        if kind == "progress":
            return Progress(int(content["done"]), int(content["total"]))
    except (ValueError, TypeError, KeyError):
        pass
    return None
