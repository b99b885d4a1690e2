"""Which students' code is alike, apart from what everybody was given.

Python is compared as a row of tokens in which renaming, layout and comments make no difference. Python's own
tokenizer would not do: it refuses what is no Python, and half of what is worth comparing may be broken. Here
every text has tokens, in time that grows with its length alone: no alternative of the expression can fail
after having read far.
"""

from __future__ import annotations

import hashlib
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grader.sketch import CodeFile, Sketch
from grader.statistics import Cluster, clusters

GRAM = 20
"""Tokens that must follow each other alike: about two lines."""
LEAST_GRAMS = 80
"""Shared runs of tokens below which likeness says nothing: about ten lines."""
LEAST_SHARE = 0.5
"""Share of the shorter of the two; both apart from what was handed out."""
Grams = npt.NDArray[np.uint64]
_STEP = 0x9E3779B97F4A7C15
"""An odd number; its powers are the weights of a gram's tokens."""
_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
    |(?P<string>[rbufRBUF]{0,2}(?:\"{3}(?:[^\\]|\\.?)*?(?:\"{3}|\Z)|'{3}(?:[^\\]|\\.?)*?(?:'{3}|\Z)
        |"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?))
    |(?P<number>\d[\w.]*)
    |(?P<name>\w+)
    |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_CONTEXT, _MOST_LINES, _MOST_LINE = 2, 120, 160


@dataclass(frozen=True, eq=False)
class Tokens:
    """The tokens of one text."""

    spans: npt.NDArray[np.int32]
    """(N, 2): where each begins and ends in the text."""
    grams: npt.NDArray[np.uint64]
    """(N - GRAM + 1,): a number for the GRAM tokens from each on; equal tokens have equal numbers."""

    def covered(self, grams: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Return (N,) which tokens belong to one of these grams."""
        edges = np.zeros(len(self.spans) + 1, np.int64)
        begins = np.flatnonzero(np.isin(self.grams, grams))
        np.add.at(edges, begins, 1)
        np.add.at(edges, begins + GRAM, -1)
        covered: npt.NDArray[np.bool_] = np.cumsum(edges[:-1]) > 0
        return covered


@dataclass(frozen=True)
class Piece:
    """A part of a line."""

    text: str
    kind: str
    """`shared` with the other, `given` to everybody, or `` for neither."""


@dataclass(frozen=True)
class Line:
    """One line of an excerpt."""

    number: int
    """From 1; 0 stands for lines that are left out."""
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Excerpt:
    """What one side of a comparison shows."""

    path: str
    lines: tuple[Line, ...]
    is_cut: bool
    """Whether there is more than is shown."""


@dataclass(frozen=True)
class CodeLink:
    """Two students' code that is alike."""

    ids: tuple[str, str]
    shared: int
    """Runs of tokens (GRAM of them) that both have and nobody was given."""
    own: tuple[int, int]
    """Those that each has and nobody was given."""

    @property
    def share(self) -> float:
        """Share of the shorter one that is in the other, 0..1."""
        return self.shared / min(self.own)


CodeCluster = Cluster[CodeLink]


class ClassCode:
    """The code of a class.

    Args:
        sketches: by id.
        given: what everybody was given.
    """

    def __init__(self, sketches: Mapping[str, Sketch], given: Iterable[CodeFile]) -> None:
        self._sketches = sketches
        self._given = _distinct([tokenize(file.text) for file in given])
        self._own = {id_: self._own_of(sketch) for id_, sketch in sorted(sketches.items())}

    @property
    def compared(self) -> int:
        """How many students have enough code of their own to be compared."""
        return sum(len(own) >= LEAST_GRAMS for own in self._own.values())

    def clusters(self) -> tuple[CodeCluster, ...]:
        """Return the groups of those whose code is alike."""
        return clusters(self._links(), lambda link: 1 - link.share)

    def side_by_side(self, link: CodeLink) -> tuple[Excerpt, Excerpt]:
        """Return what both have in common, where each has it: of each the file with most of it."""
        one, other = link.ids
        shared: Grams = np.intersect1d(self._own[one], self._own[other], assume_unique=True)
        return self._excerpt(self._sketches[one], shared), self._excerpt(self._sketches[other], shared)

    def _own_of(self, sketch: Sketch) -> Grams:
        return np.setdiff1d(_distinct([tokenize(file.text) for file in sketch.code]), self._given, True)

    def _links(self) -> list[CodeLink]:
        ids = [id_ for id_, own in self._own.items() if len(own) >= LEAST_GRAMS]
        if not ids:
            return []
        lengths = np.array([len(self._own[id_]) for id_ in ids])
        shared = _shared([self._own[id_] for id_ in ids], lengths)
        alike = (shared >= LEAST_GRAMS) & (shared >= LEAST_SHARE * np.minimum.outer(lengths, lengths))
        return [
            CodeLink((ids[i], ids[j]), int(shared[i, j]), (int(lengths[i]), int(lengths[j])))
            for i, j in np.argwhere(np.triu(alike, 1)).tolist()
        ]

    def _excerpt(self, sketch: Sketch, shared: Grams) -> Excerpt:
        tokenized = [(file, tokenize(file.text)) for file in sketch.code]
        file, tokens = max(tokenized, key=lambda pair: int(np.isin(pair[1].grams, shared).sum()))
        covered = zip(tokens.covered(shared), tokens.covered(self._given), strict=True)
        kinds = ["shared" if is_shared else "given" if is_given else "" for is_shared, is_given in covered]
        lines = _lines(file.text, tokens, kinds)
        marked = {line.number for line in lines if any(piece.kind == "shared" for piece in line.pieces)}
        near = {number + step for number in marked for step in range(-_CONTEXT, _CONTEXT + 1)}
        shown = _with_gaps([line for line in lines if line.number in near], len(lines))
        return Excerpt(file.path, tuple(shown[:_MOST_LINES]), len(shown) > _MOST_LINES)


def tokenize(text: str) -> Tokens:
    """Return the tokens of a text, Python or not.

    Strings, numbers and names each count as one and the same; keywords, signs and the names of attributes
    stand for themselves.
    """
    spans: list[tuple[int, int]] = []
    kinds: list[str] = []
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "space":
            spans.append(match.span())
            kinds.append(_kind(match, kinds[-2:]))
    numbers = {kind: _number(kind) for kind in set(kinds)}
    row = np.array([numbers[kind] for kind in kinds], np.uint64)
    return Tokens(np.array(spans, np.int32).reshape(-1, 2), _grams(row))


def _kind(match: re.Match[str], before: list[str]) -> str:
    text = match[0]
    if match.lastgroup == "string":
        return '"'
    if match.lastgroup == "number":
        return "0"
    if match.lastgroup == "name" and not keyword.iskeyword(text):
        is_of_a_library = before[-1:] == ["."] and before != ["self", "."]
        return text if is_of_a_library or text == "self" else "name"
    return text


def _number(kind: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(kind.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )


def _grams(row: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    count = max(0, len(row) - GRAM + 1)
    grams = np.zeros(count, np.uint64)
    weight = 1
    for offset in range(GRAM):
        grams += row[offset : offset + count] * np.uint64(weight)  # modulo 2**64, as unsigned numbers are
        weight = weight * _STEP % (1 << 64)
    return grams


def _shared(sets: list[Grams], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return (N, N) how many grams each two of N sets that are not empty have in common."""
    different, numbers = np.unique(np.concatenate(sets), return_inverse=True)
    begins = np.cumsum(lengths) - lengths
    shared = np.empty((len(sets), len(sets)), np.int64)
    for row, (begin, length) in enumerate(zip(begins, lengths, strict=True)):
        has = np.zeros(len(different), np.int64)
        has[numbers[begin : begin + length]] = 1
        shared[row] = np.add.reduceat(has[numbers], begins)
    return shared


def _distinct(tokenized: list[Tokens]) -> Grams:
    grams: Grams = np.unique(
        np.concatenate([np.zeros(0, np.uint64), *(tokens.grams for tokens in tokenized)])
    )
    return grams


def _lines(text: str, tokens: Tokens, kinds: list[str]) -> list[Line]:
    """Cut a text into lines, and each into pieces by the kind of its tokens."""
    text = text.replace("\r", " ")
    marks = [""] * len(text)
    for (begin, end), kind in zip(tokens.spans.tolist(), kinds, strict=True):
        marks[begin:end] = [kind] * (end - begin)
    found, at = [], 0
    for number, line in enumerate(text.split("\n"), 1):
        found.append(Line(number, _pieces(_visible(line)[:_MOST_LINE], marks[at : at + len(line)])))
        at += len(line) + 1
    return found


def _visible(line: str) -> str:
    """Replace what would change the order or the look of what follows it, character by character."""
    return "".join(
        char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in line
    )


def _pieces(line: str, marks: list[str]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    begin = 0
    for at in range(1, len(line) + 1):
        if at == len(line) or marks[at] != marks[begin]:
            pieces.append(Piece(line[begin:at], marks[begin]))
            begin = at
    return tuple(pieces)


def _with_gaps(lines: list[Line], total: int) -> list[Line]:
    """Put a line without a number where lines are left out."""
    shown: list[Line] = []
    last = 0
    for line in lines:
        if line.number != last + 1:
            shown.append(Line(0))
        shown.append(line)
        last = line.number
    return shown if last >= total else [*shown, Line(0)]
