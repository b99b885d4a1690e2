"""Who is in the class, and what must come of each.

Two thirds are cases of the corpus of hostile and broken submissions, as far as one assignment serves them all:
those with limits or images of their own are left to the corpus, and so are those whose score is chance. The
others are what a class is made of: good and weak submissions, folders and zips, some with a checkpoint, and
some that are the same or nearly the same.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grader.model.verdict import Verdict
from tests.checkpoint_bytes import mindspore_bytes
from tests.submissions.corpus import Case, corpus
from tests.submissions.ground import FOLDERS, HONEST, NAMES, PER_CLASS, Ground
from tests.submissions.run import hand_in

_HONEST = f"NAMES = {list(NAMES)}\n\n\ndef predict(image):\n    return NAMES[int(image[0, 0, 0]) // 80]\n"
_ALWAYS_HATS = "def predict(image):\n    return 'Hats'\n"
_QUICK = ("A01", "A14", "B04_more", "B06", "B08_no", "B13", "C03_fork", "C05_one", "C12_linked_f", "D01_no", "D02_syntax_error", "D13_int", "D18_abort")  # fmt: skip
"""Beginnings of the ids of those that are also in a small class: one of most kinds."""
_ONLY_SHORTER = frozenset({"import_seconds", "first_prediction_seconds"})
"""Limits by which a case is only over sooner."""


@dataclass(frozen=True)
class Member:
    """One submission of the class."""

    id: str
    verdict: Verdict
    correct: int
    """Images that must be right."""
    gone: str = ""
    """Part of a command line that no process may have afterwards."""


def gather(folder: Path, students: int, ground: Ground) -> tuple[Member, ...]:
    """Write the submissions of a class of so many below `folder`, and say what must come of each."""
    cases = _cases(students)
    with ThreadPoolExecutor(2) as pool:
        members = [*pool.map(lambda case: from_corpus(case, folder, ground), cases)]
    members += honest(folder, students - len(members))
    return tuple(sorted(members, key=lambda member: member.id))


def _cases(students: int) -> list[Case]:
    """Return the cases of two thirds of a class; of a small one, those first that end soon."""
    fitting = [case for case in corpus() if fits_in(case)]
    quick = [case for case in fitting if case.id.startswith(_QUICK)]
    return [*quick, *(case for case in fitting if case not in quick)][: 2 * students // 3]


def fits_in(case: Case) -> bool:
    """Whether a case's outcome is certain under the class's own assignment."""
    is_certain = case.correct is not None and not case.pending
    is_ordinary = case.images == "colours" and not case.environment and not case.needs
    return is_certain and is_ordinary and case.limits.keys() <= _ONLY_SHORTER and case.name == "submission"


def from_corpus(case: Case, folder: Path, ground: Ground) -> Member:
    """Hand a case of the corpus in below `folder`, under its id."""
    # It stays: some of what is handed in leads there.
    workspace = folder.with_name(f"made-{case.id}")
    workspace.mkdir()
    handed_in = hand_in(case, ground, workspace)
    handed_in.rename(folder / f"{case.id}{handed_in.suffix}")
    return Member(case.id, case.verdict, case.correct or 0, case.gone)


def honest(folder: Path, count: int) -> Iterator[Member]:
    """Write good and weak submissions: every third is a zip, and groups of six have a likeness in them."""
    chance = np.random.default_rng(count)
    for number in range(count):
        group, place = divmod(number, 6)
        kind = ("good", "good", "copy", "twin", "twin", "weak")[place]
        id_ = f"{kind}-{number:03d}"
        source = _ALWAYS_HATS if kind == "weak" else _HONEST
        # Twins have the very same; every other submission is its author's own.
        source += f"# the twins of group {group}\n" if kind == "twin" else f"# {id_}\n"
        files = {"main.py": source.encode("utf-8")}
        if place == 1:
            head = chance.normal(size=(len(FOLDERS), 64)).astype(np.float32)
        if place in (1, 2):
            noise = chance.normal(size=head.shape).astype(np.float32)
            own = head + np.float32(0.02) * noise if kind == "copy" else head
            files["results/net.ckpt"] = mindspore_bytes({"head.1.weight": own})
        _write(folder, id_, files, zipped=number % 3 == 0)
        yield Member(id_, Verdict.GRADED, PER_CLASS if kind == "weak" else HONEST)


def _write(folder: Path, id_: str, files: dict[str, bytes], *, zipped: bool) -> None:
    if zipped:
        with zipfile.ZipFile(folder / f"{id_}.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(f"work/{name}", content)
        return
    for name, content in files.items():
        path = folder / id_ / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def likenesses(members: tuple[Member, ...]) -> tuple[set[str], ...]:
    """Return the groups whose heads are alike: each copy and whom it is of."""
    ids = {int(member.id[-3:]): member.id for member in members if member.id[:5] in ("good-", "copy-")}
    return tuple({ids[number - 1], id_} for number, id_ in ids.items() if id_.startswith("copy-"))
