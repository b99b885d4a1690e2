import numpy as np
import pytest

from grader.demo import FOLDERS, draw
from grader.demo.canvas import Canvas
from grader.demo.picture import SKETCHES
from grader.model.dataset import GARBAGE26, load_classes


def test_there_is_a_sketch_of_every_class_and_of_no_other() -> None:
    assert tuple(info.folder for info in load_classes(GARBAGE26)) == FOLDERS


def test_an_image_is_224_by_224_bytes_in_three_channels() -> None:
    image = draw(7, "train", 1, 0)
    assert image.shape == (224, 224, 3)
    assert image.dtype == np.uint8


def test_the_same_four_numbers_give_the_same_image() -> None:
    for folder in FOLDERS[::5]:
        assert np.array_equal(draw(folder, "val", 3, 9), draw(folder, "val", 3, 9))


def test_a_class_can_be_given_by_index_or_folder() -> None:
    assert np.array_equal(draw(24, "train", 1, 0), draw("03_02", "train", 1, 0))


def test_every_one_of_the_four_numbers_matters() -> None:
    images = [draw(3, "train", 1, 0), draw(4, "train", 1, 0), draw(3, "val", 1, 0), draw(3, "train", 2, 0)]
    images.append(draw(3, "train", 1, 1))
    assert len({image.tobytes() for image in images}) == len(images)


def test_drawing_leaves_the_global_random_state_alone() -> None:
    np.random.seed(5)
    before = np.random.get_state()[1].copy()  # type: ignore[index]
    draw(0, "train", 1, 0)
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index]


@pytest.mark.parametrize(
    "arguments",
    [
        (26, "train", 1, 0),
        (-1, "train", 1, 0),
        ("04_00", "train", 1, 0),
        (0, "test", 1, 0),
        (0, "train", 0, 0),
        (0, "train", 1, -1),
    ],
)
def test_what_does_not_exist_is_refused(arguments: tuple[int | str, str, int, int]) -> None:
    with pytest.raises(ValueError, match=r"^.+$"):
        draw(*arguments)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_sketch_fills_a_fair_part_of_its_sheet_with_more_than_one_colour(folder: str) -> None:
    for seed in range(2):
        sheet = Canvas()
        SKETCHES[folder].draw(sheet, np.random.default_rng(seed))
        opacity = sheet.bgra[..., 3]
        assert np.isfinite(sheet.bgra).all()
        assert opacity.min() >= -0.001
        assert opacity.max() <= 1.001
        assert 0.03 < float((opacity > 0.3).mean()) < 0.9
        assert sheet.bgra[opacity > 0.9][:, :3].std() > 5


def test_the_classes_can_be_told_apart_by_simple_features() -> None:
    """Nearest class mean on coarse colour and edge features of the bare sketches: chance is 4 %."""
    train = np.array([[_features(folder, seed) for seed in range(6)] for folder in FOLDERS])
    test = np.array([[_features(folder, seed) for seed in range(6, 8)] for folder in FOLDERS])
    scale = train.std((0, 1)) + 1e-6
    means = train.mean(1) / scale
    found = np.linalg.norm(test[:, :, None] / scale - means, axis=-1).argmin(-1)
    right = found == np.arange(len(FOLDERS))[:, None]
    assert right.mean() > 0.6


def _features(folder: str, seed: int) -> np.ndarray:  # type: ignore[type-arg]
    """Opacity, lightness and saturation on an 8x8 grid, and how many edges run across and down."""
    sheet = Canvas(112)
    SKETCHES[folder].draw(sheet, np.random.default_rng(seed))
    colour, opacity = sheet.bgra[..., :3] / 255, sheet.bgra[..., 3]
    grid = [opacity, colour.mean(-1), np.ptp(colour, axis=-1)]
    cells = [plane.reshape(8, 14, 8, 14).mean((1, 3)).ravel() for plane in grid]
    edges = [np.abs(np.diff(colour.mean(-1), axis=axis)).mean(keepdims=True).ravel() * 8 for axis in (0, 1)]
    hue = (colour * opacity[..., None]).mean((0, 1)) / (opacity.mean() + 1e-6)
    return np.concatenate([*cells, *edges, hue - hue.mean()])
