"""A student's checkpoints by themselves, run by the grader in the lab's own way, inside the sandbox.

It is what remains where nothing could be seen of a network, or nothing that differs explains the score: that
a checkpoint by itself does better, or no better, says on which side the points are lost.

The program that does it (`inside/main.py`) is started like a submission, by the same worker in the same
sandbox, over a folder of its own that holds the checkpoints and no other file of the student's. Its answers
are read as a stranger's: the checkpoint is the student's, and may be anything.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePath

import numpy as np

from grader.diagnosis.case import NO_ANSWER, Case, FileTrial, IntArray, Trial
from grader.diagnosis.subject import Subject
from grader.files import make_readable
from grader.model.submission import Submission
from grader.printable import shown

PROGRAM = Path(__file__).parent / "inside" / "main.py"
LAST_RESORT_SECONDS = 900.0
"""A hundred times what an idle machine needs; past it the diagnosis is `incomplete`."""
_MOST_FILES = 4
_SUFFIXES = (".ckpt", ".npz")
"""Of files whose arrays may be the course network's; NumPy's are those of a forward pass written by hand."""
_LEAST_IMAGES = 8
"""Fewer, where the program fails at the others, are no ground for a conclusion."""
_LONGEST_NAME = 80
_ANSWER = re.compile(r"[0-9,;]{1,40}\|-?\d{1,6}(?: -?\d{1,6}){0,3}", re.ASCII)

Files = tuple[tuple[int, ...], ...]
"""By network, the numbers of its files."""


def run_checkpoints(subject: Subject, case: Case) -> tuple[FileTrial, ...]:
    """Return what each network of the checkpoints answers; none if none fits the course's network.

    Raises:
        UnfinishedError: time was over.
    """
    checkpoints = _checkpoints(subject.submission)
    if not checkpoints:
        return ()
    images = case.many()
    rules = subject.assignment.for_our_own(LAST_RESORT_SECONDS)
    pictures = [subject.split.images[index] for index in images]
    folder = _prepared(subject, checkpoints)
    texts = subject.texts(subject.start(folder), pictures, rules)
    found = read(texts, images, len(checkpoints), len(case.names))
    if found is None or len(found[1]) < _LEAST_IMAGES:
        return ()
    files, answered, answers = found
    names = [" + ".join(shown(checkpoints[number], _LONGEST_NAME) for number in numbers) for numbers in files]
    return tuple(FileTrial(name, Trial(answered, answers[:, column])) for column, name in enumerate(names))


def _prepared(subject: Subject, checkpoints: Sequence[str]) -> Path:
    """Write the program's folder."""
    folder = subject.folder / "checkpoint"
    folder.mkdir(parents=True)
    shutil.copyfile(PROGRAM, folder / "main.py")
    for number, file in enumerate(checkpoints):
        shutil.copyfile(subject.submission.folder / file, folder / f"{number}{_suffix(file)}")
    settings = {
        "checkpoints": [f"{number}{_suffix(file)}" for number, file in enumerate(checkpoints)],
        "channel_order": subject.assignment.channel_order,
    }
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    make_readable(folder)
    return folder


def _checkpoints(submission: Submission) -> list[str]:
    """Return MindSpore's checkpoints and NumPy's archives, those that main.py names first."""
    files = [file for file in submission.checkpoints if _suffix(file.path) in _SUFFIXES and file.size]
    named = submission.named_in_main()
    files.sort(key=lambda file: (file not in named, str(file.path)))
    return [str(file.path) for file in files[:_MOST_FILES]]


def _suffix(file: str | PurePath) -> str:
    return PurePath(file).suffix.lower()


def read(
    texts: Sequence[str | None], images: IntArray, files: int, classes: int
) -> tuple[Files, IntArray, IntArray] | None:
    """Read the program's answers.

    Args:
        texts: what it said to each image.
        images: (N,) their indices.
        files: how many it was given.
        classes: how many there are.

    Returns:
        The files of each network, the indices (M,) of the images with a proper answer, and the answers
        (M, networks). None if there is no such image, or they do not agree on the files.
    """
    every = [(index, _read(text, files, classes)) for index, text in zip(images, texts, strict=True)]
    proper = [(index, *found) for index, found in every if found is not None]
    if not proper:
        return None
    answered, networks, rows = zip(*proper, strict=True)
    if any(each != networks[0] for each in networks):
        return None
    return networks[0], np.array(answered, np.int64), np.stack(rows)


def _read(text: str | None, files: int, classes: int) -> tuple[Files, IntArray] | None:
    """Return one answer's files and class indices; None if it is not as it must be."""
    if text is None or not _ANSWER.fullmatch(text):
        return None
    head, _, body = text.partition("|")
    try:
        networks = tuple(tuple(int(number) for number in part.split(",")) for part in head.split(";"))
    except ValueError:
        return None
    numbers = np.array(body.split(), np.int64)
    if any(number >= files for part in networks for number in part) or len(numbers) != len(networks):
        return None
    return networks, np.where((numbers >= 0) & (numbers < classes), numbers, NO_ANSWER)
