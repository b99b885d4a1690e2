import multiprocessing
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from reference.errors import InputError
from reference.features.extraction import FILE_NAME, Backbone, FeatureCache, extract_features
from reference.images import EVALUATION, View, training_views
from tests.reference.drawn_shapes import draw_set, untrained_backbone


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone(untrained_backbone())


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return sorted(draw_set(tmp_path / "set", {"train": 2}).rglob("*.png"))


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "cache")


def test_what_was_computed_once_is_found_again_to_the_bit(images, backbone, cache) -> None:
    first = extract_features(images, training_views(3), backbone, cache)
    second = extract_features(images, training_views(3), backbone, cache)
    assert first.features.shape == (3, 6, 1280)
    assert (first.computed, second.computed) == (18, 0)
    assert np.array_equal(first.features, second.features)
    assert cache.trouble == ""


def test_every_view_is_another_picture(images, backbone, cache) -> None:
    views = extract_features(images[:1], training_views(4), backbone, cache).features[:, 0]
    assert len({view.tobytes() for view in views}) == 4


def test_an_image_with_other_bytes_is_computed_anew_and_alone(images, backbone, cache) -> None:
    before = extract_features(images, [EVALUATION], backbone, cache).features
    shutil.copy(images[5], images[0])
    after = extract_features([*images[:1], *images[1:]], [EVALUATION], backbone, cache)
    assert after.computed == 0, "its new content is known from another file"
    assert np.array_equal(after.features[0, 0], before[0, 5])

    import cv2

    cv2.imwrite(str(images[0]), 255 - cv2.imread(str(images[0])))
    inverted = extract_features(images, [EVALUATION], backbone, cache)
    assert inverted.computed == 1
    assert not np.array_equal(inverted.features[0, 0], before[0, 0])
    assert np.array_equal(inverted.features[0, 1:], before[0, 1:])


def test_a_renamed_image_keeps_its_features(images, backbone, cache, tmp_path: Path) -> None:
    extract_features(images, [EVALUATION], backbone, cache)
    moved = images[0].rename(tmp_path / "图片.png")
    assert extract_features([moved], [EVALUATION], backbone, cache).computed == 0


def test_other_weights_never_meet_the_old_features(images, backbone, cache) -> None:
    old = extract_features(images, [EVALUATION], backbone, cache)
    parameters = untrained_backbone()
    parameters["features.18.features.1.beta"][7] += 1e-3
    new = extract_features(images, [EVALUATION], Backbone(parameters), cache)
    assert new.computed == 6
    assert not np.array_equal(new.features, old.features)


def test_another_view_never_meets_the_old_features(images, backbone, cache) -> None:
    extract_features(images, [EVALUATION], backbone, cache)
    upside_down = View("upside down", lambda image: EVALUATION.make(np.ascontiguousarray(image[::-1])))
    assert extract_features(images, [upside_down], backbone, cache).computed == 6


def test_other_code_or_libraries_never_meet_the_old_features(images, backbone, cache, monkeypatch) -> None:
    extract_features(images, [EVALUATION], backbone, cache)
    monkeypatch.setattr("onnxruntime.__version__", "0.0.0")
    assert extract_features(images, [EVALUATION], Backbone(untrained_backbone()), cache).computed == 6


def test_a_damaged_entry_is_recomputed_and_the_others_are_kept(
    images, backbone, cache, tmp_path: Path
) -> None:
    good = extract_features(images, [EVALUATION], backbone, cache)
    database = tmp_path / "cache" / FILE_NAME
    content = bytearray(database.read_bytes())
    at = content.find(good.features[0, 3].tobytes()[:64])
    content[at + 8] ^= 1
    database.write_bytes(content)
    again = extract_features(images, [EVALUATION], backbone, cache)
    assert again.computed == 1
    assert np.array_equal(again.features, good.features)


@pytest.mark.parametrize(
    "damage", [lambda b: b"no database" * 1000, lambda b: b[: len(b) // 2], lambda b: b[50:]]
)
def test_a_damaged_cache_file_is_put_aside_and_made_anew(images, backbone, tmp_path: Path, damage) -> None:
    good = extract_features(images, [EVALUATION], backbone, FeatureCache(tmp_path / "cache"))
    database = tmp_path / "cache" / FILE_NAME
    database.write_bytes(damage(database.read_bytes()))
    cache = FeatureCache(tmp_path / "cache")
    assert np.array_equal(extract_features(images, [EVALUATION], backbone, cache).features, good.features)
    assert cache.trouble == ""
    assert extract_features(images, [EVALUATION], backbone, cache).computed == 0


def test_a_cache_that_cannot_be_written_stops_nothing(images, backbone, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    cache = FeatureCache(tmp_path / "file")
    assert extract_features(images, [EVALUATION], backbone, cache).computed == 6
    assert cache.trouble


def test_an_image_that_cannot_be_read_is_named(images, backbone, cache) -> None:
    images[2].write_bytes(images[2].read_bytes()[:20])
    with pytest.raises(InputError, match=r"disc|square|triangle.*is not an image"):
        extract_features(images, [EVALUATION], backbone, cache)
    images[2].write_bytes(b"")
    with pytest.raises(InputError, match=images[2].name):
        extract_features(images, [EVALUATION], backbone, cache)
    images[2].unlink()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        extract_features(images, [EVALUATION], backbone, cache)


def _store(folder: Path, number: int) -> None:
    cache = FeatureCache(folder)
    for i in range(20):
        row = np.full(1280, number * 100 + i, np.float32)
        cache.put({bytes([number, i]) * 16: row})
    os._exit(1 if cache.trouble else 0)


def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_store, args=(tmp_path, number)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    keys = [bytes([number, i]) * 16 for number in range(2) for i in range(20)]
    found = FeatureCache(tmp_path).get(keys)
    assert [found[key][0] for key in keys] == [number * 100 + i for number in range(2) for i in range(20)]
