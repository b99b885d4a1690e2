"""The audit of a training set and a hidden one: everything that would make a score mean something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader.audit.duplicates import Group, find_groups
from grader.audit.leaks import Leak, find_leaks
from grader.audit.pictures import Picture, PictureSet

_SMALLEST = 32
_FLATTEST = 5.0
_UNEVEN = 3.0
_MOST_NAMED = 5


@dataclass(frozen=True)
class Remark:
    """One thing that the audit has to say."""

    severity: Literal["serious", "note"]
    """`serious`: scores on this split do not mean what they seem to."""
    title: str
    detail: str


@dataclass(frozen=True)
class Audit:
    """What came of it."""

    train: PictureSet
    hidden: PictureSet
    groups: tuple[Group, ...]
    leaks: tuple[Leak, ...]
    remarks: tuple[Remark, ...]
    """The serious ones first."""

    @property
    def is_serious(self) -> bool:
        """Whether something must be put right before anybody is graded."""
        return any(remark.severity == "serious" for remark in self.remarks)


def audit_sets(train: PictureSet, hidden: PictureSet) -> Audit:
    """Compare the two sets."""
    groups = tuple(find_groups([*train.pictures, *hidden.pictures]))
    leaks = tuple(find_leaks(hidden.pictures))
    remarks = [
        *_of_groups(groups),
        *_of_leaks(leaks),
        *_of_files(train, hidden),
        *_of_classes(train, hidden),
    ]
    remarks.sort(key=lambda remark: remark.severity != "serious")
    return Audit(train, hidden, groups, leaks, tuple(remarks))


def _of_groups(groups: tuple[Group, ...]) -> Iterator[Remark]:
    across = [group for group in groups if len(group.sets) > 1]
    hidden = [picture for group in across for picture in group.pictures if picture.set_name == "hidden"]
    twins = {picture.name: _twin(groups, picture) for picture in hidden}
    exact = [picture for picture in hidden if twins[picture.name].sha256 == picture.sha256]
    if exact:
        yield Remark(
            "serious",
            f"{len(exact)} hidden images are in the training set, to the pixel",
            _some(f"{picture.name} = {twins[picture.name].name}" for picture in exact),
        )
    if near := [picture for picture in hidden if picture not in exact]:
        yield Remark(
            "serious",
            f"{len(near)} hidden images look like a training image",
            _some(f"{picture.name} ~ {twins[picture.name].name}" for picture in near),
        )
    torn = [group for group in groups if len(group.labels) > 1]
    if torn:
        yield Remark(
            "serious",
            f"{len(torn)} groups of duplicates lie in more than one class",
            _some(" = ".join(picture.name for picture in group.pictures) for group in torn),
        )
    for name in ("train", "hidden"):
        inside = [group for group in groups if group.sets == {name}]
        if inside:
            exact_ones = sum(group.is_exact for group in inside)
            yield Remark(
                "note",
                f"{len(inside)} groups of duplicates within {name}, {exact_ones} of them to the pixel",
                _some(" = ".join(picture.name for picture in group.pictures) for group in inside),
            )


def _of_leaks(leaks: tuple[Leak, ...]) -> Iterator[Remark]:
    for leak in leaks:
        yield Remark(
            "note",
            f"In the hidden set {leak.clue} tells the class of {leak.correct} of {leak.total} images",
            "Submissions get pixels alone, in random order: of all this they can see height and width.",
        )


def _of_files(train: PictureSet, hidden: PictureSet) -> Iterator[Remark]:
    for pictures in (train, hidden):
        if pictures.unreadable:
            yield Remark(
                "serious",
                f"{len(pictures.unreadable)} files of {pictures.name} are damaged or no images",
                _some(_short(file) for file in pictures.unreadable),
            )
        if pictures.strange:
            yield Remark(
                "note",
                f"{len(pictures.strange)} files of {pictures.name} are passed over",
                _some(_short(file) for file in pictures.strange),
            )
        odd = [picture for picture in pictures.pictures if _is_odd(picture)]
        if odd:
            yield Remark(
                "note",
                f"{len(odd)} images of {pictures.name} are tiny or very wide or high",
                _some(f"{picture.name} {picture.shape[1]}x{picture.shape[0]}" for picture in odd),
            )


def _of_classes(train: PictureSet, hidden: PictureSet) -> Iterator[Remark]:
    for one, other in ((train, hidden), (hidden, train)):
        missing = sorted(set(one.classes) - set(other.classes))
        if missing:
            yield Remark(
                "serious", f"{len(missing)} classes of {one.name} are not in {other.name}", _some(missing)
            )
    for pictures in (train, hidden):
        counted = Counter(dict.fromkeys(pictures.classes, 0))
        counted.update(picture.label for picture in pictures.pictures)
        empty = sorted(label for label, count in counted.items() if not count)
        if empty:
            yield Remark("serious", f"{len(empty)} classes of {pictures.name} are empty", _some(empty))
        least, most = min(counted.values()), max(counted.values())
        if least and most >= _UNEVEN * least:
            yield Remark(
                "note",
                f"The classes of {pictures.name} are uneven: {least} to {most} images",
                _some(f"{label} {count}" for label, count in counted.most_common()[::-1]),
            )


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


def _some(names: Iterator[str] | list[str]) -> str:
    named = [*names]
    more = len(named) - _MOST_NAMED
    return "; ".join(named[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
