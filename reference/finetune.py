"""Fine-tune a pretrained MobileNetV2, and leave a submission that is proved to answer as trained.

    python -m reference.finetune --dataset_path D --run_path R                      # the head alone
    python -m reference.finetune --dataset_path D --run_path R --freeze_layer 14    # all from block 14 on

The head alone is solved exactly (`training/solver.py`), with a weight decay and a label smoothing that are
cross-validated on training images; the validation images choose nothing. On the 26-class garbage set (2213
training images) it knows 125 of 130 validation images, and 343 of 376 flowers (1018 training images). The
seed decides nothing but the parts of the cross-validation.

With `--solver sgd`, six seeds on the garbage set, when it learned from other views and looked at one view:

    best epoch, which these images choose      mean 124.2   min 124   max 125
    last epoch, which nothing chooses          mean 124.0   min 124   max 124

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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from tqdm import tqdm

from reference.command_line import interruptible, progress, run_command
from reference.errors import SubmissionError
from reference.exporting.classifier import classifier_from
from reference.exporting.comparing import image_files
from reference.exporting.files import export, file_name
from reference.features.extraction import Backbone, parameters_digest
from reference.features.splits import Features, compute_features
from reference.images.imagefolder import ImageFolder, Split, missing_classes, refuse_inside, scan
from reference.images.views import TEST_VIEWS, View, training_views
from reference.pretrained import load_pretrained
from reference.run.plots import confusion_matrix, plot_confusion, plot_curves, plot_exact
from reference.run.run_folder import BYTES_NEEDED, RunFolder
from reference.run.settings import Settings, parse_arguments
from reference.run.stopwatch import Stopwatch
from reference.run.summary import ExactFigures, Score, Summary
from reference.submission.cost import cost_ratio
from reference.submission.submission import Answers, answer_names, ask, main_source
from reference.training.cross_validation import table_csv
from reference.training.exact import ExactResult, Given, solve_head
from reference.training.head import LabelledFeatures, TrainingData
from reference.training.log import EpochLog, log_csv
from reference.training.outcome import IntArray, Outcome, network_of
from reference.training.snapshot import Arrays, Snapshot
from reference.weights.mindspore_file import write_checkpoint

# What trains is imported where it is needed: a wrong path should not wait for MindSpore.

BEST, FINAL, MINDIR = "mobilenetv2-best.ckpt", "mobilenetv2_final.ckpt", file_name("mindir")
SUBMISSION_MAIN, SUBMISSION_CHECKPOINT = "submission/main.py", f"submission/{BEST}"
SUMMARY = "summary.json"  # the last file of a run
STATE = "resume.npz"  # of a run that is not finished
# What a run may need on the disk: three checkpoints of 9 MB, MindIR, and the state of its training, twice.
BYTES_OF_HEAD, BYTES_OF_TAIL = BYTES_NEEDED, 2 * BYTES_NEEDED
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
        NotSolvedError: the exact solver found no optimum.
        SubmissionError: the submission does not answer as trained.
        ExportError: the MindIR file does not, or could not be written.
    """
    watch = Stopwatch()
    # 1. Find out now what would otherwise be found out later.
    folder = scan(settings.dataset_path)
    names = answer_names(folder.classes)
    looks = [look.view for look in TEST_VIEWS[: settings.test_views]]
    for split in (folder.validation, folder.test):
        if split and (missing := missing_classes(folder, split)):
            print(f"note: {split.name}/ has no images of {', '.join(missing)}", file=sys.stderr)
    refuse_inside(folder, settings.run_path)
    run = RunFolder(settings.run_path)
    bytes_needed = BYTES_OF_HEAD if settings.freeze is None else BYTES_OF_TAIL
    run.check(settings.overwrite, FILES, settings.resume, bytes_needed)
    if settings.resume and run.holds(SUMMARY):
        print(f"{run.path}: is finished; there is nothing to resume")
        return
    with watch.phase("backbone"):
        parameters = load_pretrained(settings.pretrained)
        backbone = Backbone(parameters, stop=settings.freeze)
    # 2. Features. Every image is read here, so an unreadable one stops the run while R is as it was.
    with watch.phase("features"):
        views, cross_validated = learned_views(settings), settings.exact is not None
        features = compute_features(folder, views, looks, backbone, settings.cache, cross_validated)
    # 3. Training. The validation images choose SGD's epoch, and nothing else.
    with watch.phase("training"):
        decisive = {
            **describe(settings, folder, names),
            "data": features.digest(),
            "weights": parameters_digest(parameters).hex(),
        }
        del decisive["dataset_path"]  # the same images may have moved
        snapshot = Snapshot(run.path / STATE, decisive, settings.snapshot_seconds)
        if settings.resume:
            snapshot.load()  # another run is refused while R is as it was
        run.begin(keep=(STATE,) if settings.resume else ())
        run.claim(STATE)
        outcome = train(features.data, parameters, settings, snapshot)
    # 4. Everything is known; write it down.
    with watch.phase("files"):
        write_files(run, settings, folder, outcome, names)
    # 5. The submission in a fresh process, as a grader would run it; and beside it, for most of either is the
    #    import of MindSpore, the best network as MindIR, loaded again and compared on a few images.
    with watch.phase("check and mindir"), ThreadPoolExecutor(1) as beside:
        expected = [names[index] for index in outcome.best.validation]
        checked = beside.submit(check_submission, run.path / "submission", folder.validation, expected)
        with run.making(MINDIR) as path:
            best = classifier_from(outcome.best.parameters, class_names=names)
            export(best, path.parent, ("mindir",), image_files(folder.validation.paths[:4], "val"))
        answers = checked.result()
    # 6. What several views cost.
    ratio = cost_ratio(folder.validation.paths, looks, backbone) if len(looks) > 1 else 1.0
    # 7. The test split is quoted once, here.
    summary = replace(
        summarise(folder, features, outcome, answers, watch.seconds),
        test_views=len(looks),
        cost_ratio=ratio,
    )
    run.release(STATE)
    run.write_text(SUMMARY, summary.to_json())
    print(summary.to_text(run.path))


def learned_views(settings: Settings) -> tuple[View, ...]:
    """Return the views that are learned from."""
    return training_views(settings.views, of_tail=settings.freeze is not None)


def train(data: TrainingData, parameters: Arrays, settings: Settings, snapshot: Snapshot) -> Outcome:
    """Train what is not frozen, with a progress bar."""
    if settings.exact and data.train_seen:
        return solve(data, data.train_seen, parameters, settings.exact, settings.seed)
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


def solve(data: TrainingData, seen: LabelledFeatures, parameters: Arrays, given: Given, seed: int) -> Outcome:
    """Solve the head, with a count of the cross-validation's trials, whose number is not known before."""
    with tqdm(desc="cross-validation", unit="trial", disable=None) as bar:
        exact = solve_head(data.train, seen, data.class_count, given, seed, bar.update)
    network = network_of(parameters, exact.solution.head, data)
    return Outcome(network, 0, network, (), exact)


def write_files(
    run: RunFolder, settings: Settings, folder: ImageFolder, outcome: Outcome, names: Sequence[str]
) -> None:
    """Write configuration, log, pictures, checkpoints and the submission."""
    run.write_text(
        "config.json", json.dumps(describe(settings, folder, names), indent=1, ensure_ascii=False) + "\n"
    )
    if outcome.exact is None:
        run.write_text("log.csv", log_csv(outcome.log))
        with run.making("curves.png") as path:
            plot_curves(outcome.log, outcome.best_epoch, path)
    else:
        choice = outcome.exact.choice
        if choice:
            run.write_text("log.csv", table_csv(choice.trials))
        with run.making("curves.png") as path:
            plot_exact(outcome.exact.solution.objectives, choice, path)
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
    run.write_text(SUBMISSION_MAIN, main_source(names, TEST_VIEWS[: settings.test_views]))


def describe(settings: Settings, folder: ImageFolder, names: Sequence[str]) -> dict[str, object]:
    """Return the content of `config.json`: what decided the result."""
    libraries = ("mindspore", "numpy", "scipy", "onnxruntime", "onnx")
    splits = [split for split in (folder.train, folder.validation, folder.test) if split]
    return {
        "dataset_path": str(settings.dataset_path),
        "images": {split.name: len(split.paths) for split in splits},
        "classes": dict(zip(folder.classes, names, strict=True)),
        "seed": settings.seed,
        "freeze_layer": "backbone" if settings.freeze is None else settings.freeze,
        "views": [view.identity for view in learned_views(settings)],
        "test_views": [asdict(look) for look in TEST_VIEWS[: settings.test_views]],
        "solver": "exact" if settings.exact else "sgd",
        "recipe": asdict(settings.exact or settings.recipe),
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
        best_epoch=None if outcome.exact else outcome.best_epoch,
        epochs=None if outcome.exact else len(outcome.log),
        validation_last_epoch=None if outcome.exact else score(outcome.final.validation, folder.validation),
        exact=exact_figures(outcome.exact) if outcome.exact else None,
        test=test,
        features_computed=features.computed,
        features_cached=features.cached,
        features_repeated=features.repeated,
        answers=answers,
        seconds=seconds,
    )


def exact_figures(exact: ExactResult) -> ExactFigures:
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


@interruptible(hint="the same command with --resume goes on")
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    settings = parse_arguments(arguments)
    return run_command(lambda: finetune(settings))


if __name__ == "__main__":
    sys.exit(main())
