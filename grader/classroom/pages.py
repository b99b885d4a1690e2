"""Pages that work offline: one file each, no font, no request, and no script but their own.

`similarity.html`: what is alike in a class, by how much, and what shows it. For the instructor alone.

The files about a whole class, made anew from the results that are kept.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment

from grader.classroom.gradebook import (
    Row,
    interval_in_words,
    render_canvas,
    render_gradebook,
    render_jsonl,
    render_junit,
    render_moodle,
)
from grader.classroom.overview import Place, overview_of, places, pseudonyms
from grader.classroom.store import STUDENTS, Store
from grader.errors import LANGUAGES, Language
from grader.model.assignment import Assignment
from grader.report import INSTRUCTOR_HTML, REPORT_HTML
from grader.session import this_harness
from grader.similarity import (
    LEAST_GRAMS,
    LEAST_SHARE,
    NEAR,
    SAME_START,
    ClassCode,
    CodeLink,
    Excerpt,
    Given,
    HandedIn,
    Sketch,
    collect,
    compare_checkpoints,
    digests_of,
)
from grader.wording import both, environment_of

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


_MOST_EXCERPTS = 40
"""Pairs shown side by side; the closest of every group come first."""


@dataclass(frozen=True)
class Shown:
    """A group of students with like code."""

    ids: tuple[str, ...]
    links: tuple[tuple[CodeLink, tuple[Excerpt, Excerpt] | None], ...]


def render_similarity(
    title: str,
    students: int,
    sketches: Mapping[str, Sketch],
    given: Sequence[Given],
    language: Language = "en",
    title_zh: str = "",
) -> str:
    """Return the page.

    Args:
        title: of the assignment.
        students: who handed something in.
        sketches: by id, of those that can be compared.
        given: what everybody was given.
        language: what the page shows first.
        title_zh: the title in Chinese; empty for the same.
    """
    code = ClassCode(sketches, [file for part in given for file in part.files])
    return page_of(
        "similarity.html",
        language,
        "batch-similarity",
        (title, title_zh or title),
        students=students,
        sketches=sketches,
        given=given,
        checkpoints=compare_checkpoints(sketches, given),
        code=code,
        groups=_groups(code),
        left_out={id_: sketch.left_out for id_, sketch in sketches.items() if sketch.left_out},
        unread=sorted(id_ for id_, sketch in sketches.items() if not sketch.is_read),
        near=NEAR,
        same_start=SAME_START,
        least_grams=LEAST_GRAMS,
        least_share=LEAST_SHARE,
    )


def _groups(code: ClassCode) -> list[Shown]:
    """Return the groups with excerpts, as many as are shown."""
    room = _MOST_EXCERPTS
    found = []
    for cluster in code.clusters():
        links = []
        for link in cluster.links:
            links.append((link, code.side_by_side(link) if room else None))
            room = max(0, room - 1)
        found.append(Shown(cluster.ids, tuple(links)))
    return found


GRADEBOOK = Path("gradebook.csv")
INDEX = Path("index.html")


def publish(
    store: Store,
    assignment: Assignment,
    rows: Sequence[Row],
    given: Sequence[Given] = (),
    *,
    pseudonymous: bool = False,
    language: Language = "en",
) -> Path:
    """Write gradebook, pages and machine-readable results; return the path of `index.html`.

    Args:
        store: the batch's folder.
        assignment: its title, and what all points are.
        rows: of the class, in the order of their ids.
        given: what was handed out, of which no likeness comes.
        pseudonymous: name nobody on the leaderboard.
        language: what the pages show first, and of the gradebook.
    """
    title, full = assignment.title, assignment.points.full
    ids = [row.entry.id for row in rows]
    names = pseudonyms(store, ids) if pseudonymous else {id_: id_ for id_ in ids}
    ranked = places(rows, {row.entry.id: _right(store, row) for row in rows if row.is_graded}, names)
    store.write_page(str(GRADEBOOK), render_gradebook(rows, language))
    platforms = {row.entry.platform for row in rows}
    if "canvas" in platforms:
        store.write_page("canvas.csv", render_canvas(title, full, rows))
    if "moodle" in platforms:
        store.write_page("moodle.csv", render_moodle(full, rows))
    store.write_page("results.jsonl", render_jsonl(rows))
    store.write_page("junit.xml", render_junit(title, rows))
    board = render_leaderboard(title, ranked, len(rows) - len(ranked), names, language, assignment.title_zh)
    store.write_page("leaderboard.html", board)
    store.write_page("similarity.html", _similarity(store, assignment, rows, given, language))
    index = render_index(title, rows, digests_of(given), language, assignment.title_zh)
    return store.write_page(str(INDEX), index)


def _similarity(
    store: Store, assignment: Assignment, rows: Sequence[Row], given: Sequence[Given], language: Language
) -> str:
    handed_in = [
        HandedIn(row.entry.id, row.entry.source, row.result.report.submission.sha256 or "")
        for row in rows
        if row.result is not None and row.entry.source is not None
    ]
    sketches = collect(handed_in, assignment, store.folder, this_harness().sha256)
    return render_similarity(assignment.title, len(handed_in), sketches, given, language, assignment.title_zh)


def _right(store: Store, row: Row) -> frozenset[str]:
    """Return the names of the images that a student's submission answered rightly."""
    answers = store.answers(row.entry.id)
    return frozenset(answer["image"] for answer in answers if answer["as"] == answer["truth"])
