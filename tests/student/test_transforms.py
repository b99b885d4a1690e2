import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from src_mindspore.transforms import (
    MEAN,
    STD,
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    evaluation_transform,
    random_crop_box,
    training_transform,
)


def image_of(photos: Path) -> np.ndarray:
    return cv2.imread(str(photos / "train" / "00_01" / "00000.jpg"))


def test_importing_the_transforms_imports_no_mindspore() -> None:
    code = "import sys, src_mindspore.transforms; assert 'mindspore' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.mindspore
def test_evaluation_agrees_with_mindspore_on_every_photo(photos: Path) -> None:
    from mindspore.dataset import transforms, vision

    pipeline = transforms.Compose(
        [
            vision.Decode(),
            vision.Resize((256, 256)),
            vision.CenterCrop(224),
            vision.Normalize(MEAN, STD),
            vision.HWC2CHW(),
        ]
    )
    files = sorted(photos.glob("*/*/*.jpg"))
    assert len({cv2.imread(str(file)).shape for file in files}) >= 6
    for file in files:
        theirs = pipeline(np.frombuffer(file.read_bytes(), np.uint8))
        ours = evaluation_transform(cv2.imread(str(file)))
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-4, err_msg=file.name)


def test_evaluation_turns_bgr_into_rgb() -> None:
    blue = np.zeros((300, 200, 3), np.uint8)
    blue[..., 0] = 255
    result = evaluation_transform(blue)

    assert result.shape == (3, 224, 224)
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    black = -np.array(MEAN) / np.array(STD)
    assert result[:, 0, 0] == pytest.approx([black[0], black[1], (255 - MEAN[2]) / STD[2]], rel=1e-6)


def test_evaluation_leaves_the_image_as_it_was(photos: Path) -> None:
    image = image_of(photos)
    before = image.copy()
    evaluation_transform(image)
    training_transform(image, np.random.default_rng(0))
    np.testing.assert_array_equal(image, before)


def test_views_that_are_not_contiguous_are_welcome(photos: Path) -> None:
    image = image_of(photos)
    mirrored = image[:, ::-1]
    np.testing.assert_array_equal(evaluation_transform(mirrored), evaluation_transform(mirrored.copy()))


@pytest.mark.parametrize(
    "image",
    [
        None,
        "photo.jpg",
        np.zeros((224, 224), np.uint8),
        np.zeros((224, 224, 4), np.uint8),
        np.zeros((3, 224, 224), np.uint8),
        np.zeros((224, 224, 3), np.float32),
        np.zeros((0, 224, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(image: object) -> None:
    with pytest.raises(ValueError, match="the image is"):
        evaluation_transform(image)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the image is"):
        training_transform(image, np.random.default_rng(0))  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_view_and_another_seed_another(photos: Path) -> None:
    image = image_of(photos)
    one, same, other = (training_transform(image, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.shape == (3, 224, 224)
    assert one.dtype == np.float32


def test_without_randomness_a_view_is_the_whole_image(photos: Path) -> None:
    image = cv2.resize(image_of(photos), (224, 224))
    view = training_transform(
        image, np.random.default_rng(0), scale=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0, jitter=0.0
    )
    expected = (image[..., ::-1].astype(np.float32) - np.float32(MEAN)) / np.float32(STD)
    np.testing.assert_allclose(view, expected.transpose(2, 0, 1), atol=1e-5)


def test_a_flip_mirrors_left_and_right(photos: Path) -> None:
    image = image_of(photos)
    never, always = (
        training_transform(image, np.random.default_rng(5), flip=flip, jitter=0.0) for flip in (0.0, 1.0)
    )
    np.testing.assert_array_equal(never[..., ::-1], always)


@pytest.mark.parametrize("size", [(224, 224), (480, 640), (1, 1), (2, 500), (500, 2)])
def test_crops_stay_inside_and_keep_to_scale_and_ratio(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    height, width = size
    for _ in range(500):
        top, left, h, w = random_crop_box(height, width, rng)
        assert 0 <= top <= top + h <= height
        assert 0 <= left <= left + w <= width
        assert h > 0
        assert w > 0
        if min(size) > 100:
            assert 0.07 < h * w / (height * width) <= 1.0
            assert 0.73 < w / h < 1.37


@pytest.mark.mindspore
@pytest.mark.parametrize("factor", [0.6, 0.83, 1.0, 1.17, 1.4])
def test_colours_change_as_in_mindspore(photos: Path, factor: float) -> None:
    from mindspore.dataset import vision

    rgb = cv2.cvtColor(image_of(photos), cv2.COLOR_BGR2RGB)
    for ours, theirs in (
        (adjust_brightness, vision.AdjustBrightness),
        (adjust_contrast, vision.AdjustContrast),
        (adjust_saturation, vision.AdjustSaturation),
    ):
        difference = ours(rgb, factor).astype(int) - theirs(factor)(rgb).astype(int)
        assert np.abs(difference).max() <= 1, ours.__name__


def test_without_a_crop_the_whole_image_is_seen() -> None:
    image = np.zeros((224, 224, 3), np.uint8)
    image[0, 0] = 255  # only a corner, which the usual crop cuts off
    assert evaluation_transform(image, 224).max() > 0
    assert evaluation_transform(image).max() < 0
    with pytest.raises(ValueError, match="no 224x224 centre"):
        evaluation_transform(image, 223)


@pytest.mark.mindspore
@pytest.mark.parametrize("size", [(192, 192), (256, 160), (96, 128)])
def test_evaluation_agrees_with_the_pipeline_at_other_sizes(photos: Path, size: tuple[int, int]) -> None:
    from src_mindspore.dataset import create_dataset

    class Config:
        dataset_path, batch_size = photos, 26
        image_height, image_width = size

    (batch,) = create_dataset(Config, training=False).create_dict_iterator(num_epochs=1, output_numpy=True)
    assert batch["image"].shape == (26, 3, *size)
    for theirs, file in zip(batch["image"], sorted(photos.glob("val/*/*.jpg")), strict=True):
        ours = evaluation_transform(cv2.imread(str(file)), size=size)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-4, err_msg=file.name)


def test_training_views_can_have_another_size(photos: Path) -> None:
    from src_mindspore.transforms import training_transform_to

    image = image_of(photos)
    assert training_transform_to((192, 160))(image, np.random.default_rng(1)).shape == (3, 192, 160)
    same = training_transform_to((224, 224))(image, np.random.default_rng(1))
    np.testing.assert_array_equal(same, training_transform(image, np.random.default_rng(1)))
