"""A submission is asked about real images in several ways: as it is, and with something put right at a seam.

One worker at a time is asked, and goes on as long as its network is left alone, or put right in the same way:
to start one and import a framework takes as long as many answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType

import numpy as np

from grader.diagnosis.case import FloatArray, Heard, IntArray, Way
from grader.diagnosis.parameters import Repair
from grader.diagnosis.readout import scores_of
from grader.diagnosis.subject import Record, Subject
from grader.model.records import Question, Recorded, Task
from grader.run import secret_order

Tried = tuple[Way, Heard]
"""A way to ask, and what was said so."""


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
        """Ask one worker about images, each in every way in turn; the order is secret.

        Args:
            ways: of one repair, or of none.
            images: indices.

        Returns:
            The ways that the network took; none if the worker ended early.

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
            self._record = self._open.enter_context(self._subject.recording(f"real-{self._started}"))
            self._repair = repair
            self._started += 1
        recording = self._record(questions)
        if recording.not_ready is None and recording.stop is None:
            return recording.answers
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
