"""A class of twenty in which four take what they can get: `python -m tests.whole_class.neighbours FOLDER`.

Lays the class out, with its images and its assignment, for `python -m benchmarks.neighbours FOLDER`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.submissions.corpus import Case, corpus
from tests.submissions.ground import Ground, assignment_text, laid_out
from tests.whole_class.members import Member, fits_in, from_corpus, honest
from tests.whole_class.run import LIMITS

STUDENTS, HOSTILE = 20, 4
_ROWS = ("E5", "E6", "E7")
"""What is dear to look at, what grows when it is read, and memory that belongs to no process."""


def hostile_cases() -> list[Case]:
    """Return one case of each of the rows, and more of what grows when it is read."""
    of_rows = [[case for case in corpus() if case.row == row and fits_in(case)] for row in _ROWS]
    first = [cases[0] for cases in of_rows if cases]
    return [*first, *(case for case in of_rows[1] if case not in first)][:HOSTILE]


def lay_out(folder: Path, ground: Ground, *, with_hostile: bool) -> tuple[Member, ...]:
    """Write the class below `folder / "class"`; return the honest ones."""
    (folder / "class").mkdir(parents=True)
    if with_hostile:
        for case in hostile_cases():
            from_corpus(case, folder / "class", ground)
    return tuple(honest(folder / "class", STUDENTS - HOSTILE))


def main() -> None:
    """Lay the class out, and the same without the four."""
    root = Path(sys.argv[1])
    with laid_out() as ground:
        for name, with_hostile in (("alone", False), ("beside", True)):
            lay_out(root / name, ground, with_hostile=with_hostile)
        shutil.copytree(ground.split("colours"), root / "images")
    (root / "assignment.toml").write_text(assignment_text(LIMITS), encoding="utf-8")


if __name__ == "__main__":
    main()
