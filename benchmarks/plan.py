"""What a benchmark is: programs that take turns, what they tell, and what is concluded from it.

Each program is a module of this package, started in an environment of its own, on all images of a set or on a
sample with as many of each class as can be.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from src_mindspore.cpu import VARIABLE as ONEDNN_CAP
from src_mindspore.engine.switch import SWITCH

from benchmarks.measure import Runs, Subject
from benchmarks.results import Figure
from reference.errors import InputError
from reference.images import ImageFolder, Split, decode_file, file_digest

ROOT = Path(__file__).resolve().parents[1]
ALL_IMAGES = sys.maxsize
STOCK = "MindSpore"
CAPPED = "MindSpore, oneDNN capped at AVX2"


def python(module: str, *arguments: object) -> tuple[str, ...]:
    """Return the command that runs a module with this interpreter."""
    return (sys.executable, "-m", module, *(str(argument) for argument in arguments))


def environment(*, capped: bool, engine: bool) -> dict[str, str]:
    """Return the environment of a program that uses the course library.

    Args:
        capped: keep oneDNN from AVX-512 (see `src_mindspore.cpu`). Otherwise it is told to use all that the
            CPU has, which is what it does by itself and what the course library leaves alone.
        engine: let ONNX Runtime answer plain inference of networks that are accelerated.
    """
    places = [str(ROOT), str(ROOT / "student"), *(str(Path(entry).resolve()) for entry in sys.path if entry)]
    return {
        **os.environ,
        ONEDNN_CAP: "AVX2" if capped else "DEFAULT",
        SWITCH: "on" if engine else "off",
        "GLOG_v": "3",  # MindSpore logs errors only
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(places)),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def stratified(labels: Sequence[int], count: int) -> list[int]:
    """Choose `count` indices, the first image of every class before the second of any; in rising order."""
    seen: dict[int, int] = {}
    ranks = []
    for index, label in enumerate(labels):
        seen[label] = seen.get(label, 0) + 1
        ranks.append((seen[label], label, index))
    return sorted(index for _, _, index in sorted(ranks)[:count])


def any_images(folder: ImageFolder, count: int) -> list[Path]:
    """Choose images of the whole set, validation images first.

    Raises:
        InputError: one of them cannot be read.
    """
    splits = [split for split in (folder.validation, folder.train, folder.test) if split]
    paths = [path for split in splits for path in split.paths]
    labels = [int(label) for split in splits for label in split.labels]
    chosen = [paths[index] for index in stratified(labels, count)]
    check_readable(chosen)
    return chosen


def smaller_set(folder: ImageFolder, count: int, target: Path) -> tuple[int, int]:
    """Lay out a smaller set in `target`, by links: `count` training images and their share of the others.

    Args:
        folder: the set to choose from.
        count: training images; no more than there are.
        target: an empty folder.

    Returns:
        How many training and validation images are in it.

    Raises:
        InputError: fewer images than classes, or an image that cannot be read.
    """
    have, classes = len(folder.train.paths), len(folder.classes)
    wanted = min(count, have)
    if wanted < classes:
        raise InputError(f"--images {wanted}: training needs one of each of the {classes} classes")
    held_out = max(1, round(len(folder.validation.paths) * wanted / have))
    for split, share in ((folder.train, wanted), (folder.validation, held_out)):
        _link(split, share, folder.classes, target)
    return wanted, held_out


def _link(split: Split, count: int, classes: Sequence[str], target: Path) -> None:
    chosen = stratified([int(label) for label in split.labels], count)
    check_readable([split.paths[index] for index in chosen])
    for index in chosen:
        link = target / split.name / classes[int(split.labels[index])] / split.paths[index].name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(split.paths[index].resolve())


def check_readable(paths: Sequence[Path]) -> None:
    """Find out now what would otherwise make every program fail.

    Raises:
        InputError: a file that is not an image.
    """
    for path in paths:
        decode_file(path, file_digest(path))


class PreparationError(Exception):
    """What is to be measured could not be made; the message is one line."""


@dataclass(frozen=True)
class Conclusion:
    """What the figures alone do not say.

    Attributes:
        notes: sentences.
        failed: something that must agree does not.
    """

    notes: tuple[str, ...] = ()
    failed: bool = False


@dataclass(frozen=True)
class Plan:
    """One benchmark, ready to run.

    Attributes:
        name: one word, as on the command line.
        title: one line: what is measured, on how much.
        subjects: the programs; the others are compared with the first.
        figures: what the table shows.
        rounds: how often each program runs.
        conclude: makes the notes below the table.
    """

    name: str
    title: str
    subjects: tuple[Subject, ...]
    figures: tuple[Figure, ...]
    rounds: int
    conclude: Callable[[Sequence[Runs]], Conclusion] = lambda _: Conclusion()


@dataclass(frozen=True)
class Inputs:
    """What all benchmarks share.

    Attributes:
        folder: the data set.
        pretrained: checkpoint of the backbone.
        images: how many to use; None for each benchmark's own number.
        repeats: how often each program runs; None for each benchmark's own number.
        scratch: a folder that is removed in the end.
    """

    folder: ImageFolder
    pretrained: Path
    images: int | None
    repeats: int | None
    scratch: Path

    @cached_property
    def submission(self) -> Path:
        """A submission of the reference, trained on the data set when first asked for.

        Raises:
            PreparationError: the fine-tune failed; it has said why on standard error.
        """
        run = self.scratch / "run"
        command = python(
            "reference.finetune",
            *("--dataset_path", self.folder.root.resolve(), "--run_path", run),
            *("--pretrained", self.pretrained, "--views", 1, "--test_views", 1),
        )
        done = subprocess.run(
            command,
            cwd=self.scratch,
            env=environment(capped=True, engine=True),
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            raise PreparationError(
                f"reference.finetune, which makes the submission to measure, ended with {done.returncode}"
            )
        return run / "submission"
