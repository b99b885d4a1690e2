"""Pages that work offline: one file each, no font, no request, and no script but their own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment

from grader.batch.gradebook import interval_in_words
from grader.batch.leaderboard import Place
from grader.batch.overview import overview_of
from grader.batch.rows import Row
from grader.batch.store import STUDENTS
from grader.findings.catalogue import LANGUAGES, Language
from grader.report.files import INSTRUCTOR_HTML, REPORT_HTML
from grader.report.templates import both, environment_of

_SCRIPT = Path(__file__).with_name("table.js")
"""Sorts and searches tables; its digest is what the page allows to run."""


def render_index(
    title: str,
    rows: Sequence[Row],
    given: frozenset[str] = frozenset(),
    language: Language = "en",
    title_zh: str = "",
) -> str:
    """Return `index.html`, for the instructor alone. What comes from students is escaped by the template.

    Args:
        title: of the assignment.
        rows: of the class.
        given: digests of the files that were handed out.
        language: what the page shows first.
        title_zh: the title in Chinese; empty for the same.
    """
    return page_of(
        "index.html",
        language,
        "batch-index",
        (title, title_zh or title),
        rows=rows,
        overview=overview_of(rows, given),
        report=_links(rows),
    )


def render_leaderboard(
    title: str,
    places: Sequence[Place],
    unranked: int,
    names: Mapping[str, str],
    language: Language = "en",
    title_zh: str = "",
) -> str:
    """Return `leaderboard.html`, under the names given by id."""
    return page_of(
        "leaderboard.html",
        language,
        "batch-leaderboard",
        (title, title_zh or title),
        places=places,
        unranked=unranked,
        names=names,
    )


def _links(rows: Sequence[Row]) -> dict[str, dict[str, str]]:
    """Return the addresses of each student's reports, relative to the page."""
    return {
        row.entry.id: {
            "student": f"{STUDENTS}/{quote(row.entry.id)}/{REPORT_HTML}",
            "instructor": f"{STUDENTS}/{quote(row.entry.id)}/{INSTRUCTOR_HTML.as_posix()}",
        }
        for row in rows
        if row.result
    }


def page_of(
    template: str, language: Language, headline: str, titles: tuple[str, str], **values: object
) -> str:
    """Return a page of one of the templates here, in both languages.

    Args:
        template: a file here.
        language: what the page shows first.
        headline: name of the words that say what the page is.
        titles: of the assignment, in English and in Chinese.
        values: what is particular to the page; all of them are escaped by the template engine.
    """
    title, title_zh = titles
    script = _SCRIPT.read_text(encoding="utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    page: str = (
        _environment()
        .get_template(template)
        .render(
            language=language,
            headline=headline,
            title=title,
            title_zh=title_zh,
            script=script,
            script_digest=digest,
            **values,
        )
    )
    return page


@cache
def _environment() -> Environment:
    environment = environment_of(Path(__file__).parent)
    environment.filters["interval"] = lambda score: both(
        *(interval_in_words(score, language) for language in LANGUAGES)
    )
    return environment
