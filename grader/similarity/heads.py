"""The one matrix of a network that tells one student's from another's: its last, with a row for each class.

The backbone is the same for all who did not train it. What a student trained is in the head, so heads are
compared, by two numbers.

`distance` is between what two heads compute. Adding the same vector to all rows, or scaling all of them,
changes no answer: each row is taken from the mean of the rows, and the whole is scaled to length 1.
0 is the same, 1.41 as far apart as two heads that know nothing of each other.

`start` tells whether they began from the same random numbers. The gradient of softmax cross-entropy, with or
without label smoothing, is p - y in every row of the logits, and sums to zero over the classes: so the sum of
a head's rows stays what it was at first, however long it is trained by SGD; weight decay only scales it. The
cosine between two such sums is 1 for heads of one start, and near 0 (standard deviation 1/sqrt(columns)) for
heads of two. Adam's steps do not sum to zero: there, sums of two starts grow alike, to .97 in long trainings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grader.intake import Tensor

Matrix = npt.NDArray[np.float32]
_FEWEST_COLUMNS, _MOST_COLUMNS = 16, 2048
_MOST_NUMBERS = 1 << 23
_OPTIMIZERS = ("moment", "accum", "stat.")
"""What the names of an optimizer's own copies begin with."""
_NO_START = 1e-4
"""A sum this small beside the head is rounding: the head began as zeros, or was solved for."""


@dataclass(frozen=True, eq=False)
class Alikeness:
    """How N heads compare, each with each."""

    distance: npt.NDArray[np.float64]
    """(N, N), within 1e-7."""
    start: npt.NDArray[np.float64]
    """(N, N) cosines of what training leaves alone; NaN where one of the two has nothing of it."""


def head_of(tensors: Sequence[Tensor], classes: int) -> tuple[str, Matrix] | None:
    """Return the head's name and its numbers, float32 (classes, M).

    None if there is no head, or it holds what is no number, or is no more than one row for all classes.
    """
    network = [tensor for tensor in tensors if not tensor.name.startswith(_OPTIMIZERS)]
    # Numbers are taken of one tensor alone: a file may have ten thousand that would fit.
    fitting = [tensor for tensor in network if _has_rows(tensor, classes)]
    tensor = fitting[-1] if fitting else _before_bias(network, classes)
    if tensor is None:
        return None
    head = _folded(_matrix(tensor, classes))
    is_sound = bool(np.isfinite(head).all()) and bool(np.ptp(head, axis=0).any())
    return (tensor.name, head) if is_sound else None


def alikeness(heads: Sequence[Matrix]) -> Alikeness:
    """Compare heads of one shape, (classes, M)."""
    units = np.empty((len(heads), heads[0].size))
    for unit, head in zip(units, heads, strict=True):
        unit[:] = _unit(head).ravel()
    starts = np.stack([_start(head) for head in heads])
    return Alikeness(np.sqrt(np.clip(2 - 2 * (units @ units.T), 0, None)), starts @ starts.T)


def _unit(head: Matrix) -> npt.NDArray[np.float64]:
    """Return a head with its rows' mean taken away, of length 1."""
    centred = head - head.mean(axis=0, dtype=np.float64)
    unit: npt.NDArray[np.float64] = centred / np.linalg.norm(centred)
    return unit


def _start(head: Matrix) -> npt.NDArray[np.float64]:
    """Return (M,) the direction of the sum of a head's rows; NaN where there is none."""
    total = head.sum(axis=0, dtype=np.float64)
    length = np.linalg.norm(total)
    start: npt.NDArray[np.float64] = total / (length if length > _NO_START * np.linalg.norm(head) else np.nan)
    return start


def _has_rows(tensor: Tensor, classes: int) -> bool:
    """Whether a tensor has a row or a column for each class."""
    shape = tensor.shape
    if shape is None or len(shape) < 2 or not _fits(tensor.size, classes):
        return False
    return shape[0] == classes or (len(shape) == 2 and shape[1] == classes)


def _matrix(tensor: Tensor, classes: int) -> Matrix:
    """Return a tensor as (classes, M); one whose shape is not known, by rows."""
    if tensor.shape is None or tensor.shape[0] == classes:
        return tensor.numbers().reshape(classes, -1)
    return np.ascontiguousarray(tensor.numbers().reshape(tensor.shape).T)


def _before_bias(tensors: Sequence[Tensor], classes: int) -> Tensor | None:
    """Return, where shapes are not known, the storage that a bias follows; else the last that fits."""
    plain = [tensor for tensor in tensors if tensor.shape is None]
    fitting = [number for number, tensor in enumerate(plain) if _fits(tensor.size, classes)]
    with_bias = [
        number
        for number in fitting
        if [tensor.size for tensor in plain[number + 1 : number + 2]] == [classes]
    ]
    # An optimizer's copies follow the network: the first pair is the network's own.
    chosen = with_bias[:1] or fitting[-1:]
    return plain[chosen[0]] if chosen else None


def _fits(size: int, classes: int) -> bool:
    return size % classes == 0 and _FEWEST_COLUMNS * classes <= size <= _MOST_NUMBERS


def _folded(head: Matrix) -> Matrix:
    """Return a head of at most so many columns, the others added to them with random signs.

    Sums of rows stay sums of rows, and distances stay what they are within some percent.
    """
    columns = head.shape[1]
    if columns <= _MOST_COLUMNS:
        return head
    signs = np.random.default_rng(columns).choice(np.array([-1, 1], np.float32), columns)
    padded = np.zeros((len(head), -(-columns // _MOST_COLUMNS) * _MOST_COLUMNS), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        padded[:, :columns] = head * signs
        folded: Matrix = padded.reshape(len(head), -1, _MOST_COLUMNS).sum(axis=1)
    return folded
