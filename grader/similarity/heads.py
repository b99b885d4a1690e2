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

from grader.similarity.checkpoint import Tensor

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
    """(N, N)."""
    start: npt.NDArray[np.float64]
    """(N, N) cosines of what training leaves alone; NaN where one of the two has nothing of it."""


def head_of(tensors: Sequence[Tensor], classes: int) -> Matrix | None:
    """Return the head, float32 (classes, M); None if there is none, or it holds what is no number."""
    named = [tensor for tensor in tensors if not tensor.name.startswith(_OPTIMIZERS)]
    matrices = [matrix for tensor in named if (matrix := _matrix(tensor, classes)) is not None]
    if not matrices:
        matrices = [*_before_bias(named, classes)]
    if not matrices:
        return None
    head = _folded(matrices[-1])
    is_sound = bool(np.isfinite(head).all()) and bool(np.ptp(head, axis=0).any())
    return head if is_sound else None


def alikeness(heads: Sequence[Matrix]) -> Alikeness:
    """Compare heads of one shape, (classes, M)."""
    rows = np.stack(heads).astype(np.float64)
    sums = rows.sum(axis=1)
    centred = (rows - rows.mean(axis=1, keepdims=True)).reshape(len(rows), -1)
    lengths = np.linalg.norm(centred, axis=1)
    units = centred / lengths[:, None]
    start_lengths = np.linalg.norm(sums, axis=1)
    start_lengths[start_lengths <= _NO_START * lengths] = np.nan
    starts = sums / start_lengths[:, None]
    # In rounded numbers a vector's cosine with itself may be a little more than 1.
    return Alikeness(np.sqrt(np.clip(2 - 2 * (units @ units.T), 0, None)), starts @ starts.T)


def _matrix(tensor: Tensor, classes: int) -> Matrix | None:
    """Return a tensor as (classes, M), if it has a row or a column for each class."""
    shape = tensor.shape
    if shape is None or len(shape) < 2 or not _fits(tensor.size, classes):
        return None
    if shape[0] == classes:
        return tensor.numbers().reshape(classes, -1)
    if len(shape) == 2 and shape[1] == classes:
        return np.ascontiguousarray(tensor.numbers().reshape(shape).T)
    return None


def _before_bias(tensors: Sequence[Tensor], classes: int) -> list[Matrix]:
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
    return [plain[number].numbers().reshape(classes, -1) for number in chosen]


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
