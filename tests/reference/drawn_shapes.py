"""A small ImageFolder set of coloured shapes, and backbone weights that need no download."""

from pathlib import Path

import cv2
import numpy as np

from reference.weights import backbone_shapes

CLASSES = {"disc": (40, 60, 220), "square": (60, 200, 60), "triangle": (220, 90, 40)}


def draw_shape(name: str, rng: np.random.Generator) -> np.ndarray:
    """A shape of its class's colour (BGR) on a dull ground, somewhere: uint8 (120, 150, 3)."""
    image = np.full((120, 150, 3), rng.integers(120, 135), np.uint8)
    x, y, r = int(rng.integers(60, 90)), int(rng.integers(52, 68)), int(rng.integers(44, 56))
    if name == "disc":
        cv2.circle(image, (x, y), r, CLASSES[name], -1)
    elif name == "square":
        cv2.rectangle(image, (x - r, y - r), (x + r, y + r), CLASSES[name], -1)
    else:
        corners = np.array([[x, y - r], [x - r, y + r], [x + r, y + r]], np.int32)
        cv2.fillPoly(image, [corners], CLASSES[name])
    return np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


def draw_set(root: Path, splits: dict[str, int], seed: int = 1) -> Path:
    """Write `count` images a class for each split."""
    rng = np.random.default_rng(seed)
    for split, count in splits.items():
        for name in CLASSES:
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                cv2.imwrite(str(folder / f"{i:03d}.png"), draw_shape(name, rng))
    return root


def untrained_backbone(seed: int = 0) -> dict[str, np.ndarray]:
    """Weights of a new network: features of some use, values of ordinary size."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in backbone_shapes().items():
        if name.endswith("weight"):
            array = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        else:
            array = np.full(shape, 0.0 if name.endswith(("beta", "moving_mean")) else 1.0)
        arrays[name] = array.astype(np.float32)
    return arrays
