"""The graded run that is to be explained: what was answered in it, and how the submission is asked again.

All that the diagnosis knows of an interview stands here; elsewhere there are class indices and texts. About
real images the submission is asked in several ways: as it is, and with something put right at a seam. The
same workers are asked as long as their networks are left alone, or put right in the same way: to start one
and import a framework takes as long as many answers.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import numpy as np

from grader.diagnosis.case import NO_ANSWER, Case, FloatArray, Heard, IntArray, Way
from grader.diagnosis.parameters import Repair
from grader.diagnosis.readout import scores_of
from grader.model.assignment import Assignment
from grader.model.dataset import Split, SplitImage, split_of
from grader.model.predictions import Answers, Prediction, Replay, classes_of
from grader.model.records import Question, Recorded, Recording, Task
from grader.model.submission import Submission
from grader.model.verdict import Verdict
from grader.run import RecordedWorker, Start, interview, secret_order
from grader.scoring import reader_of

_NOT_LOADED = "parameters in the 'net' are not loaded"
"""What `load_param_into_net` warns of."""

RECORDER = Path(__file__).parent / "inside" / "recorder"
LAST_RESORT = 4.0
"""Times every limit of time that the assignment gives; of the limit in all, for all workers together."""
Record = Callable[[Sequence[Question]], Recording]
"""Puts questions to a worker that notes what passes, in their order."""
Tried = tuple[Way, Heard]
"""A way to ask, and what was said so."""


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
    recorded: Callable[[str, int], Sequence[Start]]
    """The same, in workers that note what passes through the submission's networks: as many as so many images
    are worth."""
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
    def recording(self, name: str, images: int = 0) -> Iterator[Record]:
        """Yield how to put questions to the submission while what passes through its networks is noted.

        The same workers are asked as long as they live, each about a share of the questions. Asking raises
        UnfinishedError where time was over.

        Args:
            name: of the copy that is asked; used once.
            images: how many there are; where they are few, as they are without it, one worker is asked all.

        Raises:
            UnfinishedError: no time is left.
        """
        with ExitStack() as until_the_end:
            # First in, last out: of workers that have been closed no answer is waited for.
            pool = until_the_end.enter_context(ThreadPoolExecutor())
            workers = [
                until_the_end.enter_context(RecordedWorker(start, self.patient_rules))
                for start in self.recorded(name, images)
            ]

            def record(questions: Sequence[Question]) -> Recording:
                recording = _joined(pool.map(RecordedWorker.ask, workers, _shares(questions, len(workers))))
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
        asked = interview([start], split_of(images, places=()), rules, self.seed + number)
        if asked.unasked or any(stop.verdict is Verdict.TIMEOUT for stop in asked.stops):
            raise UnfinishedError
        return asked.predictions


def _shares(questions: Sequence[Question], count: int) -> Iterator[Sequence[Question]]:
    """Yield so many parts of the questions, one after the other."""
    ends = [len(questions) * number // count for number in range(count + 1)]
    return (questions[begin:end] for begin, end in pairwise(ends))


def _joined(recordings: Iterable[Recording]) -> Recording:
    """Return what several workers said of whom each was asked a part, one after the other."""
    shares = [*recordings]
    return Recording(
        tuple(answer for share in shares for answer in share.answers),
        next((share.not_ready for share in shares if share.not_ready), None),
        next((share.stop for share in shares if share.stop), None),
    )


def _classes(predictions: Sequence[Prediction | None]) -> IntArray:
    named = classes_of(predictions)
    return np.array([NO_ANSWER if index is None else index for index in named], np.int64)


class UnfinishedError(Exception):
    """Time was over before everything had been asked. Time is the last resort, and decides no finding."""


class Asker:
    """Asks a submission about images of the split; use as a context manager, which ends its workers."""

    def __init__(self, subject: Subject, classes: int) -> None:
        """Ask nobody yet.

        Args:
            subject: who is asked.
            classes: how many there are.
        """
        self._subject = subject
        self._classes = classes
        self._open = ExitStack()
        self._started = 0
        self._record: Record | None = None
        self._repair: Repair | None = None

    def __enter__(self) -> Asker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def ask(self, ways: Sequence[Way], images: IntArray) -> list[Tried]:
        """Ask about images, each in every way in turn; the order is secret.

        Args:
            ways: of one repair, or of none.
            images: indices.

        Returns:
            The ways that the network took; none if a worker ended early.

        Raises:
            UnfinishedError: time was over.
        """
        order = secret_order(len(images), self._subject.seed)
        pictures = self._subject.split.images
        questions = [Question(pictures[images[place]], _task(way)) for place in order for way in ways]
        answers = self._answers(ways[0].repair, questions)
        if answers is None:
            return []
        said = np.empty((len(images), len(ways)), np.int64)
        said[order] = self._subject.classes_in(answers).reshape(len(images), len(ways))
        found = []
        for column, way in enumerate(ways):
            own = answers[column :: len(ways)]
            if any(_took(answer, way) for answer in own):
                scores = _scores(own, order, self._classes)
                found.append((way, Heard(images, said[:, column], scores)))
        return found

    def _answers(
        self, repair: Repair | None, questions: Sequence[Question]
    ) -> Sequence[Recorded | None] | None:
        """Return what a worker with this repair says; None if it ended, as what is missing would be wrong."""
        if self._record is None or repair is not self._repair:
            self._open.close()
            recording = self._subject.recording(f"real-{self._started}", len(self._subject.split.images))
            self._record = self._open.enter_context(recording)
            self._repair = repair
            self._started += 1
        told = self._record(questions)
        if told.not_ready is None and told.stop is None:
            return told.answers
        self._record = None
        return None


def _task(way: Way) -> Task:
    return Task(
        recipe=way.correction.recipe if way.correction else None,
        inputs=False,
        evaluate=way.repair is not None,
        load=way.repair.file if way.repair else "",
    )


def _took(answer: Recorded | None, way: Way) -> bool:
    """Whether the network took what it was given in place of the student's input, and of its parameters."""
    if answer is None:
        return False
    return (way.correction is None or answer.is_replaced) and (
        not way.loads or any(network.loaded for network in answer.networks)
    )


def _scores(answers: Sequence[Recorded | None], order: Sequence[int], classes: int) -> FloatArray | None:
    """Return (M, K) the scores in the images' order; NaN where none were seen, None if none were at all."""
    rows: list[FloatArray | None] = [scores_of(answer, classes) for answer in answers]
    if all(row is None for row in rows):
        return None
    scores = np.full((len(rows), classes), np.nan)
    for place, row in zip(order, rows, strict=True):
        if row is not None:
            scores[place] = row
    return scores
