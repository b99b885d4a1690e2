"""The figures of a finished run: `summary.json`, and the lines printed at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from reference.submission.submission import Answers


@dataclass(frozen=True)
class Score:
    """Top-1 accuracy on a number of images."""

    correct: int
    images: int

    def __str__(self) -> str:
        return f"{self.correct} of {self.images} ({self.correct / self.images:.2%})"


@dataclass(frozen=True)
class Summary:
    """What a run came to.

    Attributes:
        validation: the best epoch on the validation images, which chose it.
        best_epoch: from 1.
        epochs: how many there were.
        validation_last_epoch: the last epoch on the same images; nothing was chosen by it.
        test: the best epoch on the test split, where there is one besides the validation split.
        features_computed: different feature vectors computed in this run.
        features_cached: different feature vectors that an earlier run had left in the cache.
        features_repeated: feature vectors of further copies of an image.
        answers: of the submission on the validation images, all of which agree.
        seconds: each phase.
    """

    validation: Score
    best_epoch: int
    epochs: int
    validation_last_epoch: Score
    test: Score | None
    features_computed: int
    features_cached: int
    features_repeated: int
    answers: Answers
    seconds: Mapping[str, float]

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
            },
            "seconds": {name: round(seconds, 3) for name, seconds in self.seconds.items()},
        }
        return json.dumps(values, indent=1) + "\n"

    def to_text(self, submission: Path) -> str:
        """Return the lines for the terminal."""
        answers, count = self.answers, len(self.answers.names)
        phases = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.seconds.items())
        lines = [
            f"best validation top-1   {self.validation}, epoch {self.best_epoch} of {self.epochs}",
            f"last epoch              {self.validation_last_epoch}",
            f"features                {self.features_computed} computed, {self.features_cached} from cache,"
            f" {self.features_repeated} of copies of an image",
            f"submission              same answer as in training on {count} of {count} images, in"
            f" {answers.total_seconds:.1f} s (import {answers.import_seconds:.1f}, first"
            f" {answers.first_seconds:.1f}, rest {answers.rest_seconds:.1f})",
            f"seconds                 {sum(self.seconds.values()):.1f} ({phases})",
            f"submission folder       {submission}",
        ]
        if self.test:
            lines.insert(2, f"test top-1              {self.test}")
        return "\n".join(lines)
