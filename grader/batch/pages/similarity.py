"""`similarity.html`: what is alike in a class, by how much, and what shows it. For the instructor alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.batch.pages.render import page_of
from grader.findings.catalogue import Language
from grader.similarity.checkpoints import NEAR, SAME_START, compare_checkpoints
from grader.similarity.code import LEAST_GRAMS, LEAST_SHARE, ClassCode, CodeLink, Excerpt
from grader.similarity.given import Given
from grader.similarity.sketch import Sketch

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
