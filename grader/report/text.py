"""The report on a terminal."""

from __future__ import annotations

from tabulate import tabulate

from grader.report.model import BoundaryPart, FindingPart, Report


def render_text(report: Report) -> str:
    """Return the summary that is printed after a grading, without colour."""
    blocks = [_headline(report), _score(report), *(_finding(finding) for finding in report.findings)]
    if report.score is not None and report.score.correct:
        blocks.append(_weakest(report))
    blocks.append(_facts(report))
    return "\n\n".join(block for block in blocks if block) + "\n"


def render_brief(report: Report) -> str:
    """Return one line: whose, which verdict, how many points, and the worst that was found."""
    parts = [report.verdict.value]
    if report.score is not None:
        score = report.score
        right = f"{score.correct} of {score.total} right" if score.is_measured else "nothing answered"
        parts.append(f"{score.points:g} of {score.points_full:g} points, {right}")
    errors = [finding.title for finding in report.findings if finding.severity == "error"]
    return one_line(f"{report.submission.name}: {'; '.join([*parts, *errors[:1]])}") + "\n"


def one_line(text: str) -> str:
    """Return text without the characters that would steer a terminal, line ends among them."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _headline(report: Report) -> str:
    kind = "self-check" if report.mode == "self-check" else "official grading"
    return one_line(f"{report.submission.name}: {report.verdict.value}   ({report.assignment.title}, {kind})")


def _score(report: Report) -> str:
    if report.score is None:
        return "  No score: the harness failed."
    score = report.score
    points = f"  {score.points:g} of {score.points_full:g} points: "
    if not score.is_measured:
        return f"{points}none of {score.total} images was answered"
    interval = f"{100 * score.interval.low:.1f} % to {100 * score.interval.high:.1f} %"
    return (
        f"{points}{score.correct} of {score.total} images right ({100 * score.accuracy:.2f} %)\n"
        f"  95 % interval of the true accuracy: {interval}"
        + "".join(f"\n  {_boundary(boundary)}" for boundary in score.boundaries)
    )


def _boundary(boundary: BoundaryPart) -> str:
    if boundary.images > 0:
        return f"{boundary.points:g} points: {boundary.images} more right would do"
    return f"{boundary.points:g} points: reached, with {-boundary.images} images to spare"


def _finding(finding: FindingPart) -> str:
    mark = {"error": "x", "warning": "!", "note": "-"}[finding.severity]
    lines = [f"  {mark} {finding.title}", f"    {finding.rationale}", f"    -> {finding.help}"]
    lines += [f"    {finding.title_zh}。{finding.rationale_zh}", f"    -> {finding.help_zh}"]
    return "\n".join(map(one_line, lines))


def _weakest(report: Report, most: int = 6) -> str:
    """Tabulate the classes that cost most points."""
    wrong = [row for row in report.per_class if row.accuracy is not None and row.correct < row.total]
    if not wrong:
        return ""
    wrong.sort(key=lambda row: (row.correct - row.total, row.index))
    rows = [
        [row.name, row.zh, f"{row.correct}/{row.total}", row.mistaken_for or "(no answer)"]
        for row in wrong[:most]
    ]
    table = tabulate(rows, headers=["class", "", "right", "mistaken for"], tablefmt="simple")
    title = f"Classes that lost most ({len(wrong)} of {len(report.per_class)} lost something):"
    return "\n".join(f"  {line}" for line in [title, *table.splitlines()])


def _facts(report: Report) -> str:
    run = report.run
    engine = report.engine
    used = ", ".join(f"{name} {version}" for name, version in engine.frameworks.items()) if engine else ""
    rows = [
        ["isolation", report.isolation.rung],
        ["engine", used or ("numpy, or code of its own" if engine else "none: no prediction was made")],
        ["time", _times(report)],
        ["memory", f"{run.peak_memory_mib} MiB at most"],
        ["checks", _checks(report)],
        ["submission", report.submission.sha256 or "not taken in"],
        ["split", f"{report.split.sha256} ({report.split.images} images)"],
    ]
    rows += [["stopped", _stopped(stop.phase, stop.image, stop.detail)] for stop in run.stops]
    return "\n".join(f"  {line}" for line in tabulate(rows, tablefmt="plain").splitlines())


def _times(report: Report) -> str:
    run = report.run
    if run.import_seconds is None:
        return f"{run.total_seconds:.1f} s"
    parts = [f"import {run.import_seconds:.1f}"]
    if run.first_prediction_seconds is not None:
        parts += [
            f"first prediction {run.first_prediction_seconds:.1f}",
            f"the rest {run.other_predictions_seconds:.1f}",
        ]
    return f"{run.total_seconds:.1f} s ({', '.join(parts)})"


def _checks(report: Report) -> str:
    replay = report.checks.replay
    begun = f"diagnosis {report.checks.diagnosis}, canary {report.checks.canary}"
    if replay.status != "done":
        return f"{begun}, replay {replay.status}"
    return (
        f"{begun}; asked again: {replay.differed} of {replay.repeated} answers "
        f"differed, {replay.lost} of {replay.altered} were lost on altered copies"
    )


def _stopped(phase: str, image: int | None, detail: str) -> str:
    where = f"{phase}, at image {image} in the order asked" if image else phase
    return one_line(f"{where}: {detail}" if detail else where)
