"""The white box: the grader runs the student's checkpoint itself, inside the sandbox, under many views.

First a few images under every view, then all of them under the few views that come into question. What is
tried is counted, never timed: what is found is the same on a busy machine.

The program that does it (`inside/main.py`) is started like a submission, by the same worker in the same
sandbox, over a folder of its own that holds the checkpoints and no other file of the student's. Its answers
are read as a stranger's: the checkpoint is the student's, and may be anything.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grader.diagnosis.case import NO_ANSWER, Case, CheckpointTrial, IntArray, Trial
from grader.diagnosis.choice import choose, shortlist
from grader.diagnosis.subject import Subject
from grader.diagnosis.views import READOUTS, STANDARD, View, all_views, readout_settings
from grader.files import make_readable
from grader.model.submission import Submission
from grader.printable import shown

PROGRAM = Path(__file__).parent / "inside" / "main.py"
LAST_RESORT_SECONDS = 900.0
"""A hundred times what an idle machine needs; past it the diagnosis is `incomplete`."""
_MOST_FILES = 4
_LEAST_IMAGES = 8
"""Fewer, where the program fails at the others, are no ground for a choice."""
_ANSWER = re.compile(r"[0-9,;]{1,40}\|-?\d+(?: -?\d+)*")

Files = tuple[tuple[int, ...], ...]
"""By network, the numbers of its files."""


@dataclass(frozen=True)
class Request:
    """What the program is to answer: these views of the first network; of others, perhaps the lab's own."""

    views: tuple[View, ...]
    files: int
    """How many checkpoints it is given."""
    classes: int
    with_others: bool = False

    def settings(self, channel_order: str) -> dict[str, object]:
        """Return what is written beside the program."""
        return {
            "checkpoints": [f"{number}.ckpt" for number in range(self.files)],
            "channel_order": channel_order,
            "views": [view.settings() for view in self.views],
            "others": STANDARD.settings() if self.with_others else None,
            "readouts": readout_settings(),
        }

    def answered(self, networks: int) -> tuple[View, ...]:
        """Return the views that are answered, in their order, if there are so many networks."""
        others = range(1, networks) if self.with_others else ()
        return (*self.views, *(replace(STANDARD, network=number) for number in others))


@dataclass(frozen=True)
class Result:
    """What the program answered."""

    views: tuple[View, ...]
    images: IntArray
    """(M,) of the split."""
    answers: IntArray
    """(M, views, readouts): class indices, or NO_ANSWER."""
    files: Files

    def trials(self) -> dict[View, Trial]:
        """Return the trial of each view under each readout; all of one readout before the next."""
        return {
            replace(view, readout=readout): Trial(self.images, self.answers[:, row, column])
            for column, readout in enumerate(READOUTS)
            for row, view in enumerate(self.views)
        }


class WhiteBox:
    """One submission's checkpoints, to be run under views."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._checkpoints = _checkpoints(subject.submission)

    def try_views(self, case: Case) -> CheckpointTrial | None:
        """Return what came of it; None if there is no checkpoint, or none fits the network.

        Raises:
            UnfinishedError: time was over.
        """
        if not self._checkpoints:
            return None
        first = self._ask([*all_views()], case.few(), with_others=True)
        if first is None:
            return None
        last = self._ask(shortlist(case, first.trials()), case.many())
        if last is None:
            return None
        return self._conclude(case, last.trials(), len(first.views), first.files)

    def _conclude(
        self, case: Case, trials: Mapping[View, Trial], tried: int, files: Files
    ) -> CheckpointTrial:
        choice = choose(case, trials, tried)
        return CheckpointTrial(
            own=choice.own,
            own_trial=trials[choice.own],
            best=choice.best,
            best_trial=trials[choice.best],
            file=self._name(files[choice.own.network]),
            best_file=self._name(files[choice.best.network]),
            tried=choice.tried,
            rivals=choice.rivals,
        )

    def _ask(self, views: Sequence[View], images: IntArray, with_others: bool = False) -> Result | None:
        """Run the program over these images; None if it answers too few of them."""
        subject = self._subject
        request = Request((*views,), len(self._checkpoints), len(subject.assignment.classes), with_others)
        folder = subject.folder / "checkpoint" / f"{len(views)}-views-of-{len(images)}"
        self._prepare(folder, request)
        rules = subject.assignment.for_our_own(LAST_RESORT_SECONDS)
        pictures = [subject.split.images[index] for index in images]
        result = read(subject.texts(subject.start(folder), pictures, rules), images, request)
        return result if result is not None and len(result.images) >= _LEAST_IMAGES else None

    def _prepare(self, folder: Path, request: Request) -> None:
        """Write the program's folder."""
        folder.mkdir(parents=True)
        shutil.copyfile(PROGRAM, folder / "main.py")
        for number, file in enumerate(self._checkpoints):
            shutil.copyfile(self._subject.submission.folder / file, folder / f"{number}.ckpt")
        settings = request.settings(self._subject.assignment.channel_order)
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        make_readable(folder)

    def _name(self, numbers: Sequence[int]) -> str:
        return " + ".join(shown(self._checkpoints[number], 80) for number in numbers)


def _checkpoints(submission: Submission) -> list[str]:
    """Return MindSpore's checkpoints, those that main.py names first."""
    files = [file for file in submission.checkpoints if file.path.suffix.lower() == ".ckpt" and file.size]
    named = submission.named_in_main()
    files.sort(key=lambda file: (file not in named, str(file.path)))
    return [str(file.path) for file in files[:_MOST_FILES]]


def read(texts: Sequence[str | None], images: IntArray, request: Request) -> Result | None:
    """Read the program's answers; images without a proper one are left out. None if no image is left."""
    every = [(index, _read(text, request)) for index, text in zip(images, texts, strict=True)]
    proper = [(index, *found) for index, found in every if found is not None]
    if not proper:
        return None
    kept, files, rows = zip(*proper, strict=True)
    if any(each != files[0] for each in files):
        return None
    views = request.answered(len(files[0]))
    answers = np.stack(rows).reshape(len(rows), len(views), len(READOUTS))
    return Result(views, np.array(kept, np.int64), answers, files[0])


def _read(text: str | None, request: Request) -> tuple[Files, IntArray] | None:
    """Return one answer's files and class indices; None if it is not as it must be."""
    if text is None or not _ANSWER.fullmatch(text):
        return None
    head, _, body = text.partition("|")
    try:
        files = tuple(tuple(int(number) for number in part.split(",")) for part in head.split(";"))
        numbers = np.array(body.split(), np.int64)
    except (ValueError, OverflowError):
        return None
    if any(number >= request.files for part in files for number in part):
        return None
    if len(numbers) != len(request.answered(len(files))) * len(READOUTS):
        return None
    return files, np.where((numbers >= 0) & (numbers < request.classes), numbers, NO_ANSWER)
