"""The command line: `python -m grader`, or `lab-grader`."""

from grader.cli.command import EXIT_DONE, EXIT_INTERNAL, EXIT_REFUSED
from grader.cli.command_line import COMMANDS, main

__all__ = ["COMMANDS", "EXIT_DONE", "EXIT_INTERNAL", "EXIT_REFUSED", "main"]
