"""The white box: the grader runs the student's checkpoint itself, inside the sandbox, under many views.

First a few images under every view; then, on all of them, the view that gave the submission's own answers
most often and the one that scored best. The choice is made on few images and tested on all, so a lucky
choice does not pass the test.

The program that does it is started like a submission, by the same worker in the same sandbox, over a folder
of its own that holds the checkpoints and no other file of the student's. What it answers is read as a
stranger's: the checkpoint is the student's, and may be anything.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from grader.assignment import Assignment
from grader.diagnosis.case import NO_ANSWER, Case, CheckpointTrial, IntArray, Trial
from grader.diagnosis.views import READOUTS, STANDARD, View, all_views
from grader.dialogue.interview import interview
from grader.findings.exceptions import short
from grader.intake.submission import Submission
from grader.readable import make_readable
from grader.sandbox.launch import Launch
from grader.split import Split, split_of

_PROGRAM = Path(__file__).parent / "inside" / "main.py"
_MOST_FILES = 4
_SHARE_OF_FEW = 0.6
"""Of the time, at most; the rest is for two or three views on all images."""
_LEAST_CHOSEN_BY, _LEAST_TESTED_ON = 5, 8
"""Images; fewer, if time was short, are no ground for a choice or a test."""
_CLOSE = 2
"""Images by which the second of two views may be behind the first and is still looked at."""
_NEARLY = 0.02
"""Share of the images by which one view may be better than another and is still called as good."""
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

    def try_views(self, case: Case, few: IntArray, many: IntArray, seconds: float) -> CheckpointTrial | None:
        """Return what came of it; None if no checkpoint fits the network or the time was not enough.

        Args:
            case: the graded run.
            few: images for the choice.
            many: images for the test.
            seconds: for all of it.
        """
        end = time.monotonic() + seconds
        views = [*all_views()]
        first = self._run(views, few, seconds * _SHARE_OF_FEW)
        if first is None or len(first.images) < _LEAST_CHOSEN_BY:
            return None
        views += [replace(STANDARD, network=number) for number in range(1, len(first.files))]
        owns, best = _choose(case, first, views)
        # Many resize to the network's size at once, and mean to; what else is wrong shows more than that.
        if owns[0].geometry == STANDARD.geometry:
            owns.append(replace(owns[0], geometry="stretch"))
        shaped = [replace(STANDARD, geometry=own.geometry) for own in owns]
        looked_at = (*owns, best, STANDARD, *shaped)
        finalists = [*dict.fromkeys(replace(view, readout="mean") for view in looked_at)]
        last = self._run(finalists, many, end - time.monotonic())
        if last is None or len(last.images) < _LEAST_TESTED_ON:
            return None

        def trial(view: View) -> Trial:
            number = finalists.index(replace(view, readout="mean"))
            return Trial(last.images, last.answers[:, number, READOUTS.index(view.readout)])

        own = max(owns, key=lambda view: case.agreement(trial(view)))
        # The first look is at few images: where the lab's own way does as well on all, it is what to say.
        nearly = case.correct(trial(best)) - _NEARLY * len(last.images)
        if best != own and case.correct(trial(STANDARD)) >= nearly:
            best = STANDARD
        # Nor is a step to be called wrong that does as well once the others are right.
        shaped_so = replace(STANDARD, geometry=own.geometry)
        for kept in (shaped_so, replace(own, readout=best.readout)):
            if own not in (best, kept) and case.correct(trial(kept)) >= nearly:
                best = kept
        return CheckpointTrial(
            own=own,
            own_trial=trial(own),
            best=best,
            best_trial=trial(best),
            file=self._name(first.files[own.network]),
            best_file=self._name(first.files[best.network]),
        )

    def _run(self, views: Sequence[View], images: IntArray, seconds: float) -> _Run | None:
        folder = self._folder / f"{len(views)}-views"
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
        answers = interview(
            self._start(folder), asked, self._assignment.within(seconds), self._seed, lambda _: None
        )
        texts = [answer.label if answer else None for answer in answers.answers]
        return _read(texts, images, len(views), len(self._files), len(self._assignment.classes))

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


def _choose(case: Case, run: _Run, views: Sequence[View]) -> tuple[list[View], View]:
    """Return the views that reproduce the submission's answers best, and the one that scores best.

    Of the former a second one is returned where a few images cannot tell which it is.
    """
    said, truth = case.said[run.images, None, None], case.truth[run.images, None, None]
    agreement = (run.answers == said).sum(axis=0)
    # The images for the choice hold more wrong answers than the split does: weighed back.
    weights = _weights(case, run.images)
    score = ((run.answers == truth) * weights[:, None, None]).sum(axis=0)
    ranked = _by_value(agreement)
    owns = [place for place in ranked[:2] if agreement[place] >= agreement[ranked[0]] - _CLOSE]
    best = _by_value(score[:, :2])[0]  # the other readouts are nobody's intention
    if score[ranked[0]] >= score[best] - 1e-9:
        best = ranked[0]
    return [_view(views, place) for place in owns], _view(views, best)


def _by_value(values: npt.NDArray[np.generic]) -> list[tuple[int, int]]:
    """Return the places of a matrix, the largest value first; equal ones by column, then row."""
    rows = len(values)
    order = np.argsort(-values.T.ravel(), kind="stable").tolist()
    return [(index % rows, index // rows) for index in order]


def _view(views: Sequence[View], place: tuple[int, int]) -> View:
    return replace(views[place[0]], readout=READOUTS[place[1]])


def _weights(case: Case, images: IntArray) -> npt.NDArray[np.float64]:
    """Return (M,) the share of the whole split that each image stands for."""
    right = case.is_right[images]
    share = case.accuracy
    return np.where(right, share / max(1, right.sum()), (1 - share) / max(1, (~right).sum()))
