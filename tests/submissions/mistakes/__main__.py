"""Plant every mistake on a trained submission and see what the diagnosis says first.

    python -m tests.submissions.mistakes SUBMISSION SPLIT [--train IMAGES] [--list new] [--only WORD]
    python -m tests.submissions.mistakes SUBMISSION SPLIT --judge --results results.jsonl
    python -m tests.submissions.mistakes SUBMISSION SPLIT --train IMAGES --list unusual --judge
    python -m tests.submissions.mistakes SUBMISSION SPLIT --identities 1000
    python -m tests.submissions.mistakes SUBMISSION SPLIT --loaded

SUBMISSION is a folder that `python -m reference.finetune` wrote, SPLIT the images. With training images, heads are
trained for programs that are right in an unusual way. A line for each: what the findings are worth, the name, the
right answers, the cost, what is promised for what the mended program gets, and the first finding; at the end a
summary, and a table of misses. Exit code: 0 if at least nine in ten mistakes are named first and one in a hundred
wrongly at most, no right submission gets a finding, and 95 % of the promises are kept exactly, else 1. With
`--identities` and `--loaded` it is 0 if the findings are the same each time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from grader.errors import LineError
from grader.model.assignment import load_assignment
from grader.model.dataset import Split, SplitImage, split_of
from grader.sandbox import open_isolation
from grader.split import decoded, open_split
from reference.weights import read_checkpoint
from tests.submissions.mistakes.identities import HAND_INS, ask_identities
from tests.submissions.mistakes.judging import Figures, Judged, line_of
from tests.submissions.mistakes.lists import LISTS, Candidate, candidates, missing_libraries
from tests.submissions.mistakes.loaded import compare_loaded
from tests.submissions.mistakes.loaded import programs as loaded_programs
from tests.submissions.mistakes.results import Results
from tests.submissions.mistakes.running import Judge, setting_of
from tests.submissions.mistakes.trial import SCORES_ALONE, Ground


def main() -> int:
    try:
        return _run(_options())
    except LineError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def _run(options: argparse.Namespace) -> int:
    with _ground(options) as ground:
        if options.identities:
            return ask_identities(ground, options.identities, options.only, _say)
        if options.loaded:
            return compare_loaded(ground, options.only, _say)
        chosen = [*_chosen(options)]
        images = open_split(options.train, ground.assignment.classes).images if options.train else ()
        if options.scores:
            return _say_scores(ground, chosen, images)
        results = Results(options.results, setting_of(ground))
        return _judge(Judge(ground, results, images, options.out, asks_mended=options.judge), chosen)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.submissions.mistakes")
    parser.add_argument("submission", type=Path)
    parser.add_argument("split", type=Path)
    parser.add_argument("--list", choices=[*LISTS], default="all", help="which programs")
    parser.add_argument("--only", default="", metavar="WORD", help="those whose name holds this")
    parser.add_argument("--images", type=_count, metavar="N", help="ask about N images of each class at most")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the reports there, by name")
    parser.add_argument("--train", type=Path, metavar="IMAGES", help="try unusual programs, trained on these")
    parser.add_argument("--mended", action="store_true", help="try the programs without their mistakes")
    parser.add_argument("--results", type=Path, metavar="FILE", help="keep what is judged, and go on from it")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--scores", action="store_true", help="ask for nothing but the scores")
    modes.add_argument("--judge", action="store_true", help="grade the mended programs, too")
    modes.add_argument(
        "--identities", type=_count, metavar="N", help="the same program under N students' names"
    )
    modes.add_argument("--loaded", action="store_true", help="the same program, quiet and beside busy loops")
    options = parser.parse_args()
    if options.results and not options.judge:
        parser.error("--results belongs to --judge")
    if options.list == "unusual" and not options.train:
        parser.error("--list unusual needs --train: the heads of these programs are trained first")
    if not any(options.submission.glob("*.ckpt")):
        parser.error(f"{options.submission}: no *.ckpt there; name a folder that reference.finetune wrote")
    if not any(options.only in name for name in _names(options)):
        parser.error(f"no program of that list has {options.only!r} in its name")
    return options


def _names(options: argparse.Namespace) -> Iterator[str]:
    """Yield the names of the programs that a mode is about; each has a list of its own."""
    if options.identities or options.loaded:
        yield from (planted.name for planted in (HAND_INS if options.identities else loaded_programs()))
    else:
        yield from (each.planted.name for each in candidates(options.list, "", mended=options.mended))


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


@contextmanager
def _ground(options: argparse.Namespace) -> Iterator[Ground]:
    assignment = load_assignment()
    split = _open(options.split, options.images)
    arrays = read_checkpoint(min(options.submission.glob("*.ckpt")))
    with open_isolation(assignment.limits, official=True) as isolation:
        yield Ground(arrays, decoded(split, assignment.channel_order), assignment, isolation)


def _open(folder: Path, most: int | None) -> Split:
    """Open a split, or the first images of each of its classes."""
    split = open_split(folder, load_assignment().classes)
    if most is None:
        return split
    seen: dict[int, list[SplitImage]] = {}
    for image in split.images:
        seen.setdefault(image.label, []).append(image)
    return split_of([image for images in seen.values() for image in images[:most]], split.places)


def _chosen(options: argparse.Namespace) -> Iterator[Candidate]:
    """Yield what is to be tried, and say what is left out."""
    chosen = candidates(options.list, options.only, mended=options.mended)
    missing = {*missing_libraries(chosen)}
    for library in sorted(missing):
        left_out = sum(each.planted.library == library for each in chosen)
        _say(f"{library} is not installed: {left_out} programs that need it are left out")
    yield from (
        each for each in chosen if each.planted.library not in missing and (options.train or not each.unusual)
    )


def _judge(judge: Judge, chosen: Sequence[Candidate]) -> int:
    every: list[Judged] = []
    for each in judge.judge(chosen):
        every.append(each)
        _say(line_of(each))
    figures = Figures(every)
    _say("", *figures.lines())
    return 0 if figures.is_enough else 1


def _say_scores(ground: Ground, chosen: Sequence[Candidate], images: Sequence[SplitImage]) -> int:
    for each in chosen:
        planted = each.ready(ground.arrays, images, len(ground.assignment.classes))
        report = ground.report(planted, SCORES_ALONE)
        _say(f"{planted.name:50} {report.score.points if report.score else 0.0:6.2f}")
    return 0


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
