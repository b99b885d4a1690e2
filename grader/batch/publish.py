"""The files about a whole class, made anew from the results that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grader.batch.gradebook import render_gradebook
from grader.batch.jsonl import render_jsonl
from grader.batch.junit import render_junit
from grader.batch.leaderboard import places
from grader.batch.pages.render import render_index, render_leaderboard
from grader.batch.pseudonyms import pseudonyms
from grader.batch.rows import Row
from grader.batch.store import Store

GRADEBOOK = Path("gradebook.csv")
INDEX = Path("index.html")


def publish(store: Store, title: str, rows: Sequence[Row], *, pseudonymous: bool) -> Path:
    """Write gradebook, pages and machine-readable results; return the path of `index.html`.

    Args:
        store: the batch's folder.
        title: of the assignment.
        rows: of the class, in the order of their ids.
        pseudonymous: name nobody on the leaderboard.
    """
    ids = [row.entry.id for row in rows]
    names = pseudonyms(store, ids) if pseudonymous else {id_: id_ for id_ in ids}
    ranked = places(rows, {row.entry.id: _right(store, row) for row in rows if row.is_graded}, names)
    store.write_page(str(GRADEBOOK), render_gradebook(rows))
    store.write_page("results.jsonl", render_jsonl(rows))
    store.write_page("junit.xml", render_junit(title, rows))
    store.write_page("leaderboard.html", render_leaderboard(title, ranked, len(rows) - len(ranked), names))
    return store.write_page(str(INDEX), render_index(title, rows))


def _right(store: Store, row: Row) -> frozenset[str]:
    """Return the names of the images that a student's submission answered rightly."""
    answers = store.answers(row.entry.id)
    return frozenset(answer["image"] for answer in answers if answer["as"] == answer["truth"])
