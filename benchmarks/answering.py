"""Ask for the class of one image after the other, with and without preprocessing, and time it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from src_mindspore.transforms import evaluation_transform

from benchmarks.protocol import Answers, ProgressTeller, Samples, tell

Image: TypeAlias = npt.NDArray[np.uint8]
FloatArray: TypeAlias = npt.NDArray[np.float32]

WARM_UP = 3  # the first answer compiles a graph, and the next ones still find cold caches
PREDICT = "predict, preprocessing included"
NETWORK = "network alone"


@dataclass(frozen=True)
class Request:
    """What the program is asked, as JSON on standard input.

    Attributes:
        images: files.
        names: of the classes, in the order of their indices.
        checkpoint: of the trained network.
    """

    images: tuple[str, ...]
    names: tuple[str, ...]
    checkpoint: str

    @classmethod
    def read(cls) -> Request:
        """Read it from standard input."""
        content = json.load(sys.stdin)
        return cls(tuple(content["images"]), tuple(content["names"]), content["checkpoint"])


def read_image(path: str) -> Image:
    """Read an image as `cv2.imread` would, also from a path that is not ASCII."""
    image = cv2.imdecode(np.frombuffer(Path(path).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise SystemExit(f"{path}: is not an image that OpenCV can read")
    return np.asarray(image, dtype=np.uint8)


def answer(
    images: tuple[str, ...], predict: Callable[[Image], str], network: Callable[[FloatArray], FloatArray]
) -> None:
    """Ask about every image twice, and tell the answers and how many images a second there were.

    Args:
        images: files; reading and decoding them is not timed.
        predict: an image, uint8 (H, W, 3) BGR, to the name of its class.
        network: a batch of one image, float32 (1, 3, 224, 224), to logits.
    """
    first = read_image(images[0])
    for _ in range(WARM_UP):
        predict(first)
        network(evaluation_transform(first)[np.newaxis])
    answers, predict_seconds, network_seconds = [], 0.0, 0.0
    teller = ProgressTeller(len(images))
    for path in images:
        image = read_image(path)
        batch = evaluation_transform(image)[np.newaxis]
        begun = time.perf_counter()
        answers.append(predict(image))
        predicted = time.perf_counter()
        network(batch)
        predict_seconds += predicted - begun
        network_seconds += time.perf_counter() - predicted
        teller.advance()
    tell(Samples(PREDICT, (len(images) / predict_seconds,)))
    tell(Samples(NETWORK, (len(images) / network_seconds,)))
    tell(Answers(tuple(answers)))
