"""MindIR: MindSpore's own format for a compiled network, which `mindspore.load` and `nn.GraphCell` run.

Two traps of `mindspore.export`, both silent. A network in training mode is exported with batch statistics in
place of the learnt ones. And a network that was exported once is exported as it was then, whatever happened
to its parameters or its mode since. So a new network is built for each file.

The graph is traced with one image, as in the labs. `nn.GraphCell` runs it with any number.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from src_mindspore.engine.graph import INPUT_SIZE

from reference.exporting.classifier import Classifier
from reference.exporting.comparing import Predict
from reference.exporting.network import build_network, predictor

import mindspore as ms  # isort: skip  # after the module above, which prepares its import
from mindspore import nn  # isort: skip


def write(classifier: Classifier, path: Path) -> None:
    """Write the file; `path` ends in `.mindir`.

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
        with _working_in(scratch):
            ms.export(network, image, file_name="network", file_format="MINDIR")
        # MindSpore's file is for its owner to read and nothing else; one of ours has the usual mode.
        path.write_bytes((Path(scratch) / "network.mindir").read_bytes())


def load(path: Path) -> Predict:
    """Load the file as its users do."""
    return predictor(nn.GraphCell(ms.load(str(path))))


@contextmanager
def _working_in(folder: str) -> Iterator[None]:
    """Work in another folder while the body runs."""
    earlier = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(earlier)
