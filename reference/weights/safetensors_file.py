"""Read and write safetensors files: how PyTorch users exchange weights, without code in them."""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reference.weights.errors import SourceError, WeightsError
from reference.weights.naming import Arrays

_MISSING = "needs the package safetensors (MindSpore brings it)"


def read_safetensors(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Read a safetensors file: parameter name -> array, as stored.

    Raises:
        SourceError: the package `safetensors` is not installed.
        WeightsError: damaged, truncated or not such a file.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
    except ImportError:
        raise SourceError(f"{path}: reading it {_MISSING}") from None

    try:
        return dict(load_file(path))
    except (SafetensorError, KeyError, ValueError, struct.error, OSError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error})") from None


def safetensors_bytes(arrays: Arrays) -> bytes:
    """Return the content of a safetensors file.

    Raises:
        SourceError: the package `safetensors` is not installed.
    """
    try:
        from safetensors.numpy import save
    except ImportError:
        raise SourceError(f"writing a safetensors file {_MISSING}") from None
    return bytes(save(arrays))
