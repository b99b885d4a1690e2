"""Fine-tune a pretrained MobileNetV2, and leave a submission that is proved to answer as trained.

    python -m reference.finetune --dataset_path D --run_path R                      # the head alone
    python -m reference.finetune --dataset_path D --run_path R --freeze_layer 14    # all from block 14 on

Six seeds on the 26-class garbage set (2213 training images), two cores, top-1 on 130 validation images:

    best epoch, which these images choose      mean 124.2   min 124   max 125
    last epoch, which nothing chooses          mean 124.0   min 124   max 124
    seconds, empty cache / full cache          43 / 12 (features 32, head 4, check of the submission 7)

What R holds afterwards: `config.json`, `log.csv`, `curves.png`, `confusion_matrix.png`, `summary.json`, the
checkpoints `mobilenetv2-best.ckpt` and `mobilenetv2_final.ckpt`, the best also as `mobilenetv2.mindir`
(`reference.export` writes other formats), `submission/` to hand in as it is, and `manifest.json`, which lists
them.

A run that was stopped, at whatever moment, goes on with `--resume` to the same checkpoints, byte for byte.

Exit codes: 0 done, 1 something failed that should not, 2 wrong input (one line says what), 130 interrupted.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

from reference.command_line import INTERRUPTED, interruptible, progress, stop
from reference.errors import DivergedError, InputError
from reference.exporting.classifier import classifier_from
from reference.exporting.comparing import image_files
from reference.exporting.errors import ExportError
from reference.exporting.files import export, file_name
from reference.features.extraction import Backbone
from reference.features.splits import Features, compute_features
from reference.images.imagefolder import ImageFolder, Split, missing_classes, scan
from reference.images.views import training_views
from reference.pretrained import load_pretrained
from reference.run.plots import confusion_matrix, plot_confusion, plot_curves
from reference.run.run_folder import RunFolder
from reference.run.settings import Settings, parse_arguments
from reference.run.stopwatch import Stopwatch
from reference.run.summary import Score, Summary
from reference.submission.submission import Answers, SubmissionError, answer_names, ask, main_source
from reference.training.head import TrainingData
from reference.training.log import EpochLog, log_csv
from reference.training.outcome import IntArray, Outcome
from reference.training.snapshot import Arrays, Snapshot
from reference.weights.errors import SourceError, WeightsError
from reference.weights.mindspore_file import write_checkpoint

# What trains is imported where it is needed: a wrong path should not wait for MindSpore.

BEST, FINAL, MINDIR = "mobilenetv2-best.ckpt", "mobilenetv2_final.ckpt", file_name("mindir")
SUBMISSION_MAIN, SUBMISSION_CHECKPOINT = "submission/main.py", f"submission/{BEST}"
SUMMARY = "summary.json"  # the last file of a run
STATE = "resume.npz"  # of a run that is not finished
FILES = (
    *("config.json", "log.csv", "curves.png", "confusion_matrix.png", SUMMARY, STATE),
    *(BEST, FINAL, MINDIR, SUBMISSION_MAIN, SUBMISSION_CHECKPOINT),
)


def finetune(settings: Settings) -> None:
    """Do the whole run, or the rest of one that was stopped, and print its summary.

    Raises:
        InputError: the data set, an image or the run folder does not do.
        SourceError: the pretrained weights could not be had.
        WeightsError: they are not what they should be.
        DivergedError: a loss was not a number.
        SubmissionError: the submission does not answer as trained.
        ExportError: the MindIR file does not, or could not be written.
    """
    watch = Stopwatch()
    # 1. Find out now what would otherwise be found out later.
    folder = scan(settings.dataset_path)
    names = answer_names(folder.classes)
    for split in (folder.validation, folder.test):
        if split and (missing := missing_classes(folder, split)):
            print(f"note: {split.name}/ has no images of {', '.join(missing)}", file=sys.stderr)
    run = RunFolder(settings.run_path)
    run.check(settings.overwrite, FILES, settings.resume)
    if settings.resume and run.holds(SUMMARY):
        print(f"{run.path}: is finished; there is nothing to resume")
        return
    with watch.phase("backbone"):
        parameters = load_pretrained(settings.pretrained)
        backbone = Backbone(parameters, stop=settings.freeze)
    # 2. Features. Every image is read here, so an unreadable one stops the run while R is as it was.
    with watch.phase("features"):
        features = compute_features(folder, training_views(settings.views), backbone, settings.cache)
    # 3. Training. The validation images choose the epoch, and nothing else.
    with watch.phase("training"):
        run.begin(keep=(STATE,) if settings.resume else ())
        decisive = {**describe(settings, folder, names), "data": features.digest()}
        del decisive["dataset_path"]  # the same images may have moved
        snapshot = Snapshot(run.claim(STATE), decisive, settings.snapshot_seconds)
        outcome = train(features.data, parameters, settings, snapshot)
    # 4. Everything is known; write it down.
    with watch.phase("files"):
        write_files(run, settings, folder, outcome, names)
    # 5. The submission in a fresh process, as a grader would run it.
    with watch.phase("check"):
        expected = [names[index] for index in outcome.best.validation]
        answers = check_submission(run.path / "submission", folder.validation, expected)
    # 6. The best network as MindIR, loaded again and compared on a few images.
    with watch.phase("mindir"), run.making(MINDIR) as path:
        best = classifier_from(outcome.best.parameters, class_names=names)
        export(best, path.parent, ("mindir",), image_files(folder.validation.paths[:4], "val"))
    # 7. The test split is quoted once, here.
    summary = summarise(folder, features, outcome, answers, watch.seconds)
    run.release(STATE)
    run.write_text(SUMMARY, summary.to_json())
    print(summary.to_text(run.path / "submission"))


def train(data: TrainingData, parameters: Arrays, settings: Settings, snapshot: Snapshot) -> Outcome:
    """Train what is not frozen, with a progress bar."""
    # These bring MindSpore.
    from reference.training.head_training import train_classifier
    from reference.training.loop import Watcher
    from reference.training.tail_training import train_tail

    recipe = settings.recipe
    steps = max(1, len(data.train.labels) * settings.views // recipe.batch_size)
    with progress(steps * recipe.epochs, "training", "step") as bar:

        def describe_epoch(entry: EpochLog) -> None:
            bar.set_postfix_str(
                f"epoch {entry.epoch}, loss {entry.train_loss:.3f}, val {entry.validation_accuracy or 0:.2%}"
            )

        def count(epoch: int, step: int, _: float) -> None:
            bar.update((epoch - 1) * steps + step - bar.n)

        watcher = Watcher(on_step=count, on_epoch=describe_epoch)
        if settings.freeze is None:
            return train_classifier(parameters, data, recipe, settings.seed, watcher, snapshot)
        return train_tail(parameters, settings.freeze, data, recipe, settings.seed, watcher, snapshot)


def write_files(
    run: RunFolder, settings: Settings, folder: ImageFolder, outcome: Outcome, names: Sequence[str]
) -> None:
    """Write configuration, log, pictures, checkpoints and the submission."""
    run.write_text(
        "config.json", json.dumps(describe(settings, folder, names), indent=1, ensure_ascii=False) + "\n"
    )
    run.write_text("log.csv", log_csv(outcome.log))
    with run.making("curves.png") as path:
        plot_curves(outcome.log, outcome.best_epoch, path)
    with run.making("confusion_matrix.png") as path:
        counts = confusion_matrix(folder.validation.labels, outcome.best.validation, len(names))
        plot_confusion(counts, names, path)
    for name, trained in (
        (FINAL, outcome.final),
        (BEST, outcome.best),
        (SUBMISSION_CHECKPOINT, outcome.best),
    ):
        with run.making(name) as path:
            write_checkpoint(trained.parameters, path)
    run.write_text(SUBMISSION_MAIN, main_source(names))


def describe(settings: Settings, folder: ImageFolder, names: Sequence[str]) -> dict[str, object]:
    """Return the content of `config.json`: what decided the result."""
    libraries = ("mindspore", "numpy", "onnxruntime", "onnx")
    splits = [split for split in (folder.train, folder.validation, folder.test) if split]
    return {
        "dataset_path": str(settings.dataset_path),
        "images": {split.name: len(split.paths) for split in splits},
        "classes": dict(zip(folder.classes, names, strict=True)),
        "seed": settings.seed,
        "freeze_layer": "backbone" if settings.freeze is None else settings.freeze,
        "views": [view.identity for view in training_views(settings.views)],
        "recipe": asdict(settings.recipe),
        "pretrained": settings.pretrained,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in libraries}},
    }


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


def summarise(
    folder: ImageFolder,
    features: Features,
    outcome: Outcome,
    answers: Answers,
    seconds: Mapping[str, float],
) -> Summary:
    """Count what the networks get right."""

    def score(predictions: IntArray, split: Split) -> Score:
        return Score(int(np.sum(predictions == split.labels)), len(split.labels))

    test = None
    if folder.test is not None and outcome.best.test is not None:
        test = score(outcome.best.test, folder.test)
    return Summary(
        validation=score(outcome.best.validation, folder.validation),
        best_epoch=outcome.best_epoch,
        epochs=len(outcome.log),
        validation_last_epoch=score(outcome.final.validation, folder.validation),
        test=test,
        features_computed=features.computed,
        features_cached=features.cached,
        features_repeated=features.repeated,
        answers=answers,
        seconds=seconds,
    )


@interruptible()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    settings = parse_arguments(arguments)
    try:
        finetune(settings)
    except (InputError, WeightsError) as error:
        return stop(2, f"error: {error}")
    except (SourceError, SubmissionError, ExportError, DivergedError) as error:
        return stop(1, f"error: {error}")
    except OSError as error:
        return stop(1, f"error: {error}")
    except KeyboardInterrupt:
        return stop(INTERRUPTED, "interrupted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
