"""Read the backbone's weights from a file of any known kind."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from reference.errors import InputError
from reference.weights.errors import WeightsError
from reference.weights.mindspore_file import read_checkpoint
from reference.weights.naming import Arrays, to_course_names
from reference.weights.safetensors_file import read_safetensors
from reference.weights.torch_file import is_torch_file, read_torch_file


def read_backbone(path: Path) -> Arrays:
    """Read a MobileNetV2 1.0 backbone: our 260 names -> float32 arrays.

    PyTorch (`.pt`, `.pth`), safetensors and MindSpore (`.ckpt`) files are known, with the parameter names
    of the course, torchvision, timm or MindCV.

    Raises:
        InputError: the file is not there or cannot be opened.
        SourceError: reading it needs a package that is not installed.
        WeightsError: the file is damaged, refused, or holds something else.
    """
    state = read_state(path)
    try:
        return to_course_names(state)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None


def read_state(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Read all arrays of a file, by the names that they have there.

    Raises:
        InputError, SourceError, WeightsError: as `read_backbone`, but what the arrays are is not looked at.
    """
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    # PyTorch Lightning also writes .ckpt files, so the content decides before the name does.
    if is_torch_file(start) or path.suffix in {".pt", ".pth"}:
        return read_torch_file(path)
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    if path.suffix == ".ckpt":
        return read_checkpoint(path)
    raise WeightsError(f"{path}: neither a PyTorch nor a safetensors nor a MindSpore file")
