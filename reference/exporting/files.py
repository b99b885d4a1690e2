"""Write a network's files, load them again, compare them with the live network; only then do they appear.

The live network is computed by MindSpore alone. MindIR is MindSpore's own format for a compiled network,
which `mindspore.load` and `nn.GraphCell` run. Two traps of `mindspore.export`, both silent: a network in
training mode is exported with batch statistics in place of the learnt ones, and a network that was exported
once is exported as it was then, whatever happened to its parameters or its mode since. So a new network is
built for each file. The graph is traced with one image, as in the labs; `nn.GraphCell` runs it with any
number.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from src_mindspore.engine.graph import INPUT_SIZE
from src_mindspore.files import working_in

from reference.command_line import interruptible
from reference.errors import ExportError
from reference.exporting.classifier import (
    CHANNELS,
    SIDE,
    TOLERANCE,
    Classifier,
    Images,
    Predict,
    file_name,
    largest_difference,
)
from reference.exporting.formats import load_onnx, write_onnx, write_safetensors
from reference.framework import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2, ms, nn
from reference.values import FloatArray

_Writer = Callable[[Classifier, Path], None]
_Loader = Callable[[Path, Classifier], Predict]


class DenseHead(nn.Cell):
    """The head that students write: (N, 1280, 7, 7) pooled or flattened, then a dense layer.

    Args:
        classes: number of outputs.
        pooling: "mean", "max" or "none".
        has_bias: of the dense layer.
        activation: "Softmax" or "None".
    """

    def __init__(self, classes: int, pooling: str, has_bias: bool, activation: str) -> None:
        super().__init__()
        self.pooling = pooling
        inputs = CHANNELS * SIDE * SIDE if pooling == "none" else CHANNELS
        self.dense = nn.Dense(inputs, classes, has_bias=has_bias)
        self.need_activation = activation == "Softmax"
        self.activation = nn.Softmax(axis=-1)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """Return logits, or probabilities if an activation was chosen."""
        if self.pooling == "mean":
            x = x.mean((2, 3))
        elif self.pooling == "max":
            x = x.max((2, 3))
        else:
            x = x.flatten(start_dim=1)
        x = self.dense(x)
        if self.need_activation:
            x = self.activation(x)
        return x


def build_network(classifier: Classifier, parameters: Mapping[str, FloatArray] | None = None) -> nn.Cell:
    """Return a new network in inference mode. It is not accelerated: MindSpore alone computes it.

    Args:
        classifier: what to build.
        parameters: values in place of the classifier's own.

    Raises:
        ValueError: a parameter has no value, or a value no parameter.
    """
    classes, activation = len(classifier.weight), classifier.activation
    if classifier.has_course_head:
        has_dropout = classifier.layer == "head.2"
        head = MobileNetV2Head(
            CHANNELS, classes, has_dropout, activation, reduction=classifier.pooling, hw=SIDE
        )
    else:
        head = DenseHead(classes, classifier.pooling, classifier.bias is not None, activation)
    network = mobilenet_v2(MobileNetV2Backbone(), head)
    values = classifier.parameters() if parameters is None else parameters
    named = {name: ms.Parameter(ms.Tensor(value), name=name) for name, value in values.items()}
    missing, left_over = ms.load_param_into_net(network, named, strict_load=True)
    if missing or left_over:
        raise ValueError(f"no values for {missing}, no parameters for {left_over}")
    return network.set_train(False)


def predictor(network: nn.Cell) -> Predict:
    """Return a function that lets a network answer."""

    def predict(images: FloatArray) -> FloatArray:
        return np.asarray(network(ms.Tensor(images)).asnumpy())

    return predict


def load_safetensors(path: Path, classifier: Classifier) -> Predict:
    """Load a safetensors file into a new network, as MindSpore does and as the plain library does.

    Raises:
        ExportError: the two do not read the same parameters.
    """
    loaded = ms.load_checkpoint(str(path), format="safetensors", crc_check=True)
    parameters = {name: value.asnumpy() for name, value in loaded.items()}
    plain = load_file(path)
    if plain.keys() != parameters.keys() or any(
        not np.array_equal(plain[name], parameters[name]) for name in plain
    ):
        raise ExportError(f"{path.name}: MindSpore and safetensors read different parameters from it")
    return predictor(build_network(classifier, parameters))


@contextmanager
def pynative_mode() -> Iterator[None]:
    """Compute in PyNative mode in the body: compiling takes longer than answering a hundred images."""
    earlier = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        yield
    finally:
        ms.set_context(mode=earlier)


def write_mindir(classifier: Classifier, path: Path) -> None:
    """Write a MindIR file; `path` ends in `.mindir`.

    Raises:
        OSError: it cannot be written.
    """
    export_network(build_network(classifier), path)


def export_network(network: nn.Cell, path: Path) -> None:
    """Write a network that was never exported before.

    Raises:
        ValueError: the network, or a part of it, is in training mode.
        OSError: the file cannot be written.
    """
    if any(cell.training for _, cell in network.cells_and_names()):
        raise ValueError("the network is in training mode: set_train(False) comes before export")
    image = ms.Tensor(np.zeros((1, 3, INPUT_SIZE, INPUT_SIZE), np.float32))
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        # A bare name, because MindSpore refuses a path with a blank or a Chinese letter in it.
        with working_in(Path(scratch)):
            ms.export(network, image, file_name="network", file_format="MINDIR")
        # MindSpore's file is for its owner to read and nothing else; one of ours has the usual mode.
        path.write_bytes((Path(scratch) / "network.mindir").read_bytes())


def load_mindir(path: Path, _: Classifier) -> Predict:
    """Load a MindIR file as its users do."""
    return predictor(nn.GraphCell(ms.load(str(path))))


@dataclass(frozen=True)
class Exported:
    """One finished file.

    Attributes:
        path: where it is.
        size: bytes.
        difference: the largest from the live network, over all images and classes.
        seconds: writing, loading again and answering.
    """

    path: Path
    size: int
    difference: float
    seconds: float


def export(
    classifier: Classifier,
    folder: Path,
    formats: Sequence[str],
    images: Images,
    advance: Callable[[int], object] = lambda _: None,
) -> list[Exported]:
    """Write a network to `folder` in each format, replacing files of the same names.

    The files come from, and are compared with, a network that MindSpore builds and computes alone. They
    appear, one after the other, when all of them agree with it, whole and with the usual file mode; before
    that, nothing in `folder` changes but for a hidden folder of ours, which goes again.

    Args:
        classifier: the network.
        folder: is there.
        formats: of FORMATS.
        images: to compare on.
        advance: called with how many more images have been compared, for a progress bar.

    Raises:
        ExportError: a file cannot be written (the message says which have appeared), or differs by more than
            TOLERANCE.
        InputError: an image cannot be read.
    """
    done: list[Exported] = []
    try:
        with _scratch_folder(folder) as scratch, pynative_mode():
            candidates = [_Candidate(name, classifier, scratch) for name in formats]
            _compare(candidates, predictor(build_network(classifier)), images, advance)
            for candidate in candidates:
                done.append(candidate.finish(folder))
            return done
    except OSError as error:
        reason = error.strerror or error
        appeared = f"only {' and '.join(file.path.name for file in done)}" if done else "none"
        raise ExportError(
            f"{folder}: the files could not be written: {reason}; {appeared} appeared"
        ) from None


@contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    """Give a hidden folder that is gone afterwards, also after Ctrl-C."""
    with (
        tempfile.TemporaryDirectory(prefix=".export-", dir=parent.resolve()) as scratch,
        interruptible(tidy=partial(shutil.rmtree, scratch, ignore_errors=True)),
    ):
        yield Path(scratch)


def _compare(
    candidates: Sequence[_Candidate], live: Predict, images: Images, advance: Callable[[int], object]
) -> None:
    """Raise ExportError if a file does not answer as the live network does."""
    for batch in images.batches():
        expected = live(batch)
        for candidate in candidates:
            candidate.compare(batch, expected)
        advance(len(batch))
    for candidate in candidates:
        candidate.check(images.what)


class _Candidate:
    """A file that has been written and loaded again, but is not proved yet."""

    def __init__(self, name: str, classifier: Classifier, scratch: Path) -> None:
        write, load = _FUNCTIONS[name]
        begun = time.perf_counter()
        self._path = scratch / file_name(name)
        write(classifier, self._path)
        self._predict = load(self._path, classifier)
        self._difference = 0.0
        self._seconds = time.perf_counter() - begun

    def compare(self, batch: FloatArray, expected: FloatArray) -> None:
        begun = time.perf_counter()
        answer = self._predict(batch)
        self._seconds += time.perf_counter() - begun
        self._difference = max(self._difference, largest_difference(answer, expected))

    def check(self, where: str) -> None:
        if self._difference > TOLERANCE:
            raise ExportError(
                f"{self._path.name}: differs from the live network by up to {self._difference:.2g} on {where}"
                f" (allowed: {TOLERANCE:g}); nothing was written"
            )

    def finish(self, folder: Path) -> Exported:
        size = self._path.stat().st_size
        path = self._path.replace(folder / self._path.name)
        return Exported(path, size, self._difference, self._seconds)


_FUNCTIONS: dict[str, tuple[_Writer, _Loader]] = {
    "mindir": (write_mindir, load_mindir),
    "onnx": (write_onnx, load_onnx),
    "safetensors": (write_safetensors, load_safetensors),
}
