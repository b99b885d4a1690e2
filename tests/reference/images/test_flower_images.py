from pathlib import Path

import pytest

from reference.errors import InputError
from reference.images import evaluation_images, training_images
from tests.reference.drawn_shapes import CLASSES, draw_set


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    return draw_set(tmp_path / "shapes", {"train": 2, "val": 1, "test": 3})


def test_the_folder_of_the_splits_and_that_of_one_split_are_the_same_to_it(shapes: Path) -> None:
    for path in (shapes, shapes / "train"):
        images = training_images(path)
        assert images.classes == tuple(CLASSES)
        assert images.split.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert evaluation_images(shapes).split.paths == evaluation_images(shapes / "test").split.paths


def test_evaluation_is_on_the_test_images_and_else_on_those_for_validation(shapes: Path) -> None:
    assert evaluation_images(shapes).split.name == "test"
    (shapes / "test").rename(shapes / "aside")
    assert evaluation_images(shapes).split.name == "val"


def test_evaluation_on_training_images_has_to_be_asked_for(shapes: Path) -> None:
    (shapes / "test").rename(shapes / "aside")
    (shapes / "val").rename(shapes / "aside too")
    with pytest.raises(InputError, match=r"--dataset_path \S+train"):
        evaluation_images(shapes)
    assert len(evaluation_images(shapes / "train").split.paths) == 6


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_class_that_is_missing_beside_the_training_images_is_named_before_training(
    shapes: Path, split: str
) -> None:
    (shapes / split / "disc").rename(shapes / "aside")
    with pytest.raises(InputError, match=f"{split}: has no folder disc/, a class of the training images"):
        training_images(shapes)


def test_an_empty_class_is_named(shapes: Path) -> None:
    (shapes / "train" / "star").mkdir()
    with pytest.raises(InputError, match=r"star: has no images"):
        training_images(shapes)


def test_a_path_that_is_nothing_of_the_kind_is_named(shapes: Path, tmp_path: Path) -> None:
    for read in (training_images, evaluation_images):
        with pytest.raises(InputError, match="nowhere: no such folder"):
            read(tmp_path / "nowhere")
        with pytest.raises(InputError, match=r"000\.png: is a file"):
            read(shapes / "train" / "disc" / "000.png")
        with pytest.raises(InputError, match="disc: has 0 class folders"):
            read(shapes / "train" / "disc")
