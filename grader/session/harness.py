"""What graded, when and where; and whether it can be trusted today, which the canary shows.

A harness is its version, its very source, and the libraries that can change a score.

The canary: before an official grading, one built-in honest submission and one built-in attack are graded.
Both go the way of a student's submission that does without MindSpore: taken in, started in the sandbox (not
forked into it), asked, counted. They are neither asked again nor diagnosed. The attack goes the way of one
with MindSpore, too, before the first whose worker is forked: the walls are the same, the door is another.
The honest one must get its known score; the attack, which answers rightly only where it finds a hole in a
wall, must get the verdict of a forger and no point.

What this protects against is a machine or an installation that is not what it was when the tests passed:
a kernel, a bubblewrap or an administrator's setting under which the sandbox comes up but no longer holds, a
numpy or OpenCV that gives other pixels, a change in the harness that counts wrongly. Each would give a whole
class wrong marks, or give the hidden images away, and nothing in a single report would tell. It does not
replace the tests, which try far more, and it says nothing about any one submission.

It costs two tenths of a second, and half of that again for the fork, so a session, which may grade a whole
class, tries each once. The outcome is kept nowhere else: a file that says "passed" could be stale, or written
by somebody else.
"""

from __future__ import annotations

import datetime
import platform
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np

from grader.errors import HarnessError, Line, line
from grader.files import digest_of_file, digest_of_parts
from grader.model.assignment import Assignment, Limits
from grader.model.dataset import ClassInfo, Split, SplitImage, split_of
from grader.model.grading import Circumstances, Grading, Harness
from grader.model.verdict import Verdict
from grader.places import course_library

HONEST = Path(__file__).parent / "canaries" / "honest"
ATTACK = Path(__file__).parent / "canaries" / "attack"
_LIBRARIES = (
    "mindspore",
    "numpy",
    "onnxruntime",
    "pillow",
    "scipy",
    "tensorflow",
    "timm",
    "torch",
    "torchvision",
)
_SOURCES = frozenset({".py", ".toml", ".html"})
_CLASSES = (ClassInfo("0", "First"), ClassInfo("1", "Second"), ClassInfo("2", "Third"))
_ASSIGNMENT = Assignment(
    title="Canary",
    classes=_CLASSES,
    limits=Limits(import_seconds=30.0, first_prediction_seconds=30.0, image_seconds=30.0, total_seconds=60.0),
)

Grade = Callable[[Path, Split, Assignment], Grading]
"""How a submission is graded: given, so that it is the very function that students' go through."""


@cache
def this_harness() -> Harness:
    """Return what is running now."""
    libraries = {name: version for name in _LIBRARIES if (version := _version(name))}
    return Harness(
        version=_version("lab-grader") or "0 (not installed)",
        source_sha256=digest_of_parts((name, digest_of_file(path)) for name, path in _sources()),
        python=platform.python_version(),
        libraries=dict(sorted([*libraries.items(), *opencv().items()])),
    )


def circumstances_now() -> Circumstances:
    """Return when and where a grading that begins now is done."""
    return Circumstances(
        started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        host=socket.gethostname(),
    )


def opencv() -> dict[str, str]:
    """Return the name and version of the distribution that `cv2` is of.

    Of the four that carry OpenCV several may be installed; the last one overwrote the files of the others. So
    the files are asked, and not the list of distributions.
    """
    try:
        from cv2 import version
    except ImportError:  # built from source, or an operating system's
        return {"opencv": cv2.__version__}
    contrib, headless = "-contrib" if version.contrib else "", "-headless" if version.headless else ""
    return {f"opencv{contrib}-python{headless}": version.opencv_version}


def check_canary(grade: Grade) -> None:
    """Grade the two built-in submissions.

    Raises:
        HarnessError: one of them had another outcome than the known one; says which, and what is the matter.
    """
    with ThreadPoolExecutor(2) as pool:
        honest, attack = pool.map(lambda folder: grade(folder, canary_split(), _ASSIGNMENT), (HONEST, ATTACK))
    _check("canary-honest", honest, Verdict.GRADED, 2)
    _check("canary-attack", attack, Verdict.CONTRACT, 0)


def check_attack(grade: Grade) -> None:
    """Grade the built-in attack alone.

    Raises:
        HarnessError: it had another outcome than the known one; says what is the matter.
    """
    _check("canary-attack", grade(ATTACK, canary_split(), _ASSIGNMENT), Verdict.CONTRACT, 0)


def canary_split() -> Split:
    """Return one image of noise a class; the sum of its pixels says which it is."""
    return split_of([_image(label) for label in range(len(_CLASSES))], places=())


def _sources() -> Iterator[tuple[str, Path]]:
    for name, root in (("grader", Path(__file__).parents[1]), ("src_mindspore", course_library())):
        for path in sorted(root.rglob("*")):
            if path.suffix in _SOURCES:
                yield f"{name}/{path.relative_to(root).as_posix()}", path


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _image(label: int) -> SplitImage:
    pixels = np.random.default_rng(label).integers(0, 250, (12, 9 + label, 3), np.uint8)
    pixels[0, 0, 0] += (label - int(pixels.sum())) % 3
    return SplitImage(f"{label}/0.png", label, cv2.imencode(".png", pixels)[1].tobytes())


def _check(who: str, grading: Grading, verdict: Verdict, correct: int) -> None:
    got = grading.tally.correct if grading.tally else 0
    if (grading.verdict, got) != (verdict, correct):
        raise HarnessError(
            "canary-failed",
            who=line(who),
            verdict=grading.verdict.value if grading.verdict else "",
            right=got,
            known=verdict.value,
            known_right=correct,
            because=_because(grading),
        )


def _because(grading: Grading) -> Line | str:
    """Say what the submission printed, or else what the report says first."""
    printed = grading.answers.output.strip().splitlines() if grading.answers else []
    said = "; ".join(printed) or next((finding.title for finding in grading.findings), "")
    return line("in-brackets", text=said) if said else ""
