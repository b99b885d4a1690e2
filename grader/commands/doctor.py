"""`python -m grader doctor`: which isolation grading gets on this machine, and what to do for more."""

from __future__ import annotations

import argparse
import json
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tabulate import tabulate

from grader.assignment import Limits, load_assignment
from grader.commands.command import EXIT_DONE, EXIT_REFUSED, Command, say
from grader.doctor import machine, sandbox
from grader.doctor.result import Result, State
from grader.report.build import isolation_in_words
from grader.sandbox import bubblewrap, process
from grader.sandbox.launch import Isolation

_MARKS = {State.OK: "ok", State.WARNING: "!", State.PROBLEM: "FAIL"}
_NARROWEST = 30


def examine(limits: Limits) -> tuple[Isolation, tuple[Result, ...]]:
    """Run all probes; return the rung that grading gets here, and the results."""
    whole = sandbox.whole_sandbox(limits)
    rung = bubblewrap.ISOLATION if whole.state is State.OK else process.ISOLATION
    return rung, (
        whole,
        sandbox.user_namespaces(),
        sandbox.bubblewrap(),
        sandbox.system_call_filter(),
        sandbox.root(),
        sandbox.control_groups(),
        sandbox.landlock(),
        sandbox.overlay(),
        machine.memory(limits),
        machine.cores(limits),
        machine.shared_memory(),
        machine.processor(),
        machine.python(),
        *machine.libraries(),
        machine.locale(),
    )


def render(rung: Isolation, results: Sequence[Result], width: int) -> str:
    """Return the table, what to do, and the verdict, for a terminal of `width` columns."""
    names = max(len(result.name) for result in results)
    rest = max(_NARROWEST, width - names - 10)
    rows = [
        (_MARKS[result.state], result.name, textwrap.fill(result.found, rest, break_on_hyphens=False))
        for result in results
    ]
    parts = [tabulate(rows, headers=("", "probe", "found"), tablefmt="simple", disable_numparse=True)]
    # On a line of its own, so that a command can be copied whole.
    parts += [f"* {result.name}\n{_wrap(result.remedy, width, '  ')}" for result in results if result.remedy]
    parts.append(_wrap(_verdict(rung), width))
    return "\n\n".join(parts) + "\n"


def _verdict(rung: Isolation) -> str:
    named = f"{rung.rung}: {isolation_in_words(rung, 'en')}"
    if rung.is_top:
        return f"Official grading works here, on the top rung, {named}."
    return f"Official grading is refused here. --self-check gets a lower rung, {named}."


def _wrap(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(
        text,
        max(_NARROWEST, width),
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _as_json(rung: Isolation, results: Sequence[Result]) -> str:
    content = {
        "rung": rung.rung,
        "is_top": rung.is_top,
        "description": isolation_in_words(rung, "en"),
        "probes": [asdict(result) for result in results],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument(
        "--assignment", type=Path, help="assignment whose limits are compared with the machine"
    )


def _run(options: argparse.Namespace) -> int:
    rung, results = examine(load_assignment(options.assignment).limits)
    if options.json:
        say(_as_json(rung, results))
    else:
        say(render(rung, results, shutil.get_terminal_size((100, 24)).columns))
    return EXIT_DONE if rung.is_top else EXIT_REFUSED


COMMAND = Command(
    summary="say which isolation grading gets on this machine, and what to do for more",
    description="Probe this machine: the sandbox and what it is made of, memory, cores, libraries.",
    epilog="exit code: 0 official grading works here, 1 it does not (the table says why), 2 usage",
    add_arguments=_add_arguments,
    run=_run,
)
