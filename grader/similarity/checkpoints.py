"""Which students' checkpoints are alike: their heads are compared, by two numbers.

The backbone is the same for all who did not train it. What a student trained is in the head, the one matrix
of a network that tells one student's from another's: its last, with a row for each class.

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

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grader.similarity.reading import Given, digests_of
from grader.sketch import Checkpoint, Matrix, Sketch
from grader.statistics import Cluster, clusters

# Measured on heads that were trained on the real images' features, by momentum SGD and by Adam. Copies with
# noise of 5 % are at .05, those trained on for a few epochs at .02 to .05 (and share the start exactly, by
# SGD). Of two honest heads, those of the same settings on the very same features come closest, down to .014,
# but then differ in the start; otherwise they are beyond .1.
NEAR = 0.06
"""Distance up to which two heads are nearly the same, unless their starts differ or were handed out."""
SAME = 0.005
"""Distance up to which they are, whatever their starts."""
SAME_START = 0.99
"""Cosine from which they are one. Long trainings by Adam bring two to .97."""
_OTHER_START = 5.0
"""Standard deviations of chance below which a cosine is that of two starts; one is .028 for 1280 columns."""
_NO_START = 1e-4
"""A sum this small beside the head is rounding: the head began as zeros, or was solved for."""


@dataclass(frozen=True)
class CheckpointLink:
    """Two students' checkpoints that are alike."""

    ids: tuple[str, str]
    paths: tuple[str, str]
    distance: float
    """Between the heads, 0 to 2."""
    start: float | None
    """Cosine between what training leaves alone; None where there is nothing of it."""
    same_bytes: bool
    equal_tensors: int
    """Tensors that are equal to the last bit."""
    tensors: int
    """Of the one that has fewer."""
    head: str
    """Name of the parameter that was compared; empty where only the bytes were."""
    rows: int = 0
    columns: int = 0


CheckpointCluster = Cluster[CheckpointLink]


@dataclass(frozen=True)
class AlikeCheckpoints:
    """What came of comparing a class's checkpoints."""

    near: tuple[CheckpointCluster, ...]
    """Groups whose heads are nearly the same."""
    same_start: tuple[CheckpointCluster, ...]
    """Groups whose heads began from the same random numbers, and are not all nearly the same."""
    compared: int
    """Heads."""
    bytes_alone: int
    """Checkpoints whose format is not known."""


def compare_checkpoints(sketches: Mapping[str, Sketch], given: Sequence[Given] = ()) -> AlikeCheckpoints:
    """Compare every head with every other student's of the same shape.

    Args:
        sketches: by id.
        given: what was handed out. Nobody is alike for having it, nor for having trained it a little.
    """
    known = digests_of(given)
    items = [(id_, item) for id_ in sorted(sketches) for item in sketches[id_].checkpoints]
    owned = [_Owned(id_, item) for id_, item in items if item.sha256 not in known]
    unread = [item for item in owned if not item.checkpoint.is_read]
    by_shape: defaultdict[tuple[int, ...], list[_Owned]] = defaultdict(list)
    for item in owned:
        if item.checkpoint.head is not None:
            by_shape[item.checkpoint.head.shape].append(item)
    heads = [head for part in given for head in part.heads]
    pairs = [
        pair
        for shape, group in by_shape.items()
        for pair in _pairs(group, [head for head in heads if head.shape == shape])
    ]
    near = _clusters([*(pair for pair in pairs if pair.is_near), *_of_same_bytes(unread)])
    starts = _clusters(pair for pair in pairs if pair.has_own_start)
    groups = {id_: number for number, cluster in enumerate(near) for id_ in cluster.ids}
    return AlikeCheckpoints(
        near=near,
        same_start=tuple(
            cluster for cluster in starts if len({groups.get(id_, id_) for id_ in cluster.ids}) > 1
        ),
        compared=sum(map(len, by_shape.values())),
        bytes_alone=len(unread),
    )


@dataclass(frozen=True, eq=False)
class Alikeness:
    """How N heads compare, each with each."""

    distance: npt.NDArray[np.float64]
    """(N, N), within 1e-7."""
    start: npt.NDArray[np.float64]
    """(N, N) cosines of what training leaves alone; NaN where one of the two has nothing of it."""


def alikeness(heads: Sequence[Matrix]) -> Alikeness:
    """Compare heads of one shape, (classes, M)."""
    units = np.empty((len(heads), heads[0].size))
    for unit, head in zip(units, heads, strict=True):
        unit[:] = _unit(head).ravel()
    starts = np.stack([_start(head) for head in heads])
    return Alikeness(np.sqrt(np.clip(2 - 2 * (units @ units.T), 0, None)), starts @ starts.T)


@dataclass(frozen=True)
class _Owned:
    id: str
    checkpoint: Checkpoint


@dataclass(frozen=True)
class _Pair:
    """Two students' checkpoints that may be alike; in a class of one seed that is every pair."""

    one: _Owned
    other: _Owned
    distance: float
    """To six digits: beyond, it depends on how the sums of all pairs are computed."""
    start: float | None
    is_start_given: bool = False
    """Whether both began from what was handed out."""

    @property
    def ids(self) -> tuple[str, str]:
        return self.one.id, self.other.id

    @property
    def has_own_start(self) -> bool:
        """Whether both began from the same numbers, and those are not what was handed out."""
        return self.start is not None and self.start >= SAME_START and not self.is_start_given

    @property
    def is_near(self) -> bool:
        columns = 0 if self.one.checkpoint.head is None else self.one.checkpoint.head.shape[1]
        differs = self.start is not None and self.start < _OTHER_START / math.sqrt(columns)
        # From a start that was handed out, honest heads come as close as from one of their own.
        return self.distance <= (SAME if differs or self.is_start_given else NEAR)


def _pairs(group: Sequence[_Owned], given: Sequence[Matrix]) -> Iterator[_Pair]:
    """Yield the pairs of different students that are near, or of one start; not those both near one given."""
    own = [item.checkpoint.head for item in group if item.checkpoint.head is not None]
    found = alikeness([*own, *given])
    near, same_start = found.distance <= NEAR, found.start >= SAME_START
    is_given, is_start_given = (alike[:, len(own) :].any(axis=1) for alike in (near, same_start))
    candidates = (near | same_start)[: len(own), : len(own)]
    for i, j in np.argwhere(np.triu(candidates, 1)).tolist():
        if group[i].id != group[j].id and not (is_given[i] and is_given[j]):
            start = float(found.start[i, j])
            distance = round(float(found.distance[i, j]), 6)
            both_given = bool(is_start_given[i] and is_start_given[j])
            yield _Pair(group[i], group[j], distance, None if math.isnan(start) else start, both_given)


def _of_same_bytes(unread: Sequence[_Owned]) -> Iterator[_Pair]:
    """Yield pairs of which only the bytes can be compared, each of a group with the group's first."""
    groups: defaultdict[str, list[_Owned]] = defaultdict(list)
    for item in unread:
        groups[item.checkpoint.sha256].append(item)
    for first, *others in groups.values():
        yield from (_Pair(first, other, 0.0, None) for other in others if other.id != first.id)


def _clusters(pairs: Iterable[_Pair]) -> tuple[CheckpointCluster, ...]:
    return tuple(
        Cluster(cluster.ids, tuple(_link(pair) for pair in cluster.links))
        for cluster in clusters(pairs, lambda pair: pair.distance)
    )


def _link(pair: _Pair) -> CheckpointLink:
    first, second = pair.one.checkpoint, pair.other.checkpoint
    head = first.head
    return CheckpointLink(
        ids=pair.ids,
        paths=(first.path, second.path),
        distance=pair.distance,
        start=pair.start,
        same_bytes=first.sha256 == second.sha256,
        equal_tensors=len(np.intersect1d(first.tensors, second.tensors)),
        tensors=min(len(first.tensors), len(second.tensors)),
        head=first.head_name,
        rows=0 if head is None else head.shape[0],
        columns=0 if head is None else head.shape[1],
    )


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
