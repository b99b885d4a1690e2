"""What a command of `python -m grader` is, and the exit codes that they share."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

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
        description: what `--help` says first.
        epilog: what `--help` says last, its exit codes among it.
        add_arguments: give the parser its arguments.
        run: do it; returns the exit code. UsageError and HarnessError are said in one line by the caller.
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
        epilog="every action has a --help of its own",
        add_arguments=add_arguments,
        run=lambda options: actions[options.action].run(options),
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Give a parser `--quiet`, for a command that says how far it is."""
    parser.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        help="print the last line and errors alone: no progress, no notes; the files are the same",
    )


def say(text: str) -> None:
    """Print to whoever still listens: what matters is in files already."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
