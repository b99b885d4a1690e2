"""The white box: the grader runs the student's checkpoint itself, inside the sandbox, under many views.

First a few images under every view; then all of them under the few views that come into question. How many
that are is counted, not timed: what is found is the same on a busy machine.

The program that does it is started like a submission, by the same worker in the same sandbox, over a folder
of its own that holds the checkpoints and no other file of the student's. What it answers is read as a
stranger's: the checkpoint is the student's, and may be anything.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grader.diagnosis.case import NO_ANSWER, Case, CheckpointTrial, IntArray, Trial
from grader.diagnosis.choice import choose, shortlist
from grader.diagnosis.completeness import complete
from grader.diagnosis.views import READOUTS, STANDARD, View, all_views
from grader.files import make_readable
from grader.model.assignment import Assignment
from grader.model.split import Split, split_of
from grader.model.submission import Submission
from grader.printable import short
from grader.run.interview import interview
from grader.sandbox.launch import Launch

_PROGRAM = Path(__file__).parent / "inside" / "main.py"
_MOST_FILES = 4
LAST_RESORT_SECONDS = 900.0
"""Of wall clock; a hundred times what an idle machine needs."""
_LEAST_IMAGES = 8
"""Fewer, where the program fails at the others, are no ground for a choice."""
_ANSWER = re.compile(r"[0-9,;]{1,40}\|-?\d+(?: -?\d+)*")

Start = Callable[[Path], Callable[[int], Launch]]
"""Gives a way to start workers over a folder of the grader's own."""


@dataclass(frozen=True)
class _Run:
    """What the program answered."""

    images: IntArray
    """(M,) of the split."""
    answers: IntArray
    """(M, views, readouts)."""
    files: tuple[tuple[int, ...], ...]
    """By network, the numbers of its files."""


class WhiteBox:
    """One submission's checkpoints, to be run under views.

    Args:
        submission: whose checkpoints they are.
        split: the images.
        assignment: the rules.
        start: how the program is started.
        folder: an empty or absent folder for it.
        seed: secret; decides the order of the images.
    """

    def __init__(
        self,
        submission: Submission,
        split: Split,
        assignment: Assignment,
        start: Start,
        folder: Path,
        seed: int,
    ) -> None:
        self._files = _checkpoints(submission)
        self._submission = submission
        self._split = split
        self._assignment = assignment
        self._start = start
        self._folder = folder
        self._seed = seed

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is anything to run."""
        return bool(self._files)

    def try_views(self, case: Case, few: IntArray, many: IntArray) -> CheckpointTrial | None:
        """Return what came of it; None if no checkpoint fits the network.

        Args:
            case: the graded run.
            few: images for the first look.
            many: images for everything else.

        Raises:
            UnfinishedError: it took longer than any machine should need.
        """
        views = [*all_views()]
        first = self._run(views, few)
        if first is None:
            return None
        views += [replace(STANDARD, network=number) for number in range(1, len(first.files))]
        listed = shortlist(case, _trials(first, views))
        last = self._run(listed, many)
        if last is None:
            return None
        trials = _trials(last, listed)
        choice = choose(case, trials, len(views))
        return CheckpointTrial(
            own=choice.own,
            own_trial=trials[choice.own],
            best=choice.best,
            best_trial=trials[choice.best],
            file=self._name(first.files[choice.own.network]),
            best_file=self._name(first.files[choice.best.network]),
            tried=choice.tried,
            rivals=choice.rivals,
        )

    def _run(self, views: Sequence[View], images: IntArray) -> _Run | None:
        folder = self._folder / f"{len(views)}-views-of-{len(images)}"
        folder.mkdir(parents=True)
        shutil.copyfile(_PROGRAM, folder / "main.py")
        for number, file in enumerate(self._files):
            shutil.copyfile(self._submission.folder / file, folder / f"{number}.ckpt")
        settings = {
            "checkpoints": [f"{number}.ckpt" for number in range(len(self._files))],
            "channel_order": self._assignment.channel_order,
            "views": [view.settings() for view in views],
        }
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        make_readable(folder)
        asked = split_of([self._split.images[index] for index in images], places=())
        rules = self._assignment.for_our_own(LAST_RESORT_SECONDS)
        predictions = complete(interview(self._start(folder), asked, rules, self._seed))
        texts = [prediction.text if prediction else None for prediction in predictions]
        run = _read(texts, images, len(views), len(self._files), len(self._assignment.classes))
        return run if run is not None and len(run.images) >= _LEAST_IMAGES else None

    def _name(self, numbers: Sequence[int]) -> str:
        return " + ".join(short(self._files[number], 80) for number in numbers)


def _checkpoints(submission: Submission) -> list[str]:
    """Return MindSpore's checkpoints, those that main.py names first."""
    files = [file for file in submission.checkpoints if file.path.suffix.lower() == ".ckpt" and file.size]
    named = submission.named_in_main()
    files.sort(key=lambda file: (file not in named, str(file.path)))
    return [str(file.path) for file in files[:_MOST_FILES]]


def _read(texts: Sequence[str | None], images: IntArray, views: int, count: int, classes: int) -> _Run | None:
    """Read the program's answers; images without a proper one are left out."""
    files: tuple[tuple[int, ...], ...] = ()
    kept, rows = [], []
    for index, text in zip(images, texts, strict=True):
        if text is None or not _ANSWER.fullmatch(text):
            continue
        head, _, body = text.partition("|")
        try:
            files = tuple(tuple(int(number) for number in part.split(",")) for part in head.split(";"))
            numbers = np.array(body.split(), np.int64)
        except (ValueError, OverflowError):
            continue
        if len(numbers) != (views + len(files) - 1) * len(READOUTS):
            continue
        if any(number >= count for part in files for number in part):
            continue
        kept.append(index)
        rows.append(np.where((numbers >= 0) & (numbers < classes), numbers, NO_ANSWER))
    if not kept or any(len(row) != len(rows[0]) for row in rows):
        return None
    answers = np.stack(rows).reshape(len(rows), -1, len(READOUTS))
    return _Run(np.array(kept, np.int64), answers, files)


def _trials(run: _Run, views: Sequence[View]) -> dict[View, Trial]:
    """Return the trial of each view under each readout; all of one readout before the next."""
    return {
        replace(view, readout=readout): Trial(run.images, run.answers[:, row, column])
        for column, readout in enumerate(READOUTS)
        for row, view in enumerate(views)
    }
