"""Plain inference of a live MindSpore network on ONNX Runtime, several times faster than MindSpore's own.

An accelerated `MobileNetV2Backbone` or `MobileNetV2Combine` asks here first whenever it is called. An answer
is given only where MindSpore would give the same one, to float32 rounding: on the CPU, not in training, no
gradient wanted, float32 images of 224x224. Everything else, and all training, stays with MindSpore.

Of the combined network the engine computes the backbone, and the head is MindSpore's, until it is known what
the head does (`head.py`) and the graph of both has given MindSpore's answer to the same images. `watch.py`
sees to it that a network that has changed is not answered for by its old graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from mindspore import Tensor, nn

from src_mindspore.engine.head import Steps, compiled_graph_name, read_compiled_head, read_library_head
from src_mindspore.engine.mindspore_internals import in_graph_mode, pynative_executor
from src_mindspore.engine.plain import is_as_written, is_of_the_library, is_plain_backbone, is_untouched
from src_mindspore.engine.switch import is_switched_on
from src_mindspore.engine.watch import NetworkWatch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from src_mindspore.engine.graph import FloatArray
    from src_mindspore.engine.session import FeatureExtractor

_INPUT_SHAPE = (3, 224, 224)
# How far the whole graph may be from MindSpore's answer, in parts of the largest number in it.
_TOLERANCE = 1e-4


def attach(cell: nn.Cell) -> None:
    """Have a cell asked for plain inference answer by ONNX Runtime, if it is a network of the library's."""
    kind = _ENGINES.get(type(cell).__name__)
    if kind is not None and is_of_the_library(cell) and "_engine" not in vars(cell):
        cell._engine = kind()
        _intercept_calls_of(type(cell))


def attach_to_all(classes: Iterable[type[nn.Cell]]) -> None:
    """Do that for every network of these classes, when it is first called."""
    for each in classes:
        _attached_when_called.add(each)
        _intercept_calls_of(each)


def fast_answer(cell: nn.Cell, *inputs: Any) -> Any:
    """Return the answer of a network to `inputs`; None where it is not accelerated, or only MindSpore can."""
    if type(cell) in _attached_when_called:
        attach(cell)
    engine = vars(cell).get("_engine")
    return engine.answer(cell, inputs) if isinstance(engine, LiveEngine | LiveNetwork) else None


def _intercept_calls_of(kind: type[nn.Cell]) -> None:
    """Python looks `__call__` up in the class. Networks of it to which nothing is attached notice nothing."""
    if "__call__" not in vars(kind):  # the library's had one of its own once, and is still handed in so
        kind.__call__ = _call


def _call(self: nn.Cell, *inputs: Any, **named: Any) -> Any:
    # Of the combined network, too: in GRAPH mode MindSpore compiles both cells into one graph, and the
    # backbone is never called.
    answer = None if named else fast_answer(self, *inputs)
    return nn.Cell.__call__(self, *inputs, **named) if answer is None else answer


class _OfOneNetwork:
    """An engine that goes with one network: a copy of the network gets one with nothing in it yet."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _OfOneNetwork:
        return type(self)()

    def __reduce__(self) -> tuple[type[_OfOneNetwork], tuple[()]]:
        return type(self), ()


class LiveEngine(_OfOneNetwork):
    """Answers for one backbone."""

    def __init__(self) -> None:
        self._is_usable = is_switched_on()
        self._extractor: FeatureExtractor | None = None
        self._watch: NetworkWatch | None = None

    def answer(self, backbone: nn.Cell, inputs: tuple[Any, ...]) -> Tensor | None:
        """Return the features (N, C, 7, 7) of the images in `inputs`; None if this is not plain inference."""
        images = _plain_images(inputs) if self._is_usable and not backbone.training else None
        if images is None:
            return None
        if self._watch is None or not self._watch.is_unchanged():
            self._make(backbone)
        if self._extractor is None or self._watch is None or self._watch.is_in_training():
            return None
        return Tensor.from_numpy(self._extractor(images))

    features = answer
    """As the network's file called it when it asked by itself; copies of that file are still handed in."""

    def forget(self) -> None:
        """Give the memory back; all is made anew at the next call."""
        self._extractor = self._watch = None

    def _make(self, backbone: nn.Cell) -> None:
        """Have a graph of the parameters as they are now."""
        self.forget()
        if not is_plain_backbone(backbone):
            self._is_usable = False
            return
        try:
            from src_mindspore.engine.session import FeatureExtractor

            self._extractor = FeatureExtractor(backbone, pooled=False)
            self._watch = NetworkWatch(backbone)
        except (ImportError, ValueError):
            # No onnxruntime here, or a network that is no MobileNetV2 any more: MindSpore knows what to do.
            self._is_usable = False


@dataclass
class _Whole:
    """The graph of a backbone and its head together.

    Attributes:
        backbone: the graph's, as is `head`.
        steps: what the head does.
        in_graph_mode: what the head does was read from the graph that MindSpore compiled.
        batch_sizes: those for which the graph gave MindSpore's answer. MindSpore compiles for each.
    """

    backbone: nn.Cell
    head: nn.Cell
    steps: Steps
    in_graph_mode: bool
    extractor: FeatureExtractor
    watch: NetworkWatch
    batch_sizes: set[int] = field(default_factory=set)

    def is_of(self, network: nn.Cell) -> bool:
        """Whether the network is, in all that matters, still the one of this graph."""
        cells = network._cells
        return (
            cells.get("backbone") is self.backbone
            and cells.get("head") is self.head
            and in_graph_mode() is self.in_graph_mode
            # Compiled once, a graph does not change. What Python runs can change at any time.
            and (self.in_graph_mode or read_library_head(self.head) == self.steps)
            and self.watch.is_unchanged()
        )

    def answer(self, images: FloatArray) -> Tensor:
        """Return the head's answer."""
        return Tensor.from_numpy(self.extractor(images))


class LiveNetwork(_OfOneNetwork):
    """Answers for a backbone and its head."""

    def __init__(self) -> None:
        self._is_usable = is_switched_on()
        self._whole: _Whole | None = None
        # Heads, and compiled graphs of heads, that are not plain; they need not be looked at again.
        self._refused: set[str] = set()

    def answer(self, network: nn.Cell, inputs: tuple[Any, ...]) -> Any:
        """Return what the head makes of the features; None if this is not plain inference.

        Args:
            network: with a `backbone` and a `head`.
            inputs: of its call.
        """
        if not self._is_usable or network.training or not (is_untouched(network) and is_as_written(network)):
            return None
        images = _plain_images(inputs)
        if images is None:
            return None
        if self._whole is not None and not self._whole.is_of(network):
            self._whole = None
        if self._whole is None or len(images) not in self._whole.batch_sizes:
            return self._answer_and_learn(network, inputs[0], images)
        return None if self._whole.watch.is_in_training() else self._whole.answer(images)

    def _answer_and_learn(self, network: nn.Cell, inputs: Tensor, images: FloatArray) -> Any:
        """Answer by the backbone's graph and MindSpore's head, and see whether one graph could do it."""
        features = fast_answer(network.backbone, inputs)
        if features is None:  # not plain, or a backbone of somebody's own
            return None
        answer = network.head(features)
        source = compiled_graph_name(network.head) if in_graph_mode() else f"PyNative {id(network.head)}"
        if source in self._refused or not isinstance(answer, Tensor):
            return answer
        whole = self._learn(network, images, answer)
        if whole is None:
            self._refused.add(source)
            return answer
        # From the first image on, the same image is given the same bits.
        return whole.answer(images)

    def _learn(self, network: nn.Cell, images: FloatArray, answer: Tensor) -> _Whole | None:
        """Have a graph that gives `answer` to `images`; None if there is none."""
        steps = read_compiled_head(network.head) if in_graph_mode() else read_library_head(network.head)
        if steps is None:
            return None
        try:
            whole = self._whole or _make_whole(network, steps)
        except (KeyError, ValueError):  # parameters that the head has not got, or not in float32
            return None
        if whole.steps != steps or not _agree(whole.answer(images).asnumpy(), answer.asnumpy()):
            return None
        whole.batch_sizes.add(len(images))
        self._whole = whole
        # What the backbone alone needed is not needed any more.
        network.backbone._engine.forget()
        return whole


_ENGINES: dict[str, type[LiveEngine] | type[LiveNetwork]] = {
    "MobileNetV2Backbone": LiveEngine,
    "MobileNetV2Combine": LiveNetwork,
    "MobileNetV2": LiveNetwork,
}
_attached_when_called: set[type[nn.Cell]] = set()


def _make_whole(network: nn.Cell, steps: Steps) -> _Whole:
    from src_mindspore.engine.graph import Head
    from src_mindspore.engine.session import FeatureExtractor

    watch = NetworkWatch(network.backbone, network.head)
    parameters = network.head.parameters_dict()
    names = sorted({name for step in steps for name in step.parameters})
    head = Head(steps, {name: parameters[name].asnumpy() for name in names})
    extractor = FeatureExtractor(network.backbone, head=head)
    return _Whole(network.backbone, network.head, steps, in_graph_mode(), extractor, watch)


def _agree(found: FloatArray, expected: FloatArray) -> bool:
    """Whether the same was computed, but for the order of sums. Infinities and NaN never agree.

    How large numbers are says nothing: probabilities of many classes are small, logits may be tiny.
    """
    if found.shape != expected.shape or expected.dtype != np.float32:
        return False
    return bool(np.abs(found - expected).max() <= _TOLERANCE * np.abs(expected).max())


def _plain_images(inputs: tuple[Any, ...]) -> FloatArray | None:
    """Return the images whose answer is wanted, as they lie in memory; None if anything else is asked."""
    if len(inputs) != 1 or not isinstance(inputs[0], Tensor) or pynative_executor.requires_grad():
        return None
    # PyNative mode computes behind our back; what it still has to write must be there to be compared.
    pynative_executor.sync()
    try:
        images: FloatArray = inputs[0].asnumpy()
    except TypeError:  # numpy has no bfloat16
        return None
    is_plain = images.dtype == np.float32 and images.shape[1:] == _INPUT_SHAPE and len(images) > 0
    return images if is_plain else None
