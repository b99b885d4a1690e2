"""The report as one HTML file that works offline: no script, no font, no request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Template

from grader.report.model import Report
from grader.report.templates import environment_of
from grader.verdict import Verdict

_VERDICT_ZH = {
    Verdict.GRADED: "评测完成",
    Verdict.CONTRACT: "接口不符",
    Verdict.CRASH: "运行出错",
    Verdict.OUTPUT: "输出过多",
    Verdict.DISK: "写入过多",
    Verdict.PIDS: "进程过多",
    Verdict.MEMORY: "内存超限",
    Verdict.TIMEOUT: "超时",
    Verdict.FORMAT: "无法读取",
    Verdict.INTERNAL: "评测系统故障",
}


@dataclass(frozen=True)
class Cell:
    """One cell of the confusion matrix."""

    count: int
    share: float
    """Of its row, 0..1; decides the colour."""
    is_right: bool
    title: str


def render_html(report: Report) -> str:
    """Return the whole page. Everything that comes from a submission is escaped by the template engine."""
    page: str = _template().render(
        report=report,
        tone=tone_of(report),
        verdict_zh=_VERDICT_ZH[report.verdict],
        rows=_confusion_rows(report),
        weakest_first=sorted(
            (row for row in report.per_class if row.accuracy is not None),
            key=lambda row: (row.accuracy or 0.0, row.index),
        ),
    )
    return page


@cache
def _template() -> Template:
    environment = environment_of(Path(__file__).parent)
    environment.filters["size"] = _size
    return environment.get_template("report.html")


def tone_of(report: Report) -> str:
    """Return the page's accent: good, middling, or bad."""
    if report.verdict is not Verdict.GRADED:
        return "bad"
    return "good" if report.score is not None and report.score.accuracy >= 0.8 else "middling"


def _confusion_rows(report: Report) -> list[list[Cell]]:
    columns = (*report.confusion.labels, "no valid answer")
    return [
        [
            Cell(
                count=count,
                share=count / total if (total := sum(counts)) else 0.0,
                is_right=row == column,
                title=f"{report.confusion.labels[row]} answered as {columns[column]}: {count}",
            )
            for column, count in enumerate(counts)
        ]
        for row, counts in enumerate(report.confusion.matrix)
    ]


def _size(count: int) -> str:
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):.1f} MiB"
