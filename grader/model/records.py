"""What a recorder noted of a submission's networks, and what it can be asked; all of it may be forged.

A recorded worker is one of the diagnosis alone. What it says explains a score that was found without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from grader.model.dataset import SplitImage
from grader.model.predictions import Raised, Unusable, WrongType
from grader.model.verdict import Stop

Framework = Literal["mindspore", "onnxruntime", "torch", "opencv"]
Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
Offset = tuple[float, float, float]


@dataclass(frozen=True)
class Recipe:
    """What is to be put in place of a student's input: `y = matrix @ x + offset`, the colours of each pixel.

    The result takes the place of the student's tensor: in its layout, for each picture of its batch, in its
    type.
    """

    source: Literal["tensor", "image"]
    """`tensor`: x is the student's own tensor, over its colour axis. `image`: x is the picture in RGB, 0 to
    255, as the course's evaluation transform crops it (256x256, of that the centre, 224x224)."""
    matrix: Matrix
    offset: Offset


@dataclass(frozen=True)
class Task:
    """What is to be done while a question is answered, beside noting what passes."""

    recipe: Recipe | None = None
    """What is put in place of the student's input, at every call that is given a picture; the student's code
    goes on with what the network says to it. A network that takes no such input is given the student's."""
    parameters: bool = False
    """Describe all networks that have been called so far with their parameters, and the checkpoint files."""
    evaluate: bool = False
    """From now on, every network is called in evaluation mode."""
    load: str = ""
    """A checkpoint file of the submission, by its path there: from now on, every network is called with its
    parameters, and in evaluation mode; say how many found a place. Empty for what the student's program
    loaded."""
    inputs: bool = True
    """Send what networks were given and what they returned; without, the last call's output comes if it
    has no more than 64 KiB, 16 KiB of the others, and of everything else the form alone."""


@dataclass(frozen=True)
class Question:
    """One image that is put to a recorded worker."""

    image: SplitImage | npt.NDArray[np.uint8]
    """Of a split, or a drawn one: RGB, (height, width, 3)."""
    task: Task = Task()

    def pixels(self, channel_order: Literal["bgr", "rgb"]) -> npt.NDArray[np.uint8]:
        """Return the image as it is asked about."""
        if isinstance(self.image, SplitImage):
            return self.image.pixels(channel_order)
        return np.ascontiguousarray(self.image if channel_order == "rgb" else self.image[:, :, ::-1])


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor that passed."""

    dtype: str
    """`float32`, `uint8`; what numpy calls it."""
    shape: tuple[int, ...]
    values: npt.NDArray[Any] | None
    """Read-only, of that type and shape; of a large batch only its first entries, and None of what is too
    large. Anything may stand in it, NaN too."""

    @property
    def bytes(self) -> int:
        """How much the values take."""
        return 0 if self.values is None else self.values.nbytes


@dataclass(frozen=True)
class Record:
    """One call of a network from outside; calls within it are not noted."""

    kind: Framework
    name: str
    """The class of what was called, such as `MobileNetV2Combine` or `InferenceSession`."""
    input: Tensor | None
    """The first tensor that was given; None if there was none. Of a network that is given a picture as it is
    stored (bytes, or the colours last), what the network inside it is given, if that could be seen."""
    output: Tensor | None
    """The first tensor that came back; None if there was none, or the call failed."""
    training: bool | None
    """Whether it, or a part of it, was in training mode; None where there is no such mode."""
    inputs: int
    """How many tensors were given."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a live network; mean to greatest are those of its finite numbers."""

    name: str
    """As in a checkpoint."""
    shape: tuple[int, ...]
    dtype: str
    sha1: str
    """Of its numbers as little-endian float32."""
    mean: float
    std: float
    least: float
    greatest: float
    not_finite: int
    """How many are NaN or infinite."""


@dataclass(frozen=True)
class Network:
    """A network that has been called."""

    kind: Framework
    name: str
    parameters: tuple[Parameter, ...]
    """Empty where they cannot be read (ONNX Runtime, OpenCV), and if nobody asked for them."""
    loaded: int = 0
    """How many of them have a place in the file that was to be loaded."""


@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint file beside the student's program, as its framework reads it."""

    name: str
    """Its path in the submission."""
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Recorded:
    """What came of one question to a recorded worker."""

    text: str | None
    """What `predict` returned; None if there was a problem."""
    problem: WrongType | Raised | None
    records: tuple[Record, ...]
    """In the order of the calls; of more than eight, the first seven and the last. None at all: the program
    has no network that could be seen, or did not call it."""
    calls: int
    """How many calls there were."""
    is_replaced: bool
    """Whether a network took the recipe's input."""
    networks: tuple[Network, ...]
    """If their parameters were asked for; if others were to be loaded, those called since."""
    files: tuple[CheckpointFile, ...] = ()
    """If parameters were asked for."""


@dataclass(frozen=True)
class Recording:
    """What came of asking a recorded worker."""

    answers: tuple[Recorded | None, ...]
    """By question; None from where the worker ended."""
    not_ready: Unusable | None = None
    stop: Stop | None = None
    """What ended the worker before it had answered everything."""
