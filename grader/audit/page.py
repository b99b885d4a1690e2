"""The audit as one HTML page that works offline, with the pictures side by side. For the instructor alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Template

from grader.audit.audit import Audit
from grader.audit.duplicates import Group
from grader.audit.pictures import Picture, PictureSet
from grader.report.templates import environment_of
from grader.report.thumbnail import thumbnail

MOST_GROUPS = 100
"""Shown with pictures; those across the sets first."""


@dataclass(frozen=True)
class Shown:
    """One picture of the page."""

    name: str
    set_name: str
    source: str
    """A data URI."""


@dataclass(frozen=True)
class ClassRow:
    """How many images a class has."""

    label: str
    train: int
    hidden: int


def render_page(audit: Audit) -> str:
    """Return the whole page; names of files are escaped by the template engine."""
    groups = sorted(audit.groups, key=lambda group: (len(group.sets) == 1, len(group.labels) == 1))
    page: str = _template().render(
        audit=audit,
        groups=[_shown(group) for group in groups[:MOST_GROUPS]],
        left_out=max(0, len(groups) - MOST_GROUPS),
        rows=_rows(audit.train, audit.hidden),
    )
    return page


def _shown(group: Group) -> Sequence[Shown]:
    return [Shown(picture.name, picture.set_name, _source(picture)) for picture in group.pictures]


def _source(picture: Picture) -> str:
    return thumbnail(cv2.imdecode(np.fromfile(picture.path, np.uint8), cv2.IMREAD_COLOR))


def _rows(train: PictureSet, hidden: PictureSet) -> list[ClassRow]:
    counts = [Counter(picture.label for picture in pictures.pictures) for pictures in (train, hidden)]
    labels = sorted({*train.classes, *hidden.classes})
    return [ClassRow(label, counts[0][label], counts[1][label]) for label in labels]


@cache
def _template() -> Template:
    environment = environment_of(Path(__file__).parent)
    return environment.get_template("audit.html")
