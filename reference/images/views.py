"""Image files as pixels, and the views of them that a network learns from and that a submission looks at.

The backbone is frozen, so augmentation happens once, before the features are computed, and every view costs a
forward pass. Which views are worth it was found by cross-validation on training images, see `reference.tune`.

To learn from: the evaluation transform, which crops the edges off; the whole image, mirrored, which differs
from it in two ways at once; then mild random crops. The course's own augmentation (crops down to 8 % of the
area, changed colours) is worth less, for a linear head need not know pictures that it will never be asked
about; the garbage lab learns from it.

To look at: the first two of these, and if wanted the same the other way round. The logits are averaged; for a
linear head that is the same as averaging the features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from src_mindspore.cpu import available_cores
from src_mindspore.transforms import RESIZED, SIZE, evaluation_transform, training_transform

from reference.errors import InputError
from reference.values import FloatArray

Image: TypeAlias = npt.NDArray[np.uint8]


def file_digest(path: Path) -> bytes:
    """Return the sha256 of a file's bytes.

    Raises:
        InputError: the file cannot be read.
    """
    return hashlib.sha256(_read(path)).digest()


def decode_file(path: Path, digest: bytes) -> Image:
    """Return the image as `cv2.imread` would, uint8 (H, W, 3) BGR; also from a path that is not ASCII.

    Args:
        path: the file.
        digest: what `file_digest` said of it.

    Raises:
        InputError: it cannot be read, is no image, or is not the file any more that `digest` was taken of.
    """
    content = _read(path)
    if hashlib.sha256(content).digest() != digest:
        raise InputError(f"{path}: changed while it was being read")
    return _decode(path, content)


def read_image(path: Path) -> Image:
    """Do what `decode_file` does, whatever the file holds now.

    Raises:
        InputError: it cannot be read, or is no image.
    """
    return _decode(path, _read(path))


def _decode(path: Path, content: bytes) -> Image:
    image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_COLOR) if content else None
    if image is None:
        raise InputError(f"{path}: is not an image that OpenCV can read")
    return np.asarray(image, dtype=np.uint8)


def check_readable(paths: Iterable[Path]) -> None:
    """Read every image once, before work begins that would meet a bad one only after hours.

    Raises:
        InputError: names the first that cannot be read or is no image.
    """
    with ThreadPoolExecutor(available_cores()) as pool:
        for _ in pool.map(lambda path: read_image(path).shape, list(paths)):
            pass


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


SEED = 0
CROP_SCALE = (0.35, 1.0)  # share of the area that a random crop keeps


@dataclass(frozen=True)
class View:
    """One way of looking at an image.

    Attributes:
        identity: says everything that decides the view, but for the image and the code; part of the cache
            key.
        make: uint8 (H, W, 3) BGR to the network's input, float32 (3, 224, 224).
    """

    identity: str
    make: Callable[[Image], FloatArray]


@dataclass(frozen=True)
class TestView:
    """A view that a submission looks at, in numbers that can stand in its `main.py`.

    Attributes:
        resized: edge of the square that the image is resized to before its 224x224 centre is taken.
        mirrored: left and right exchanged first.
    """

    __test__ = False  # no test case, whatever pytest makes of the name

    resized: int
    mirrored: bool

    def make(self, image: Image) -> FloatArray:
        """Return the network's input, float32 (3, 224, 224), for an image uint8 (H, W, 3) BGR."""
        return evaluation_transform(image[:, ::-1] if self.mirrored else image, self.resized)

    @property
    def view(self) -> View:
        """The same for the feature cache."""
        return View(f"resized {self.resized} mirrored {self.mirrored}", self.make)


TEST_VIEWS = (
    TestView(RESIZED, mirrored=False),
    TestView(SIZE, mirrored=True),
    TestView(RESIZED, mirrored=True),
    TestView(SIZE, mirrored=False),
)
EVALUATION = TEST_VIEWS[0].view


def training_views(count: int, of_tail: bool = False) -> tuple[View, ...]:
    """Return the first `count` views: two without chance, then random crops.

    Args:
        count: how many.
        of_tail: they are for the last blocks of the network, which a submission shows the evaluation view
            alone: the second view is that one's mirror image, and not the whole image mirrored.
    """
    second = TEST_VIEWS[2] if of_tail else TEST_VIEWS[1]
    crops = [View(f"crop {CROP_SCALE} seed {SEED} number {index}", _crop(index)) for index in range(2, count)]
    return (EVALUATION, second.view, *crops)[:count]


def _crop(index: int) -> Callable[[Image], FloatArray]:
    """Crop and perhaps flip at random, seeded by the image's content: a copy gets the same view."""

    def make(image: Image) -> FloatArray:
        content = hashlib.sha256(image.tobytes()).digest()
        rng = np.random.default_rng([SEED, index, *content])
        return training_transform(image, rng, scale=CROP_SCALE, jitter=0.0)

    return make


def augmented_passes(count: int, seed: int) -> tuple[View, ...]:
    """Return `count` random views: crops of 8 to 100 % of the area, flipped or not, colours changed.

    A view is seeded by the image's content, so that it can be found in the feature cache again; another
    `seed` gives other views.
    """
    return tuple(
        View(f"course augmentation seed {seed} pass {number}", _augmented(seed, number))
        for number in range(count)
    )


def _augmented(seed: int, number: int) -> Callable[[Image], FloatArray]:
    def make(image: Image) -> FloatArray:
        content = hashlib.sha256(image.tobytes()).digest()
        return training_transform(image, np.random.default_rng([seed, number, *content]))

    return make
