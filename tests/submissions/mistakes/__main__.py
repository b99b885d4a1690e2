"""Plant every mistake on a trained submission and see what the diagnosis says first.

    python -m tests.submissions.mistakes SUBMISSION SPLIT [--train IMAGES] [--only WORD]

SUBMISSION is a folder that `python -m reference.finetune` wrote, SPLIT the images. With training images, heads are
trained for programs that are right in an unusual way. Exit code: 0 if at least nine in ten mistakes are named first
and no right submission gets a finding, else 1.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from grader.model.assignment import load_assignment
from grader.sandbox import open_isolation
from grader.split import open_split
from reference.weights import read_checkpoint
from tests.submissions.mistakes.otherwise import OTHERWISE, RIGHT_OTHERWISE
from tests.submissions.mistakes.planted import MISTAKES, RIGHT
from tests.submissions.mistakes.trial import is_named, is_silent, try_one
from tests.submissions.mistakes.unusual import UNUSUAL, trained


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.submissions.mistakes")
    parser.add_argument("submission", type=Path)
    parser.add_argument("split", type=Path)
    parser.add_argument("--only", default="", help="those whose name holds this")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the reports there, by name")
    parser.add_argument("--train", type=Path, metavar="IMAGES", help="try unusual programs, trained on these")
    options = parser.parse_args()
    assignment = load_assignment()
    split = open_split(options.split, assignment.classes)
    arrays = read_checkpoint(next(iter(sorted(options.submission.glob("*.ckpt")))))
    named, false, costs = 0, 0, []
    every = (*MISTAKES, *OTHERWISE, *RIGHT, *RIGHT_OTHERWISE)
    chosen = [planted for planted in every if options.only in planted.name]
    if options.train is not None:
        images = open_split(options.train, assignment.classes).images
        wanted = [unusual for unusual in UNUSUAL if options.only in unusual.planted.name]
        chosen += [trained(unusual, arrays, images, len(assignment.classes)) for unusual in wanted]
    with (
        tempfile.TemporaryDirectory() as folder,
        open_isolation(assignment.limits, official=True) as isolation,
    ):
        for number, planted in enumerate(chosen):
            name = planted.name.replace(" ", "-").replace("/", "")
            out = options.out / name if options.out else None
            place = Path(folder, str(number), name)
            report = try_one(planted, arrays, split, assignment, place, out=out, isolation=isolation)
            is_good = is_named(planted, report) if planted.codes else is_silent(report)
            named += bool(planted.codes) and is_good
            false += not planted.codes and not is_good
            cost = (report.run.diagnosis_seconds or 0.0) / report.run.total_seconds
            costs.append(cost)
            first = report.findings[0] if report.findings else None
            score = report.score.points if report.score else 0.0
            said = f"{first.code}: {first.rationale}" if first else "-"
            sys.stdout.write(
                f"{'ok ' if is_good else 'NOT'} {planted.name:42} {score:6.2f} x{cost:.1f} {said}\n"
            )
            sys.stdout.flush()
    wrong = [planted for planted in chosen if planted.codes]
    sys.stdout.write(
        f"{named} of {len(wrong)} mistakes named first, {false} false findings on {len(chosen) - len(wrong)} right "
        f"submissions; cost {statistics.median(costs):.1f} times the graded run (median), {max(costs):.1f} at most\n"
    )
    return 0 if named >= 0.9 * len(wrong) and not false else 1


if __name__ == "__main__":
    raise SystemExit(main())
