"""The same programs on a quiet machine and beside busy loops: the reports must be the same to the byte."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from grader import Report
from tests.submissions.mistakes.identities import HAND_INS
from tests.submissions.mistakes.lists import candidates
from tests.submissions.mistakes.planted import Planted
from tests.submissions.mistakes.trial import Ground

LOOPS = 2
PROGRAMS = (
    *("as it is", "no /255", "statistics not loaded", "smallest logit", "names sorted by number as text"),
    *("training mode", "the first answer kept", "a worse checkpoint than the other"),
    *("lab: only the first ten logits", "session: clipped to 0..1", "classifier: a reshape in the cell"),
)
"""One of each family: every way in which time could come in."""
Say = Callable[[str], None]


def compare_loaded(ground: Ground, only: str, say: Say) -> int:
    """Grade programs quietly and beside busy loops; return 1 if a report differs in more than its run, else 0."""
    is_same = True
    for planted in programs():
        if only in planted.name:
            quiet = ground.report(planted)
            with busy(LOOPS):
                loaded = ground.report(planted)
            parts = parts_that_differ(quiet, loaded)
            is_same &= not parts
            times = [report.run.diagnosis_seconds or 0.0 for report in (quiet, loaded)]
            first = quiet.findings[0].code if quiet.findings else "nothing"
            say(
                f"{'OTHER' if parts else 'same':5} {planted.name:50} {first}; diagnosis {times[0]:.1f} s, "
                f"loaded {times[1]:.1f} s{'; differ: ' + ', '.join(parts) if parts else ''}"
            )
    return 0 if is_same else 1


def parts_that_differ(one: Report, other: Report) -> list[str]:
    """Return the parts of two reports that are not the same to the byte; `run` may differ."""
    parts = type(one).model_fields.keys() - {"run"}
    return sorted(
        part for part in parts if one.model_dump_json(include={part}) != other.model_dump_json(include={part})
    )


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep processor cores busy meanwhile."""
    with ExitStack() as running:
        for _ in range(loops):
            loop = running.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            running.callback(loop.kill)
        yield


def programs() -> list[Planted]:
    every = {each.planted.name: each.planted for each in candidates("all") if each.unusual is None}
    return [*HAND_INS[:2], *(every[name] for name in PROGRAMS)]
