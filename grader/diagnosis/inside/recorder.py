"""The recorder: notes what passes into and out of a student's network, inside the sandbox, for the diagnosis.

The worker loads this file before `main.py`, in a worker of the diagnosis alone; nothing of it is there in a
graded run. It puts itself round the calls of a MindSpore cell, of a function that MindSpore compiles, of
`onnxruntime.InferenceSession.run`, of a PyTorch module and of a network of `cv2.dnn`. Of calls within calls
only the outermost is noted. A framework is hooked where it is imported already, or as soon as it is.

Nothing here is to change what `predict` answers, nor to make it fail: whatever goes wrong in the noting is
swallowed, and the student's call is made as it was. The one exception is a question with recipes, which asks
what the network says to other input.

A program can tell that it is recorded, and can forge everything that is noted here. So the grader reads it as
a stranger's, and it explains a score that was found without it.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import importlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np

MOST_RECORDS = 8
MOST_ARRAY_BYTES = 4 << 20
MOST_BYTES = 8 << 20
"""Of all arrays of one answer; beyond it, only small ones are sent."""
SMALL_BYTES = 64 << 10
MOST_PARAMETERS = 2000
MOST_NETWORKS = 4
MOST_NAME = 200
MOST_AXES = 8
_TYPES = frozenset({"bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))})
_TYPES |= {"float16", "float32", "float64"}
_ENGINE = "src_mindspore.engine.live"
"""The module of the course library that answers in MindSpore's place."""
_FRAMEWORKS = ("mindspore", "onnxruntime", "torch", "cv2", _ENGINE)
_DEPTH = 2
"""How deep tuples, lists and dictionaries are searched for a tensor."""
_NETWORKS_OF_OPENCV = 8
_RESIZED, _SIZE = 256, 224
"""The course's evaluation transform resizes to a square of the one edge, and takes a centre of the other."""

_Array = np.ndarray[Any, Any]
_Path = tuple[Any, ...]
"""The keys that lead to a tensor in nested arguments."""
_Run = Callable[[Any], Any]
"""Calls a network with nested arguments."""


def install() -> Recorder:
    """Hook what is imported, and whatever will be; return what notes the calls."""
    recorder = Recorder()
    hooks = _Hooks(recorder)
    recorder.hook = hooks.hook
    hooks.hook()
    sys.meta_path.insert(0, _Finder(hooks.hook))
    return recorder


# -- one answer ----------------------------------------------------------------------------------------------


class Recorder:
    """Notes the calls of networks while a question is being answered."""

    def __init__(self) -> None:
        self.hook: Callable[[], None] = lambda: None
        self._within = threading.local()
        self._lock = threading.Lock()
        self._answer: _Answer | None = None
        self._networks: dict[int, tuple[str, Any]] = {}
        self._refused: set[tuple[int, tuple[int, ...]]] = set()

    def begin(self, image: _Array, task: Mapping[str, Any] | None) -> None:
        """Note from now on what belongs to the answer about `image`."""
        with contextlib.suppress(Exception):
            self.hook()  # a class may have been given a call of its own meanwhile
            self._answer = _Answer(image, task or {})

    def end(self) -> dict[str, Any]:
        """Return what was noted since, as JSON takes it."""
        answer, self._answer = self._answer, None
        noted: dict[str, Any] = {"records": [], "calls": 0, "replaced": [], "networks": []}
        if answer is None:
            return noted
        with contextlib.suppress(Exception):
            noted.update(answer.noted())
            if answer.wants_parameters:
                noted["networks"] = [_network(*each) for each in self._networks.values()]
        return noted

    def is_within(self) -> bool:
        """Whether no call is to be noted now: no question is open, or a network is at work in this thread."""
        return self._answer is None or getattr(self._within, "call", False)

    def call(self, kind: str, network: Any, run: _Run, given: Any) -> Any:
        """Call a network, and note the call.

        Args:
            kind: its framework.
            network: what is called.
            run: calls it.
            given: its arguments.
        """
        self._within.call = True
        try:
            return self._noted(kind, network, run, given)
        finally:
            self._within.call = False

    def _noted(self, kind: str, network: Any, run: _Run, given: Any) -> Any:
        answer = self._answer
        call = None
        with contextlib.suppress(Exception):
            call = _Call(kind, network, given, answer is not None and bool(answer.recipes))
        output = None
        try:
            output = run(given)
        finally:
            if answer is not None and call is not None:
                self._note(answer, call, output)
        if answer is None or call is None or not answer.recipes:
            return output
        return self._replaced(answer, call, run, output)

    def _note(self, answer: _Answer, call: _Call, output: Any) -> None:
        with contextlib.suppress(Exception), self._lock:
            answer.add(call, output)
            for network in _networks_in(call.network):
                if len(self._networks) < MOST_NETWORKS:
                    self._networks.setdefault(id(network), (call.kind, network))

    def _replaced(self, answer: _Answer, call: _Call, run: _Run, output: Any) -> Any:
        """Call the network with what the recipes make; return what the student's code is to go on with."""
        if call.tensor is None or _channel_axis(call.array.shape) is None:
            return output
        is_first = not answer.is_replaced
        answer.is_replaced = True
        chosen = output
        for number, recipe in enumerate(answer.recipes):
            if is_first or number == answer.returned:
                found = self._by_recipe(answer, call, run, recipe)
                if is_first:
                    answer.keep_replaced(found)
                if number == answer.returned and found is not None:
                    chosen = found
        return chosen

    def _by_recipe(self, answer: _Answer, call: _Call, run: _Run, recipe: Mapping[str, Any]) -> Any:
        """Return the network's output for one recipe; None if the network takes no such input."""
        for make in _makers(recipe, answer.image, call.array):
            with contextlib.suppress(Exception):
                array = make()
                key = (id(call.network), array.shape)
                if key in self._refused:
                    continue
                try:
                    return run(_with(call.given, call.path, _remade(array, call.tensor)))
                except Exception:
                    self._refused.add(key)
        return None


class _Call:
    """One call of a network: what was given to it, before it could change that."""

    def __init__(self, kind: str, network: Any, given: Any, in_full: bool) -> None:
        self.kind, self.network, self.given = kind, network, given
        found = _first_tensor(given)
        self.path: _Path = found[0] if found else ()
        self.tensor: Any = found[1] if found else None
        array = None if self.tensor is None else _as_array(self.tensor)
        self.seen = None if array is None else _Kept(array)
        self.array = np.empty(0) if array is None else array.copy() if in_full else array
        self.inputs = _count_tensors(given)
        self.training = _is_training(network)


class _Answer:
    """What is noted during one answer."""

    def __init__(self, image: _Array, task: Mapping[str, Any]) -> None:
        self.recipes: Sequence[Mapping[str, Any]] = task.get("recipes", ())
        self.returned: int | None = task.get("returned")
        self.wants_parameters = bool(task.get("parameters"))
        self.is_replaced = False
        # The student's code may change its image.
        self.image = image.copy() if self.recipes else image
        self._calls = 0
        self._records: list[tuple[_Call, _Kept | None]] = []
        self._replaced: list[_Kept | None] = []

    def add(self, call: _Call, output: Any) -> None:
        """Note a call; of too many, the first ones and the last."""
        self._calls += 1
        self._records[MOST_RECORDS - 1 :] = [(call, _kept(output))]
        call.given = None if not self.recipes else call.given

    def keep_replaced(self, output: Any) -> None:
        """Note what the network said to a recipe's input."""
        kept = None
        with contextlib.suppress(Exception):
            kept = _kept(output)
        self._replaced.append(kept)

    def noted(self) -> dict[str, Any]:
        """Return all of it, as JSON takes it."""
        room = _Room()
        records = [
            {
                "kind": call.kind,
                "name": type(call.network).__name__[:MOST_NAME],
                "input": room.sent(call.seen),
                "output": room.sent(output),
                "training": call.training,
                "inputs": call.inputs,
            }
            for call, output in self._records
        ]
        replaced = [room.sent(kept) for kept in self._replaced]
        return {"records": records, "calls": self._calls, "replaced": replaced}


class _Kept:
    """A copy of an array: of a large one, as many of its first entries as are let through."""

    def __init__(self, array: _Array) -> None:
        self.type, self.shape = array.dtype.name, array.shape
        entry = max(1, array.nbytes // max(1, len(array))) if array.ndim else array.nbytes
        most = MOST_ARRAY_BYTES // max(1, entry)
        is_known = self.type in _TYPES and array.ndim <= MOST_AXES
        self.values: _Array | None = None
        if is_known and (array.nbytes <= MOST_ARRAY_BYTES or (array.ndim > 1 and most)):
            part = array if array.nbytes <= MOST_ARRAY_BYTES else array[:most]
            self.values = np.array(part, part.dtype.newbyteorder("<"), order="C")


class _Room:
    """How much more may be sent in one answer."""

    def __init__(self) -> None:
        self._left = MOST_BYTES

    def sent(self, kept: _Kept | None) -> dict[str, Any] | None:
        """Return an array as JSON takes it; its numbers only while there is room, or if they are few."""
        if kept is None or kept.type not in _TYPES or len(kept.shape) > MOST_AXES:
            return None
        data, values = None, kept.values
        if values is not None and (values.nbytes <= SMALL_BYTES or values.nbytes <= self._left):
            self._left -= values.nbytes if values.nbytes > SMALL_BYTES else 0
            data = base64.b64encode(values.tobytes()).decode("ascii")
        return {"dtype": kept.type, "shape": list(kept.shape), "data": data}


def _kept(output: Any) -> _Kept | None:
    found = _first_tensor(output)
    array = None if found is None else _as_array(found[1])
    return None if array is None else _Kept(array)


# -- tensors of any framework --------------------------------------------------------------------------------


def _is_tensor(value: Any) -> bool:
    kind = type(value)
    return isinstance(value, np.ndarray) or hasattr(kind, "asnumpy") or hasattr(kind, "detach")


def _as_array(tensor: Any) -> _Array | None:
    """Return a tensor's numbers; in float32 those that numpy has no type for."""
    if isinstance(tensor, np.ndarray):
        return tensor
    if "bfloat16" in str(tensor.dtype).lower():
        tensor = tensor.float()
    array = tensor.asnumpy() if hasattr(type(tensor), "asnumpy") else tensor.detach().cpu().numpy()
    return array if isinstance(array, np.ndarray) else None


def _remade(array: _Array, like: Any) -> Any:
    """Return numbers as a tensor of the framework and the type of another."""
    if isinstance(like, np.ndarray):
        return _cast(array, like.dtype)
    if hasattr(type(like), "asnumpy"):
        return sys.modules["mindspore"].Tensor(array.astype(np.float32), like.dtype)
    return sys.modules["torch"].from_numpy(array.astype(np.float32)).to(like)


def _cast(array: _Array, dtype: np.dtype[Any]) -> _Array:
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        array = np.clip(np.rint(array), bounds.min, bounds.max)
    return np.ascontiguousarray(array, dtype)


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, tuple | list):
        yield from enumerate(value)


def _first_tensor(value: Any, depth: int = 0) -> tuple[_Path, Any] | None:
    """Find the first tensor in nested arguments, and the way to it."""
    if _is_tensor(value):
        return (), value
    for key, part in _parts(value) if depth <= _DEPTH else ():
        if found := _first_tensor(part, depth + 1):
            return (key, *found[0]), found[1]
    return None


def _count_tensors(value: Any, depth: int = 0) -> int:
    if _is_tensor(value):
        return 1
    return sum(_count_tensors(part, depth + 1) for _, part in _parts(value)) if depth <= _DEPTH else 0


def _with(value: Any, path: _Path, new: Any) -> Any:
    """Return nested arguments with another tensor in one place."""
    if not path:
        return new
    changed = dict(value) if isinstance(value, Mapping) else list(value)
    changed[path[0]] = _with(changed[path[0]], path[1:], new)
    return tuple(changed) if isinstance(value, tuple) else changed


# -- recipes -------------------------------------------------------------------------------------------------


def _channel_axis(shape: Sequence[int]) -> int | None:
    """Say which axis of a batch of pictures holds the colours; None if it is no such batch."""
    if len(shape) < 3:
        return None
    return -3 if shape[-3] == 3 else -1 if shape[-1] == 3 else None


def _makers(recipe: Mapping[str, Any], image: _Array, seen: _Array) -> list[Callable[[], _Array]]:
    """Return what makes a recipe's input: for a network that refuses the usual size, in the student's too."""
    axis = _channel_axis(seen.shape)
    if axis is None:
        return []
    matrix, offset = np.array(recipe["matrix"], np.float64), np.array(recipe["offset"], np.float64)
    if recipe["source"] == "tensor":
        return [lambda: np.moveaxis(np.moveaxis(seen, axis, -1) @ matrix.T + offset, -1, axis)]

    def of_size(size: int) -> _Array:
        coloured = _evaluated(image, size) @ matrix.T + offset
        laid_out = np.moveaxis(coloured, -1, axis)
        return np.ascontiguousarray(np.broadcast_to(laid_out, (*seen.shape[:-3], *laid_out.shape)))

    height, width, *_ = (size for place, size in enumerate(seen.shape[-3:], -3) if place != axis)
    sizes = [_SIZE] if height != width or height == _SIZE else [_SIZE, height]
    return [functools.partial(of_size, size) for size in sizes]


def _evaluated(image: _Array, size: int) -> _Array:
    """Return what the course's evaluation transform sees of a picture: (size, size, 3), 0 to 255."""
    cv2 = importlib.import_module("cv2")
    edge = round(size * _RESIZED / _SIZE)
    resized = cv2.resize(image, (edge, edge), interpolation=cv2.INTER_LINEAR)
    start = (edge - size) // 2
    centre: _Array = resized[start : start + size, start : start + size].astype(np.float64)
    return centre


# -- what is known of a network ------------------------------------------------------------------------------


def _networks_in(called: Any) -> list[Any]:
    """Return the networks that hold the parameters of what was called: itself, or a function's cells."""
    function = getattr(called, "fn", None)
    if hasattr(called, "parameters_and_names") or function is None:
        return [called]
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    cells += [function.__globals__.get(name) for name in function.__code__.co_names]
    cells.append(getattr(called, "obj", None))
    return [cell for cell in cells if hasattr(type(cell), "parameters_and_names")]


def _is_training(called: Any) -> bool | None:
    """Return whether a network or a part of it is in training mode; None if there is no such mode."""
    modes = [_has_training_part(network) for network in _networks_in(called)]
    known = [mode for mode in modes if mode is not None]
    return any(known) if known else None


def _has_training_part(network: Any) -> bool | None:
    if hasattr(network, "cells_and_names"):
        return any(bool(cell.training) for _, cell in network.cells_and_names())
    if hasattr(network, "modules"):
        return any(bool(module.training) for module in network.modules())
    return None


def _network(kind: str, network: Any) -> dict[str, Any]:
    """Describe a network's parameters, as JSON takes it."""
    described: list[dict[str, Any]] = []
    with contextlib.suppress(Exception):
        for name, tensor in _parameters(network):
            if len(described) == MOST_PARAMETERS:
                break
            with contextlib.suppress(Exception):
                described.append(_parameter(name, tensor))
    return {"kind": kind, "name": type(network).__name__[:MOST_NAME], "parameters": described}


def _parameters(network: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parameters by the names that they have in a checkpoint."""
    if hasattr(network, "parameters_and_names"):
        for _, parameter in network.parameters_and_names():
            yield parameter.name, parameter
    elif hasattr(network, "state_dict"):
        yield from network.state_dict().items()


def _parameter(name: str, tensor: Any) -> dict[str, Any]:
    array = _as_array(tensor)
    assert array is not None  # noqa: S101 - parameters are tensors
    values = np.ascontiguousarray(array, np.dtype("<f4"))
    finite = values[np.isfinite(values)].astype(np.float64)
    some = finite if finite.size else np.zeros(1)
    return {
        "name": str(name)[:MOST_NAME],
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        "sha1": hashlib.sha1(values.tobytes(), usedforsecurity=False).hexdigest(),
        "mean": float(some.mean()),
        "std": float(some.std()),
        "min": float(some.min()),
        "max": float(some.max()),
        "not_finite": int(values.size - finite.size),
    }


# -- hooks ---------------------------------------------------------------------------------------------------


class _Finder:
    """Has the frameworks hooked as soon as they are imported."""

    def __init__(self, hook: Callable[[], None]) -> None:
        self._hook = hook

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find a framework as everybody else finds it, and have its loader tell when it is loaded."""
        if name not in _FRAMEWORKS:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                with contextlib.suppress(Exception):
                    self._listen(spec.loader)
                return spec
        return None

    def _listen(self, loader: Any) -> None:
        execute = loader.exec_module

        def execute_and_hook(module: ModuleType) -> None:
            execute(module)
            self._hook()

        loader.exec_module = execute_and_hook


class _Hooks:
    """Puts the recorder round the calls of networks; what has been hooked is left as it is."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._ours: set[int] = set()
        self._kept: list[Any] = []  # so that no number in `_ours` becomes another function's
        self._blobs: dict[int, tuple[Any, _Array, Callable[[], None]]] = {}

    def hook(self) -> None:
        """Hook the frameworks that are imported."""
        hooks = (self._mindspore, self._onnxruntime, self._torch, self._opencv, self._engine)
        for name, hook in zip(_FRAMEWORKS, hooks, strict=True):
            if name in sys.modules:
                with contextlib.suppress(Exception):
                    hook(sys.modules[name])

    def _mindspore(self, mindspore: Any) -> None:
        self._family(mindspore.nn.Cell, "__call__", "mindspore")
        for name in ("mindspore.graph.api", "mindspore.common.api"):
            executor = getattr(sys.modules.get(name), "_JitExecutor", None)
            if executor is not None:
                self._own(executor, "__call__", "mindspore")

    def _engine(self, live: Any) -> None:
        """What the engine puts on a class in the middle of an answer, too."""
        if id(live._call) not in self._ours:
            live._call = self._around(live._call, "mindspore")

    def _onnxruntime(self, onnxruntime: Any) -> None:
        session = next(kind for kind in onnxruntime.InferenceSession.__mro__ if "run" in vars(kind))
        self._family(session, "run", "onnxruntime")

    def _torch(self, torch: Any) -> None:
        self._family(torch.nn.Module, "__call__", "torch")

    def _opencv(self, cv2: Any) -> None:
        net = cv2.dnn.Net
        if id(vars(net)["forward"]) not in self._ours:
            set_input, forward = net.setInput, net.forward
            net.setInput, net.forward = (
                self._around_set_input(set_input),
                self._around_forward(set_input, forward),
            )

    def _family(self, base: Any, attribute: str, kind: str) -> None:
        """Hook a class, all that inherit from it, and all that ever will."""
        self._own(base, attribute, kind)
        for heir in _heirs(base):
            self._own(heir, attribute, kind)
        if "__init_subclass__" in vars(base):
            return
        hook = self._own

        def hook_heir(cls: Any, /, **named: Any) -> None:
            super(base, cls).__init_subclass__(**named)
            with contextlib.suppress(Exception):
                hook(cls, attribute, kind)

        base.__init_subclass__ = classmethod(hook_heir)

    def _own(self, kind: Any, attribute: str, framework: str) -> None:
        """Hook a method that a class itself has."""
        method = vars(kind).get(attribute)
        if callable(method) and id(method) not in self._ours:
            setattr(kind, attribute, self._around(method, framework))

    def _around(self, method: Any, kind: str) -> Any:
        recorder = self._recorder

        @functools.wraps(method)
        def recorded(self: Any, *positional: Any, **named: Any) -> Any:
            if recorder.is_within():
                return method(self, *positional, **named)
            run = lambda given: method(self, *given[0], **given[1])  # noqa: E731 - it has no name to have
            return recorder.call(kind, self, run, (positional, named))

        return self._remembered(recorded)

    def _around_set_input(self, set_input: Any) -> Any:
        blobs = self._blobs

        @functools.wraps(set_input)
        def recorded(net: Any, *positional: Any, **named: Any) -> Any:
            with contextlib.suppress(Exception):
                blobs.pop(id(net), None)
                again = functools.partial(set_input, net, *positional, **named)
                blobs[id(net)] = net, _blob(*positional, **named), again
                if len(blobs) > _NETWORKS_OF_OPENCV:
                    del blobs[next(iter(blobs))]
            return set_input(net, *positional, **named)

        return self._remembered(recorded)

    def _around_forward(self, set_input: Any, forward: Any) -> Any:
        recorder, blobs = self._recorder, self._blobs

        @functools.wraps(forward)
        def recorded(net: Any, *positional: Any, **named: Any) -> Any:
            known = blobs.get(id(net))
            if recorder.is_within() or known is None:
                return forward(net, *positional, **named)
            _, blob, set_again = known

            def run(given: Any) -> Any:
                if given[0] is blob:
                    return forward(net, *positional, **named)
                set_input(net, given[0])
                try:
                    # A copy: what it returns may be the network's own memory, which the next call fills.
                    return np.array(forward(net, *positional, **named))
                finally:
                    set_again()

            return recorder.call("opencv", net, run, (blob,))

        return self._remembered(recorded)

    def _remembered(self, function: Any) -> Any:
        self._ours.add(id(function))
        self._kept.append(function)
        return function


def _heirs(base: Any) -> Iterator[Any]:
    for heir in type.__subclasses__(base):
        yield heir
        yield from _heirs(heir)


def _blob(blob: Any, name: str = "", scalefactor: float = 1.0, mean: Any = ()) -> _Array:
    """Return what arrives at a network of OpenCV's: it subtracts and multiplies by itself."""
    array = np.asarray(blob)
    if not name and scalefactor == 1.0 and not np.any(mean):
        return array.copy()
    means = np.array([*np.atleast_1d(mean), 0, 0, 0][: array.shape[1]], np.float32)
    shifted = array - means.reshape(1, -1, *(1,) * (array.ndim - 2))
    return np.asarray(shifted * np.float32(scalefactor), np.float32)
