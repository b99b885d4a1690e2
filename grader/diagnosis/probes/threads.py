"""main.py chooses another number of threads than it is given.

Hypothesis: a line of main.py, written for another machine, leaves one thread to the network, or asks for so
many that they wait for each other.
Experiment: none needed; main.py is read (as text: it is not run, nor parsed).
Evidence: such a line stands there. How slow answers are is not looked at: that is the machine's matter, too.
Help: leave the number of threads to the libraries.
"""

from __future__ import annotations

import re

from grader.model.report import FindingPart
from grader.wording import finding

_SET = re.compile(
    r"(?:set_num_threads|setNumThreads)\s*\(\s*(\d{1,4})\s*\)"
    r"|(?:runtime_num_threads|intra_op_num_threads|inter_op_parallel_num)\s*=\s*(\d{1,4})\b"
    r"|(?:OMP|MKL|OPENBLAS)_NUM_THREADS[\"']?\s*\]?\s*(?:=|,|:)\s*[\"']?(\d{1,4})"
)
_LONGEST_LINE = 500
"""Of a line, so that runs of spaces cost little."""


def explain_threads(source: str, given: int) -> FindingPart | None:
    """Return a note if main.py sets another number of threads than it is given.

    Args:
        source: text of main.py, as much of it as is looked at.
        given: threads that a submission has, by the assignment.
    """
    for line in source.splitlines():
        code = line[:_LONGEST_LINE].partition("#")[0]
        if (found := _SET.search(code)) is None:
            continue
        wanted = int(next(group for group in found.groups() if group is not None))
        if (wanted == 1 and given > 1) or wanted > given:
            return finding("threads", wanted=wanted, given=given)
    return None
