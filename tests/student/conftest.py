import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.ready_python import ReadyPython

STUDENT = Path(__file__).parents[2] / "student"
CLASS_FOLDERS = [f"{group:02d}_{i:02d}" for group, n in enumerate((10, 8, 4, 4)) for i in range(n)]


def photo(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Something with edges, gradients and texture, as photos have: uint8 (height, width, 3)."""
    coarse = rng.integers(0, 256, (5, 6, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    centre = (int(rng.integers(width)), int(rng.integers(height)))
    mask = cv2.circle(np.zeros((height, width), np.uint8), centre, min(height, width) // 3, 1, -1)
    image[mask == 1] = 255 - image[mask == 1]
    return np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def python() -> Iterator[ReadyPython]:
    """A Python that has imported MindSpore, but no course library: each program finds the one that lies beside it."""
    imports = ("mindspore", "mindspore.dataset.vision", "cv2")
    # What a module's fixtures have set for its own programs is not for those of the others.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with ReadyPython(imports, forgotten=["src_mindspore"], environment=environment) as python:
        yield python


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`train/` and `val/` with 26 classes of 3 and 1 JPEGs, of all sorts of sizes."""
    rng = np.random.default_rng(7)
    root = tmp_path_factory.mktemp("photos")
    sizes = [(224, 224), (300, 200), (97, 413), (480, 640), (256, 256), (31, 33)]
    for split, count in (("train", 3), ("val", 1)):
        for c, folder in enumerate(CLASS_FOLDERS):
            (root / split / folder).mkdir(parents=True)
            for i in range(count):
                image = photo(rng, *sizes[(c + i) % len(sizes)])
                if c == 0:
                    image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
                cv2.imwrite(str(root / split / folder / f"{i:05d}.jpg"), image)
    return root


@pytest.fixture
def handout(tmp_path: Path) -> Path:
    """What a student receives, and nothing else."""
    folder = tmp_path / "提交"
    folder.mkdir()
    for name in ("main.py", "train_main.py", "main.ipynb"):
        shutil.copy(STUDENT / name, folder)
    shutil.copytree(STUDENT / "src_mindspore", folder / "src_mindspore")
    return folder


@pytest.fixture
def random_weights(tmp_path: Path) -> Path:
    import mindspore as ms
    from src_mindspore.mobilenetv2 import MobileNetV2Backbone

    path = tmp_path / "random.ckpt"
    ms.save_checkpoint(MobileNetV2Backbone(), str(path))
    return path
