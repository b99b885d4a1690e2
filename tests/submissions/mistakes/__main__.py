"""Plant every mistake on a trained submission and see what the diagnosis says first.

    python -m tests.submissions.mistakes SUBMISSION SPLIT [--train IMAGES] [--list new] [--only WORD]

SUBMISSION is a folder that `python -m reference.finetune` wrote, SPLIT the images. With training images, heads are
trained for programs that are right in an unusual way. A line for each: whether the first finding was expected, its
name, the score, the cost, the finding. Exit code: 0 if at least nine in ten mistakes are named first and no right
submission gets a finding, else 1.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from grader import Report
from grader.model.assignment import Assignment, load_assignment
from grader.model.grading import Checks
from grader.sandbox import open_isolation
from grader.split import open_split
from reference.weights import read_checkpoint
from tests.submissions.mistakes.networks import Arrays
from tests.submissions.mistakes.otherwise import OTHERWISE, RIGHT_OTHERWISE
from tests.submissions.mistakes.planted import MISTAKES, RIGHT, Planted
from tests.submissions.mistakes.styled import STYLED
from tests.submissions.mistakes.trial import WITHOUT_CANARY, is_named, is_silent, try_one
from tests.submissions.mistakes.unusual import UNUSUAL, trained
from tests.submissions.mistakes.unusually_styled import RIGHT_STYLED, UNUSUALLY_STYLED

SCORES_ALONE = Checks(canary=False, replay=False, diagnosis=False)
LISTS = {
    "old": ((*MISTAKES, *OTHERWISE, *RIGHT, *RIGHT_OTHERWISE), UNUSUAL),
    "new": ((*STYLED, *RIGHT_STYLED), UNUSUALLY_STYLED),
}


def main() -> int:
    options = _options()
    assignment = load_assignment()
    split = open_split(options.split, assignment.classes)
    arrays = read_checkpoint(next(iter(sorted(options.submission.glob("*.ckpt")))))
    checks = SCORES_ALONE if options.scores else WITHOUT_CANARY
    named, false, wrong, costs = 0, 0, 0, []
    with (
        tempfile.TemporaryDirectory() as folder,
        open_isolation(assignment.limits, official=True) as isolation,
    ):
        for number, planted in enumerate(_chosen(options, arrays, assignment)):
            name = planted.name.replace(" ", "-").replace("/", "").replace(":", "")
            out = options.out / name if options.out else None
            place = Path(folder, str(number), name)
            report = try_one(planted, arrays, split, assignment, place, checks, out, isolation)
            is_good = is_named(planted, report) if planted.codes else is_silent(report)
            wrong += bool(planted.codes)
            named += bool(planted.codes) and is_good
            false += not planted.codes and not is_good
            costs.append((report.run.diagnosis_seconds or 0.0) / report.run.total_seconds)
            _say(planted, report, is_good, costs[-1])
    sys.stdout.write(
        f"{named} of {wrong} mistakes named first, {false} false findings on {len(costs) - wrong} right submissions; "
        f"cost {statistics.median(costs or [0]):.1f} times the graded run (median), {max(costs, default=0):.1f} at most\n"
    )
    return 0 if named >= 0.9 * wrong and not false else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.submissions.mistakes")
    parser.add_argument("submission", type=Path)
    parser.add_argument("split", type=Path)
    parser.add_argument("--list", choices=(*LISTS, "all"), default="all", help="which programs")
    parser.add_argument("--only", default="", help="those whose name holds this")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the reports there, by name")
    parser.add_argument("--train", type=Path, metavar="IMAGES", help="try unusual programs, trained on these")
    parser.add_argument("--mended", action="store_true", help="try the programs without their mistakes")
    parser.add_argument("--scores", action="store_true", help="ask for nothing but the scores")
    return parser.parse_args()


def _chosen(options: argparse.Namespace, arrays: Arrays, assignment: Assignment) -> Iterator[Planted]:
    """Yield what is to be tried, without what no library here can run; train heads as they are needed."""
    lists = [LISTS[name] for name in LISTS if options.list in (name, "all")]
    every = [planted for some, _ in lists for planted in some if options.only in planted.name]
    unusual = [one for _, some in lists for one in some if options.only in one.planted.name]
    if options.mended:
        every = [mended for planted in every if (mended := planted.mended()) is not None]
    missing = {planted.library for planted in every if planted.library and not find_spec(planted.library)}
    for library in sorted(missing):
        sys.stdout.write(f"{library} is not installed: programs that need it are left out\n")
    yield from (planted for planted in every if planted.library not in missing)
    if options.train is not None and not options.mended:
        images = open_split(options.train, assignment.classes).images
        for one in unusual:
            yield trained(one, arrays, images, len(assignment.classes))


def _say(planted: Planted, report: Report, is_good: bool, cost: float) -> None:
    score = report.score.points if report.score else 0.0
    first = report.findings[0] if report.findings else None
    said = f"{first.code}: {first.rationale}" if first else "-"
    sys.stdout.write(f"{'ok ' if is_good else 'NOT'} {planted.name:50} {score:6.2f} x{cost:.1f} {said}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
