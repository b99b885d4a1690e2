"""The audit of a training set and a hidden one: everything that would make a score mean something else.

What it says stands in the catalogue; its page works offline, with the pictures side by side, for the
instructor alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from jinja2 import Template

from grader.audit.judging import (
    LEAST_ACCURACY,
    Features,
    Judgement,
    Suspect,
    find_suspects,
    judge_hidden,
    judge_left_out,
    plain_features,
)
from grader.audit.looks import Leak, Shift, find_leaks, find_shifts
from grader.audit.pictures import Group, Picture, PictureSet, find_groups
from grader.errors import Language
from grader.report import thumbnail
from grader.split import PASSED_OVER, REFUSED
from grader.wording import environment_of, words

_SMALLEST = 32
_FLATTEST = 5.0
_UNEVEN = 3.0
_MOST_NAMED = 5
_MOST_GROUPS, _MOST_SUSPECTS, _MOST_OF_A_CLASS = 100, 48, 12
"""Shown with pictures: of duplicates those across the sets first, of suspects the surest."""


@dataclass(frozen=True)
class Remark:
    """One thing that the audit has to say; its words stand in the catalogue."""

    severity: Literal["serious", "note"]
    """`serious`: scores on this split do not mean what they seem to."""
    code: str
    named: str = ""
    """Which images, classes or files; the same in every language."""
    details: dict[str, object] = field(default_factory=dict)

    why: str = ""
    """Words that explain it, where nothing is named."""

    def title(self, language: Language) -> str:
        """Return what was found."""
        return self._said(language, self.code)

    def detail(self, language: Language) -> str:
        """Return where it was found, or what follows from it."""
        return self.named or self._said(language, self.why)

    def _said(self, language: Language, code: str) -> str:
        details = dict(self.details)
        for key in {"set", "other"} & details.keys():
            details[key] = words(language, f"set-{details[key]}")
        return words(language, f"audit-{code}", **details)


@dataclass(frozen=True)
class Recognised:
    """Images of a class that the judge puts into it."""

    right: int
    total: int


@dataclass(frozen=True)
class ClassLook:
    """A class's hidden images, by the judge that knows the training ones."""

    shift: Shift
    hidden: Recognised | None
    """None if the judge is too often wrong to ask."""
    train: Recognised | None
    """Each image left out of what it is judged by."""


@dataclass(frozen=True)
class Audit:
    """What came of it."""

    train: PictureSet
    hidden: PictureSet
    features: Features
    accuracy: float
    """Of the judge on pictures that it has not seen."""
    groups: tuple[Group, ...]
    leaks: tuple[Leak, ...]
    suspects: tuple[Suspect, ...]
    looks: tuple[ClassLook, ...]
    """The likeliest shifted first."""
    remarks: tuple[Remark, ...]
    """The serious ones first."""

    def basis(self, language: Language) -> str:
        """Say what pictures were compared by, and what would be better."""
        if self.features.kind == "plain":
            return words(language, "audit-basis-plain")
        name = "audit-basis-network" if self.accuracy >= LEAST_ACCURACY else "audit-basis-weak"
        return words(language, name, accuracy=f"{100 * self.accuracy:.0f}")

    @property
    def is_serious(self) -> bool:
        """Whether something must be put right before anybody is graded."""
        return any(remark.severity == "serious" for remark in self.remarks)


def audit_sets(
    train: PictureSet,
    hidden: PictureSet,
    featuring: Callable[[Sequence[Picture]], Features] = plain_features,
) -> Audit:
    """Compare the two sets.

    Args:
        train: the training images.
        hidden: the images that submissions are asked about.
        featuring: what pictures are compared by.
    """
    pictures = [*train.pictures, *hidden.pictures]
    features = featuring(pictures)
    groups = tuple(find_groups(pictures, features.vectors if features.kind == "network" else None))
    leaks = tuple(find_leaks(hidden.pictures))
    left_out = judge_left_out(features.vectors, [picture.label for picture in pictures])
    suspects = tuple(find_suspects(pictures, features.vectors, left_out))
    looks = tuple(_looks(train, hidden, features, groups))
    remarks = [
        *_of_groups(groups),
        *_of_looks(looks),
        *_of_leaks(leaks),
        *_of_suspects(suspects),
        *_of_files(train, hidden),
        *_of_classes(train, hidden),
    ]
    remarks.sort(key=lambda remark: remark.severity != "serious")
    return Audit(train, hidden, features, left_out.accuracy, groups, leaks, suspects, looks, tuple(remarks))


def render_page(audit: Audit, language: Language = "en") -> str:
    """Return the whole page; names of files are escaped by the template engine."""
    groups = sorted(audit.groups, key=lambda group: (len(group.sets) == 1, len(group.labels) == 1))
    page: str = _template().render(
        language=language,
        audit=audit,
        groups=[[_shown(picture) for picture in group.pictures] for group in groups[:_MOST_GROUPS]],
        left_out=max(0, len(groups) - _MOST_GROUPS),
        suspects=[
            _ShownSuspect(_shown(one.picture), _shown(one.nearest), one.looks_like, one.neighbours)
            for one in audit.suspects[:_MOST_SUSPECTS]
        ],
        shifted=[_shown_shift(audit, look.shift.label) for look in audit.looks if look.shift.is_shifted],
        rows=_rows(audit),
    )
    return page


@dataclass(frozen=True)
class _Shown:
    """One picture of the page."""

    name: str
    set_name: str
    source: str
    """A data URI."""


@dataclass(frozen=True)
class _ShownSuspect:
    """A picture beside the nearest one of the class that it looks like."""

    picture: _Shown
    nearest: _Shown
    looks_like: str
    neighbours: int


@dataclass(frozen=True)
class _ShownShift:
    """Pictures of a class from both sets."""

    label: str
    train: Sequence[_Shown]
    hidden: Sequence[_Shown]


@dataclass(frozen=True)
class _ClassRow:
    """How many images a class has, and how alike they are."""

    label: str
    train: int
    hidden: int
    look: ClassLook | None


def _looks(
    train: PictureSet, hidden: PictureSet, features: Features, groups: Sequence[Group]
) -> Iterator[ClassLook]:
    """Yield how each class's hidden images compare with its training images."""
    pictures = [*train.pictures, *hidden.pictures]
    shifts = find_shifts(pictures, features.vectors, groups)
    known = len(train.pictures)
    labels = [picture.label for picture in pictures]
    common = {*labels[:known]} & {*labels[known:]}
    asked = [index for index in range(known, len(pictures)) if labels[index] in common]
    if not shifts or not asked:
        return
    seen = judge_left_out(features.vectors[:known], labels[:known])
    unseen = judge_hidden(
        features.vectors[:known], labels[:known], features.vectors[asked], [labels[index] for index in asked]
    )
    for shift in shifts:
        if seen.is_reliable:
            yield ClassLook(shift, _recognised(unseen, shift.label), _recognised(seen, shift.label))
        else:
            yield ClassLook(shift, None, None)


def _recognised(judgement: Judgement, label: str) -> Recognised:
    of_class = judgement.labels == judgement.names.index(label)
    return Recognised(int((judgement.is_right & of_class).sum()), int(of_class.sum()))


def _of_groups(groups: tuple[Group, ...]) -> Iterator[Remark]:
    across = [group for group in groups if len(group.sets) > 1]
    hidden = [picture for group in across for picture in group.pictures if picture.set_name == "hidden"]
    twins = {picture.name: _twin(groups, picture) for picture in hidden}
    exact = [picture for picture in hidden if twins[picture.name].sha256 == picture.sha256]
    if exact:
        named = _some(f"{picture.name} = {twins[picture.name].name}" for picture in exact)
        yield Remark("serious", "exact", named, {"count": len(exact)})
    if near := [picture for picture in hidden if picture not in exact]:
        named = _some(f"{picture.name} ~ {twins[picture.name].name}" for picture in near)
        yield Remark("serious", "near", named, {"count": len(near)})
    torn = [group for group in groups if len(group.labels) > 1]
    if torn:
        named = _some(" = ".join(picture.name for picture in group.pictures) for group in torn)
        yield Remark("serious", "torn", named, {"count": len(torn)})
    for name in ("train", "hidden"):
        inside = [group for group in groups if group.sets == {name}]
        if inside:
            named = _some(" = ".join(picture.name for picture in group.pictures) for group in inside)
            exact_ones = sum(group.is_exact for group in inside)
            yield Remark("note", "within", named, {"count": len(inside), "set": name, "exact": exact_ones})


def _of_looks(looks: Sequence[ClassLook]) -> Iterator[Remark]:
    for look in looks:
        shift = look.shift
        if not shift.is_shifted:
            continue
        details: dict[str, object] = {"label": shift.label, "p": f"{shift.p:.1g}"}
        if look.hidden is None or look.train is None:
            yield Remark("serious", "shift", "", {**details, "hidden": shift.hidden}, "shift-plain-why")
            continue
        details |= {"right": look.hidden.right, "hidden": look.hidden.total}
        details |= {"train_right": look.train.right, "train": look.train.total}
        yield Remark("serious", "shift", "", details, "shift-why")


def _of_suspects(suspects: Sequence[Suspect]) -> Iterator[Remark]:
    if suspects:
        named = _some(f"{suspect.picture.name} ({suspect.looks_like}?)" for suspect in suspects)
        yield Remark("note", "suspects", named, {"count": len(suspects)})


def _of_leaks(leaks: tuple[Leak, ...]) -> Iterator[Remark]:
    for leak in leaks:
        details: dict[str, object] = {"correct": leak.correct, "total": leak.total}
        yield Remark("note", f"leak-{leak.clue}", "", details, "leak-why")


def _of_files(train: PictureSet, hidden: PictureSet) -> Iterator[Remark]:
    for pictures in (train, hidden):
        of_set: dict[str, object] = {"set": pictures.name}
        if files := pictures.unreadable:
            yield Remark("serious", "unreadable", _some(map(_short, files)), {**of_set, "count": len(files)})
        yield from _of_files_aside(pictures, of_set)
        turned = [picture for picture in pictures.pictures if picture.orientation != 1]
        if turned:
            named = _some(f"{picture.name} ({picture.orientation})" for picture in turned)
            yield Remark("note", "turned", named, {**of_set, "count": len(turned)})
        odd = [picture for picture in pictures.pictures if _is_odd(picture)]
        if odd:
            named = _some(f"{picture.name} {picture.shape[1]}x{picture.shape[0]}" for picture in odd)
            yield Remark("note", "odd", named, {**of_set, "count": len(odd)})


def _of_files_aside(pictures: PictureSet, of_set: dict[str, object]) -> Iterator[Remark]:
    """Yield what is no image: what a grading would refuse, and what it would pass over."""
    aside = pictures.names_aside()
    for why in REFUSED:
        if names := aside.get(why):
            yield Remark("serious", why, _some(names), {**of_set, "count": len(names)})
    if names := [name for why in PASSED_OVER for name in aside.get(why, [])]:
        yield Remark("note", "strange", _some(names), {**of_set, "count": len(names)})


def _of_classes(train: PictureSet, hidden: PictureSet) -> Iterator[Remark]:
    for one, other in ((train, hidden), (hidden, train)):
        missing = sorted(set(one.classes) - set(other.classes))
        if missing:
            sets = {"count": len(missing), "set": one.name, "other": other.name}
            yield Remark("serious", "missing", _some(missing), sets)
    for pictures in (train, hidden):
        counted = Counter(dict.fromkeys(pictures.classes, 0))
        counted.update(picture.label for picture in pictures.pictures)
        empty = sorted(label for label, count in counted.items() if not count)
        if empty:
            yield Remark("serious", "empty", _some(empty), {"count": len(empty), "set": pictures.name})
        least, most = min(counted.values()), max(counted.values())
        if least and most >= _UNEVEN * least:
            named = _some(f"{label} {count}" for label, count in counted.most_common()[::-1])
            yield Remark("note", "uneven", named, {"set": pictures.name, "least": least, "most": most})


def _twin(groups: tuple[Group, ...], picture: Picture) -> Picture:
    """Return the training image that a hidden one is a duplicate of, an exact one if there is."""
    group = next(group for group in groups if picture in group.pictures)
    others = [other for other in group.pictures if other.set_name == "train"]
    others.sort(key=lambda other: other.sha256 != picture.sha256)
    return others[0]


def _is_odd(picture: Picture) -> bool:
    return min(picture.shape) < _SMALLEST or max(picture.shape) > _FLATTEST * min(picture.shape)


def _short(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def _some(names: Iterable[str]) -> str:
    named = [*names]
    more = len(named) - _MOST_NAMED
    return "; ".join(named[:_MOST_NAMED]) + (f"; ... (+{more})" if more > 0 else "")


def _shown_shift(audit: Audit, label: str) -> _ShownShift:
    """Return pictures of a class from all over each set."""
    sides = []
    for pictures in (audit.train.pictures, audit.hidden.pictures):
        of_class = [picture for picture in pictures if picture.label == label]
        step = max(1, len(of_class) // _MOST_OF_A_CLASS)
        sides.append([_shown(picture) for picture in of_class[::step][:_MOST_OF_A_CLASS]])
    return _ShownShift(label, *sides)


def _shown(picture: Picture) -> _Shown:
    return _Shown(picture.name, picture.set_name, thumbnail(picture.pixels()))


def _rows(audit: Audit) -> list[_ClassRow]:
    counts = [Counter(picture.label for picture in each.pictures) for each in (audit.train, audit.hidden)]
    looks = {look.shift.label: look for look in audit.looks}
    labels = sorted({*audit.train.classes, *audit.hidden.classes})
    return [_ClassRow(label, counts[0][label], counts[1][label], looks.get(label)) for label in labels]


@cache
def _template() -> Template:
    return environment_of(Path(__file__).parent).get_template("audit.html")
