"""Two gradings of the same students side by side: whose result changed, and what explains the change.

A grading is read from the folder of one report, or from the output folder of a class.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from grader.classroom import STUDENTS
from grader.errors import Language, Line, UsageError, in_short, text_of
from grader.model.report import Report
from grader.report import INSTRUCTOR_JSON, REPORT_JSON, read_report, verdict_in_words
from grader.wording import words

_ONE = "the submission"
"""Stands for the id of the only student in the folder of one report."""


@dataclass(frozen=True)
class Graded:
    """One student's grading: a report and, for the instructor, the answer to every image."""

    report: Report
    answers: Mapping[str, str | None] = field(default_factory=dict)
    """By image, the class that was answered; None for no valid answer."""
    truths: Mapping[str, str] = field(default_factory=dict)
    """By image, its class."""


@dataclass(frozen=True)
class Flip:
    """One image with another answer than before."""

    image: str
    truth: str
    before: str | None
    after: str | None

    @property
    def effect(self) -> str:
        """`gained`, `lost`, or `changed` where both answers are wrong."""
        if self.after == self.truth:
            return "gained"
        return "lost" if self.before == self.truth else "changed"


@dataclass(frozen=True)
class Reason:
    """One of the inputs that decide a grading, and how that input changed."""

    name: str
    """`changed-` and this is the name of the words that say so."""
    details: Mapping[str, object] = field(default_factory=dict)

    def text(self, language: Language) -> str:
        """Say what changed."""
        details = {name: text_of(detail, language) for name, detail in self.details.items()}
        return words(language, f"changed-{self.name}", **details)


@dataclass(frozen=True)
class Change:
    """One student's two gradings, which differ in more than the run."""

    id: str
    before: Graded | None
    """None where the student is in the later grading only."""
    after: Graded | None
    """None where the student is in the earlier grading only."""
    reasons: tuple[Reason, ...]
    """The inputs that changed; empty if none did."""
    flips: tuple[Flip, ...]
    """Of the images that were asked in both gradings."""

    @property
    def changes_result(self) -> bool:
        """Whether verdict, score or an answer changed, and not only what was graded, or by what."""
        if self.before is None or self.after is None:
            return True
        before, after = self.before.report, self.after.report
        return bool(self.flips) or _result_in_words(before) != _result_in_words(after)


def compare(before: Mapping[str, Graded], after: Mapping[str, Graded]) -> tuple[Change, ...]:
    """Return the changes of all students whose gradings differ, in the order of their ids."""
    changes = (_change(id_, before.get(id_), after.get(id_)) for id_ in sorted({*before, *after}))
    return tuple(change for change in changes if change.changes_result or change.reasons)


def read_gradings(folder: Path) -> dict[str, Graded]:
    """Return every student's grading below `folder`, by id.

    Raises:
        UsageError: the folder holds no grading, or one that cannot be read.
    """
    if (folder / REPORT_JSON).is_file():
        return {_ONE: _read(folder)}
    try:
        students = sorted((folder / STUDENTS).iterdir())
    except OSError as error:
        raise UsageError("no-grading", path=folder, report=REPORT_JSON) from error
    return {path.name: _read(path) for path in students if (path / REPORT_JSON).is_file()}


def render_changes(
    before: Mapping[str, Graded],
    after: Mapping[str, Graded],
    language: Language,
    *,
    with_images: bool = False,
) -> list[str]:
    """Say in lines what results changed, and why.

    Args:
        before: the earlier gradings, by id.
        after: the later ones.
        language: of the lines.
        with_images: whether every image is listed whose answer changed.
    """
    changes = compare(before, after)
    changed = [change for change in changes if change.changes_result]
    counts = words(language, "compare-counts", before=len(before), after=len(after), changed=len(changed))
    said = [counts, *_common(changes, language)]
    for change in changed:
        said += _lines(change, language)
        if with_images:
            said += [_image(flip, language) for flip in change.flips]
    return said


def _change(id_: str, before: Graded | None, after: Graded | None) -> Change:
    if before is None or after is None:
        return Change(id_, before, after, (), ())
    reasons = tuple(_reasons(before.report, after.report))
    return Change(id_, before, after, reasons, tuple(_flips(before, after)))


def _reasons(before: Report, after: Report) -> Iterator[Reason]:
    if before.submission.sha256 != after.submission.sha256:
        files = _files(before, after)
        yield Reason("files", {"files": files}) if files else Reason("submission")
    if before.split.sha256 != after.split.sha256:
        yield Reason("split", {"before": before.split.images, "after": after.split.images})
    if before.assignment.sha256 != after.assignment.sha256:
        yield Reason("assignment")
    if before.mode != after.mode:
        yield Reason(f"mode-{before.mode}")
    yield from _harness(before.harness.model_dump(), after.harness.model_dump())


def _files(before: Report, after: Report) -> Line | str:
    """Name the files that differ."""
    old = {file.path: file.sha256 for file in before.submission.files}
    new = {file.path: file.sha256 for file in after.submission.files}
    names = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
    return in_short(names, most=3)


def _harness(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Reason]:
    if before["version"] != after["version"]:
        yield Reason("grader", {"before": before["version"], "after": after["version"]})
    elif before["source_sha256"] != after["source_sha256"]:
        yield Reason("source")
    if before["python"] != after["python"]:
        yield Reason("library", {"name": "Python", "before": before["python"], "after": after["python"]})
    old, new = before["libraries"], after["libraries"]
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield Reason("library", {"name": name, "before": old.get(name, "-"), "after": new.get(name, "-")})


def _flips(before: Graded, after: Graded) -> Iterator[Flip]:
    for image in sorted({*before.answers} & {*after.answers}):
        if before.answers[image] != after.answers[image]:
            yield Flip(image, after.truths[image], before.answers[image], after.answers[image])


def _read(folder: Path) -> Graded:
    report = read_report(folder / REPORT_JSON)
    try:
        rows = json.loads((folder / INSTRUCTOR_JSON).read_text(encoding="utf-8"))["answers"]
        return Graded(
            report, {row["image"]: row["as"] for row in rows}, {row["image"]: row["truth"] for row in rows}
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Graded(report)  # the student's half alone


def _common(changes: Sequence[Change], language: Language) -> Iterator[str]:
    """Say once what changed for several students."""
    counts = Counter(reason.text(language) for change in changes for reason in change.reasons)
    for reason, count in counts.most_common():
        if count > 1:
            yield f"  {words(language, 'compare-common', count=count, reason=reason)}"


def _lines(change: Change, language: Language) -> Iterator[str]:
    said = partial(words, language)
    id_ = said("compare-one") if change.id == _ONE else change.id
    if change.before is None or change.after is None:
        only = change.after or change.before
        assert only is not None  # noqa: S101 - a change has at least one side
        name = "compare-new" if change.after else "compare-gone"
        yield said(name, id=id_, outcome=_result_in_words(only.report, language))
        return
    before, after = (_result_in_words(side.report, language) for side in (change.before, change.after))
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


def _result_in_words(report: Report, language: Language = "en") -> str:
    """Say verdict and score in a few words."""
    verdict = verdict_in_words(report.verdict.value, language)
    if report.score is None:
        return words(language, "compare-unscored", verdict=verdict)
    score = report.score
    return words(language, "compare-scored", verdict=verdict, correct=score.correct, total=score.total)
