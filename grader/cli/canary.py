"""`python -m grader canary`: does this machine grade as it should?"""

from __future__ import annotations

import argparse

from grader.cli.command import EXIT_DONE, Command, say
from grader.cli.options import add_language
from grader.session import pass_canary
from grader.wording import words


def _run(options: argparse.Namespace) -> int:
    pass_canary()
    say(f"{words(options.lang, 'canary-passed')}\n")
    return EXIT_DONE


COMMAND = Command(
    summary="check the grader on two built-in submissions",
    description="Grade two built-in submissions: an honest one, which must get its known score, and an "
    "attack, which must gain nothing. Official grading does this by itself before it begins.",
    epilog="exit code: 0 both got the known result, 3 one of them did not: do not grade on this machine",
    add_arguments=lambda parser: add_language(parser, "the result"),
    run=_run,
)
