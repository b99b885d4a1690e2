"""`python -m grader split ACTION ...`: audit, make, seal or open a split."""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path

from grader.audit import (
    MANIFEST,
    Audit,
    audit_sets,
    divide,
    network_features,
    plain_features,
    read_set,
    render_page,
    same_place,
    write_division,
)
from grader.cli.command_line import EXIT_DONE, EXIT_REFUSED, Command, command_of, say
from grader.cli.options import (
    add_assignment,
    add_key_file,
    add_language,
    say_what_is_left_out,
    warn_if_exposed,
)
from grader.errors import Language, UsageError
from grader.model.assignment import load_assignment
from grader.model.dataset import Split
from grader.printable import one_line
from grader.split import (
    check_is_new,
    key_file_from,
    make_key,
    open_split,
    read_key,
    read_sealed,
    write_folder,
    write_sealed,
)
from grader.wording import words


def _add_audit_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "train", type=Path, metavar="TRAIN", help="training images: a folder with one sub-folder per class"
    )
    parser.add_argument(
        "hidden", type=Path, metavar="HIDDEN", help="hidden images: a folder with one sub-folder per class"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write a page that shows the images side by side"
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="pretrained MobileNetV2 (MindSpore checkpoint): compare images by its features (default: by "
        "colours and gradients)",
    )
    add_language(parser, "the summary", of_pages=True)


def _audit(options: argparse.Namespace) -> int:
    out: Path | None = options.out
    if out is not None and os.path.lexists(out):
        raise UsageError("out-not-new-file", path=out)
    if same_place(options.train, options.hidden):
        raise UsageError("sets-are-one")
    weights: Path | None = options.weights
    train, hidden = read_set(options.train, "train"), read_set(options.hidden, "hidden")
    featuring = plain_features if weights is None else partial(network_features, weights=weights)
    audit = audit_sets(train, hidden, featuring)
    said = _audit_in_words(audit, options.lang)
    if out is not None:
        _write_page(audit, out, options.lang)
        said += f"\n  {one_line(words(options.lang, 'audit-page', path=out))}\n"
    say(said)
    return EXIT_REFUSED if audit.is_serious else EXIT_DONE


def _write_page(audit: Audit, out: Path, language: Language) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("x", encoding="utf-8") as file:
            file.write(render_page(audit, language))
    except OSError as error:
        raise UsageError("cannot-write", path=out, reason=error) from error


def _audit_in_words(audit: Audit, language: Language) -> str:
    counts = {"train": len(audit.train.pictures), "hidden": len(audit.hidden.pictures)}
    lines = [words(language, "audit-counts", **counts)]
    for remark in audit.remarks:
        mark = "x" if remark.severity == "serious" else "-"
        lines += ["", f"  {mark} {remark.title(language)}", f"    {remark.detail(language)}"]
    if not audit.remarks:
        lines += ["", f"  {words(language, 'audit-nothing')}"]
    lines += ["", f"  {audit.basis(language)}"]
    return "\n".join(map(one_line, lines)) + "\n"


def _add_make_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="all images: a folder with one sub-folder per class"
    )
    parser.add_argument("--hidden", type=int, metavar="N", required=True, help="number of hidden images")
    parser.add_argument(
        "--seed",
        type=int,
        metavar="S",
        required=True,
        help="seed of the random choice: the same seed gives the same sets",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", required=True, help="new or empty folder for both sets"
    )
    add_language(parser, "the output")


def _make(options: argparse.Namespace) -> int:
    if options.out.resolve().is_relative_to(options.folder.resolve()):
        raise UsageError("out-inside", out=options.out, folder=options.folder)
    pictures = read_set(options.folder, "all")
    if pictures.refused:
        raise pictures.refused
    say_what_is_left_out(options.folder, pictures.names_aside(), options.lang)
    if pictures.unreadable:
        raise UsageError("no-image", path=pictures.unreadable[0])
    division = divide(pictures.pictures, options.hidden, options.seed)
    write_division(division, options.out)
    say(
        f"{one_line(str(options.out))}\n"
        f"  {words(options.lang, 'split-made-train', count=len(division.train))}\n"
        f"  {words(options.lang, 'split-made-hidden', count=len(division.hidden), wanted=options.hidden)}\n"
        f"  {words(options.lang, 'split-made-manifest', file=MANIFEST)}\n"
    )
    return EXIT_DONE


def _add_seal_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="hidden images: a folder with one sub-folder per class"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", required=True, help="sealed file to write")
    add_assignment(parser, "assignment with the classes of the images (default: the 26-class garbage lab)")
    add_key_file(parser, "file of the key; a new key is written if there is no such file")
    add_language(parser, "the output")


def _seal(options: argparse.Namespace) -> int:
    classes = load_assignment(options.assignment).classes
    split = open_split(options.folder, classes)
    say_what_is_left_out(options.folder, split.aside, options.lang)
    check_is_new(options.out)
    key_file = key_file_from(options.key_file)
    if key_file.absolute() == options.out.absolute():
        raise UsageError("key-is-out", path=key_file)
    is_new = not os.path.lexists(key_file)
    key = make_key(key_file) if is_new else read_key(key_file).secret
    warn_if_exposed(key_file, options.lang)
    write_sealed(split, classes, key, options.out)
    _say_what(options.out, split, options.lang)
    kept = "split-written-key-new" if is_new else "split-written-key"
    say(f"  {one_line(words(options.lang, kept, path=key_file))}\n")
    return EXIT_DONE


def _add_open_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="sealed split")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", required=True, help="new or empty folder for the images"
    )
    add_key_file(parser)
    add_language(parser, "the output")


def _open(options: argparse.Namespace) -> int:
    key_file = key_file_from(options.key_file)
    split, _ = read_sealed(options.file, key_file)
    warn_if_exposed(key_file, options.lang)
    write_folder(split.images, options.out)
    _say_what(options.out, split, options.lang)
    return EXIT_DONE


def _say_what(path: Path, split: Split, language: Language) -> None:
    classes = len({image.label for image in split.images})
    say(
        f"{one_line(str(path))}\n"
        f"  {words(language, 'split-written-images', count=len(split.images), classes=classes)}\n"
        f"  {words(language, 'split-written-digest', digest=split.sha256)}\n"
    )


ACTIONS = {
    "audit": Command(
        summary="look for what leaks from the training images to the hidden ones",
        description="Compare the training images with the hidden ones. Look for duplicates within and across "
        "the two sets, classes whose hidden images are another kind of picture than their training images, "
        "labels that look wrong, classes that can be told without the picture, missing, empty or uneven "
        "classes, and damaged files.",
        epilog="exit code: 0 nothing serious, 1 something serious was found, 2 wrong usage",
        add_arguments=_add_audit_arguments,
        run=_audit,
    ),
    "make": Command(
        summary="divide images into training and hidden ones",
        description="Copy images into OUT/train and OUT/hidden: every class in proportion, and duplicates on "
        "one side.",
        epilog="exit code: 0 written, 2 wrong usage",
        add_arguments=_add_make_arguments,
        run=_make,
    ),
    "seal": Command(
        summary="pack a folder of images into one encrypted file",
        description="Pack the images of a split, with their labels, into one encrypted and authenticated "
        "file, which may lie in a public repository.",
        epilog="exit code: 0 written, 2 wrong usage, or a file that is no key",
        add_arguments=_add_seal_arguments,
        run=_seal,
    ),
    "open": Command(
        summary="unpack a sealed file into a folder",
        description="Unpack a sealed split into a folder. Grading does not need this: its --split takes the "
        "sealed file itself.",
        epilog="exit code: 0 written, 2 wrong usage, a wrong key or a damaged file",
        add_arguments=_add_open_arguments,
        run=_open,
    ),
}
SPLIT = command_of(
    ACTIONS,
    summary="audit, make, seal or open a split",
    description="Work with splits: images with labels, on which submissions are graded.",
)
