"""The checkpoint is loaded anew for every image.

Hypothesis: predict, or a function that it calls, builds the network and loads the checkpoint each time.
Experiment: none needed; the graded run was timed, and main.py is read (as text: it is not run, nor parsed).
Evidence: predict leads to a call that loads, and later answers take about as long as the first one.
Help: load once, when main.py is imported, and keep the network in a variable of the module.
"""

from __future__ import annotations

import re
import statistics

from grader.dialogue.interview import Timing
from grader.findings.catalogue import finding
from grader.report.model import FindingPart

_LOADS = re.compile(r"\b(?:load_checkpoint|load_param_into_net|load_state_dict|torch\.load|load_file)\s*\(")
_FUNCTION = re.compile(r"^(?:(?:async +)?def|class) +(\w+)", re.M)
_CALLED = re.compile(r"\b(\w+)\s*\(")
_SLOW_SECONDS = 0.05
_LEAST_SHARE = 0.5
"""Of the first answer's time, which pays for whatever is done once."""


def explain_slowness(source: str, timing: Timing) -> FindingPart | None:
    """Return the finding if predict loads, and its answers take as long as loading does.

    Args:
        source: text of main.py, as much of it as is looked at.
        timing: of the graded run.
    """
    if not timing.rest or timing.first is None:
        return None
    each = statistics.median(timing.rest)
    if each < _SLOW_SECONDS or each < _LEAST_SHARE * timing.first or not _loads_in_predict(source):
        return None
    return finding("reloads-model")


def _loads_in_predict(source: str) -> bool:
    """Whether predict leads to a call that loads, over functions of main.py."""
    bodies = _functions(source)
    seen: set[str] = set()
    pending = ["predict"]
    while pending:
        name = pending.pop()
        if name in seen or name not in bodies:
            continue
        seen.add(name)
        if _LOADS.search(bodies[name]):
            return True
        pending += _CALLED.findall(bodies[name])
    return False


def _functions(source: str) -> dict[str, str]:
    """Return the indented lines after each `def` or `class` that begins a line."""
    lines = source.splitlines()
    bodies: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        if (found := _FUNCTION.match(line)) is not None:
            name = found[1]
            bodies[name] = []
        elif name and (not line.strip() or line[0].isspace()):
            bodies[name].append(line)
        elif not line.startswith((")", "]", "}", "#")):
            name = ""
    return {name: "\n".join(body) for name, body in bodies.items()}
