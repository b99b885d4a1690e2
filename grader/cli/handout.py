"""`python -m grader handout`: pack the files for students."""

from __future__ import annotations

import argparse
from pathlib import Path

from grader.cli.command import EXIT_DONE, Command, say
from grader.cli.options import add_language
from grader.exchange import choose_backbones, contents, write_handout
from grader.printable import one_line
from grader.wording import words

_ROOT = Path(__file__).parents[2]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="zip to write")
    parser.add_argument(
        "--pretrained",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="backbone to hand out, a MindSpore checkpoint; give the option again for the .safetensors that "
        "the PyTorch template needs (default: the files in student/pretrained/)",
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


def _run(options: argparse.Namespace) -> int:
    files = contents(_ROOT, choose_backbones(_ROOT, options.pretrained))
    secret = [_ROOT / "reference", *options.never]
    count = write_handout(files, options.out, secret)
    checked = words(options.lang, "list").join(map(str, secret))
    said = words(options.lang, "handout-written", path=options.out, count=count, secret=checked)
    say(f"{one_line(said)}\n")
    if not options.never:
        say(f"{words(options.lang, 'handout-unchecked')}\n")
    return EXIT_DONE


COMMAND = Command(
    summary="pack the files for students, and check that nothing secret is among them",
    description="Write a zip with the templates, the course library, the pretrained backbone, the class "
    "lists, and the grader for a self-check. The zip is checked before it appears: a file of reference/ or "
    "of --never, a key or a sealed split in it is an error.",
    epilog="exit code: 0 written, 2 wrong usage, or a file that must not be handed out",
    add_arguments=_add_arguments,
    run=_run,
)
