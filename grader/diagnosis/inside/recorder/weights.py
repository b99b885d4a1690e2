"""What is done to a network before it is called, if a task asks for it: its mode, and its parameters.

Whatever the student's code does between two calls, at the call the network is as the task wants it.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np

from .checkpoints import Arrays, parameters_of
from .matching import places
from .networks import networks_in, parameters_in, parts_in
from .tensors import Array, as_array

_PREPARED = ".prepared-"


class Preparation:
    """Prepares networks for their calls, from the first task on that asks for it."""

    def __init__(self) -> None:
        self._is_wanted = False
        self._file = ""
        self._held: Arrays | None = None
        self._files = 0
        self._known: dict[int, weakref.ref[Any]] = {}
        self._loaded: dict[int, int] = {}

    def follow(self, task: Mapping[str, Any]) -> None:
        """Do from now on what a task asks for."""
        file = str(task.get("load", ""))
        if file and file != self._file:
            self._file, self._held, self._files = file, None, self._files + 1
            self._known, self._loaded = {}, {}
        self._is_wanted |= bool(file or task.get("evaluate"))

    def prepare(self, called: Any) -> None:
        """Prepare the networks of what is about to be called; what cannot be prepared is left as it is."""
        if not self._is_wanted:
            return
        networks = networks_in(called)
        for network in networks:
            for step in (self._have_compiled_anew, _evaluate, self._load):
                with contextlib.suppress(Exception):
                    step(network)
        if not any(network is called for network in networks):
            with contextlib.suppress(Exception):
                created, _, _ = str(called._create_time).partition(_PREPARED)
                called._create_time = f"{created}{_PREPARED}{self._files}"

    def loaded(self, network: Any) -> int:
        """Return how many of a network's parameters have a place in the file that is loaded."""
        return self._loaded.get(id(network), 0)

    def _have_compiled_anew(self, network: Any) -> None:
        """Have MindSpore compile again what it compiled before the network was prepared.

        Its graphs hold the mode of each cell, and some hold the parameters. It knows them by the time at
        which the cell or the function was created, among others.
        """
        known = self._known.get(id(network))
        if known is not None and known() is network:
            return
        self._loaded.pop(id(network), None)
        self._known[id(network)] = weakref.ref(network, functools.partial(self._forget, id(network)))
        for part in parts_in(network):
            if hasattr(part, "_create_time"):
                part._create_time += 1

    def _forget(self, number: int, _: Any) -> None:
        self._known.pop(number, None)
        self._loaded.pop(number, None)

    def _load(self, network: Any) -> None:
        """Put the file's parameters in place, unless most of the network's have no place in the file."""
        if not self._file:
            return
        if self._held is None:
            self._held = parameters_of(self._file)
        parameters = list(parameters_in(network))
        shapes = {name: array.shape for name, array in self._held.items()}
        found = places([(name, tuple(tensor.shape)) for name, tensor in parameters], shapes)
        if 2 * len(found) >= len(parameters):
            self._loaded[id(network)] = len(found)
            for number, name in found.items():
                _put(parameters[number][1], self._held[name])


def _evaluate(network: Any) -> None:
    """Put a network into evaluation mode, with all its parts, whatever methods of its own it has for that."""
    in_training = [part for part in parts_in(network) if part.training]
    if not in_training:
        return
    if hasattr(network, "cells_and_names"):
        sys.modules["mindspore"].nn.Cell.set_train(network, False)
    for part in in_training:
        part.training = False


def _put(tensor: Any, array: Array) -> None:
    """Give a parameter a file's numbers, unless it has them."""
    own = as_array(tensor)
    if own is not None and np.array_equal(own, array.astype(own.dtype)):
        return
    if hasattr(type(tensor), "asnumpy"):
        tensor.set_data(sys.modules["mindspore"].Tensor(array.copy(), tensor.dtype))
        return
    torch = sys.modules["torch"]
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(array.copy()))
