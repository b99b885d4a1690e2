"""`python -m grader doctor`, and `canary`: what this machine offers, and whether it grades as it should."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict

from tabulate import tabulate

from grader.cli.command_line import EXIT_DONE, EXIT_REFUSED, Command, say
from grader.cli.options import add_assignment, add_language
from grader.doctor import Result, State, examine
from grader.errors import Language
from grader.model.assignment import load_assignment
from grader.model.grading import Isolation
from grader.printable import columns, wrapped
from grader.report import isolation_in_words
from grader.session import pass_canary
from grader.wording import words

_MARKS = {State.OK: "ok", State.WARNING: "!", State.PROBLEM: "FAIL"}
_NARROWEST = 30


def render(isolation: Isolation, results: Sequence[Result], width: int, language: Language = "en") -> str:
    """Return the table, what to do, and the verdict, for a terminal of `width` columns."""
    probes = [(_MARKS[each.state], *each.texts(language)) for each in results]
    rest = max(_NARROWEST, width - max(columns(name) for _, name, _, _ in probes) - 10)
    rows = [(mark, name, wrapped(found, rest)) for mark, name, found, _ in probes]
    headers = ("", words(language, "doctor-probe"), words(language, "doctor-found"))
    parts = [tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True)]
    # On a line of its own, so that a command can be copied whole.
    parts += [
        f"* {name}\n{wrapped(remedy, max(_NARROWEST, width), '  ')}"
        for _, name, _, remedy in probes
        if remedy
    ]
    parts.append(wrapped(_verdict(isolation, language), max(_NARROWEST, width)))
    return "\n\n".join(parts) + "\n"


def _verdict(isolation: Isolation, language: Language) -> str:
    name = "doctor-works" if isolation.is_top else "doctor-refused"
    return words(language, name, rung=isolation.rung, isolation=isolation_in_words(isolation, language))


def _as_json(isolation: Isolation, results: Sequence[Result]) -> str:
    content = {
        "rung": isolation.rung,
        "is_top": isolation.is_top,
        "description": isolation_in_words(isolation, "en"),
        "description_zh": isolation_in_words(isolation, "zh"),
        "probes": [asdict(each) for each in results],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the results as JSON, in both languages")
    add_assignment(
        parser, "assignment whose limits the machine must meet (default: the 26-class garbage lab)"
    )
    add_language(parser, "the table")


def _doctor(options: argparse.Namespace) -> int:
    isolation, results = examine(load_assignment(options.assignment).limits)
    if options.json:
        say(_as_json(isolation, results))
    else:
        say(render(isolation, results, shutil.get_terminal_size((100, 24)).columns, options.lang))
    return EXIT_DONE if isolation.is_top else EXIT_REFUSED


def _canary(options: argparse.Namespace) -> int:
    pass_canary()
    say(f"{words(options.lang, 'canary-passed')}\n")
    return EXIT_DONE


DOCTOR = Command(
    summary="say which isolation level this machine offers, and how to get a higher one",
    description="Check what grading needs of this machine: the sandbox and what it is made of, memory, "
    "cores, libraries.",
    epilog="exit code: 0 official grading works here, 1 it does not (the table says why), 2 wrong usage",
    add_arguments=_add_doctor_arguments,
    run=_doctor,
)


CANARY = Command(
    summary="check the grader on two built-in submissions",
    description="Grade two built-in submissions: an honest one, which must get its known score, and an "
    "attack, which must gain nothing. Official grading does this by itself before it begins.",
    epilog="exit code: 0 both got the known result, 3 one of them did not: do not grade on this machine",
    add_arguments=lambda parser: add_language(parser, "the result"),
    run=_canary,
)
