"""`python -m grader handout`: pack what students get."""

from __future__ import annotations

import argparse
from pathlib import Path

from grader.cli.command import EXIT_DONE, Command, add_language, say
from grader.exchange.handout import choose_backbones, contents, write_handout
from grader.printable import one_line
from grader.wording import words

_ROOT = Path(__file__).parents[2]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the zip to write")
    parser.add_argument(
        "--pretrained",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="the backbone to hand out, a MindSpore checkpoint; may be given again for the .safetensors that "
        "the PyTorch template needs (default: what lies in student/pretrained/)",
    )
    parser.add_argument(
        "--never",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="a file or folder of which nothing may be in it, such as the hidden split or its key; "
        "may be given again; reference/ is always one",
    )
    add_language(parser, "what is said")


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
    summary="pack what students get, and check that nothing else is in it",
    description="Write a zip with the templates, the course library, the pretrained backbone, the class "
    "lists, and the grader for a self-check; then read it back and look for the reference, a hidden split "
    "or a key in it.",
    epilog="exit code: 0 written, 2 usage, or something would be given away",
    add_arguments=_add_arguments,
    run=_run,
)
