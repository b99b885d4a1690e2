"""The graded run that is to be explained: what was answered in it, and how the submission is asked again.

All that the diagnosis knows of an interview stands here; elsewhere there are class indices and texts.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from grader.diagnosis.case import NO_ANSWER, Case, IntArray
from grader.model.assignment import Assignment
from grader.model.dataset import Split, SplitImage, split_of
from grader.model.predictions import Answers, Prediction, Replay, classes_of
from grader.model.records import Question, Recorded, Recording
from grader.model.submission import Submission
from grader.model.verdict import Verdict
from grader.run import RecordedWorker, interview
from grader.sandbox import Launch
from grader.scoring import reader_of

_NOT_LOADED = "parameters in the 'net' are not loaded"
"""What `load_param_into_net` warns of."""

RECORDER = Path(__file__).parent / "inside" / "recorder"
LAST_RESORT = 4.0
"""Times every limit of time that the assignment gives; of the limit in all, for all workers together."""
Start = Callable[[int], Launch]
"""Gives the way to start a worker."""
Record = Callable[[Sequence[Question]], Recording]
"""Puts questions to a worker that notes what passes, in their order."""


@dataclass(frozen=True)
class Subject:
    """The graded run that is to be explained, and how to start workers."""

    submission: Submission
    split: Split
    assignment: Assignment
    answers: Answers
    again: Replay
    start: Callable[[Path], Start]
    """Over a folder of the grader's own."""
    fresh: Callable[[str], Start]
    """Over a fresh copy of the submission, by a name that is used once."""
    recorded: Callable[[str], Start]
    """The same, in a worker that notes what passes through the submission's networks."""
    folder: Path
    """For copies; absent."""
    seed: int
    """Secret; decides the order of the images."""
    photos: tuple[SplitImage, ...] = ()
    """Images that the student has, to be shown as the network sees them; empty where images are hidden."""
    public: Callable[[], Split | None] = lambda: None
    """Opens the public images, where there are any that are not the graded ones."""
    began: float = field(default_factory=time.monotonic)
    """When the diagnosis began; for the last resort alone."""

    @property
    def is_complete(self) -> bool:
        """Whether every image was answered in the graded run."""
        return self.answers.not_ready is None and None not in self.answers.predictions

    def case(self) -> Case:
        """Return what the graded run says by itself."""
        again, predictions = self.again, self.answers.predictions
        return Case(
            names=tuple(info.name for info in self.assignment.classes),
            truth=np.array([image.label for image in self.split.images], np.int64),
            said=_classes(predictions),
            channel_order=self.assignment.channel_order,
            unstable=again.differed / again.repeated if again.repeated else 0.0,
            has_warned=_NOT_LOADED in self.answers.output,
            usual=None if self.split.is_demo else self.assignment.usual,
            openings=sum(each is not None and each.has_opened for each in predictions),
            source=self.submission.beginning().decode("utf-8", "replace"),
            threads=self.assignment.limits.threads,
        )

    def classes_named(
        self, start: Start, images: Sequence[SplitImage], rules: Assignment, number: int = 0
    ) -> IntArray:
        """Return the class that the submission names for each image, or NO_ANSWER.

        Args:
            start: its workers.
            images: what is asked.
            rules: the assignment, with the limits that are to hold.
            number: of the process; decides the order of the images, with the seed.

        Raises:
            UnfinishedError: time was over.
        """
        return _classes(self._ask(start, images, rules, number))

    def texts(self, start: Start, images: Sequence[SplitImage], rules: Assignment) -> list[str | None]:
        """Return what a program of ours says to each image; None where it failed.

        Raises:
            UnfinishedError: time was over.
        """
        return [each.text if each else None for each in self._ask(start, images, rules)]

    def classes_in(self, answers: Sequence[Recorded | None]) -> IntArray:
        """Return the class that each answer of a recorded worker names, or NO_ANSWER."""
        reader = reader_of(self.assignment.classes)
        texts = [None if answer is None else answer.text for answer in answers]
        named = [None if text is None else reader.read(text) for text in texts]
        return np.array([NO_ANSWER if index is None else index for index in named], np.int64)

    @property
    def patient_rules(self) -> Assignment:
        """The assignment with longer limits of time.

        A submission that hangs is ended, and the diagnosis is `incomplete`. One that kept the limits in the
        graded run is far from these, however slow the machine. Nor may one hold the grader by being just
        fast enough in each of many workers.

        Raises:
            UnfinishedError: no time is left.
        """
        limits = self.assignment.limits.model_dump()
        longer = {name: LAST_RESORT * limits[name] for name in limits if name.endswith("_seconds")}
        longer["total_seconds"] -= time.monotonic() - self.began
        if longer["total_seconds"] <= 0:
            raise UnfinishedError
        return self.assignment.with_limits(**longer)

    @contextmanager
    def recording(self, name: str) -> Iterator[Record]:
        """Yield how to put questions to the submission while what passes through its networks is noted.

        One worker is asked as often as it lives. Asking raises UnfinishedError where time was over.

        Args:
            name: of the copy that is asked; used once.

        Raises:
            UnfinishedError: no time is left.
        """
        with RecordedWorker(self.recorded(name), self.patient_rules) as worker:

            def record(questions: Sequence[Question]) -> Recording:
                recording = worker.ask(questions)
                if recording.stop is not None and recording.stop.verdict is Verdict.TIMEOUT:
                    raise UnfinishedError
                return recording

            yield record
        # A submission may be large, and is copied for each worker.
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def _ask(
        self, start: Start, images: Sequence[SplitImage], rules: Assignment, number: int = 0
    ) -> tuple[Prediction | None, ...]:
        """Ask, and return nothing but all that was to be: a part would depend on how fast the machine is."""
        asked = interview(start, split_of(images, places=()), rules, self.seed + number)
        if asked.unasked or any(stop.verdict is Verdict.TIMEOUT for stop in asked.stops):
            raise UnfinishedError
        return asked.predictions


def _classes(predictions: Sequence[Prediction | None]) -> IntArray:
    named = classes_of(predictions)
    return np.array([NO_ANSWER if index is None else index for index in named], np.int64)


class UnfinishedError(Exception):
    """Time was over before everything had been asked. Time is the last resort, and decides no finding."""
