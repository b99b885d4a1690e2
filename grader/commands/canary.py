"""`python -m grader canary`: does this machine grade as it should?"""

from __future__ import annotations

import argparse

from grader.commands.command import EXIT_DONE, Command, say
from grader.grading import pass_canary


def _run(_: argparse.Namespace) -> int:
    pass_canary()
    say("the built-in honest submission got its known score, and the built-in attack gained nothing\n")
    return EXIT_DONE


COMMAND = Command(
    summary="grade two built-in submissions whose outcome is known",
    description="Grade a built-in honest submission, which must get its known score, and a built-in attack, "
    "which must gain nothing. Official grading does so by itself, before it begins.",
    epilog="exit code: 0 both had their known outcome, 3 one had another: do not grade on this machine",
    add_arguments=lambda _: None,
    run=_run,
)
