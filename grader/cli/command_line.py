"""The command line: `python -m grader SUBMISSION ...`, or `python -m grader COMMAND ...`; or `lab-grader`.

Every error ends in one line on standard error and in an exit code: 0 done; 1 not gradable, or found to be so,
and the report says why; 2 something that was given cannot be used; 3 the harness or this machine failed;
130 interrupted.

Each command is a :class:`Command`, in a module that is imported when the command is given. This module needs
no library but Python's own: every start loads it, and a library that is missing is told in one line.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import io
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

from grader.errors import HarnessError, Language, Line, LineError, UsageError, language_of, line
from grader.printable import one_line, short
from grader.system import signals_to_end

if TYPE_CHECKING:
    from grader.sandbox import OpenIsolation

EXIT_DONE = 0
EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_INTERNAL = 3
EXIT_INTERRUPTED = 130
COMMANDS = {
    "grade": "grade",
    "batch": "batch",
    "canary": "grade",
    "compare": "exchange",
    "doctor": "grade",
    "gradescope": "exchange",
    "handout": "exchange",
    "split": "split",
}
"""All commands, each with the module here that holds it: `compare` is `COMPARE` of `exchange.py`. A module is
imported when its command is given: most users grade one submission, which should start at once."""
_DEFAULT = "grade"
"""The command that needs no name."""
_SCRIPT = "lab-grader"
"""The name under which the command line is installed."""
_LONGEST_WORD = 40
"""Characters of a word that are compared with what is known."""
_FREQUENT = {
    "arguments-unknown": r"unrecognized arguments: (?P<names>.+)",
    "arguments-missing": r"the following arguments are required: (?P<names>.+)",
    "argument-alone": r"argument (?P<option>[^:]+): expected one argument",
    "argument-choice": r"argument (?P<option>[^:]+): invalid choice: (?P<value>.+) "
    r"\(choose from (?P<known>.+)\)",
    "argument-integer": r"argument (?P<option>[^:]+): invalid int value: (?P<value>.+)",
}
"""The most frequent messages of argparse, by the codes of the lines that say the same in both languages."""


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


def main(arguments: Sequence[str] | None = None, isolate: OpenIsolation | None = None) -> int:
    """Run one command; return the exit code.

    Args:
        arguments: of the command line; None for those of this process.
        isolate: opens the isolation level of a submission; None for the best that works here.
    """
    # A terminal that cannot show Chinese must not cost anybody a report.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    given = sys.argv[1:] if arguments is None else list(arguments)
    language = language_of(given)
    try:
        return _run(given, isolate)
    except UsageError as error:
        return _complain(error, language, EXIT_USAGE)
    except HarnessError as error:
        return _complain(error, language, EXIT_INTERNAL)
    except Exception:
        traceback.print_exc()
        return _complain(line("fault"), language, EXIT_INTERNAL)
    except KeyboardInterrupt:
        return _complain(line("interrupted"), language, EXIT_INTERRUPTED)


def command_of(actions: Mapping[str, Command], summary: str, description: str) -> Command:
    """Return a command that does one of several actions: `python -m grader COMMAND ACTION ...`."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        subparsers = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
        for name, action in actions.items():
            own = subparsers.add_parser(
                name, help=action.summary, description=action.description, epilog=action.epilog
            )
            action.add_arguments(own)
            own.set_defaults(asked=own)

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


def _run(given: list[str], isolate: OpenIsolation | None) -> int:
    name, arguments = _choose(given)
    command = _load(name)
    options = _parsed(_parser(name, command), arguments, argparse.Namespace(isolate=isolate))
    # Being told to stop must clean up as Ctrl-C does.
    for number in signals_to_end():
        signal.signal(number, signal.default_int_handler)
    return command.run(options)


def _parsed(
    parser: argparse.ArgumentParser, arguments: list[str], options: argparse.Namespace
) -> argparse.Namespace:
    """Parse the arguments. The action complains of unknown ones: one of its own options was meant."""
    options, unknown = parser.parse_known_args(arguments, options)
    if unknown:
        asked: argparse.ArgumentParser = getattr(options, "asked", parser)
        asked.error(f"unrecognized arguments: {' '.join(unknown)}")
    return options


def _choose(arguments: list[str]) -> tuple[str, list[str]]:
    """Return the command's name and its arguments. A submission with the name of a command is `./doctor`.

    Raises:
        UsageError: the first argument is nearly a command, and no path that exists.
    """
    first = arguments[0] if arguments else ""
    if first in COMMANDS:
        return first, arguments[1:]
    if first and not first.startswith("-") and not os.path.lexists(first):
        meant = _nearly(first, COMMANDS)
        if meant:
            raise UsageError("no-command", first=first, meant=meant)
    return _DEFAULT, arguments


def _nearly(word: str, known: Iterable[str]) -> str:
    """Return the known word that was probably meant; empty if none is near."""
    return next(iter(difflib.get_close_matches(word[:_LONGEST_WORD], known, n=1, cutoff=0.7)), "")


def _load(name: str) -> Command:
    """Return a command.

    Raises:
        HarnessError: what it needs is not installed, or cannot be used here.
    """
    try:
        module = importlib.import_module(f"grader.cli.{COMMANDS[name]}")
    except ImportError as error:
        raise HarnessError("not-loaded", reason=short(str(error))) from error
    return cast("Command", getattr(module, name.upper()))


def _parser(name: str, command: Command) -> argparse.ArgumentParser:
    program = _SCRIPT if Path(sys.argv[0]).stem == _SCRIPT else "python -m grader"
    parser = _Parser(
        prog=program if name == _DEFAULT else f"{program} {name}",
        description=command.description,
        epilog=command.epilog,
        formatter_class=_WholeHelp if name == _DEFAULT else argparse.HelpFormatter,
    )
    command.add_arguments(parser)
    if name == _DEFAULT:
        parser.add_argument(
            "--version",
            action=_ShowVersion,
            nargs=0,
            help="print version, digest of the source and Python's version",
        )
    return parser


class _ShowVersion(argparse.Action):
    """Prints the version, and the digest of the source: one version may have several."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print it, and end."""
        from grader.session import this_harness  # it reads the whole source

        harness = this_harness()
        say(f"{_SCRIPT} {harness.version} (source {harness.source_sha256[:12]}, Python {harness.python})\n")
        parser.exit()


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, and which option or value was probably meant."""

    def error(self, message: str) -> NoReturn:
        meant = self._meant(message)
        hint = line("did-you-mean", meant=meant) if meant else ""
        raise UsageError("arguments", problem=_in_both(message), hint=hint, program=self.prog)

    def _meant(self, message: str) -> str:
        """Return the option or the value that was probably meant; empty if none is near."""
        if found := re.fullmatch(_FREQUENT["arguments-unknown"], message, re.DOTALL):
            words = [word.partition("=")[0] for word in found["names"].split() if word.startswith("-")]
            near = (_nearly(word, [*self._option_string_actions]) for word in words)
            return next(filter(None, near), "")
        if found := re.fullmatch(_FREQUENT["argument-choice"], message, re.DOTALL):
            known = [name.strip("'") for name in found["known"].split(", ")]
            return _nearly(found["value"].strip("'"), known)
        return ""


class _WholeHelp(argparse.HelpFormatter):
    """Lists the other commands below the help of the default one."""

    def format_help(self) -> str:
        others = [name for name in COMMANDS if name != _DEFAULT]
        width = max(map(len, COMMANDS))
        lines = [f"  {name:<{width}}  {_load(name).summary}\n" for name in others]
        heading = "\nother commands, each with its own --help:\n" if others else ""
        return super().format_help() + heading + "".join(lines)


def _in_both(message: str) -> Line | str:
    """Return one of argparse's frequent messages as a line in both languages; any other stays English."""
    for code, pattern in _FREQUENT.items():
        if found := re.fullmatch(pattern, message, re.DOTALL):
            return line(code, **found.groupdict())
    return message


def _complain(what: Line | LineError, language: Language, code: int) -> int:
    sys.stderr.write(f"grader: {what.text(language)}\n")
    return code
