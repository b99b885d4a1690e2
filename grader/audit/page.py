"""The audit as one HTML page that works offline, with the pictures side by side. For the instructor alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Template

from grader.audit.audit import Audit, ClassLook
from grader.audit.pictures import Picture
from grader.errors import Language
from grader.report import thumbnail
from grader.wording import environment_of

MOST_GROUPS, MOST_SUSPECTS, _MOST_OF_A_CLASS = 100, 48, 12
"""Shown with pictures: of duplicates those across the sets first, of suspects the surest."""


@dataclass(frozen=True)
class Shown:
    """One picture of the page."""

    name: str
    set_name: str
    source: str
    """A data URI."""


@dataclass(frozen=True)
class ShownSuspect:
    """A picture beside the nearest one of the class that it looks like."""

    picture: Shown
    nearest: Shown
    looks_like: str
    neighbours: int


@dataclass(frozen=True)
class ShownShift:
    """Pictures of a class from both sets."""

    label: str
    train: Sequence[Shown]
    hidden: Sequence[Shown]


@dataclass(frozen=True)
class ClassRow:
    """How many images a class has, and how alike they are."""

    label: str
    train: int
    hidden: int
    look: ClassLook | None


def render_page(audit: Audit, language: Language = "en") -> str:
    """Return the whole page; names of files are escaped by the template engine."""
    groups = sorted(audit.groups, key=lambda group: (len(group.sets) == 1, len(group.labels) == 1))
    page: str = _template().render(
        language=language,
        audit=audit,
        groups=[[_shown(picture) for picture in group.pictures] for group in groups[:MOST_GROUPS]],
        left_out=max(0, len(groups) - MOST_GROUPS),
        suspects=[
            ShownSuspect(_shown(one.picture), _shown(one.nearest), one.looks_like, one.neighbours)
            for one in audit.suspects[:MOST_SUSPECTS]
        ],
        shifted=[_shift(audit, look.shift.label) for look in audit.looks if look.shift.is_shifted],
        rows=_rows(audit),
    )
    return page


def _shift(audit: Audit, label: str) -> ShownShift:
    """Return pictures of a class from all over each set."""
    sides = []
    for pictures in (audit.train.pictures, audit.hidden.pictures):
        of_class = [picture for picture in pictures if picture.label == label]
        step = max(1, len(of_class) // _MOST_OF_A_CLASS)
        sides.append([_shown(picture) for picture in of_class[::step][:_MOST_OF_A_CLASS]])
    return ShownShift(label, *sides)


def _shown(picture: Picture) -> Shown:
    return Shown(picture.name, picture.set_name, thumbnail(picture.pixels()))


def _rows(audit: Audit) -> list[ClassRow]:
    counts = [Counter(picture.label for picture in each.pictures) for each in (audit.train, audit.hidden)]
    looks = {look.shift.label: look for look in audit.looks}
    labels = sorted({*audit.train.classes, *audit.hidden.classes})
    return [ClassRow(label, counts[0][label], counts[1][label], looks.get(label)) for label in labels]


@cache
def _template() -> Template:
    return environment_of(Path(__file__).parent).get_template("audit.html")
