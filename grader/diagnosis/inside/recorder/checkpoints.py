"""The checkpoint files beside a student's program, read by what that program has imported."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .networks import MOST_NAME, MOST_PARAMETERS, described_parameters
from .tensors import Array, as_array

MOST_FILES = 8
MOST_FILE_BYTES = 300 << 20
MOST_PARAMETERS_OF_FILES = 6000
"""Of all files together; a file that would go beyond is left out."""
_MOST_ENTRIES = 5000
"""Of files and folders that are looked at."""
_MOST_HEADER_BYTES = 8 << 20
_SAFETENSORS = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "BOOL": "?"},
    **{"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1"},
    **{"U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1"},
}

Arrays = dict[str, Array]
"""Parameters, by name."""


def described_files() -> list[dict[str, Any]]:
    """Describe the parameters of each checkpoint file, as JSON takes it; what cannot be read is left out."""
    described: list[dict[str, Any]] = []
    room = MOST_PARAMETERS_OF_FILES
    for name, path in _files_in(_folder()):
        with contextlib.suppress(Exception):
            parameters = described_parameters(_READERS[path.suffix.lower()](path).items())
            if 0 < len(parameters) <= room:
                described.append({"name": name, "parameters": parameters})
                room -= len(parameters)
    return described


def parameters_of(name: str) -> Arrays:
    """Return the parameters of a checkpoint file, by its path in the submission; none if it is not read."""
    for known, path in _files_in(_folder()):
        if known == name:
            with contextlib.suppress(Exception):
                return _READERS[path.suffix.lower()](path)
    return {}


def _folder() -> Path:
    """Return the folder of `main.py`. The student's program may work in another one."""
    with contextlib.suppress(Exception):
        return Path(str(sys.modules["main"].__file__)).absolute().parent
    return Path.cwd()


def _files_in(folder: Path) -> list[tuple[str, Path]]:
    """Return checkpoint files with their paths in the folder, those in the folder itself first."""
    found: list[tuple[str, Path]] = []
    for path in _entries(folder):
        name = path.relative_to(folder).as_posix()
        if path.suffix.lower() in _READERS and len(name) <= MOST_NAME and _is_readable(name, path):
            found.append((name, path))
            if len(found) == MOST_FILES:
                break
    return found


def _entries(folder: Path) -> Iterator[Path]:
    """Yield files, from the outermost folder inwards; links are not followed."""
    folders, seen = [folder], 0
    while folders:
        try:
            with os.scandir(folders.pop(0)) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in inside:
            seen += 1
            if seen > _MOST_ENTRIES:
                return
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            else:
                yield Path(entry.path)


def _is_readable(name: str, path: Path) -> bool:
    try:
        name.encode("utf-8")
        status = path.lstat()
    except (OSError, UnicodeEncodeError):
        return False
    return stat.S_ISREG(status.st_mode) and 0 < status.st_size <= MOST_FILE_BYTES


# -- formats -----------------------------------------------------------------------------------------------


def _of_mindspore(path: Path) -> Arrays:
    return _arrays(sys.modules["mindspore"].load_checkpoint(str(path)))


def _of_numpy(path: Path) -> Arrays:
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MOST_FILE_BYTES:
            raise ValueError("too large")
    with np.load(path, allow_pickle=False) as arrays:
        return _arrays(arrays)


def _of_torch(path: Path) -> Arrays:
    loaded = sys.modules["torch"].load(str(path), map_location="cpu", weights_only=True)
    # A checkpoint of a training run holds the network's state beside the optimizer's.
    states = [loaded, *loaded.values()]
    return max((_arrays(state) for state in states if isinstance(state, Mapping)), key=len)


def _of_safetensors(path: Path) -> Arrays:
    """Read a file by its format: the header's length, the header in JSON, and the numbers."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > _MOST_HEADER_BYTES:
            raise ValueError("too large")
        header, numbers = json.loads(file.read(size)), memoryview(file.read())
    arrays: Arrays = {}
    left = len(numbers)
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            left -= end - start
            if left < 0:
                raise ValueError("tensors overlap")
            array: Array = np.frombuffer(numbers[start:end], _SAFETENSORS[entry["dtype"]])
            if entry["dtype"] == "BF16":  # the upper half of a float32
                array = (array.astype("<u4") << 16).view("<f4")
            arrays[name] = array.reshape(entry["shape"])
    return _arrays(arrays)


def _arrays(tensors: Mapping[Any, Any]) -> Arrays:
    """Return what of a mapping are numbers of a sensible amount."""
    arrays: Arrays = {}
    for name, tensor in tensors.items():
        if len(arrays) == MOST_PARAMETERS:
            break
        with contextlib.suppress(Exception):
            array = as_array(tensor)
            if array is not None and array.dtype.kind in "biuf":
                arrays[str(name)] = array
    return arrays


_READERS: dict[str, Callable[[Path], Arrays]] = {
    ".ckpt": _of_mindspore,
    ".npz": _of_numpy,
    ".safetensors": _of_safetensors,
    ".pt": _of_torch,
    ".pth": _of_torch,
}
