from pathlib import Path

import numpy as np
import pytest

from reference.errors import InputError
from reference.features import splits
from reference.features.extraction import Backbone
from reference.features.splits import extract_activations
from reference.images import training_views
from tests.reference.drawn_shapes import draw_set, untrained_backbone

VIEWS = training_views(2)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return sorted(draw_set(tmp_path_factory.mktemp("set"), {"train": 2}).rglob("*.png"))


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone(untrained_backbone(), stop=14)


def test_what_goes_into_a_block_is_computed_once(
    tmp_path: Path, images: list[Path], backbone: Backbone
) -> None:
    first = extract_activations(images, VIEWS, backbone, tmp_path)
    assert first.features.shape == (2, 6, 96, 14, 14)
    assert first.features.dtype == np.float16
    assert first.computed == 12
    second = extract_activations(images, VIEWS, backbone, tmp_path)
    assert second.computed == 0
    assert np.array_equal(first.features, second.features)
    assert len(list(tmp_path.iterdir())) == 2


def test_rows_are_those_of_their_image_and_view(
    tmp_path: Path, images: list[Path], backbone: Backbone
) -> None:
    from reference.images import read_image

    values = extract_activations(images, VIEWS, backbone, tmp_path).features
    expected = backbone.extract(VIEWS[1].make(read_image(images[4]))[None])[0]
    assert np.array_equal(values[1, 4], expected.astype(np.float16))


def test_rows_that_are_damaged_or_were_never_finished_are_computed_again(
    tmp_path: Path, images: list[Path], backbone: Backbone
) -> None:
    whole = np.array(extract_activations(images, VIEWS, backbone, tmp_path).features)
    (file,) = tmp_path.glob("*.rows")
    row = whole[0, 0].nbytes
    content = bytearray(file.read_bytes())
    content[3 * row + 5] ^= 1
    content[7 * row : 9 * row] = bytes(2 * row)
    file.write_bytes(content)
    again = extract_activations(images, VIEWS, backbone, tmp_path)
    assert again.computed == 3
    assert np.array_equal(again.features, whole)


def test_other_images_views_or_weights_are_another_file(
    tmp_path: Path, images: list[Path], backbone: Backbone
) -> None:
    extract_activations(images, VIEWS, backbone, tmp_path)
    assert extract_activations(images[:3], VIEWS, backbone, tmp_path).computed == 6
    assert extract_activations(images, VIEWS[:1], backbone, tmp_path).computed == 6
    other = Backbone(untrained_backbone(seed=1), stop=14)
    assert extract_activations(images, VIEWS, other, tmp_path).computed == 12
    assert len(list(tmp_path.glob("*.rows"))) == 4


def test_the_oldest_files_make_room(
    tmp_path: Path, images: list[Path], backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract_activations(images, VIEWS[:1], backbone, tmp_path)
    monkeypatch.setattr(splits, "BYTES_TO_KEEP", 0)
    extract_activations(images[:1], VIEWS[:1], backbone, tmp_path)
    assert len(list(tmp_path.iterdir())) == 4, "what was opened just now may be in use"
    monkeypatch.setattr(splits, "SECONDS_TO_KEEP", -1)
    extract_activations(images[:1], VIEWS[:1], backbone, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, images: list[Path], backbone: Backbone
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.*cannot be written"):
        extract_activations(images, VIEWS, backbone, tmp_path / "file" / "cache")
