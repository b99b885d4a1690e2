"""What a run came to: the files it leaves, `summary.json`, and the lines printed at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from reference.features import Features
from reference.images import TEST_VIEWS, ImageFolder, Split
from reference.run.plots import confusion_matrix, plot_confusion, plot_curves, plot_exact
from reference.run.run_folder import RunFolder
from reference.run.submission import Answers, main_source
from reference.training import log_csv, table_csv
from reference.values import ExactResult, IntArray, TrainedNetwork, TrainingResult, Trial
from reference.weights import write_checkpoint

BEST, FINAL = "mobilenetv2-best.ckpt", "mobilenetv2_final.ckpt"
SUBMISSION_MAIN, SUBMISSION_CHECKPOINT = "submission/main.py", f"submission/{BEST}"
SUMMARY = "summary.json"  # the last file of a run
RESULT_FILES = (
    *("log.csv", "curves.png", "confusion_matrix.png", SUMMARY),
    *(BEST, FINAL, SUBMISSION_MAIN, SUBMISSION_CHECKPOINT),
)
"""All that is written here, by name."""


def write_files(
    run: RunFolder,
    folder: ImageFolder,
    result: TrainingResult[TrainedNetwork],
    names: Sequence[str],
    test_views: int,
) -> None:
    """Write log, pictures, checkpoints and the submission.

    Args:
        run: where to.
        folder: the data set.
        result: of the training.
        names: of the classes, as the submission says them.
        test_views: how many views of an image the submission looks at.
    """
    if result.exact is None:
        run.write_text("log.csv", log_csv(result.log))
        with run.making("curves.png") as path:
            plot_curves(result.log, result.best_epoch, path)
    else:
        choice = result.exact.choice
        if choice:
            run.write_text("log.csv", table_csv(choice.trials))
        with run.making("curves.png") as path:
            plot_exact(result.exact.solution.objectives, choice, path)
    with run.making("confusion_matrix.png") as path:
        counts = confusion_matrix(folder.validation.labels, result.best.validation, len(names))
        plot_confusion(counts, names, path)
    for name, network in (
        (FINAL, result.final),
        (BEST, result.best),
        (SUBMISSION_CHECKPOINT, result.best),
    ):
        with run.making(name) as path:
            write_checkpoint(network.parameters, path)
    run.write_text(SUBMISSION_MAIN, main_source(names, TEST_VIEWS[:test_views]))


@dataclass(frozen=True)
class Score:
    """Top-1 accuracy on a number of images."""

    correct: int
    images: int

    def __str__(self) -> str:
        return f"{self.correct} of {self.images} ({self.correct / self.images:.2%})"


@dataclass(frozen=True)
class ExactFigures:
    """What the exact solver came to.

    Attributes:
        weight_decay: that was used.
        label_smoothing: likewise.
        gradient: largest entry of the gradient at the solution.
        cross_validation: of the training images, with these two; None if both were given.
        trials: everything that cross-validation tried.
        at_limit: the weight decay is the first or last that is ever tried.
    """

    weight_decay: float
    label_smoothing: float
    gradient: float
    cross_validation: Score | None
    trials: tuple[Trial, ...]
    at_limit: bool

    def lines(self) -> list[str]:
        """Return the lines for the terminal."""
        used = f"weight decay {self.weight_decay:.3g}, label smoothing {self.label_smoothing:g}"
        if self.cross_validation is None:
            return [f"settings                {used}, as given"]
        lines = [
            f"cross-validation        {self.cross_validation} training images, by heads that never saw them",
            f"settings                {used}: the best there of {len(self.trials)} tried",
        ]
        if self.at_limit:
            lines.append("note                    no further weight decay is tried; a better one may be")
        return lines


@dataclass(frozen=True)
class Summary:
    """What a run came to.

    Attributes:
        validation: the best epoch on the validation images, which chose it; or the exact head, which they did
            not.
        best_epoch: from 1; None for an exact head, like the next two.
        epochs: how many there were.
        validation_last_epoch: the last epoch on the same images; nothing was chosen by it.
        exact: what is known of an exact head.
        test: the best epoch on the test split, where there is one besides the validation split.
        features_computed: different feature vectors computed in this run.
        features_cached: different feature vectors that an earlier run had left in the cache.
        features_repeated: feature vectors of further copies of an image.
        answers: of the submission on the validation images, all of which agree.
        seconds: each phase.
        test_views: how many views of an image the submission looks at.
        cost_ratio: the time that an image takes so, in multiples of the time with one view.
    """

    validation: Score
    best_epoch: int | None
    epochs: int | None
    validation_last_epoch: Score | None
    exact: ExactFigures | None
    test: Score | None
    features_computed: int
    features_cached: int
    features_repeated: int
    answers: Answers
    seconds: Mapping[str, float]
    test_views: int
    cost_ratio: float

    def to_json(self) -> str:
        """Return the content of `summary.json`."""
        answers = self.answers
        values = {
            **asdict(self),
            "answers": {
                "agree": len(answers.names),
                "import_seconds": round(answers.import_seconds, 3),
                "first_seconds": round(answers.first_seconds, 3),
                "rest_seconds": round(answers.rest_seconds, 3),
                "seconds_an_image": answers.seconds_an_image and round(answers.seconds_an_image, 5),
            },
            "cost_ratio": self.cost_ratio,
            "seconds": {name: round(seconds, 3) for name, seconds in self.seconds.items()},
        }
        return json.dumps(values, indent=1) + "\n"

    def to_text(self, run: Path) -> str:
        """Return the lines for the terminal; `run` is the folder of the run."""
        answers, count = self.answers, len(self.answers.names)
        phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.seconds.items())
        lines = [
            *self._validation_lines(),
            *([f"test images             {self.test} right"] if self.test else []),
            f"features of images      {self.features_computed} computed, {self.features_cached} kept from an"
            f" earlier run, {self.features_repeated} of copies of an image",
            f"submission              asked in a process of its own: the same answer on {count} of {count}"
            f" images, in {answers.total_seconds:.1f} s (import {answers.import_seconds:.1f}, first"
            f" {answers.first_seconds:.1f}, rest {answers.rest_seconds:.1f})",
            f"looks at an image       {self.test_views}{self._cost()}",
            f"seconds                 {sum(self.seconds.values()):.1f} ({phases})",
            "",
            f"{run / 'curves.png'} shows how it learned,",
            f"{run / 'confusion_matrix.png'} which classes it mistakes for which,",
            f"{run / 'submission'} is to be handed in.",
        ]
        return "\n".join(lines)

    def _validation_lines(self) -> list[str]:
        if self.exact:
            # No choice was made by these images, so the share is not flattered.
            return [f"validation images       {self.validation} right", *self.exact.lines()]
        return [
            f"validation images       {self.validation} right after epoch {self.best_epoch} of {self.epochs},"
            " the best",
            f"                        {self.validation_last_epoch} right after the last epoch",
        ]

    def _cost(self) -> str:
        seconds = self.answers.seconds_an_image
        each = f", {1000 * seconds:.1f} ms in the submission" if seconds else ""
        return f"{each}, {self.cost_ratio:.1f} times the time of one view"


@dataclass(frozen=True)
class Looks:
    """How a submission looks at an image.

    Attributes:
        count: in how many views.
        cost_ratio: the time that an image takes so, in multiples of the time with one view.
    """

    count: int
    cost_ratio: float


def summarise(
    folder: ImageFolder,
    features: Features,
    result: TrainingResult[TrainedNetwork],
    answers: Answers,
    looks: Looks,
    seconds: Mapping[str, float],
) -> Summary:
    """Count what the networks get right; the test split is quoted here, once.

    Args:
        folder: the data set.
        features: of its images.
        result: of the training.
        answers: of the submission on the validation images.
        looks: what the submission looks at.
        seconds: of each phase.
    """
    test = None
    if folder.test is not None and result.best.test is not None:
        test = _score(result.best.test, folder.test)
    exact = result.exact
    return Summary(
        validation=_score(result.best.validation, folder.validation),
        best_epoch=None if exact else result.best_epoch,
        epochs=None if exact else len(result.log),
        validation_last_epoch=None if exact else _score(result.final.validation, folder.validation),
        exact=_exact_figures(exact) if exact else None,
        test=test,
        features_computed=features.computed,
        features_cached=features.cached,
        features_repeated=features.repeated,
        answers=answers,
        seconds=seconds,
        test_views=looks.count,
        cost_ratio=looks.cost_ratio,
    )


def _score(predictions: IntArray, split: Split) -> Score:
    return Score(int(np.sum(predictions == split.labels)), len(split.labels))


def _exact_figures(exact: ExactResult) -> ExactFigures:
    """Say how a head was solved."""
    choice = exact.choice
    return ExactFigures(
        weight_decay=exact.regularisation.weight_decay,
        label_smoothing=exact.regularisation.label_smoothing,
        gradient=exact.solution.gradient,
        cross_validation=Score(choice.best.correct, choice.best.images) if choice else None,
        trials=choice.trials if choice else (),
        at_limit=choice is not None and choice.at_limit,
    )
