from pathlib import Path

import pytest

from benchmarks.plan import ALL_IMAGES, any_images, smaller_set, stratified
from reference.errors import InputError
from reference.images import ImageFolder, scan


def test_a_sample_takes_one_of_each_class_before_a_second_of_any() -> None:
    labels = [0, 0, 0, 0, 1, 2, 2]
    assert stratified(labels, 3) == [0, 4, 5]
    assert stratified(labels, 4) == [0, 1, 4, 5]
    assert stratified(labels, 6) == [0, 1, 2, 4, 5, 6]
    assert stratified(labels, ALL_IMAGES) == list(range(7))


def test_validation_images_are_chosen_before_training_images(shapes: ImageFolder) -> None:
    assert any_images(shapes, 6) == list(shapes.validation.paths)
    assert set(any_images(shapes, 9)) > set(shapes.validation.paths)
    assert len(any_images(shapes, ALL_IMAGES)) == 18


def test_a_smaller_set_has_all_classes_and_a_proportional_validation_split(
    shapes: ImageFolder, tmp_path: Path
) -> None:
    assert smaller_set(shapes, 6, tmp_path) == (6, 3)
    smaller = scan(tmp_path)
    assert smaller.classes == shapes.classes
    assert smaller.train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert smaller.validation.labels.tolist() == [0, 1, 2]
    assert smaller.train.paths[0].read_bytes() == shapes.train.paths[0].read_bytes()


def test_a_smaller_set_is_no_larger_than_the_whole(shapes: ImageFolder, tmp_path: Path) -> None:
    assert smaller_set(shapes, ALL_IMAGES, tmp_path) == (12, 6)


def test_fewer_images_than_classes_are_refused(shapes: ImageFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--images 2: training needs one of each of the 3 classes"):
        smaller_set(shapes, 2, tmp_path)


def test_a_broken_image_is_found_before_anything_is_measured(shapes: ImageFolder, tmp_path: Path) -> None:
    smaller_set(shapes, ALL_IMAGES, tmp_path)
    broken = tmp_path / "val" / "disc" / "000.png"
    broken.unlink()
    broken.write_bytes(b"no image")
    with pytest.raises(InputError, match=r"val/disc/000\.png: is not an image"):
        any_images(scan(tmp_path), 3)
