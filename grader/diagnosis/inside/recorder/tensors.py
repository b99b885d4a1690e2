"""Tensors of any framework: found in arguments, copied for the grader, made anew by a recipe."""

from __future__ import annotations

import base64
import functools
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

MOST_ARRAY_BYTES = 4 << 20
SMALLEST_SIDE = 8
"""Of a picture; what is smaller is a map of features."""
BATCH_BYTES = 2 << 20
"""Of a batch that is larger, as many first entries are let through as fit, but always one."""
MOST_BYTES = 8 << 20
"""Of all arrays of one answer; beyond it, only small ones are sent. Half of it beside parameters."""
SMALL_BYTES = 64 << 10
MOST_AXES = 8
_TYPES = frozenset({"bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))})
_TYPES |= {"float16", "float32", "float64"}
_DEPTH = 2
"""How deep tuples, lists and dictionaries are searched for a tensor."""
_RESIZED, _SIZE = 256, 224
"""The course's evaluation transform resizes to a square of the one edge, and takes a centre of the other."""

Array = np.ndarray[Any, Any]
Path = tuple[Any, ...]
"""The keys that lead to a tensor in nested arguments."""


class Kept:
    """A copy of an array, or its form alone: of a large one as many first entries as are let through."""

    def __init__(self, array: Array, with_values: bool = True) -> None:
        self.type, self.shape = array.dtype.name, array.shape
        entry = max(1, array.nbytes // max(1, len(array))) if array.ndim else array.nbytes
        most = max(BATCH_BYTES // max(1, entry), int(entry <= MOST_ARRAY_BYTES))
        is_known = with_values and self.type in _TYPES and array.ndim <= MOST_AXES
        self.values: Array | None = None
        if is_known and (array.nbytes <= BATCH_BYTES or (array.ndim > 1 and most)):
            part = array if array.nbytes <= BATCH_BYTES else array[:most]
            self.values = np.array(part, part.dtype.newbyteorder("<"), order="C")


class Room:
    """How much more may be sent in one answer."""

    def __init__(self, most: int) -> None:
        self._left = most

    def sent(self, kept: Kept | None) -> dict[str, Any] | None:
        """Return an array as JSON takes it; its numbers only while there is room, or if they are few."""
        if kept is None or kept.type not in _TYPES or len(kept.shape) > MOST_AXES:
            return None
        data, values = None, kept.values
        if values is not None and (values.nbytes <= SMALL_BYTES or values.nbytes <= self._left):
            self._left -= values.nbytes if values.nbytes > SMALL_BYTES else 0
            data = base64.b64encode(values.tobytes()).decode("ascii")
        return {"dtype": kept.type, "shape": list(kept.shape), "data": data}


def kept_of(output: Any, large_ones: bool) -> Kept | None:
    """Return a copy of the first tensor in what a network returned; None if there is none.

    Args:
        output: what it returned.
        large_ones: copy a large one, too; of it, there is the form alone otherwise.
    """
    found = first_tensor(output)
    array = None if found is None else as_array(found[1])
    return None if array is None else Kept(array, large_ones or array.nbytes <= SMALL_BYTES)


def _is_tensor(value: Any) -> bool:
    kind = type(value)
    return isinstance(value, np.ndarray) or hasattr(kind, "asnumpy") or hasattr(kind, "detach")


def as_array(tensor: Any) -> Array | None:
    """Return a tensor's numbers; in float32 those that numpy has no type for."""
    if isinstance(tensor, np.ndarray):
        return tensor
    if "bfloat16" in str(tensor.dtype).lower():
        tensor = tensor.float()
    array = tensor.asnumpy() if hasattr(type(tensor), "asnumpy") else tensor.detach().cpu().numpy()
    return array if isinstance(array, np.ndarray) else None


def remade(array: Array, like: Any) -> Any:
    """Return numbers as a tensor of the framework and the type of another; bytes are cut off, not wrapped."""
    if isinstance(like, np.ndarray):
        return _cast(array, like.dtype)
    own = as_array(like)
    cast = _cast(array, np.dtype(np.float32) if own is None or own.dtype.kind == "f" else own.dtype)
    if hasattr(type(like), "asnumpy"):
        return sys.modules["mindspore"].Tensor(cast, like.dtype)
    return sys.modules["torch"].from_numpy(cast).to(like)


def _cast(array: Array, dtype: np.dtype[Any]) -> Array:
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        array = np.clip(np.rint(array), bounds.min, bounds.max)
    return np.ascontiguousarray(array, dtype)


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, tuple | list):
        yield from enumerate(value)


def first_tensor(value: Any, depth: int = 0) -> tuple[Path, Any] | None:
    """Find the first tensor in nested arguments, and the way to it."""
    if _is_tensor(value):
        return (), value
    for key, part in _parts(value) if depth <= _DEPTH else ():
        if found := first_tensor(part, depth + 1):
            return (key, *found[0]), found[1]
    return None


def count_tensors(value: Any, depth: int = 0) -> int:
    """Return how many tensors there are in nested arguments."""
    if _is_tensor(value):
        return 1
    return sum(count_tensors(part, depth + 1) for _, part in _parts(value)) if depth <= _DEPTH else 0


def with_tensor(value: Any, path: Path, new: Any) -> Any:
    """Return nested arguments with another tensor in one place."""
    if not path:
        return new
    changed = dict(value) if isinstance(value, Mapping) else list(value)
    changed[path[0]] = with_tensor(changed[path[0]], path[1:], new)
    return tuple(changed) if isinstance(value, tuple) else changed


# -- recipes -----------------------------------------------------------------------------------------------


def channel_axis(shape: Sequence[int]) -> int | None:
    """Say which axis of a batch of pictures holds the colours; None if it is no such batch."""
    if len(shape) < 3:
        return None
    if shape[-3] == 3:
        return -3
    return -1 if shape[-1] == 3 and min(shape[-3:-1]) >= SMALLEST_SIDE else None


def makers(recipe: Mapping[str, Any], image: Array, seen: Array) -> list[Callable[[], Array]]:
    """Return what makes a recipe's input: for a network that refuses the usual size, in the student's too."""
    axis = channel_axis(seen.shape)
    if axis is None:
        return []
    matrix, offset = np.array(recipe["matrix"], np.float64), np.array(recipe["offset"], np.float64)
    if recipe["source"] == "tensor":
        return [lambda: np.moveaxis(np.moveaxis(seen, axis, -1) @ matrix.T + offset, -1, axis)]

    def of_size(size: int) -> Array:
        coloured = _evaluated(image, size) @ matrix.T + offset
        laid_out = np.moveaxis(coloured, -1, axis)
        return np.ascontiguousarray(np.broadcast_to(laid_out, (*seen.shape[:-3], *laid_out.shape)))

    height, width, *_ = (size for place, size in enumerate(seen.shape[-3:], -3) if place != axis)
    sizes = [_SIZE] if height != width or height == _SIZE else [_SIZE, height]
    return [functools.partial(of_size, size) for size in sizes]


def _evaluated(image: Array, size: int) -> Array:
    """Return what the course's evaluation transform sees of a picture: (size, size, 3), 0 to 255."""
    cv2 = importlib.import_module("cv2")
    edge = round(size * _RESIZED / _SIZE)
    resized = cv2.resize(image, (edge, edge), interpolation=cv2.INTER_LINEAR)
    start = (edge - size) // 2
    centre: Array = resized[start : start + size, start : start + size].astype(np.float64)
    return centre
