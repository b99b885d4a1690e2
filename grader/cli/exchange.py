"""`python -m grader compare`, `handout` and `gradescope`: older gradings, the handout, an autograder."""

from __future__ import annotations

import argparse
from pathlib import Path

from grader.cli.command_line import EXIT_DONE, Command, command_of, say
from grader.cli.options import add_assignment, add_key_file, add_language, warn_if_exposed
from grader.errors import UsageError, in_short, text_of
from grader.exchange import (
    choose_backbones,
    contents,
    left_out,
    read_gradings,
    render_changes,
    render_results,
    write_autograder,
    write_handout,
)
from grader.files import write_atomically
from grader.model.assignment import load_assignment
from grader.printable import one_line
from grader.report import REPORT_JSON, read_report
from grader.split import key_file_from, open_sealed
from grader.wording import words

_ROOT = Path(__file__).parents[2]


def _add_compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "old", type=Path, metavar="OLD", help="folder of an earlier report, or of an earlier batch"
    )
    parser.add_argument("new", type=Path, metavar="NEW", help="folder of a later report, or of a later batch")
    parser.add_argument("--images", action="store_true", help="list every image whose answer changed")
    add_language(parser, "the output")


def _compare(options: argparse.Namespace) -> int:
    before, after = read_gradings(options.old), read_gradings(options.new)
    said = render_changes(before, after, options.lang, with_images=options.images)
    say("".join(f"{one_line(line)}\n" for line in said))
    return EXIT_DONE


def _add_handout_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="zip to write")
    backbones = parser.add_mutually_exclusive_group()
    backbones.add_argument(
        "--pretrained",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="backbone to hand out, a MindSpore checkpoint; give the option again for the .safetensors that "
        "the PyTorch template needs (default: the files in student/pretrained/, fetched once)",
    )
    backbones.add_argument(
        "--no-pretrained", action="store_true", help="hand out no backbone: students fetch it themselves"
    )
    parser.add_argument(
        "--never",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="file or folder that must not be handed out, such as the hidden split or its key; reference/ "
        "always is one (repeatable)",
    )
    add_language(parser, "the output")


def _handout(options: argparse.Namespace) -> int:
    backbones = [] if options.no_pretrained else choose_backbones(_ROOT, options.pretrained)
    files = contents(_ROOT, backbones)
    secret = [_ROOT / "reference", *options.never]
    count = write_handout(files, options.out, secret)
    checked = words(options.lang, "list").join(map(str, secret))
    said = words(options.lang, "handout-written", path=options.out, count=count, secret=checked)
    say(f"{one_line(said)}\n")
    if others := left_out(_ROOT, files):
        names = text_of(in_short(others), options.lang)
        say(f"{one_line(words(options.lang, 'handout-left-out', names=names))}\n")
    if not options.never:
        say(f"{words(options.lang, 'handout-unchecked')}\n")
    return EXIT_DONE


def _add_results_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the report")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="results.json to write")
    add_language(parser, "the summary")


def _write_results(options: argparse.Namespace) -> int:
    report = read_report(options.folder / REPORT_JSON)
    try:
        write_atomically(options.out, render_results(report, options.lang).encode("utf-8"))
    except OSError as error:
        raise UsageError("cannot-write", path=options.out, reason=error) from error
    return EXIT_DONE


def _add_pack_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--split", type=Path, required=True, metavar="FILE", help="sealed split, as `split seal` writes it"
    )
    add_key_file(parser)
    add_assignment(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="zip to write")
    add_language(parser, "the output")


def _pack_autograder(options: argparse.Namespace) -> int:
    assignment = load_assignment(options.assignment)
    key_file = key_file_from(options.key_file)
    open_sealed(options.split, key_file, assignment.classes)  # what could not be graded is not packed
    warn_if_exposed(key_file, options.lang)
    write_autograder(_ROOT, assignment, options.split, key_file, options.out)
    say(f"{one_line(words(options.lang, 'pack-written', path=options.out))}\n")
    return EXIT_DONE


COMPARE = Command(
    summary="say what changed between two gradings, and why",
    description="Compare two gradings of a submission, or of a class: whose verdict, score or answers "
    "changed, and which of submission, split, assignment and grader changed. The output of --images names "
    "hidden images: keep it from students.",
    epilog="exit code: 0 compared, 2 wrong usage",
    add_arguments=_add_compare_arguments,
    run=_compare,
)


HANDOUT = Command(
    summary="pack the files for students, and check that nothing secret is among them",
    description="Write a zip with the templates of both labs, the course library, the pretrained backbone, "
    "the lab sheet, the student's pages, a command that fetches the data, a list of what is to be installed, "
    "and the grader for a self-check. The zip is checked before it appears: a "
    "file of reference/ or of --never, a key or a sealed split in it is an error.",
    epilog="exit code: 0 written, 2 wrong usage, or a file that must not be handed out",
    add_arguments=_add_handout_arguments,
    run=_handout,
)


GRADESCOPE_ACTIONS = {
    "pack": Command(
        summary="write the zip to upload",
        description="Pack grader, assignment, sealed split and key into the zip that Gradescope takes as an "
        "autograder. Its container must allow user namespaces: without them submissions get no mark.",
        epilog="exit code: 0 written, 2 wrong usage",
        add_arguments=_add_pack_arguments,
        run=_pack_autograder,
    ),
    "results": Command(
        summary="write a report as results.json",
        description="Write a report as the results.json that Gradescope reads.",
        epilog="exit code: 0 written, 2 wrong usage",
        add_arguments=_add_results_arguments,
        run=_write_results,
    ),
}


GRADESCOPE = command_of(
    GRADESCOPE_ACTIONS,
    summary="make a Gradescope autograder, or write its results",
    description="Use this grader as a Gradescope autograder.",
)
