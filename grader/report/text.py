"""The report on a terminal, in the order of the page; and which confusions of two classes cost most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tabulate import tabulate

from grader.errors import Language
from grader.model.report import (
    BoundaryPart,
    ClassPart,
    FindingPart,
    NetworkInputPart,
    PathsPart,
    ReplayPart,
    Report,
)
from grader.printable import one_line
from grader.wording import phase_words, words

_LEAST_CONFUSED = 2
"""Images; what happened once may have been chance."""
_MOST_CLASSES = 6


@dataclass(frozen=True)
class Confused:
    """Images of one class that were taken for one other."""

    truth: int
    """Class index."""
    said: int | None
    """Class index; None if it was no class."""
    count: int
    share: float
    """Of all images, 0..1: what they cost of the accuracy."""


def has_answers(report: Report) -> bool:
    """Whether any answer named a class; if none did, there is nothing to confuse."""
    return any(any(row[:-1]) for row in report.confusion.matrix)


def costliest(report: Report, most: int) -> Sequence[Confused]:
    """Return the confusions that cost most, the costliest first; single images if there is nothing else."""
    matrix = report.confusion.matrix
    images = sum(map(sum, matrix)) or 1
    found = [
        Confused(truth, said if said < len(row) - 1 else None, count, count / images)
        for truth, row in enumerate(matrix)
        for said, count in enumerate(row)
        if count and said != truth
    ]
    found.sort(key=lambda confused: -confused.count)
    often = [confused for confused in found if confused.count >= _LEAST_CONFUSED]
    return (often or found)[:most]


def render_text(report: Report, language: Language = "en") -> str:
    """Return the summary that is printed after a grading, without colour."""
    blocks = [
        _headline(report, language),
        _score(report, language),
        _next(report, language),
        _network_input(report, language),
        _weakest(report, language),
        _bins(report, language),
        _evidence(report, language),
        _facts(report, language),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def render_brief(report: Report, language: Language = "en") -> str:
    """Return one line: whose, which verdict, how many points, and the worst that was found."""
    say = partial(words, language)
    parts = [verdict_in_words(report.verdict.value, language)]
    if (score := report.score) is not None:
        points = say("score-points", points=f"{score.points:g}", full=f"{score.points_full:g}")
        name = "brief-right" if score.is_measured else "brief-unmeasured"
        parts.append(say(name, points=points, correct=score.correct, total=score.total))
    errors = [texts_of(finding, language)[0] for finding in report.findings if finding.severity == "error"]
    told = say("semicolon").join([*parts, *errors[:1]])
    return one_line(f"{report.submission.name}{say('colon')}{told}") + "\n"


def verdict_in_words(verdict: str, language: Language) -> str:
    """Return a verdict, or MISSING; in Chinese behind the word for it."""
    return verdict if language == "en" else f"{words(language, f'verdict-{verdict}')}（{verdict}）"


def asked_again(replay: ReplayPart) -> str:
    """Return the name of the words for it; copies are asked only of images that were answered right."""
    return "again-done" if replay.altered else "again-done-answers"


def nothing_found(report: Report) -> str:
    """Return the name of the words that say so."""
    is_perfect = report.score is not None and report.score.correct == report.score.total
    if is_perfect:
        return "next-all-right"
    return "next-untried" if report.checks.diagnosis in ("incomplete", "failed", "off") else "next-none"


def texts_of(finding: FindingPart, language: Language) -> tuple[str, str, str]:
    """Return a finding's title, rationale and help."""
    if language == "zh":
        return finding.title_zh, finding.rationale_zh, finding.help_zh
    return finding.title, finding.rationale, finding.help


def _headline(report: Report, language: Language) -> str:
    say = partial(words, language)
    line = say(
        "headline",
        submission=report.submission.name,
        verdict=verdict_in_words(report.verdict.value, language),
        title=report.assignment.title if language == "en" else report.assignment.title_zh,
        kind=say(report.mode),
    )
    if report.mode == "self-check":
        return f"{one_line(line)}\n  {say('public-only')}"
    return one_line(line)


def _score(report: Report, language: Language) -> str:
    say = partial(words, language)
    if report.score is None:
        return f"  {say('score-internal')}"
    score = report.score
    points = (
        f"  {say('score-points', points=f'{score.points:g}', full=f'{score.points_full:g}')}{say('colon')}"
    )
    if not score.is_measured:
        return points + say("score-unmeasured", total=score.total)
    right = say("score-right", correct=score.correct, total=score.total, accuracy=_percent(score.accuracy, 2))
    interval = say("score-interval", low=_percent(score.interval.low), high=_percent(score.interval.high))
    lines = [points + right]
    if score.unanswered:
        lines.append(f"  {say('score-unanswered', count=score.unanswered)}")
    if has_answers(report):
        lines.append(f"  {interval}")
    return "\n".join([*lines, *(f"  {_boundary(boundary, language)}" for boundary in score.boundaries)])


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _boundary(boundary: BoundaryPart, language: Language) -> str:
    name = "boundary-ahead" if boundary.images > 0 else "boundary-reached"
    return words(language, name, points=f"{boundary.points:g}", count=abs(boundary.images))


def _next(report: Report, language: Language) -> str:
    lines = [f"  {_next_heading(report, language)}"]
    for number, finding in enumerate(report.findings, start=1):
        title, _, help_ = texts_of(finding, language)
        lines += [f"  {_mark(finding)} {number}. {title}", f"       -> {help_}"]
    if not report.findings:
        lines.append(f"    {words(language, nothing_found(report))}")
    return "\n".join(map(one_line, lines))


def _next_heading(report: Report, language: Language) -> str:
    """Explain the marks that stand before the findings, those that occur."""
    say = partial(words, language)
    if not report.findings:
        return say("next")
    marks = {_mark(finding): say(f"severity-{finding.severity}") for finding in report.findings}
    said = say("list").join(f"{mark} {meaning}" for mark, meaning in marks.items())
    return say("next-marked", next=say("next"), marks=said)


def _mark(finding: FindingPart) -> str:
    return {"error": "x", "warning": "!", "note": "-"}[finding.severity]


def _network_input(report: Report, language: Language) -> str:
    """Say what arrives at the network otherwise than in the lab, and what that costs; the page shows it."""
    part = report.network_input
    if part is None:
        return ""
    lines = [
        f"  {words(language, 'input')}{words(language, 'in-brackets', what=words(language, 'input-page'))}"
    ]
    gap = " " if language == "en" else ""
    told = [
        f"{each.text if language == 'en' else each.text_zh}{gap}{words(language, f'input-cost-{each.cost}')}"
        for each in part.differences
    ]
    lines.append(f"    {(' ' if language == 'en' else '').join(told) or families_as_in_lab(part, language)}")
    if not part.broken and part.sound:
        lines.append(f"    {excluded_in_words(part, language)}")
    paths = [
        _path(part.paths, name, language)
        for name in ("as_handed_in", "right_input", "right_network", "right_readout", "both")
        if getattr(part.paths, name) is not None
    ]
    if len(paths) > 1:
        lines.append(f"    {words(language, 'semicolon').join(paths)}")
    return "\n".join(map(one_line, lines))


def families_as_in_lab(part: NetworkInputPart, language: Language) -> str:
    """Return what arrives at the network as in the lab, in a sentence."""
    if not part.excluded:
        return words(language, "input-nothing-known")
    named = [words(language, f"input-family-{family}") for family in part.excluded]
    *most, last = named
    families = words(language, "input-and").join(
        [words(language, "input-between").join(most), last] if most else named
    )
    return words(
        language, "input-as-in-lab" if part.differences else "input-all-as-in-lab", families=families
    )


def excluded_in_words(part: NetworkInputPart, language: Language) -> str:
    """Return what is as in the lab, where something is not, and what is right in the network and after it."""
    said = [families_as_in_lab(part, language)] if part.differences and part.excluded else []
    if part.sound:
        named = words(language, "input-between").join(words(language, f"input-{each}") for each in part.sound)
        said.append(words(language, "input-sound", families=named))
    return (" " if language == "en" else "").join(said)


def _path(paths: PathsPart, name: str, language: Language) -> str:
    say = partial(words, language)
    path = say(f"input-path-{name.replace('_', '-')}")
    return say("input-text-right", path=path, correct=getattr(paths, name), total=paths.images)


def _weakest(report: Report, language: Language) -> str:
    """Tabulate the classes that cost most points."""
    if report.score is None or not report.score.correct:
        return ""
    wrong = [row for row in report.per_class if row.accuracy is not None and row.correct < row.total]
    if not wrong:
        return ""
    wrong.sort(key=lambda row: (row.correct - row.total, row.index))
    rows = [
        [row.name, row.zh, f"{row.correct}/{row.total}", _mistaken_for(report, row, language)]
        for row in wrong[:_MOST_CLASSES]
    ]
    headers = [words(language, name) for name in ("class", "other-name", "right", "mistaken-for")]
    table = tabulate(rows, headers=headers, tablefmt="simple")
    title = words(language, "classes-lost", count=len(wrong), total=len(report.per_class))
    return "\n".join(f"  {line}" for line in [title, *table.splitlines()])


def _bins(report: Report, language: Language) -> str:
    """Tabulate the bins, and name the mistakes that put a thing into a wrong one."""
    bins = report.bins
    if bins is None or report.score is None or not report.score.correct:
        return ""
    rows = [
        [
            part.name if language == "en" else part.zh,
            _of(part.correct, part.total),
            _of(part.right_bin, part.total),
        ]
        for part in bins.per_bin
        if part.total
    ]
    headers = [words(language, name) for name in ("bin", "right-class", "right-bin")]
    table = tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True)
    total = report.score.total
    lines = [words(language, "bins-right", count=bins.right_bin, total=total), *table.splitlines()]
    if told := wrong_bins(report, language):
        lines += [
            words(language, "wrong-bin-mistakes"),
            *(f"  {truth} -> {said} x {count}" for truth, said, count in told),
        ]
    return "\n".join(f"  {line}" for line in lines)


def wrong_bins(report: Report, language: Language) -> Sequence[tuple[str, str, int]]:
    """Return what was taken for what in another bin, and how often; the most frequent first."""
    if report.bins is None:
        return ()
    bin_of = {index: part for part in report.bins.per_bin for index in part.classes}

    def named(index: int) -> str:
        row, part = report.per_class[index], bin_of[index]
        name, of = (row.name, part.name) if language == "en" else (row.zh or row.name, part.zh)
        return name + words(language, "in-brackets", what=of)

    return [
        (named(mistake.truth), named(mistake.said), mistake.count)
        for mistake in report.bins.mistakes[:_MOST_CLASSES]
    ]


def _of(count: int, total: int) -> str:
    return f"{count}/{total}"


def _mistaken_for(report: Report, row: ClassPart, language: Language) -> str:
    if row.mistaken_for is None:
        return words(language, "in-brackets", what=words(language, "no-valid-answer")).strip()
    count = report.confusion.matrix[row.index][report.confusion.labels.index(row.mistaken_for)]
    return f"{row.mistaken_for} x {count}"


def _evidence(report: Report, language: Language) -> str:
    if not report.findings:
        return ""
    lines = [f"  {words(language, 'evidence')}"]
    for number, finding in enumerate(report.findings, start=1):
        _, rationale, _ = texts_of(finding, language)
        lines.append(f"    {number}. {rationale}")
    return "\n".join(map(one_line, lines))


def _facts(report: Report, language: Language) -> str:
    say = partial(words, language)
    rows = [
        ["isolation", report.isolation.rung],
        ["engine", _engine(report, language)],
        ["time", _times(report, language)],
        ["memory", say("memory-peak", peak=report.run.peak_memory_mib)],
        ["checks", _checks(report, language)],
        ["submission", report.submission.sha256 or say("submission-none")],
        ["split", say("split-images", digest=report.split.sha256, images=report.split.images)],
    ]
    rows += [
        ["stopped", _stopped(stop.phase, stop.image, stop.detail, language)] for stop in report.run.stops
    ]
    named = [[say(name), value] for name, value in rows]
    table = tabulate(named, tablefmt="plain", disable_numparse=True)
    return "\n".join(f"  {line}" for line in [say("technical"), *table.splitlines()])


def _engine(report: Report, language: Language) -> str:
    if report.engine is None:
        return words(language, "engine-none")
    used = ", ".join(f"{name} {version}" for name, version in report.engine.frameworks.items())
    return used or words(language, "engine-own")


def _times(report: Report, language: Language) -> str:
    run = report.run
    say = partial(words, language)
    total = say("time-total", seconds=f"{run.total_seconds:.1f}")
    if run.import_seconds is None:
        return total
    parts = [say("time-import", seconds=f"{run.import_seconds:.1f}")]
    if run.first_prediction_seconds is not None:
        parts += [
            say("time-first", seconds=f"{run.first_prediction_seconds:.1f}"),
            say("time-rest", seconds=f"{run.other_predictions_seconds:.1f}"),
        ]
    return total + say("in-brackets", what=say("list").join(parts))


def _checks(report: Report, language: Language) -> str:
    say = partial(words, language)
    replay = report.checks.replay
    parts = [
        say("checks-diagnosis", status=say(f"status-{report.checks.diagnosis}")),
        say("checks-canary", status=say(f"status-{report.checks.canary}")),
        say("checks-replay", status=say(f"status-{replay.status}")),
    ]
    begun = say("semicolon").join(parts)
    if replay.status != "done":
        return begun
    counts = replay.model_dump(include={"differed", "repeated", "lost", "altered"})
    return begun + say("in-brackets", what=say(asked_again(replay), **counts))


def _stopped(phase: str, image: int | None, detail: str, language: Language) -> str:
    where = words(language, phase_words(phase))
    if image:
        where = words(language, "stopped-at", phase=where, image=image)
    return one_line(where + words(language, "colon") + detail if detail else where)
