"""The lab's transforms for PyTorch, which need neither PyTorch nor MindSpore: Resize(232), then a crop of 224."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from src_mindspore.transforms import MEAN, STD

from tests.student.conftest import STUDENT, photo

sys.path.append(str(STUDENT))  # torch_submission is not installed with the project
from torch_submission.views import evaluation_view, training_view


def undone(view: np.ndarray) -> np.ndarray:
    """The pixels of a view, RGB."""
    return view.transpose(1, 2, 0) * np.array(STD) + np.array(MEAN)


@pytest.mark.parametrize("size", [(232, 232), (232, 400), (400, 232)])
def test_an_image_whose_shorter_side_is_232_is_only_cropped(size: tuple[int, int]) -> None:
    image = photo(np.random.default_rng(0), *size)
    top, left = (size[0] - 224) // 2, (size[1] - 224) // 2
    expected = image[top : top + 224, left : left + 224, ::-1]
    np.testing.assert_allclose(undone(evaluation_view(image)), expected, atol=1e-3)


@pytest.mark.parametrize("size", [(224, 224), (97, 413), (480, 640), (31, 33), (5, 900)])
def test_every_image_becomes_224_by_224(size: tuple[int, int]) -> None:
    image = photo(np.random.default_rng(0), *size)
    for view in (evaluation_view(image), training_view(image, np.random.default_rng(1))):
        assert (view.shape, view.dtype, view.flags.c_contiguous) == ((3, 224, 224), np.float32, True)


def test_the_aspect_ratio_is_kept() -> None:
    image = np.zeros((300, 900, 3), np.uint8)
    cv2.circle(image, (450, 150), 100, (255, 255, 255), -1)
    disc = undone(evaluation_view(image))[..., 0] > 128
    height, width = np.ptp(np.argwhere(disc), axis=0) + 1
    assert height == pytest.approx(200 * 232 / 300, abs=2)
    assert width == pytest.approx(height, abs=1)


def test_a_training_view_is_another_crop_flipped_or_not_and_repeats_with_its_seed() -> None:
    image = photo(np.random.default_rng(0), 300, 400)
    views = [training_view(image, np.random.default_rng(seed)) for seed in (1, 1, 2, 3)]
    np.testing.assert_array_equal(views[0], views[1])
    assert not np.array_equal(views[1], views[2])


def test_the_views_import_neither_framework() -> None:
    code = (
        f"import sys; sys.path[:0] = [{str(STUDENT)!r}]; import torch_submission.views;"
        " assert not {'torch', 'mindspore', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
