"""The command line: `python -m grader`, or `lab-grader`."""

from grader.cli.command_line import COMMANDS, EXIT_DONE, EXIT_INTERNAL, EXIT_REFUSED, main

__all__ = ["COMMANDS", "EXIT_DONE", "EXIT_INTERNAL", "EXIT_REFUSED", "main"]
