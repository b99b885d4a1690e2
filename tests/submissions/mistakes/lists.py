"""Which programs there are to be tried, and what must be done before one can be handed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from grader.files import digest_of_json
from grader.model.dataset import SplitImage
from tests.submissions.mistakes.networks import Arrays
from tests.submissions.mistakes.otherwise import OTHERWISE, RIGHT_OTHERWISE
from tests.submissions.mistakes.planted import MISTAKES, RIGHT, Planted
from tests.submissions.mistakes.styled import STYLED
from tests.submissions.mistakes.unusual import UNUSUAL, Unusual, trained
from tests.submissions.mistakes.unusually_styled import RIGHT_STYLED, UNUSUALLY_STYLED

_OLD = (*MISTAKES, *OTHERWISE, *RIGHT, *RIGHT_OTHERWISE)
_NEW = (*STYLED, *RIGHT_STYLED)
LISTS: dict[str, tuple[Sequence[Planted], Sequence[Unusual]]] = {
    "old": (_OLD, UNUSUAL),
    "new": (_NEW, UNUSUALLY_STYLED),
    "unusual": ((), (*UNUSUAL, *UNUSUALLY_STYLED)),
    "all": ((*_OLD, *_NEW), (*UNUSUAL, *UNUSUALLY_STYLED)),
}


@dataclass(frozen=True)
class Candidate:
    """A program that is to be tried."""

    planted: Planted
    """As it is handed in; of an unusual one, without its head."""
    unusual: Unusual | None = None

    @property
    def program(self) -> str:
        """Digest of its text, and of what lies beside it; arrays are no part of it."""
        planted = self.planted
        text = planted.source(["the class names"])
        return digest_of_json([text, dict(planted.beside), planted.network, sorted(planted.others)])

    def ready(self, arrays: Arrays, images: Sequence[SplitImage], classes: int) -> Planted:
        """Return what is handed in; a head of its own learns from `images` now."""
        return trained(self.unusual, arrays, images, classes) if self.unusual else self.planted


def candidates(name: str, only: str = "", *, mended: bool = False) -> list[Candidate]:
    """Return the programs of a list whose name holds `only`, the unusual ones last.

    Args:
        name: of the list.
        only: what their names hold.
        mended: whether the programs without their mistakes are meant, where a line mends them.
    """
    some, unusual = LISTS[name]
    every = [planted for planted in some if only in planted.name]
    if mended:
        return [Candidate(each) for planted in every if (each := planted.mended()) is not None]
    own = [Candidate(each.planted, each) for each in unusual if only in each.planted.name]
    return [*map(Candidate, every), *own]


def missing_libraries(chosen: Sequence[Candidate]) -> Iterator[str]:
    """Yield the libraries that programs need and that are not installed here."""
    needed = {each.planted.library for each in chosen if each.planted.library}
    yield from sorted(library for library in needed if not find_spec(library))
