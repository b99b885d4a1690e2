"""What a benchmark is: programs that take turns, what they are to tell, and what is concluded from it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.measure import Runs, Subject
from benchmarks.programs import environment, python
from benchmarks.table import Figure
from reference.images import ImageFolder


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
class Bench:
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
