"""Where the recorder is put: round the calls of networks, of whatever framework is imported or will be."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np

from .noting import Recorder
from .tensors import Array

_ENGINE = "src_mindspore.engine.live"
"""The module of the course library that answers in MindSpore's place."""
_FRAMEWORKS = ("mindspore", "onnxruntime", "torch", "cv2", _ENGINE)
_NETWORKS_OF_OPENCV = 8


def install() -> Recorder:
    """Hook what is imported, and whatever will be; return what notes the calls."""
    recorder = Recorder()
    hooks = _Hooks(recorder)
    recorder.hook = hooks.hook
    hooks.hook()
    sys.meta_path.insert(0, _Finder(hooks.hook))
    return recorder


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
        self._blobs: dict[int, tuple[Any, Array, Callable[[], None]]] = {}

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
            if recorder.passes():
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
            if recorder.passes() or known is None:
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


def _blob(blob: Any, name: str = "", scalefactor: float = 1.0, mean: Any = ()) -> Array:
    """Return what arrives at a network of OpenCV's: it subtracts and multiplies by itself."""
    array = np.asarray(blob)
    if not name and scalefactor == 1.0 and not np.any(mean):
        return array.copy()
    means = np.array([*np.atleast_1d(mean), 0, 0, 0][: array.shape[1]], np.float32)
    shifted = array - means.reshape(1, -1, *(1,) * (array.ndim - 2))
    return np.asarray(shifted * np.float32(scalefactor), np.float32)
