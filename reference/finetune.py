"""Fine-tune a head on a frozen MobileNetV2, and leave a submission that is proved to answer as trained.

    python -m reference.finetune --dataset_path D --run_path R

Six seeds on the 26-class garbage set (2213 training images), two cores, top-1 on 130 validation images:

    best epoch, which these images choose      mean 124.2   min 124   max 125
    last epoch, which nothing chooses          mean 124.0   min 124   max 124
    seconds, empty cache / full cache          43 / 12 (features 32, head 4, check of the submission 7)

What R holds afterwards: `config.json`, `log.csv`, `curves.png`, `confusion_matrix.png`, `summary.json`, the
checkpoints `mobilenetv2-best.ckpt` and `mobilenetv2_final.ckpt`, the best also as `mobilenetv2.mindir`
(`reference.export` writes other formats), `submission/` to hand in as it is, and `manifest.json`, which lists
them.

Exit codes: 0 done, 1 something failed that should not, 2 wrong input (one line says what), 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from reference.command_line import (
    INTERRUPTED,
    at_least,
    between_zero_and,
    interruptible,
    progress,
    stop,
)
from reference.errors import InputError
from reference.exporting.classifier import Classifier
from reference.exporting.comparing import image_files
from reference.exporting.errors import ExportError
from reference.exporting.files import export, file_name
from reference.features.cache import FeatureCache, default_cache_folder
from reference.features.extraction import Backbone, extract_features
from reference.images.imagefolder import ImageFolder, Split, scan
from reference.images.views import EVALUATION, training_views
from reference.pretrained import load_pretrained
from reference.run.plots import confusion_matrix, plot_confusion, plot_curves
from reference.run.run_folder import RunFolder
from reference.run.summary import Score, Summary
from reference.submission.submission import Answers, SubmissionError, answer_names, ask, main_source
from reference.training.head import FloatArray, Head, LabelledFeatures, Recipe, TrainingResult
from reference.training.log import EpochLog, log_csv
from reference.weights.errors import SourceError, WeightsError
from reference.weights.mindspore_file import write_checkpoint

# reference.training.head_training is imported where it is needed: a wrong path should not wait for MindSpore.

DEFAULT_VIEWS = 3
BEST, FINAL, MINDIR = "mobilenetv2-best.ckpt", "mobilenetv2_final.ckpt", file_name("mindir")
SUBMISSION_MAIN, SUBMISSION_CHECKPOINT = "submission/main.py", f"submission/{BEST}"
FILES = (
    *("config.json", "log.csv", "curves.png", "confusion_matrix.png", "summary.json"),
    *(BEST, FINAL, MINDIR, SUBMISSION_MAIN, SUBMISSION_CHECKPOINT),
)


@dataclass(frozen=True)
class Settings:
    """What the command line says.

    Attributes:
        dataset_path: folder with train/ and val/ or test/.
        run_path: folder to write to.
        seed: of the head's initial weights and the order of the images.
        views: training views of each image, see `reference.images.views`.
        recipe: how the head is trained.
        pretrained: "pypi", "official" or a weights file.
        cache: folder of the feature cache.
        overwrite: replace an earlier run's files.
    """

    dataset_path: Path
    run_path: Path
    seed: int
    views: int
    recipe: Recipe
    pretrained: str
    cache: Path
    overwrite: bool


@dataclass(frozen=True)
class Features:
    """The pooled features of a data set.

    Attributes:
        train: in all training views.
        validation: in the evaluation view.
        test: likewise, where there is a test split that chooses nothing.
        computed: different feature vectors that were computed.
        cached: different feature vectors that an earlier run had left in the cache.
        repeated: all others, which are those of copies of an image.
    """

    train: LabelledFeatures
    validation: LabelledFeatures
    test: LabelledFeatures | None
    computed: int
    cached: int
    repeated: int


class Stopwatch:
    """Seconds spent in each phase, in the order in which the phases began."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the body."""
        begun = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begun


def finetune(settings: Settings) -> None:
    """Do the whole run, and print its summary.

    Raises:
        InputError: the data set, an image or the run folder does not do.
        SourceError: the pretrained weights could not be had.
        WeightsError: they are not what they should be.
        SubmissionError: the submission does not answer as trained.
        ExportError: the MindIR file does not, or could not be written.
    """
    watch = Stopwatch()
    # 1. Find out now what would otherwise be found out later.
    folder = scan(settings.dataset_path)
    run = RunFolder(settings.run_path)
    run.check(settings.overwrite, FILES)
    with watch.phase("backbone"):
        parameters = load_pretrained(settings.pretrained)
        backbone = Backbone(parameters)
    # 2. Features. Every image is read here, so an unreadable one stops the run while R is as it was.
    with watch.phase("features"):
        features = compute_features(folder, backbone, settings)
    # 3. The head. The validation images choose the epoch, and nothing else.
    with watch.phase("head"):
        result = train(features, len(folder.classes), settings)
    # 4. Everything is known; write it down.
    with watch.phase("files"):
        run.begin()
        names = answer_names(folder.classes)
        write_files(run, settings, folder, features, result, names, parameters)
    # 5. The submission in a fresh process, as a grader would run it.
    predictions = result.best.predict(features.validation.features[0])
    with watch.phase("check"):
        answers = check_submission(
            run.path / "submission", folder.validation, [names[i] for i in predictions]
        )
    # 6. The best network as MindIR, loaded again and compared on a few images.
    with watch.phase("mindir"), run.making(MINDIR) as path:
        classifier = Classifier(parameters, "head.1", result.best.weight, result.best.bias, class_names=names)
        export(classifier, path.parent, ("mindir",), image_files(folder.validation.paths[:4], "val"))
    # 7. The test split is quoted once, here.
    summary = summarise(features, result, answers, watch.seconds)
    run.write_text("summary.json", summary.to_json())
    print(summary.to_text(run.path / "submission"))


def compute_features(folder: ImageFolder, backbone: Backbone, settings: Settings) -> Features:
    """Get the features of all splits, with one progress bar."""
    cache = FeatureCache(settings.cache)
    views = training_views(settings.views)
    splits = [(folder.train, views), (folder.validation, (EVALUATION,))]
    if folder.test:
        splits.append((folder.test, (EVALUATION,)))
    total = sum(len(split.paths) * len(split_views) for split, split_views in splits)
    with progress(total, "features", "image") as bar:
        done = [
            extract_features(split.paths, split_views, backbone, cache, bar.update)
            for split, split_views in splits
        ]
    if cache.trouble:
        print(f"note: the feature cache in {settings.cache} is not used: {cache.trouble}", file=sys.stderr)
    # Copies may lie in different splits, so the keys are counted and not the vectors.
    different = len(frozenset().union(*(extraction.keys for extraction in done)))
    computed = len(frozenset().union(*(extraction.computed_keys for extraction in done)))
    train_part, validation_part, *rest = (
        LabelledFeatures(extraction.features, split.labels)
        for extraction, (split, _) in zip(done, splits, strict=True)
    )
    return Features(
        train=train_part,
        validation=validation_part,
        test=rest[0] if rest else None,
        computed=computed,
        cached=different - computed,
        repeated=total - different,
    )


def train(features: Features, class_count: int, settings: Settings) -> TrainingResult:
    """Train the head, with a progress bar over the epochs."""
    from reference.training.head_training import train_head

    with progress(settings.recipe.epochs, "head", "epoch") as bar:

        def advance(entry: EpochLog) -> None:
            bar.set_postfix_str(f"loss {entry.train_loss:.3f}, val {entry.validation_accuracy:.2%}")
            bar.update()

        return train_head(
            features.train, features.validation, class_count, settings.recipe, settings.seed, advance
        )


def write_files(
    run: RunFolder,
    settings: Settings,
    folder: ImageFolder,
    features: Features,
    result: TrainingResult,
    names: Sequence[str],
    parameters: Mapping[str, FloatArray],
) -> None:
    """Write configuration, log, pictures, checkpoints and the submission."""
    run.write_text(
        "config.json", json.dumps(describe(settings, folder, names), indent=1, ensure_ascii=False) + "\n"
    )
    run.write_text("log.csv", log_csv(result.log))
    with run.making("curves.png") as path:
        plot_curves(result.log, result.best_epoch, path)
    with run.making("confusion_matrix.png") as path:
        predictions = result.best.predict(features.validation.features[0])
        counts = confusion_matrix(features.validation.labels, predictions, len(names))
        plot_confusion(counts, names, path)
    for name, head in ((FINAL, result.final), (BEST, result.best), (SUBMISSION_CHECKPOINT, result.best)):
        with run.making(name) as path:
            # The names that the course library's MobileNetV2Head gives its dense layer.
            write_checkpoint({**parameters, "head.1.weight": head.weight, "head.1.bias": head.bias}, path)
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
    features: Features, result: TrainingResult, answers: Answers, seconds: Mapping[str, float]
) -> Summary:
    """Count what the heads get right."""

    def score(head: Head, data: LabelledFeatures) -> Score:
        return Score(head.count_correct(data), len(data.labels))

    return Summary(
        validation=score(result.best, features.validation),
        best_epoch=result.best_epoch,
        epochs=len(result.log),
        validation_last_epoch=score(result.final, features.validation),
        test=score(result.best, features.test) if features.test else None,
        features_computed=features.computed,
        features_cached=features.cached,
        features_repeated=features.repeated,
        answers=answers,
        seconds=seconds,
    )


def parse_arguments(arguments: Sequence[str] | None) -> Settings:
    """Read the command line; exits with 2 when it makes no sense."""
    defaults = Recipe()
    parser = argparse.ArgumentParser(
        prog="python -m reference.finetune",
        description="Fine-tune a head on a frozen MobileNetV2 and write a submission folder.",
    )
    add = parser.add_argument
    add("--dataset_path", type=Path, required=True, metavar="D", help="folder with train/ and val/ or test/")
    add("--run_path", type=Path, required=True, metavar="R", help="folder to write to, new or empty")
    add("--overwrite", action="store_true", help="replace the files of an earlier run in R, and only those")
    add("--seed", type=at_least(0), default=0, help="of initial weights and image order (%(default)s)")
    add("--epochs", type=at_least(1), default=defaults.epochs, help="(%(default)s)")
    add("--views", type=at_least(1), default=DEFAULT_VIEWS, help="training views of each image (%(default)s)")
    add("--batch_size", type=at_least(1), default=defaults.batch_size, help="(%(default)s)")
    add(
        "--learning_rate",
        type=between_zero_and(float("inf")),
        default=defaults.learning_rate,
        help="peak (%(default)s)",
    )
    add("--weight_decay", type=between_zero_and(1.0), default=defaults.weight_decay, help="L2 (%(default)s)")
    add(
        "--label_smoothing",
        type=between_zero_and(0.9),
        default=defaults.label_smoothing,
        help="(%(default)s)",
    )
    add("--pretrained", default="pypi", metavar="FILE|pypi|official", help="backbone weights (%(default)s)")
    add("--cache", type=Path, default=default_cache_folder(), metavar="DIR", help="of features (%(default)s)")
    options = parser.parse_args(arguments)
    recipe = Recipe(
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        label_smoothing=options.label_smoothing,
    )
    return Settings(
        dataset_path=options.dataset_path,
        run_path=options.run_path,
        seed=options.seed,
        views=options.views,
        recipe=recipe,
        pretrained=options.pretrained,
        cache=options.cache,
        overwrite=options.overwrite,
    )


@interruptible()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    settings = parse_arguments(arguments)
    try:
        finetune(settings)
    except (InputError, WeightsError) as error:
        return stop(2, f"error: {error}")
    except (SourceError, SubmissionError, ExportError) as error:
        return stop(1, f"error: {error}")
    except OSError as error:
        return stop(1, f"error: {error}")
    except KeyboardInterrupt:
        return stop(INTERRUPTED, "interrupted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
