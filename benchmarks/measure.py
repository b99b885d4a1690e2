"""Run programs by turns, each time in a fresh process, and gather what they tell of themselves.

The programs of one benchmark take turns (A B C, A B C, ...), so that whatever else the machine is doing hits
all of them alike. What is quoted are medians, and ratios of medians.

A program tells JSON, one message a line of standard output:

    {"message": "samples", "figure": "head", "samples": [4.1]}
    {"message": "answers", "answers": ["Hats", "Cans"]}
    {"message": "progress", "done": 3, "total": 40}

Every other line is somebody else's (MindSpore prints what it likes) and is passed over.
"""

from __future__ import annotations

import json
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Protocol, TypeAlias, cast

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


# Both in seconds and seen from outside. The second is less disturbed by what else the machine does; it does
# not see the processes of a sandbox, which nobody outside waits for.
WHOLE_PROCESS = "whole process"
PROCESSOR_TIME = "whole process, processor time"
SECONDS_TO_END = 10.0


@dataclass(frozen=True)
class Subject:
    """A program to measure.

    Attributes:
        name: in the table.
        command: what to run.
        environment: all of it.
        folder: to run in.
        request: given on standard input.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    request: str = ""


@dataclass(frozen=True)
class Run:
    """What one run of a program came to.

    Attributes:
        samples: by figure.
        answers: if it gave any.
        failure: why it failed, in one line; empty if it did not. What it had told by then stands.
    """

    samples: Mapping[str, Sequence[float]]
    answers: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True)
class Runs:
    """All runs of a subject, in order; there is none after one that failed."""

    subject: Subject
    runs: tuple[Run, ...] = ()

    def samples(self, figure: str) -> tuple[float, ...]:
        """Return the samples of all runs."""
        return tuple(sample for run in self.runs for sample in run.samples.get(figure, ()))

    @property
    def answers(self) -> tuple[str, ...]:
        """The answers of the last run that gave any."""
        return next((run.answers for run in reversed(self.runs) if run.answers), ())

    @property
    def failure(self) -> str:
        """Why the last run failed; empty if none did."""
        return self.runs[-1].failure if self.runs else ""


class Watch(Protocol):
    """Shows how far the runs have come."""

    def begin(self, name: str) -> None:
        """A run of this subject begins."""

    def advance(self, done: int, total: int) -> None:
        """The run has done some of its units of work."""

    def end(self) -> None:
        """The run is over."""


def turns(subjects: int, rounds: int) -> Iterator[int]:
    """Yield whose turn it is: 0 1 2, 0 1 2, ... for three subjects."""
    for _ in range(rounds):
        yield from range(subjects)


def measure(subjects: Sequence[Subject], rounds: int, watch: Watch) -> list[Runs]:
    """Run every subject once a round. One that fails is not run again; the others go on."""
    everything = [Runs(subject) for subject in subjects]
    for turn in turns(len(subjects), rounds):
        runs = everything[turn]
        watch.begin(runs.subject.name)
        if not runs.failure:
            everything[turn] = replace(runs, runs=(*runs.runs, _run(runs.subject, watch)))
        watch.end()
    return everything


def _run(subject: Subject, watch: Watch) -> Run:
    with tempfile.TemporaryFile() as request, tempfile.TemporaryFile() as errors:
        request.write(subject.request.encode())
        request.seek(0)
        begun, used = time.perf_counter(), _processor_seconds()
        try:
            process = subprocess.Popen(
                subject.command,
                stdin=request,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=subject.folder,
                env=dict(subject.environment),
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            return Run({}, failure=f"{subject.command[0]}: {error.strerror or error}")
        with process:
            try:
                told = _listen(cast(IO[str], process.stdout), watch)
                process.wait()
            finally:
                _make_end(process)
        seconds, processor_seconds = time.perf_counter() - begun, _processor_seconds() - used
        if process.returncode != 0:
            reason = f"exit code {process.returncode}: {_last_line(errors) or 'it said nothing'}"
            return replace(told, failure=reason)
    seen = {WHOLE_PROCESS: [seconds], PROCESSOR_TIME: [processor_seconds]}
    return replace(told, samples={**told.samples, **seen})


def _listen(output: IO[str], watch: Watch) -> Run:
    """Gather what a program tells until it closes its output."""
    samples: dict[str, list[float]] = {}
    answers: tuple[str, ...] = ()
    for line in output:
        message = parse(line)
        if isinstance(message, Samples):
            samples.setdefault(message.figure, []).extend(message.samples)
        elif isinstance(message, Answers):
            answers = message.answers
        elif isinstance(message, Progress):
            watch.advance(message.done, message.total)
    return Run(samples, answers)


def _processor_seconds() -> float:
    """Return what all programs that have ended so far used, their own children included."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _make_end(process: subprocess.Popen[str]) -> None:
    """Leave no program behind when the benchmark is interrupted."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode("utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


# -- what both ways of training a head tell ------------------------------------------------------------------

BATCH_SIZE = 64  # the lab's

FEATURES = "features"
HEAD = "head"
BOTH = "features and head"
WHOLE_NETWORK = "whole network"
CORRECT = "validation images right, best epoch"


def tell_phases(begun: float, extracted: float, trained: float, correct: int) -> None:
    """Tell the phases' seconds from the moments at which they began and ended, and what was learnt."""
    tell(Samples(FEATURES, (extracted - begun,)))
    tell(Samples(HEAD, (trained - extracted,)))
    tell(Samples(BOTH, (trained - begun,)))
    tell(Samples(CORRECT, (float(correct),)))
