"""`python -m grader split ACTION ...`: what can be done with the images that submissions are asked about."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from grader.assignment import load_assignment
from grader.commands.command import EXIT_DONE, Command, command_of, say
from grader.commands.key_option import add_key_file, warn_if_exposed
from grader.commands.language_option import add_language
from grader.commands.left_out import say_what_is_left_out
from grader.commands.split_audit import AUDIT, MAKE
from grader.errors import UsageError
from grader.findings.catalogue import Language, words
from grader.printable import one_line
from grader.sealed.key_file import key_file_from, make_key, read_key
from grader.sealed.sealed_split import check_is_new, read_sealed, write_folder, write_sealed
from grader.split import Split, open_split


def _add_seal_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="images, with one sub-folder a class")
    parser.add_argument("--out", type=Path, metavar="FILE", required=True, help="the file to write")
    parser.add_argument("--assignment", type=Path, help="whose classes they are (default: the garbage lab)")
    add_key_file(parser)
    add_language(parser, "what is said")


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
    parser.add_argument("file", type=Path, metavar="FILE", help="a sealed split")
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="a new or empty folder")
    add_key_file(parser)
    add_language(parser, "what is said")


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


_CODES = "exit code: 0 done, 2 usage, a wrong key or a damaged file"
ACTIONS = {
    "audit": AUDIT,
    "make": MAKE,
    "seal": Command(
        summary="pack a folder of images into one encrypted file",
        description="Pack the images of a split, with their labels, into one encrypted and authenticated "
        "file, which may lie in a public repository. The key file is made if there is none.",
        epilog=_CODES,
        add_arguments=_add_seal_arguments,
        run=_seal,
    ),
    "open": Command(
        summary="unpack a sealed file into a folder",
        description="Unpack a sealed split into a folder. Grading does not need it: --split takes the file.",
        epilog=_CODES,
        add_arguments=_add_open_arguments,
        run=_open,
    ),
}


COMMAND = command_of(
    ACTIONS,
    summary="audit, make, seal or open a split",
    description="Work with splits: the images that submissions are asked about, and their labels.",
)
