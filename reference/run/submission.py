"""The folder that can be handed in: `main.py` and one checkpoint; and the proof that it answers as trained.

The grader supplies the course library, so no copy of it goes in.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.classes import FLOWERS5, GARBAGE26, load_classes
from reference.errors import SubmissionError
from reference.features import Backbone
from reference.images import TEST_VIEWS, Image, Split, TestView, View, decode_file, file_digest

TEMPLATE = Path(__file__).with_name("template_main.py")
ASK_WORKER = Path(__file__).with_name("ask_worker.py").resolve()
"""The program that imports a submission and lets it answer; see `ask`."""
NAMES_LINE = 'CLASS_NAMES = ["the names of the classes", "in the order of their indices"]'
VIEWS_LINE = "TEST_VIEWS = [(256, False)]"
# Generous: this is to end a hang, not to judge a slow machine.
SECONDS_TO_START, SECONDS_AN_IMAGE = 120.0, 1.0


@dataclass(frozen=True)
class Answers:
    """What a submission said, and how long it took in a fresh process.

    Attributes:
        names: one answer an image.
        import_seconds: importing `main.py`: MindSpore, network, checkpoint.
        first_seconds: the first `predict`, which compiles the graph.
        rest_seconds: all other predictions together, reading the files included.
    """

    names: tuple[str, ...]
    import_seconds: float
    first_seconds: float
    rest_seconds: float

    @property
    def total_seconds(self) -> float:
        """Everything but starting Python."""
        return self.import_seconds + self.first_seconds + self.rest_seconds

    @property
    def seconds_an_image(self) -> float | None:
        """Mean over all images but the first; None if there are no others."""
        return self.rest_seconds / (len(self.names) - 1) if len(self.names) > 1 else None


def answer_names(folders: Sequence[str]) -> tuple[str, ...]:
    """Return what `predict` is to answer for each class folder.

    These are the names of a known lab's class list when the folders are that list's, else the folders' own.
    """
    for class_list in (GARBAGE26, FLOWERS5):
        classes = load_classes(class_list)
        if tuple(info.folder for info in classes) == tuple(folders):
            return tuple(info.name for info in classes)
    return tuple(folders)


def main_source(names: Sequence[str], views: Sequence[TestView] = TEST_VIEWS[:1]) -> str:
    """Return `main.py` for these class names, in the order of their indices, and these views of an image."""
    template = TEMPLATE.read_text(encoding="utf-8")
    for line in (NAMES_LINE, VIEWS_LINE):
        if template.count(line) != 1:
            raise SubmissionError(f"{TEMPLATE}: the line {line!r} is not there once")
    literal = "".join(f"    {json.dumps(name, ensure_ascii=False)},\n" for name in names)
    numbers = ", ".join(f"({view.resized}, {view.mirrored})" for view in views)
    template = template.replace(VIEWS_LINE, f"TEST_VIEWS = [{numbers}]")
    return template.replace(NAMES_LINE, f"CLASS_NAMES = [\n{literal}]")


def ask(submission: Path, images: Sequence[Path]) -> Answers:
    """Import a submission's `main.py` in a fresh process, working in its folder, and let it name images.

    Raises:
        SubmissionError: the process failed; the message holds the last line of what it said.
    """
    request = json.dumps([str(path.resolve()) for path in images])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path),
        "PYTHONDONTWRITEBYTECODE": "1",  # the folder is to hold what is handed in and nothing else
        "PYTHONIOENCODING": "utf-8",
    }
    try:
        process = subprocess.run(
            [sys.executable, str(ASK_WORKER)],
            input=request,
            cwd=submission,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=SECONDS_TO_START + SECONDS_AN_IMAGE * len(images),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SubmissionError(f"{submission / 'main.py'} gave no answer in {error.timeout:.0f} s") from None
    lines = process.stdout.splitlines()
    if process.returncode != 0 or not lines:
        said = process.stderr.strip().splitlines() or ["it said nothing"]
        raise SubmissionError(f"{submission / 'main.py'} failed (exit {process.returncode}): {said[-1]}")
    answer = json.loads(lines[-1])
    return Answers(
        tuple(answer["names"]), answer["import_seconds"], answer["first_seconds"], answer["rest_seconds"]
    )


IMAGES_TO_TIME = 15  # enough for a median, and done in half a second


def cost_ratio(paths: Sequence[Path], views: Sequence[View], backbone: Backbone) -> float:
    """Return the time that an image takes in all `views`, in multiples of the time in the first alone.

    Making the views and running the backbone are timed, all that a prediction does but for the small head.
    The first `IMAGES_TO_TIME` images are asked both ways in turn, and the medians divided; rounded to three
    places, so that whoever rounds it further says the same everywhere.
    """
    first: list[float] = []
    all_of_them: list[float] = []
    for path in paths[:IMAGES_TO_TIME]:
        image = decode_file(path, file_digest(path))
        first.append(_seconds(image, views[:1], backbone))
        all_of_them.append(_seconds(image, views, backbone))
    return round(statistics.median(all_of_them) / statistics.median(first), 3)


def _seconds(image: Image, views: Sequence[View], backbone: Backbone) -> float:
    begun = time.perf_counter()
    backbone.extract(np.stack([view.make(image) for view in views]))
    return time.perf_counter() - begun


def check_submission(submission: Path, split: Split, expected: Sequence[str]) -> Answers:
    """Let the submission name the validation images, and compare with what the engine's features gave.

    Raises:
        SubmissionError: it failed, or an answer differs.
    """
    answers = ask(submission, split.paths)
    different = [
        f"{path} is {said!r} to the submission and {wanted!r} to the engine"
        for path, said, wanted in zip(split.paths, answers.names, expected, strict=True)
        if said != wanted
    ]
    if different:
        raise SubmissionError(f"{len(different)} of {len(expected)} answers differ: {different[0]}")
    return answers
