"""The program that computes a network's features of images, for the audit; it runs in a process of its own.

    python main.py WEIGHTS OUT < PATHS

WEIGHTS is a MindSpore checkpoint of the lab's MobileNetV2, with or without a head; PATHS are image files, as
one JSON list; OUT is written: float32 (N, 1280), as numpy saves arrays. MindSpore is not needed: the course
library reads the checkpoint and writes the graph, ONNX Runtime computes. Exit code 2: the weights do not do.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
from src_mindspore.engine.checkpoint import parse_checkpoint
from src_mindspore.engine.session import FeatureExtractor
from src_mindspore.transforms import evaluation_transform
from tqdm import tqdm


def main() -> int:
    """Compute the features, a few images at a time."""
    weights, out = map(Path, sys.argv[1:])
    try:
        extract = FeatureExtractor(parse_checkpoint(weights.read_bytes()))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    features = []
    for path in tqdm(json.load(sys.stdin), unit="image", desc="features", leave=False, disable=None):
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        features.append(extract(evaluation_transform(image)[np.newaxis])[0])
    np.save(out, np.stack(features).astype(np.float32))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
