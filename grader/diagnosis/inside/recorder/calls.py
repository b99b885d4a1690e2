"""How a network is called: with the student's input, or with what a recipe makes in its place.

A network may itself turn the bytes of a picture, colours last, into what others make of them outside. What
counts then is what the network inside it is given. That is found by calling the outer one with the student's
input, and watching the calls within: the first one that is given a picture in numbers, channels first, and
makes something else than such a picture of it. Where no such call comes (from a compiled graph, a session of
ONNX Runtime or a network of OpenCV's), it is the outer one that counts.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .networks import is_training
from .tensors import (
    Array,
    Kept,
    Path,
    as_array,
    channel_axis,
    count_tensors,
    first_tensor,
    makers,
    remade,
    with_tensor,
)

_SMALLEST_SIDE = 32
"""Of a picture inside; a map of features has shorter ones."""
Run = Callable[[Any], Any]
"""Calls a network with nested arguments."""


@dataclass(frozen=True)
class Request:
    """What is wanted of the calls in one answer."""

    image: Array
    recipe: Mapping[str, Any] | None
    inputs: bool
    """Whether the numbers that are given are to be kept."""


class Call:
    """One call of a network: what was given to it, before it could change that."""

    def __init__(self, kind: str, network: Any, given: Any, request: Request) -> None:
        self.kind, self.network, self.given = kind, network, given
        found = first_tensor(given)
        self.path: Path = found[0] if found else ()
        self.tensor: Any = found[1] if found else None
        array = None if self.tensor is None else as_array(self.tensor)
        self.seen = None if array is None else Kept(array, with_values=request.inputs)
        self.array = np.empty(0) if array is None else array.copy() if request.recipe else array
        self.inputs = count_tensors(given)
        self.training = is_training(network)
        self.taken: tuple[int, ...] | None = None
        """The shape of what was put in place of the tensor."""

    @property
    def key(self) -> tuple[type, int]:
        """The network; by its type, too, as the number of one that is gone may become another one's."""
        return type(self.network), id(self.network)

    @property
    def may_hide_another(self) -> bool:
        """Whether the network is given a picture as it is stored, and not as networks are fed."""
        axis = channel_axis(self.array.shape)
        return axis == -1 or (axis is not None and self.array.dtype.kind != "f")


class _Search:
    """The search for the picture inside one outermost call."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.found: Call | None = None


class _Thread(threading.local):
    """What is under way in one thread."""

    is_within = False
    search: _Search | None = None


class Caller:
    """Calls networks as the requests want them called."""

    def __init__(self) -> None:
        self._thread = _Thread()
        self._refused: set[tuple[type, int, tuple[int, ...]]] = set()
        self._without_another: set[type] = set()
        self._inner: set[tuple[type, int]] = set()

    @contextlib.contextmanager
    def within(self) -> Iterator[None]:
        """Have the calls in this thread count as calls within another."""
        self._thread.is_within = True
        try:
            yield
        finally:
            self._thread.is_within = False

    @property
    def is_within(self) -> bool:
        """Whether a network is at work in this thread."""
        return self._thread.is_within

    @property
    def is_searching(self) -> bool:
        """Whether a picture is searched for inside it."""
        return self._thread.search is not None

    def outermost(self, call: Call, request: Request, run: Run) -> Any:
        """Make an outermost call, and return what the student's code is to go on with."""
        kind = type(call.network)
        if not call.may_hide_another or kind in self._without_another:
            return self._own_unless_replaced(call, request, run)
        output = self._searched(call, request, run)
        replaced = self._replaced(call, request, run) if kind in self._without_another else None
        return output if replaced is None else replaced

    def nested(self, kind: str, network: Any, run: Run, given: Any) -> Any:
        """Make a call within the one inside which a picture is searched for."""
        search, call = self._thread.search, None
        with contextlib.suppress(Exception):
            call = Call(kind, network, given, search.request) if search and _is_fed(given) else None
        if search is None or call is None:
            return run(given)
        self._thread.search, search.found = None, call
        if call.key in self._inner:
            return self._own_unless_replaced(call, search.request, run)
        output = run(given)
        if _is_fed(output, call.array.shape):  # no network, but a step before it
            self._thread.search, search.found = search, None
            return output
        self._inner.add(call.key)
        replaced = self._replaced(call, search.request, run)
        return output if replaced is None else replaced

    def _searched(self, call: Call, request: Request, run: Run, is_second: bool = False) -> Any:
        """Make a call, and have it stand for the one inside that counts; note if there is none.

        What the recipe makes may be too large for what comes after the network inside, which then fails.
        """
        search = self._thread.search = _Search(request)
        try:
            output = run(call.given)
        except Exception:
            found = search.found
            if found is None or found.taken is None:
                raise
            self._refused.add((*found.key, found.taken))
            again = replace(request, recipe=None) if is_second else request
            return self._searched(call, again, run, is_second=True)
        finally:
            self._thread.search = None
        if search.found is None:
            self._without_another.add(type(call.network))
        else:
            call.seen, call.taken = search.found.seen, search.found.taken
        return output

    def _own_unless_replaced(self, call: Call, request: Request, run: Run) -> Any:
        output = self._replaced(call, request, run)
        return run(call.given) if output is None else output

    def _replaced(self, call: Call, request: Request, run: Run) -> Any:
        """Return the network's output for what the recipe makes; None if the network takes no such input."""
        for make in makers(request.recipe, request.image, call.array) if request.recipe else ():
            with contextlib.suppress(Exception):
                array = make()
                refused = (*call.key, array.shape)
                if refused in self._refused:
                    continue
                try:
                    output = run(with_tensor(call.given, call.path, remade(array, call.tensor)))
                except Exception:
                    self._refused.add(refused)
                    continue
                call.taken = array.shape
                return output
        return None


def _is_fed(value: Any, shape: tuple[int, ...] | None = None) -> bool:
    """Whether the first tensor is a picture as networks are fed: of numbers, channels first; of a shape."""
    with contextlib.suppress(Exception):
        found = first_tensor(value)
        own = () if found is None else tuple(found[1].shape)
        if len(own) in (3, 4) and own[-3] == 3 and min(own[-2:]) >= _SMALLEST_SIDE and own == (shape or own):
            array = None if found is None else as_array(found[1])
            return array is not None and array.dtype.kind == "f"
    return False
