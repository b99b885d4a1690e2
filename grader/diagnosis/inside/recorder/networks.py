"""What is known of a network beside what passes: its mode, and its parameters."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .tensors import as_array

MOST_PARAMETERS = 2000
MOST_NAME = 200


def networks_in(called: Any) -> list[Any]:
    """Return the networks that hold the parameters of what was called: itself, or a function's cells."""
    function: Any = getattr(called, "fn", None)
    if hasattr(called, "parameters_and_names") or not hasattr(function, "__code__"):
        return [called]
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    cells += [function.__globals__.get(name) for name in function.__code__.co_names]
    owner = getattr(called, "obj", None)  # of a method: a cell, or an object that has cells
    is_cell = hasattr(type(owner), "parameters_and_names")
    cells += [owner] if is_cell else getattr(owner, "__dict__", {}).values()
    return [cell for cell in cells if hasattr(type(cell), "parameters_and_names")]


def parts_in(network: Any) -> Iterator[Any]:
    """Yield a network and all networks within it."""
    if hasattr(network, "cells_and_names"):
        for _, cell in network.cells_and_names():
            yield cell
    elif hasattr(network, "modules"):
        yield from network.modules()


def parameters_in(network: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parameters by the names that they have in a checkpoint."""
    if hasattr(network, "parameters_and_names"):
        for _, parameter in network.parameters_and_names():
            yield parameter.name, parameter
    elif hasattr(network, "state_dict"):
        yield from network.state_dict().items()


def is_training(called: Any) -> bool | None:
    """Return whether a part of a network is in training mode and acts so; None if there is no such mode.

    The flag alone does no harm: a new softmax has it, and so has a network without such a part.
    """
    modes = [_has_training_part(network) for network in networks_in(called)]
    known = [mode for mode in modes if mode is not None]
    return any(known) if known else None


def _has_training_part(network: Any) -> bool | None:
    acts = [_acts_otherwise(part) for part in parts_in(network)]
    return any(acts) if acts else None


def _acts_otherwise(part: Any) -> bool:
    """Whether a part does something else in training, and is in training: batch normalisation or dropout."""
    is_norm = hasattr(part, "moving_mean") or hasattr(part, "running_mean")
    uses_batch = is_norm and getattr(part, "use_batch_statistics", None) is not False
    return bool(part.training) and (uses_batch or type(part).__name__.startswith("Dropout"))


def described(kind: str, network: Any, loaded: int, with_parameters: bool) -> dict[str, Any]:
    """Describe a network, of whose parameters a number was found in a file, as JSON takes it."""
    parameters = described_parameters(parameters_in(network)) if with_parameters else []
    return {
        "kind": kind,
        "name": type(network).__name__[:MOST_NAME],
        "parameters": parameters,
        "loaded": min(loaded, len(parameters) or MOST_PARAMETERS),
    }


def described_parameters(parameters: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    """Describe parameters as JSON takes it; what cannot be described is left out."""
    described: list[dict[str, Any]] = []
    with contextlib.suppress(Exception):
        for name, tensor in parameters:
            if len(described) == MOST_PARAMETERS:
                break
            with contextlib.suppress(Exception):
                described.append(_parameter(name, tensor))
    return described


def _parameter(name: str, tensor: Any) -> dict[str, Any]:
    array = as_array(tensor)
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
