from pathlib import Path

import pytest

from reference.images import ImageFolder, scan
from reference.weights import write_checkpoint
from tests.reference.drawn_shapes import draw_set, untrained_backbone


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> ImageFolder:
    """Three classes, each of four training and two validation images."""
    return scan(draw_set(tmp_path_factory.mktemp("shapes"), {"train": 4, "val": 2}))


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a new backbone, which need no download, with features as small as a trained one's."""
    path = tmp_path_factory.mktemp("weights") / "untrained.ckpt"
    arrays = untrained_backbone()
    arrays["features.18.features.1.gamma"] *= 0.1  # the original recipe's rates are made for small features
    write_checkpoint(arrays, path)
    return path
