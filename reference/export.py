"""A trained network from its checkpoint to MindIR, ONNX and safetensors, proved before it is there.

    python -m reference.export --checkpoint runs/demo/mobilenetv2-best.ckpt --out results

Every file is loaded again and answers images: photos of yours with `--images DIR`, else a few drawn ones. It
appears in `--out` only when its logits are the live network's to 1e-4, and files that are there already stay
unless `--overwrite` is given. The live network is MindSpore's alone; the fast engine, whose graph the ONNX
file shares, has no part in the comparison.

    mobilenetv2.mindir        the network as MindSpore compiled it, for `mindspore.load` and `nn.GraphCell`
    mobilenetv2.onnx          any batch size, normalisation folded in, class names in its metadata
    mobilenetv2.safetensors   the parameters by the course's names, for `safetensors` and `load_checkpoint`

Exit codes: 0 done, 1 something failed that should not (also a full disk), 2 wrong input (one line says what),
130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.classes import FLOWERS5, GARBAGE26, load_classes
from reference import exporting
from reference.command_line import interruptible, progress, run_command
from reference.errors import InputError
from reference.exporting import (
    FORMATS,
    TOLERANCE,
    Activation,
    Pooling,
    drawn_images,
    file_name,
    images_below,
    read_classifier,
)

CLASS_LISTS = {"garbage26": GARBAGE26, "flowers5": FLOWERS5}


@dataclass(frozen=True)
class Settings:
    """What the command line says.

    Attributes:
        checkpoint: of the whole network.
        out: folder to write to.
        formats: of FORMATS.
        classes: names in the order of the outputs, or the name or file of one class list; may be empty.
        images: folder of photos to compare on, or None for drawn images.
        activation: of the exported network.
        reduction: how a student's head pools, or None.
        overwrite: replace files of the same names.
    """

    checkpoint: Path
    out: Path
    formats: tuple[str, ...]
    classes: tuple[str, ...]
    images: Path | None
    activation: Activation
    reduction: Pooling | None
    overwrite: bool


def run(settings: Settings) -> list[exporting.Exported]:
    """Do the whole command, and return what was written.

    Raises:
        InputError: the checkpoint, the classes, the images or the folder do not do.
        WeightsError: the checkpoint is damaged, or not of a network that is known.
        ExportError: a file could not be written, or does not answer as the live network does.
    """
    # 1. Everything that can be wrong with the input, before MindSpore is imported.
    classifier = read_classifier(
        settings.checkpoint, settings.reduction, settings.activation, class_names(settings)
    )
    images = images_below(settings.images) if settings.images else drawn_images()
    prepare_folder(settings)
    # 2. Write, load again, compare.
    with progress(len(images.readers), "compare", "image") as bar:
        exported = exporting.export(classifier, settings.out, settings.formats, images, bar.update)
    # 3. Say what was done.
    for file in exported:
        print(
            f"{file.path}: {file.size / 1e6:.1f} MB, largest difference {file.difference:.2g},"
            f" {file.seconds:.1f} s"
        )
    print(f"each agrees with the live network to {TOLERANCE:g} on {images.what}")
    if not classifier.class_names:
        print("note: the files hold no class names; --classes gives them", file=sys.stderr)
    return exported


def class_names(settings: Settings) -> tuple[str, ...]:
    """Return the names from the command line, else those of the run that left the checkpoint, else none.

    Raises:
        InputError: the class list cannot be read, or a name is there twice.
    """
    names = settings.classes
    if len(names) == 1:
        try:
            classes = load_classes(CLASS_LISTS.get(names[0], Path(names[0])))
        except ValueError as error:
            raise InputError(f"--classes: {error}") from None
        names = tuple(info.name for info in classes)
    elif not names:
        names = _names_of_run(settings.checkpoint.parent / "config.json")
    if len(set(names)) != len(names):
        raise InputError("--classes: a name is there twice")
    return names


def _names_of_run(config: Path) -> tuple[str, ...]:
    """Return the class names in a `config.json` of `reference.finetune`; none from any other file."""
    try:
        classes = json.loads(config.read_text(encoding="utf-8"))["classes"]
        names = tuple(classes.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()
    return names if all(isinstance(name, str) for name in names) else ()


def prepare_folder(settings: Settings) -> None:
    """Make the folder, and make sure that the files may be written there.

    Raises:
        InputError: it cannot be made or written, or a file is in the way.
    """
    out = settings.out
    for target in (out / file_name(name) for name in settings.formats):
        if target.is_dir():
            raise InputError(f"{target}: is a folder; move it away")
        if not settings.overwrite and (target.exists() or target.is_symlink()):
            raise InputError(f"{target}: exists; choose another --out, or --overwrite it")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made: {error.strerror or error}") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise InputError(f"{out}: no permission to write there")


def parse_arguments(arguments: Sequence[str] | None) -> Settings:
    """Read the command line; exits with 2 when it makes no sense.

    Raises:
        InputError: it makes sense, but not here.
    """
    options = _parser().parse_args(arguments)
    if options.platform != "CPU":
        raise InputError(f"--platform {options.platform}: this command runs on the CPU alone")
    if "air" in options.formats:
        raise InputError(f"AIR can only be written on an Ascend device; choose from {', '.join(FORMATS)}")
    if unknown := [name for name in options.formats if name not in FORMATS]:
        raise InputError(f"there is no format {unknown[0]!r}; choose from {', '.join(FORMATS)}")
    return Settings(
        checkpoint=options.checkpoint,
        out=options.out,
        formats=tuple(dict.fromkeys(options.formats)),
        classes=tuple(options.classes),
        images=options.images,
        activation=options.activation,
        reduction=options.reduction,
        overwrite=options.overwrite,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reference.export",
        description="Export a trained network, and prove that each file answers as the network does.",
    )
    add = parser.add_argument
    add(
        *("--checkpoint", "--pretrain_ckpt"),
        type=Path,
        required=True,
        metavar="C",
        help="checkpoint of the whole network; --pretrain_ckpt is the lab's name for the option",
    )
    add("--out", type=Path, default=Path("results"), metavar="DIR", help="folder to write to (%(default)s)")
    add(
        *("--formats", "--file_format"),
        nargs="+",
        type=str.lower,
        default=FORMATS,
        metavar="FORMAT",
        help=f"formats to write: {', '.join(FORMATS)} (all)",
    )
    add(
        "--classes",
        nargs="+",
        default=(),
        metavar="NAME",
        help=f"class names in the order of the outputs, or one of {', '.join(CLASS_LISTS)}, FILE.toml"
        " (those of the run that left the checkpoint)",
    )
    add("--images", type=Path, metavar="DIR", help="photos to compare on, in DIR or below (drawn images)")
    add("--activation", choices=("None", "Softmax"), default="None", help="activation of the output (None)")
    add("--reduction", choices=("mean", "max"), help="how the head pools the features, if it is not the mean")
    add("--overwrite", action="store_true", help="replace files of the same names")
    add("--platform", default="CPU", metavar="CPU", help="only CPU; the files are the same for any device")
    return parser


@interruptible()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    return run_command(lambda: run(parse_arguments(arguments)))


if __name__ == "__main__":
    sys.exit(main())
