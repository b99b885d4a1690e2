"""`python -m grader compare OLD NEW`: what changed between two gradings, and why."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.commands.command import EXIT_DONE, Command, say
from grader.compare.compare import Change, Flip, compare, outcome
from grader.compare.reading import read_grading
from grader.printable import one_line


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=Path, help="folder of a grading, or of a batch")
    parser.add_argument("new", type=Path, help="the same, later")
    parser.add_argument("--images", action="store_true", help="name every image whose answer changed")


def _run(options: argparse.Namespace) -> int:
    before, after = read_grading(options.old), read_grading(options.new)
    changes = compare(before, after)
    changed = [change for change in changes if change.is_of_outcome]
    lines = [f"{len(before)} before, {len(after)} after; {len(changed)} with another outcome"]
    lines += _common(changes)
    for change in changed:
        lines += _lines(change, with_images=options.images)
    say("".join(f"{one_line(line)}\n" for line in lines))
    return EXIT_DONE


def _common(changes: Sequence[Change]) -> Iterator[str]:
    """Say once what changed, and for how many."""
    counts = Counter(reason for change in changes for reason in change.reasons)
    for reason, count in counts.most_common():
        if count > 1:
            yield f"  changed for {count}: {reason}"


def _lines(change: Change, *, with_images: bool) -> Iterator[str]:
    if change.before is None or change.after is None:
        only = change.after or change.before
        assert only is not None  # noqa: S101 - a change has at least one side
        yield f"{change.id}: {'new' if change.after else 'gone'} ({outcome(only.report)})"
        return
    yield f"{change.id}: {outcome(change.before.report)} -> {outcome(change.after.report)}"
    for reason in change.reasons or ("nothing that decides a grading: the answers themselves vary",):
        yield f"  changed: {reason}"
    if change.flips:
        counts = Counter(flip.effect for flip in change.flips)
        yield "  answers: " + ", ".join(
            f"{counts[kind]} {kind}" for kind in ("gained", "lost", "changed") if counts[kind]
        )
    if with_images:
        yield from map(_image, change.flips)


def _image(flip: Flip) -> str:
    return f"    {flip.effect}: {flip.image} ({flip.truth}): {flip.before or '-'} -> {flip.after or '-'}"


COMMAND = Command(
    summary="say what changed between two gradings, and why",
    description="Compare two gradings, or two batches: whose verdict, score or answers changed, and whether "
    "the submission, the split, the assignment or the grader did. For instructors: --images names images.",
    epilog="exit code: 0 compared, 2 usage",
    add_arguments=_add_arguments,
    run=_run,
)
