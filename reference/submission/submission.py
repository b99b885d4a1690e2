"""The folder that can be handed in: `main.py` and one checkpoint; and the proof that it answers as trained.

The grader supplies the course library, so no copy of it goes in.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.classes import FLOWERS5, GARBAGE26, load_classes
from reference.errors import SubmissionError
from reference.images.views import TEST_VIEWS, TestView

TEMPLATE = Path(__file__).parent / "templates" / "main.py"
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
    worker = Path(__file__).with_name("ask_worker.py").resolve()
    try:
        process = subprocess.run(
            [sys.executable, str(worker)],
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
