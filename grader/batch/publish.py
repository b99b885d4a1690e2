"""The files about a whole class, made anew from the results that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grader.assignment import Assignment
from grader.batch.gradebook import render_gradebook
from grader.batch.jsonl import render_jsonl
from grader.batch.junit import render_junit
from grader.batch.leaderboard import places
from grader.batch.pages.render import render_index, render_leaderboard
from grader.batch.pages.similarity import render_similarity
from grader.batch.platforms import render_canvas, render_moodle
from grader.batch.pseudonyms import pseudonyms
from grader.batch.rows import Row
from grader.batch.store import Store
from grader.findings.catalogue import Language
from grader.provenance import this_harness
from grader.similarity.collect import HandedIn, collect
from grader.similarity.given import Given, digests_of

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
