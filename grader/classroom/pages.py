"""The files about a whole class, made anew from the results that are kept.

The pages work offline: each is one file, with no font, no request, and no script but one of ours, which sorts
and searches tables. `index.html` and `similarity.html` are for the instructor alone; `leaderboard.html` can
be hung up. What comes from students is escaped by the templates.
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
    collect,
    compare_checkpoints,
    digests_of,
)
from grader.sketch import Sketch
from grader.wording import both, environment_of

GRADEBOOK = "gradebook.csv"
_INDEX = "index.html"
_HERE = Path(__file__).parent
_SCRIPT = _HERE / "table.js"
"""Sorts and searches tables; its digest is what the page allows to run."""
_MOST_EXCERPTS = 40
"""Pairs of programs that are shown side by side, the closest of every group first."""


@dataclass(frozen=True)
class Heading:
    """What every page about a class shows on top."""

    title: str
    """Of the assignment."""
    title_zh: str = ""
    """In Chinese; empty for the same."""
    language: Language = "en"
    """Which language the page shows first; it has both."""


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
        store: the class's output folder.
        assignment: its title, and the points possible.
        rows: of the class, in the order of their ids.
        given: what was handed out: nobody is listed for having it.
        pseudonymous: give the leaderboard pseudonyms instead of ids.
        language: of the gradebook, and what the pages show first.
    """
    heading = Heading(assignment.title, assignment.title_zh, language)
    title, full = assignment.title, assignment.points.full
    store.write_page(GRADEBOOK, render_gradebook(rows, language))
    platforms = {row.entry.platform for row in rows}
    if "canvas" in platforms:
        store.write_page("canvas.csv", render_canvas(title, full, rows))
    if "moodle" in platforms:
        store.write_page("moodle.csv", render_moodle(full, rows))
    store.write_page("results.jsonl", render_jsonl(rows))
    store.write_page("junit.xml", render_junit(title, rows))
    ids = [row.entry.id for row in rows]
    names = pseudonyms(store, ids) if pseudonymous else {id_: id_ for id_ in ids}
    ranked = places(rows, {row.entry.id: _right(store, row) for row in rows if row.is_graded}, names)
    store.write_page("leaderboard.html", render_leaderboard(heading, ranked, len(rows) - len(ranked), names))
    handed_in = _handed_in(rows)
    sketches = collect(handed_in, assignment, store.folder, this_harness().sha256)
    store.write_page("similarity.html", render_similarity(heading, len(handed_in), sketches, given))
    return store.write_page(_INDEX, render_index(heading, rows, digests_of(given)))


def render_index(heading: Heading, rows: Sequence[Row], given: frozenset[str] = frozenset()) -> str:
    """Return `index.html`.

    Args:
        heading: of the page.
        rows: of the class.
        given: digests of the files that were handed out.
    """
    return _page(
        "index.html",
        "batch-index",
        heading,
        rows=rows,
        overview=overview_of(rows, given),
        report=_links(rows),
    )


def render_leaderboard(
    heading: Heading, places: Sequence[Place], unranked: int, names: Mapping[str, str]
) -> str:
    """Return `leaderboard.html`.

    Args:
        heading: of the page.
        places: best first.
        unranked: how many students have no place.
        names: by id, the name that is shown.
    """
    return _page(
        "leaderboard.html", "batch-leaderboard", heading, places=places, unranked=unranked, names=names
    )


def render_similarity(
    heading: Heading, students: int, sketches: Mapping[str, Sketch], given: Sequence[Given]
) -> str:
    """Return `similarity.html`: what is alike in a class, by how much, and the evidence.

    Args:
        heading: of the page.
        students: how many handed something in.
        sketches: by id, of the submissions that can be compared.
        given: what everybody was given.
    """
    code = ClassCode(sketches, [file for part in given for file in part.files])
    return _page(
        "similarity.html",
        "batch-similarity",
        heading,
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


def _handed_in(rows: Sequence[Row]) -> list[HandedIn]:
    return [
        HandedIn(row.entry.id, row.entry.source, row.result.report.submission.sha256 or "")
        for row in rows
        if row.result is not None and row.entry.source is not None
    ]


def _right(store: Store, row: Row) -> frozenset[str]:
    """Return the names of the images that a student's submission answered rightly."""
    answers = store.answers(row.entry.id)
    return frozenset(answer["image"] for answer in answers if answer["as"] == answer["truth"])


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


@dataclass(frozen=True)
class _Group:
    """Students with like code; the closest pairs with excerpts."""

    ids: tuple[str, ...]
    links: tuple[tuple[CodeLink, tuple[Excerpt, Excerpt] | None], ...]


def _groups(code: ClassCode) -> list[_Group]:
    left = _MOST_EXCERPTS
    found = []
    for cluster in code.clusters():
        links = []
        for link in cluster.links:
            links.append((link, code.side_by_side(link) if left else None))
            left = max(0, left - 1)
        found.append(_Group(cluster.ids, tuple(links)))
    return found


def _page(template: str, headline: str, heading: Heading, **values: object) -> str:
    """Return a page in both languages.

    Args:
        template: a file here.
        headline: name of the words that say what the page is.
        heading: of the page.
        values: what is particular to the page; the template engine escapes them all.
    """
    script = _SCRIPT.read_text(encoding="utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    page: str = (
        _environment()
        .get_template(template)
        .render(
            language=heading.language,
            headline=headline,
            title=heading.title,
            title_zh=heading.title_zh or heading.title,
            script=script,
            script_digest=digest,
            **values,
        )
    )
    return page


@cache
def _environment() -> Environment:
    environment = environment_of(_HERE)
    environment.filters["interval"] = lambda score: both(
        *(interval_in_words(score, language) for language in LANGUAGES)
    )
    return environment
