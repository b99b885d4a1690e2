"""Experiments for where no seam explains the score: with a submission as a whole, and with its checkpoints.

An alteration of the images that undoes a mistake makes the submission answer better, whatever network it has.
And that a checkpoint by itself, run by the grader in the lab's own way, does better, or no better, says on
which side the points are lost. What is asked is counted: images and processes.

The program that runs checkpoints (`inside/main.py`) is started like a submission, by the same worker in the
same sandbox, over a folder of its own that holds the checkpoints and no other file of the student's. Its
answers are read as a stranger's: the checkpoint is the student's, and may be anything.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import cv2
import numpy as np
import numpy.typing as npt

from grader.diagnosis.case import MANY, NO_ANSWER, Case, FileTrial, IntArray, Kept, PublicTrial, Trial, spread
from grader.diagnosis.evidence import ALPHA
from grader.diagnosis.subject import Subject
from grader.files import make_readable
from grader.model.dataset import Split, SplitImage
from grader.model.submission import Submission
from grader.printable import shown
from grader.run import secret_order

Pixels = npt.NDArray[np.uint8]
ALTERATIONS: Mapping[str, Callable[[Pixels], Pixels]] = {
    "exchanged-colours": lambda pixels: pixels[:, :, ::-1],
    "upside-down": lambda pixels: pixels[::-1],
    "transposed": lambda pixels: pixels.transpose(1, 0, 2),
}
_MOST_PAIRS = 12
_MOST_FAILED = 2
"""New processes that may contradict a kept answer before it is given up."""
PROGRAM = Path(__file__).parent / "inside" / "main.py"
LAST_RESORT_SECONDS = 900.0
"""A hundred times what an idle machine needs; past it the diagnosis is `incomplete`."""
_MOST_FILES = 4
_SUFFIXES = (".ckpt", ".npz")
"""Of files whose arrays may be the course network's; NumPy's are those of a forward pass written by hand."""
_LEAST_IMAGES = 8
"""Fewer, where the program fails at the others, are no ground for a conclusion."""
_LONGEST_NAME = 80
_ANSWER = re.compile(r"[0-9,;]{1,40}\|-?\d{1,6}(?: -?\d{1,6}){0,63}", re.ASCII)
Files = tuple[tuple[int, ...], ...]
"""By network, the numbers of its files."""


@dataclass(frozen=True)
class Ways:
    """Ways to run a checkpoint: each is the mistakes that it has, by their words in `inside/twins.py`."""

    every: tuple[frozenset[str], ...]
    of_the_network: tuple[str, ...]
    """Those words that are not of the picture."""


class BlackBox:
    """One submission that can be asked again."""

    def __init__(self, subject: Subject) -> None:
        self._rules = subject.patient_rules
        self._subject = subject
        self._images = subject.split.images

    def ask_altered(self, case: Case) -> dict[str, Trial]:
        """Ask about a few images in every alteration, and about all in the one that did best.

        Raises:
            UnfinishedError: time was over.
        """
        few = case.few()
        first = self._ask_each([(name, index) for name in ALTERATIONS for index in few.tolist()], "altered")
        best = max(first, key=lambda name: case.correct(first[name]))
        rest = np.setdiff1d(case.many(), few)
        parts = [first[best], *self._ask_each([(best, index) for index in rest.tolist()], "rest").values()]
        return {
            best: Trial(
                np.concatenate([part.images for part in parts]),
                np.concatenate([part.answers for part in parts]),
            )
        }

    def ask_public(self, public: Split) -> PublicTrial:
        """Ask about as many public images as there are others, at most.

        Raises:
            UnfinishedError: time was over.
        """
        chosen = spread(np.arange(len(public.images)), min(MANY, len(self._images)))
        images = [public.images[index] for index in chosen]
        said = self._ask(images, "public")
        return PublicTrial(int((said == [image.label for image in images]).sum()), len(images))

    def ask_new_processes(self, case: Case) -> Kept | None:
        """Ask new processes about two images each, until chance no longer explains how often the first wins.

        Its own class comes for it only where the network knows it, so one may fail.

        Returns:
            None if a process gave two answers, or there are no two such images left.

        Raises:
            UnfinishedError: time was over.
        """
        others = spread(np.flatnonzero(case.truth != case.said[0]), _MOST_PAIRS).tolist()
        kept = Kept(0, 0)
        while kept.asked - kept.times < _MOST_FAILED and kept.p(len(case.names)) >= ALPHA:
            first, *rest = others[kept.asked :] or [None]
            second = next((index for index in rest if case.truth[index] != case.truth[first]), None)
            if first is None or second is None:
                return None
            is_kept = self._keeps_first_answer((first, second), kept.asked)
            if is_kept is None:
                return None
            kept = Kept(kept.times + is_kept, kept.asked + 1)
        return kept

    def _keeps_first_answer(self, pair: tuple[int, int], number: int) -> bool | None:
        """Return whether the class of the image that a process was asked first came for both.

        None if there were two answers.
        """
        images = [self._images[index] for index in pair]
        said = {*self._ask(images, f"again-{number}", number).tolist()}
        first = images[secret_order(len(images), self._subject.seed + number)[0]]
        return said == {first.label} if len(said) == 1 else None

    def _ask_each(self, questions: Sequence[tuple[str, int]], name: str) -> dict[str, Trial]:
        """Return what was answered to altered images, by alteration."""
        images = [_altered(self._images[index], how) for how, index in questions]
        said = self._ask(images, name)
        found: dict[str, list[tuple[int, int]]] = {}
        for (how, index), answer in zip(questions, said.tolist(), strict=True):
            found.setdefault(how, []).append((index, answer))
        return {
            how: Trial(*(np.array(column, np.int64) for column in zip(*pairs, strict=True)))
            for how, pairs in found.items()
        }

    def _ask(self, images: Sequence[SplitImage], name: str, number: int = 0) -> IntArray:
        """Return the class that a fresh process names for each image, or NO_ANSWER."""
        if not images:
            return np.empty(0, np.int64)
        return self._subject.classes_named(self._subject.fresh(name), images, self._rules, number)


def _altered(image: SplitImage, name: str) -> SplitImage:
    pixels = np.ascontiguousarray(ALTERATIONS[name](image.pixels("bgr")))
    _, encoded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    # A plain image, whatever the first was: one that keeps its pixels would still show the old ones.
    return SplitImage(image.name, image.label, encoded.tobytes())


def run_checkpoints(subject: Subject, case: Case) -> tuple[FileTrial, ...]:
    """Return what each network of the checkpoints answers; none if none fits the course's network.

    Raises:
        UnfinishedError: time was over.
    """
    checkpoints = _checkpoints(subject.submission)
    if not checkpoints:
        return ()
    found = _answers(subject, _prepared(subject, "checkpoint", checkpoints, {"ways": []}), case.many())
    if found is None:
        return ()
    files, answered, answers = found
    names = [" + ".join(shown(checkpoints[number], _LONGEST_NAME) for number in numbers) for numbers in files]
    return tuple(FileTrial(name, Trial(answered, answers[:, column])) for column, name in enumerate(names))


def answers_in_ways(
    subject: Subject, case: Case, name: str, images: IntArray, ways: Ways
) -> tuple[IntArray, IntArray] | None:
    """Ask the network that does best by itself in several ways.

    Args:
        subject: the graded run.
        case: in which checkpoints have been run.
        name: of a folder that there is not yet.
        images: (N,) indices of those to be asked.
        ways: the mistakes that are made.

    Returns:
        The indices (M,) of the images with a proper answer, and the answers (M, ways); None if hardly any
        has one.

    Raises:
        UnfinishedError: time was over.
    """
    checkpoints = _checkpoints(subject.submission)
    best = max(range(len(case.files)), key=lambda number: case.correct(case.files[number].trial))
    asked = {
        "ways": [sorted(way) for way in ways.every],
        "of_the_network": [*ways.of_the_network],
        "network": best,
    }
    found = _answers(subject, _prepared(subject, name, checkpoints, asked), images, len(ways.every))
    return None if found is None else found[1:]


def _answers(
    subject: Subject, folder: Path, images: IntArray, ways: int | None = None
) -> tuple[Files, IntArray, IntArray] | None:
    """Have the program in a folder answer, and read that as `read` does; None if it hardly answers."""
    rules = subject.assignment.for_our_own(LAST_RESORT_SECONDS)
    pictures = [subject.split.images[index] for index in images]
    texts = subject.texts(subject.start(folder), pictures, rules)
    files = len(_checkpoints(subject.submission))
    found = read(texts, images, files, len(subject.assignment.classes), ways)
    return None if found is None or len(found[1]) < _LEAST_IMAGES else found


def _prepared(subject: Subject, name: str, checkpoints: Sequence[str], asked: Mapping[str, object]) -> Path:
    """Write the program's folder."""
    folder = subject.folder / name
    folder.mkdir(parents=True)
    for program in (PROGRAM, PROGRAM.with_name("twins.py")):
        shutil.copyfile(program, folder / program.name)
    for number, file in enumerate(checkpoints):
        shutil.copyfile(subject.submission.folder / file, folder / f"{number}{_suffix(file)}")
    settings = {
        "checkpoints": [f"{number}{_suffix(file)}" for number, file in enumerate(checkpoints)],
        "channel_order": subject.assignment.channel_order,
        **asked,
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
    texts: Sequence[str | None], images: IntArray, files: int, classes: int, ways: int | None = None
) -> tuple[Files, IntArray, IntArray] | None:
    """Read the program's answers.

    Args:
        texts: what it said to each image.
        images: (N,) their indices.
        files: how many it was given.
        classes: how many there are.
        ways: in how many one network was asked; None if each was asked once.

    Returns:
        The files of each network, the indices (M,) of the images with a proper answer, and the answers
        (M, networks) or (M, ways). None if there is no such image, or they do not agree on the files.
    """
    every = [(index, _read(text, files, classes, ways)) for index, text in zip(images, texts, strict=True)]
    proper = [(index, *found) for index, found in every if found is not None]
    if not proper:
        return None
    answered, networks, rows = zip(*proper, strict=True)
    if any(each != networks[0] for each in networks):
        return None
    return networks[0], np.array(answered, np.int64), np.stack(rows)


def _read(text: str | None, files: int, classes: int, ways: int | None) -> tuple[Files, IntArray] | None:
    """Return one answer's files and class indices; None if it is not as it must be."""
    if text is None or not _ANSWER.fullmatch(text):
        return None
    head, _, body = text.partition("|")
    try:
        networks = tuple(tuple(int(number) for number in part.split(",")) for part in head.split(";"))
    except ValueError:
        return None
    numbers = np.array(body.split(), np.int64)
    is_known = all(number < files for part in networks for number in part)
    if not is_known or len(numbers) != (ways or len(networks)):
        return None
    return networks, np.where((numbers >= 0) & (numbers < classes), numbers, NO_ANSWER)
