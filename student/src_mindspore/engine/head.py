"""What a head computes, step by step, if it is one of the plain forms; None wherever that is not certain.

A student's head is a class of his own, and what its `construct` does cannot be told from its parts. In GRAPH
mode it need not be guessed: MindSpore answers from a graph that it compiled, and that graph can be read (as
MindIR, the form in which MindSpore exports networks). A head is read if every node of it is understood: one
straight line from the features over pooling or flattening, dense layers and activations to the answer.
Random numbers, prints, assignments, branches on values, half precision, Python that runs along: each leaves a
node that is not in the table, and the head stays with MindSpore.

In PyNative mode `construct` is run by Python each time, and only the course library's own head is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from mindspore import nn

from src_mindspore.engine.graph import HeadStep
from src_mindspore.engine.mindspore_internals import cell_graph_executor
from src_mindspore.engine.plain import is_of_the_library, is_untouched

Steps: TypeAlias = tuple[HeadStep, ...]

_FLATTEN = HeadStep("Flatten", attributes=(("axis", 1),))
_ACTIVATIONS = {"ReLU": "Relu", "Sigmoid": "Sigmoid", "Tanh": "Tanh"}
_POOLINGS = {"ReduceMean": "GlobalAveragePool", "ReduceMax": "GlobalMaxPool"}
_MAP_RANK = 4


class _NotPlainError(Exception):
    """The graph holds something that is not in the table."""


def read_compiled_head(head: nn.Cell) -> Steps | None:
    """Return the steps of the graph from which MindSpore answered the last call of `head` in GRAPH mode."""
    if type(head).__call__ is not nn.Cell.__call__ or not _is_at_rest(head):
        return None
    try:
        return _read_graph(_compiled_graph(head))
    except Exception:
        # Not a plain form; or a release of MindSpore that keeps its graphs elsewhere or in another form, and
        # that must never cost an answer: the head is MindSpore's then.
        return None


def read_library_head(head: nn.Cell) -> Steps | None:
    """Return the steps of a `MobileNetV2Head` as it is now."""
    if type(head).__name__ != "MobileNetV2Head" or not _is_at_rest(head):
        return None
    if not all(is_of_the_library(cell) for _, cell in head.cells_and_names()):
        return None
    try:
        layers = [*head.head, *([head.activation] if head.need_activation else [])]
        return tuple(step for layer in layers for step in _LIBRARY_LAYERS[type(layer).__name__](layer))
    except (AttributeError, KeyError, TypeError):  # its parts have been exchanged for others
        return None


def compiled_graph_name(head: nn.Cell) -> str:
    """Return MindSpore's name for the graph that answered last: another for another shape of the input."""
    return str(getattr(head, "phase_cache", {}).get(head.phase))


def _is_at_rest(head: nn.Cell) -> bool:
    """Whether no cell is in training, and nobody listens in."""
    return not any(cell.training or not is_untouched(cell) for _, cell in head.cells_and_names())


def _dense_steps(dense: nn.Dense) -> Steps:
    if dense.activation_flag:
        raise KeyError("an activation inside the dense layer")
    bias = (HeadStep("Add", (dense.bias.name,)),) if dense.has_bias else ()
    return (HeadStep("Gemm", (dense.weight.name,), (("transB", 1),)), *bias)


_LIBRARY_LAYERS: dict[str, Callable[[Any], Steps]] = {
    "GlobalAvgPooling": lambda _: (HeadStep("GlobalAveragePool"), _FLATTEN),
    "GlobalMaxPooling": lambda _: (HeadStep("GlobalMaxPool"), _FLATTEN),
    "Flatten": lambda _: (_FLATTEN,),
    "Dropout": lambda _: (),  # nothing is dropped outside training
    "Dense": _dense_steps,
    "Softmax": lambda _: (HeadStep("Softmax", attributes=(("axis", -1),)),),
    "Sigmoid": lambda _: (HeadStep("Sigmoid"),),
}


def _compiled_graph(head: nn.Cell) -> Any:
    """Return the graph of MindIR; see `mind_ir.proto` in MindSpore's source for its form."""
    from mindspore.train.mind_ir_pb2 import ModelProto

    model = ModelProto()
    stream = cell_graph_executor._get_func_graph_proto(head, head.phase_cache[head.phase], "mind_ir")
    model.ParseFromString(stream or b"")
    if model.functions or len(model.graph.input) != 1 or len(model.graph.output) != 1:
        raise _NotPlainError
    return model.graph


def _read_graph(graph: Any) -> Steps:
    reader = _Reader(graph.input[0].name, [parameter.name for parameter in graph.parameter])
    for node in graph.node:
        reader.take(node)
    if reader.flow != graph.output[0].name or not reader.steps:
        raise _NotPlainError
    return tuple(reader.steps)


class _Reader:
    """Follows the one value that flows from the input to the output through nodes in order.

    Attributes:
        flow: the node whose value has come so far.
        steps: what was done with it.
    """

    def __init__(self, entry: str, parameters: list[str]) -> None:
        self.flow = entry
        self.steps: list[HeadStep] = []
        self._rank = _MAP_RANK
        # A graph's parameter is called "graph's name:parameter's name".
        self._parameters = {name: name.partition(":")[2] for name in parameters}
        self._constants: dict[str, Any] = {}
        self._states: set[str] = set()

    def take(self, node: Any) -> None:
        """Append what the node does.

        Raises:
            _NotPlainError: it does anything that is not known.
        """
        operator, inputs, output = _operator(node), list(node.input), node.output[0]
        if operator == "Constant":
            self._constants[output] = _constant(node)
        elif operator == "Load":  # a parameter, in the state in which it is now
            self._parameters[output] = self._parameter(inputs[0])
        elif operator in {"UpdateState", "MakeTuple"} and self.flow not in inputs:
            # The order in which parameters are read; none is written, that would be a node of its own.
            self._states.add(output)
        elif operator == "Depend" and inputs[0] == self.flow and inputs[1] in self._states:
            self.flow = output
        elif inputs[0] == self.flow:
            self._calculate(operator, inputs[1:])
            self.flow = output
        else:
            raise _NotPlainError

    def _calculate(self, operator: str, inputs: list[str]) -> None:
        if operator in _POOLINGS and self._rank == _MAP_RANK:
            axes, keep = (self._constant(name) for name in inputs)
            if sorted(axis % _MAP_RANK for axis in axes) != [2, 3]:
                raise _NotPlainError
            self.steps.append(HeadStep(_POOLINGS[operator]))
            if not keep:
                self._flatten()
        elif operator == "Flatten" and not inputs:
            self._flatten()
        elif operator == "MatMul" and self._rank == 2:
            weight = self._parameter(inputs[0])
            transposes_left, transposes_right = (self._constant(name) for name in inputs[1:])
            if transposes_left:
                raise _NotPlainError
            self.steps.append(HeadStep("Gemm", (weight,), (("transB", int(transposes_right)),)))
        elif operator == "BiasAdd" and self._rank == 2:
            self.steps.append(HeadStep("Add", (self._parameter(inputs[0]),)))
        elif operator == "Softmax" and self._rank == 2:
            axes = self._constant(inputs[0])
            if len(axes) != 1 or axes[0] % self._rank != 1:
                raise _NotPlainError
            self.steps.append(HeadStep("Softmax", attributes=(("axis", 1),)))
        elif operator in _ACTIVATIONS and not inputs:
            self.steps.append(HeadStep(_ACTIVATIONS[operator]))
        else:
            raise _NotPlainError

    def _flatten(self) -> None:
        self.steps.append(_FLATTEN)
        self._rank = 2

    def _parameter(self, name: str) -> str:
        if name not in self._parameters:
            raise _NotPlainError
        return self._parameters[name]

    def _constant(self, name: str) -> Any:
        if self._constants.get(name) is None:
            raise _NotPlainError
        return self._constants[name]


def _operator(node: Any) -> str:
    """Return "MatMul" of "REF::MatMul:6": nodes refer to a numbered list of primitives."""
    return str(node.op_type).removeprefix("REF::").partition(":")[0]


def _constant(node: Any) -> bool | int | tuple[int, ...] | None:
    """Return a constant's value: a truth value, a number or numbers; None for anything else."""
    (value,) = (attribute for attribute in node.attribute if attribute.name == "value")
    kind = value.AttributeType.Name(value.type)
    if kind == "BOOL":
        return bool(value.i)
    if kind == "INT64":
        return int(value.i)
    if kind == "TUPLE" and all(v.AttributeType.Name(v.type) == "INT64" for v in value.values):
        return tuple(int(v.ints[0] if len(v.ints) else v.i) for v in value.values)
    return None
