"""`python -m grader compare OLD NEW`: what changed between two gradings, and why."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from grader.cli.command import EXIT_DONE, Command, say
from grader.cli.options import add_language
from grader.errors import Language
from grader.exchange import ONE, Change, Flip, Reason, compare, read_gradings, result_in_words
from grader.printable import one_line
from grader.wording import words


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "old", type=Path, metavar="OLD", help="folder of an earlier report, or of an earlier batch"
    )
    parser.add_argument("new", type=Path, metavar="NEW", help="folder of a later report, or of a later batch")
    parser.add_argument("--images", action="store_true", help="list every image whose answer changed")
    add_language(parser, "the output")


def _run(options: argparse.Namespace) -> int:
    before, after = read_gradings(options.old), read_gradings(options.new)
    changes = compare(before, after)
    changed = [change for change in changes if change.changes_result]
    said = partial(words, options.lang)
    lines = [said("compare-counts", before=len(before), after=len(after), changed=len(changed))]
    lines += _common(changes, options.lang)
    for change in changed:
        lines += _lines(change, options.lang)
        if options.images:
            lines += [_image(flip, options.lang) for flip in change.flips]
    say("".join(f"{one_line(line)}\n" for line in lines))
    return EXIT_DONE


def _common(changes: Sequence[Change], language: Language) -> Iterator[str]:
    """Say once what changed for several students."""
    counts = Counter(reason.text(language) for change in changes for reason in change.reasons)
    for reason, count in counts.most_common():
        if count > 1:
            yield f"  {words(language, 'compare-common', count=count, reason=reason)}"


def _lines(change: Change, language: Language) -> Iterator[str]:
    said = partial(words, language)
    id_ = said("compare-one") if change.id == ONE else change.id
    if change.before is None or change.after is None:
        only = change.after or change.before
        assert only is not None  # noqa: S101 - a change has at least one side
        name = "compare-new" if change.after else "compare-gone"
        yield said(name, id=id_, outcome=result_in_words(only.report, language))
        return
    before, after = (result_in_words(side.report, language) for side in (change.before, change.after))
    yield said("compare-outcome", id=id_, change=f"{before} -> {after}")
    for reason in change.reasons or (Reason("nothing"),):
        yield f"  {said('compare-reason', reason=reason.text(language))}"
    if change.flips:
        counts = Counter(flip.effect for flip in change.flips)
        effects = [effect for effect in ("gained", "lost", "changed") if counts[effect]]
        answers = [
            said("compare-counted", count=counts[effect], effect=said(f"flip-{effect}")) for effect in effects
        ]
        yield f"  {said('compare-answers', answers=said('list').join(answers))}"


def _image(flip: Flip, language: Language) -> str:
    said = words(
        language,
        "compare-image",
        effect=words(language, f"flip-{flip.effect}"),
        image=flip.image,
        truth=flip.truth,
        change=f"{flip.before or '-'} -> {flip.after or '-'}",
    )
    return f"    {said}"


COMMAND = Command(
    summary="say what changed between two gradings, and why",
    description="Compare two gradings of a submission, or of a class: whose verdict, score or answers "
    "changed, and which of submission, split, assignment and grader changed. The output of --images names "
    "hidden images: keep it from students.",
    epilog="exit code: 0 compared, 2 wrong usage",
    add_arguments=_add_arguments,
    run=_run,
)
