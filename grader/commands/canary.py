"""`python -m grader canary`: does this machine grade as it should?"""

from __future__ import annotations

import argparse

from grader.canary.canary import check_canary
from grader.commands.command import EXIT_DONE, Command, say
from grader.grading import NO_CHECKS, run_grading


def _run(_: argparse.Namespace) -> int:
    check_canary(lambda source, split, assignment: run_grading(source, split, assignment, checks=NO_CHECKS))
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
