"""The program that runs a student's checkpoints in the lab's own way; it runs inside the sandbox alone.

It is started like a submission, in the same sandbox by the same worker, and answers like one: `predict`
gets an image and returns a text. `settings.json` beside it says which checkpoints there are. No code of the
student's runs here, and MindSpore is not needed: the course library reads the checkpoint and writes the
graph, ONNX Runtime computes.

The text is `FILES|ANSWERS`: for each network the numbers of its files, and the index of the class with its
highest logit; `-1` stands for logits that are not numbers. Where `settings.json` names ways, each a list of
mistakes (`twins.py`), only one network is asked, once in each way.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import onnxruntime
from src_mindspore.cpu import available_cores
from src_mindspore.engine.checkpoint import parse_checkpoint
from src_mindspore.engine.graph import INPUT_NAME, OUTPUT_NAME, build_graph
from src_mindspore.transforms import evaluation_transform
from twins import changed, pooled, prepared, rewired, with_head

Array: TypeAlias = npt.NDArray[Any]
Parts: TypeAlias = tuple[dict[str, Array], list[Array], list[Array]]
"""Backbone, dense layers, and what may be a bias."""

HERE = Path(__file__).resolve().parent
CELLS = 7 * 7
"""Of the map of features, where a head is given them all."""


def _parts(arrays: Mapping[str, Array]) -> Parts:
    """Split a checkpoint into (backbone, heads, biases); names may carry a prefix of the student's."""
    backbone: dict[str, Array] = {}
    heads, biases = [], []
    for name, array in arrays.items():
        if name.startswith(("moment", "accum")):
            continue  # an optimizer's state, under the parameters' own names
        if "features." in name:
            backbone[name[name.index("features.") :]] = array.astype(np.float32)
        elif array.ndim == 2:
            heads.append(array.astype(np.float32))
        elif array.ndim == 1:
            biases.append(array.astype(np.float32))
    return backbone, heads, biases


class Network:
    """A backbone and one dense layer, perhaps with a mistake in it."""

    def __init__(self, parts: Parts, mistakes: Collection[str] = ()) -> None:
        self.parts = parts
        self._mistakes = mistakes
        parameters, heads, biases = parts
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = available_cores()
        options.log_severity_level = 3
        # Where cores are shared, threads that wait for each other awake take them from each other.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            rewired(build_graph(changed(parameters, mistakes), pooled=False), mistakes).SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
        )
        channels = self._session.get_outputs()[0].shape[1]
        fitting = [head for head in heads if head.shape[1] in (channels, channels * CELLS)]
        if not fitting:
            raise ValueError("no dense layer fits the backbone")
        head = fitting[-1]
        same = [bias for bias in biases if len(bias) == len(head)]
        bias = same[-1] if same else np.zeros(len(head), np.float32)
        self._head, self._bias = with_head((head, bias), mistakes)
        self._is_flat = head.shape[1] != channels

    def answer(self, pixels: Array) -> int:
        """Return the class of the highest logit for one input (3, 224, 224); -1 where one is no number."""
        maps = self._session.run([OUTPUT_NAME], {INPUT_NAME: pixels[np.newaxis]})[0][0]
        features = maps.reshape(-1) if self._is_flat else pooled(maps, self._mistakes)
        logits = self._head @ features + self._bias
        return int(logits.argmax()) if np.isfinite(logits).all() else -1


def _arrays(file: Path) -> dict[str, Array]:
    """Return the arrays of a file, by name."""
    if file.suffix != ".npz":
        return dict(parse_checkpoint(file.read_bytes()))
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


def load_networks(files: Sequence[str]) -> list[tuple[list[int], Network]]:
    """Return [(numbers of its files, network)]: one for each file that holds a whole one, else one of all."""
    parts: dict[int, Parts] = {}
    for number, file in enumerate(files):
        try:
            parts[number] = _parts(_arrays(HERE / file))
        except (ValueError, OSError, BadZipFile):
            continue
    networks = []
    for number, part in parts.items():
        try:
            networks.append(([number], Network(part)))
        except ValueError:
            continue
    if not networks:
        merged: Parts = ({}, [], [])
        for backbone, heads, biases in parts.values():
            merged = ({**merged[0], **backbone}, merged[1] + heads, merged[2] + biases)
        networks.append(([*parts], Network(merged)))
    return networks


settings = json.loads((HERE / "settings.json").read_text(encoding="utf-8"))
networks = load_networks(settings["checkpoints"])
WAYS = settings["ways"]
FILES = ";".join(",".join(map(str, numbers)) for numbers, _ in networks)


def predict(image: Array) -> str:
    """Answer by each network."""
    if settings["channel_order"] == "rgb":
        image = np.ascontiguousarray(image[:, :, ::-1])
    if WAYS:
        answers = [_network_with(*_of_the_network(way)).answer(prepared(image, way)) for way in WAYS]
    else:
        pixels = evaluation_transform(image)
        answers = [network.answer(pixels) for _, network in networks]
    return FILES + "|" + " ".join(map(str, answers))


def _of_the_network(way: Sequence[str]) -> Sequence[str]:
    """Return those mistakes of a way that are the network's."""
    return [mistake for mistake in way if mistake in settings["of_the_network"]]


@cache
def _network_with(*mistakes: str) -> Network:
    return Network(networks[settings["network"]][1].parts, mistakes)
