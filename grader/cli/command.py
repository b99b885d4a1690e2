"""What a command is, the exit codes, and how a command speaks. Needs no library: every start loads it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from grader.printable import one_line

EXIT_DONE = 0
EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_INTERNAL = 3
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        summary: one line for the list of commands.
        description: the beginning of `--help`.
        epilog: the end of `--help`, with the exit codes.
        add_arguments: gives the parser its arguments.
        run: does it; returns the exit code. The caller says UsageError and HarnessError in one line.
    """

    summary: str
    description: str
    epilog: str
    add_arguments: Callable[[argparse.ArgumentParser], object]
    run: Callable[[argparse.Namespace], int]


def command_of(actions: Mapping[str, Command], summary: str, description: str) -> Command:
    """Return a command that does one of several actions: `python -m grader COMMAND ACTION ...`."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        subparsers = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        for name, action in actions.items():
            own = subparsers.add_parser(
                name, help=action.summary, description=action.description, epilog=action.epilog
            )
            action.add_arguments(own)

    return Command(
        summary=summary,
        description=description,
        epilog="every action has its own --help",
        add_arguments=add_arguments,
        run=lambda options: actions[options.action].run(options),
    )


def say(text: str) -> None:
    """Print. A reader that has gone away is no error: what matters is in files already."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str) -> None:
    """Say one line on standard error."""
    sys.stderr.write(f"grader: {one_line(text)}\n")
