"""Python as a row of tokens in which renaming, layout and comments make no difference.

Not Python's own tokenizer: that one refuses what is no Python, and half of what is worth comparing may be
broken. Every text has tokens here, in time that grows with its length alone: no alternative of the expression
can fail after having read far.
"""

from __future__ import annotations

import hashlib
import keyword
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

GRAM = 20
"""Tokens that must follow each other alike: about two lines."""
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
