"""The same wrong program under many students' names: it must be told the same each time.

What hangs on a name: the digest of the submission, and with it the identity of the grading, by which the
replay chooses the images that it asks again. What hangs on chance: the seeds of every order in which images
are asked, drawn anew for each grading. So each identity is graded from end to end, over its own submission,
by a session with all checks but the canary. The program itself need not run a thousand times: these programs'
answers hang on the question alone (see :mod:`same_answers`), and so many answers are remembered. Whether that
holds is tried: the first identities are also graded by workers that really run, and compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from grader import Report
from tests.submissions.mistakes.planted import (
    AT_ONCE,
    BGR,
    CROP,
    NORMALISE,
    TO_RGB,
    Planted,
)
from tests.submissions.mistakes.same_answers import NOT_THE_PROGRAM, Memory
from tests.submissions.mistakes.trial import Ground, report_on

REALLY_RUN = 20
"""Identities that are graded without any memory, too."""
_SIGNED = {NORMALISE: "    pixels = pixels * 2 - 1\n"}
_GREY = "    image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2RGB)\n"
HAND_INS = (
    Planted("hand-in: BGR, at once to 224", (), {**BGR, **AT_ONCE}),
    Planted("hand-in: BGR", (), BGR),
    Planted("hand-in: at once to 224", (), AT_ONCE),
    Planted("hand-in: at once to 224, [-1, 1]", (), {**AT_ONCE, **_SIGNED}),
    Planted("hand-in: BGR, 256 and no crop", (), {**BGR, CROP: ""}),
    Planted("hand-in: at once to 224, mean without std", (), {**AT_ONCE, "(pixels - MEAN) / STD": "pixels - MEAN"}),
    Planted("hand-in: at once to 224, grey", (), {**AT_ONCE, TO_RGB: _GREY}),
)  # fmt: skip
"""What honest students' programs were seen to do: nearly all resize at once to 224, and most stay in BGR."""
Say = Callable[[str], None]


def ask_identities(ground: Ground, count: int, only: str, say: Say) -> int:
    """Grade each program under `count` identities; return 1 if one is told otherwise than another, else 0."""
    is_same = True
    for planted in HAND_INS:
        if only in planted.name:
            is_same &= _ask(ground, planted, count, say)
    return 0 if is_same else 1


def _ask(ground: Ground, planted: Planted, count: int, say: Say) -> bool:
    memory, first, every = Memory(), Counter[str](), Counter[str]()
    with memory.in_place_of_workers():
        for report in _reports(ground, planted, range(count)):
            first[first_of(report)] += 1
            every[told(report)] += 1
    really = Counter(map(told, _reports(ground, planted, range(min(count, REALLY_RUN)))))
    code = next(iter(first)).partition("\n")[0]
    is_same = len(first) == 1 and {*really} <= {*every}
    say(
        f"{'same' if is_same else 'OTHER':5} {planted.name:45} {code}: {len(first)} first findings of {count} "
        f"identities, {len(every)} reports; {memory.asked} questions were asked; {really.total()} identities "
        f"really run, {len({*really} - {*every})} reports of their own"
    )
    for text, times in first.most_common() if len(first) > 1 else ():
        say(f"      {times} times: {text.splitlines()[0]} {text.splitlines()[1]}")
    return is_same


def _reports(ground: Ground, planted: Planted, numbers: range) -> Iterator[Report]:
    """Yield the reports on a program under these identities."""
    with TemporaryDirectory() as place:
        folder = Path(place, "submission")
        ground.write(planted, folder)
        for number in numbers:
            (folder / NOT_THE_PROGRAM).write_text(f"学号 {2026000000 + number}\n", encoding="utf-8")
            yield report_on(folder, ground, f"student-{number}")


def first_of(report: Report) -> str:
    """Return the first finding in full."""
    if not report.findings:
        return "nothing\n"
    return "\n".join([report.findings[0].code, report.findings[0].model_dump_json()])


def told(report: Report) -> str:
    """Return all that a student is told."""
    return report.model_dump_json(include={"verdict", "score", "findings", "network_input"})
