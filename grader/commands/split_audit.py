"""`python -m grader split audit` and `split make`: whether a split can be trusted, and one that can."""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path

from grader.audit.audit import Audit, audit_sets
from grader.audit.dividing import MANIFEST, divide, write_division
from grader.audit.features import network_features, plain_features
from grader.audit.page import render_page
from grader.audit.pictures import read_set, same_place
from grader.commands.command import EXIT_DONE, EXIT_REFUSED, Command, say
from grader.commands.language_option import add_language
from grader.commands.left_out import say_what_is_left_out
from grader.errors import UsageError
from grader.findings.catalogue import Language, words
from grader.printable import one_line


def _add_audit_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("train", type=Path, metavar="TRAIN", help="the training images, a sub-folder a class")
    parser.add_argument(
        "hidden", type=Path, metavar="HIDDEN", help="the images that submissions are asked about"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write a page with the pictures side by side"
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="a pretrained MobileNetV2 (MindSpore checkpoint), to compare pictures by what a network sees "
        "(default: by colours and gradients)",
    )
    add_language(parser, "the summary, and what the page shows first", of_pages=True)


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
    if out is not None:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with out.open("x", encoding="utf-8") as file:
                file.write(render_page(audit, options.lang))
        except OSError as error:
            raise UsageError("cannot-write", path=out, reason=error) from error
    page = f"\n  {one_line(words(options.lang, 'audit-page', path=out))}\n" if out else ""
    say(_text(audit, options.lang) + page)
    return EXIT_REFUSED if audit.is_serious else EXIT_DONE


def _text(audit: Audit, language: Language) -> str:
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
    parser.add_argument("folder", type=Path, metavar="DIR", help="all images, with one sub-folder a class")
    parser.add_argument("--hidden", type=int, metavar="N", required=True, help="how many are to be hidden")
    parser.add_argument("--seed", type=int, metavar="S", required=True, help="the same seed, the same choice")
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="a new or empty folder")
    add_language(parser, "what is said")


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


AUDIT = Command(
    summary="look for what leaks from training to hidden images",
    description="Look for duplicates inside and across two sets of images, for classes whose hidden images "
    "are of another kind than the training images, for labels that look wrong, for classes that can be told "
    "without the picture, for missing, empty or uneven classes, and for damaged files.",
    epilog="exit code: 0 nothing serious, 1 something serious was found, 2 usage",
    add_arguments=_add_audit_arguments,
    run=_audit,
)
MAKE = Command(
    summary="divide images into training and hidden ones",
    description="Copy images into OUT/train and OUT/hidden: classes in proportion, no duplicates across.",
    epilog="exit code: 0 done, 2 usage",
    add_arguments=_add_make_arguments,
    run=_make,
)
