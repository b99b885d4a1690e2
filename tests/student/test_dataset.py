import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from easydict import EasyDict

from tests.image_files import encoded, jpeg_with_exif, lopsided, png_with_exif, put

pytestmark = pytest.mark.mindspore


def batches(photos: Path, training: bool, repeat: int = 1, **config: object) -> list[dict[str, np.ndarray]]:
    from src_mindspore.dataset import create_dataset

    data = create_dataset(
        EasyDict({"dataset_path": str(photos), "batch_size": 8, **config}), training, repeat=repeat
    )
    return list(data.create_dict_iterator(num_epochs=1, output_numpy=True))


def test_columns_are_float32_images_and_int32_labels(photos: Path) -> None:
    for training in (True, False):
        batch = batches(photos, training)[0]
        assert set(batch) == {"image", "label"}
        assert batch["image"].shape == (8, 3, 224, 224)
        assert batch["image"].dtype == np.float32
        assert batch["label"].shape == (8,)
        assert batch["label"].dtype == np.int32


def test_evaluation_loses_no_image_and_keeps_the_order_of_the_folders(photos: Path) -> None:
    given = batches(photos, training=False, eval_batch_size=7)
    assert [len(batch["label"]) for batch in given] == [7, 7, 7, 5]
    assert np.concatenate([batch["label"] for batch in given]).tolist() == list(range(26))


def test_evaluation_images_are_those_of_the_numpy_transform(photos: Path) -> None:
    from src_mindspore.transforms import evaluation_transform

    images = np.concatenate([batch["image"] for batch in batches(photos, training=False)])
    for image, file in zip(images, sorted(photos.glob("val/*/*.jpg")), strict=True):
        np.testing.assert_allclose(image, evaluation_transform(cv2.imread(str(file))), rtol=1e-5, atol=1e-4)


def test_training_drops_the_smaller_last_batch_unless_it_is_the_only_one(photos: Path) -> None:
    assert [len(batch["label"]) for batch in batches(photos, training=True, batch_size=50)] == [50]
    assert [len(batch["label"]) for batch in batches(photos, training=True, batch_size=500)] == [78]


def test_repeat_gives_other_views_of_the_same_images(photos: Path) -> None:
    one, two = batches(photos, training=True, repeat=2, batch_size=78, seed=3)
    assert sorted(one["label"]) == sorted(two["label"])
    assert not np.array_equal(one["image"], two["image"])


def test_class_index_decides_the_labels(photos: Path) -> None:
    index = {"00_03": 1, "00_01": 0}
    given = batches(photos, training=False, class_index=index)
    assert [batch["label"].tolist() for batch in given] == [[0, 1]]


def test_without_class_index_the_training_folders_decide(photos: Path, tmp_path: Path) -> None:
    for split, folders in {"train": ["00_00", "00_01", "00_02"], "val": ["00_02"]}.items():
        for folder in folders:
            shutil.copytree(photos / split / folder, tmp_path / split / folder)
    assert [batch["label"].tolist() for batch in batches(tmp_path, training=False)] == [[2]]


def test_a_test_folder_stands_in_for_val(photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos / "val", tmp_path / "test")
    assert sum(len(batch["label"]) for batch in batches(tmp_path, training=False)) == 26


@pytest.mark.parametrize(
    ("training", "message"), [(True, "no train/ in it"), (False, "no val/ or test/ in it")]
)
def test_a_missing_split_is_named(tmp_path: Path, training: bool, message: str) -> None:
    with pytest.raises(FileNotFoundError, match=message):
        batches(tmp_path, training)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        batches(tmp_path / "nothing", training)


def test_a_split_without_classes_is_named(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(FileNotFoundError, match="no class folders"):
        batches(tmp_path, training=True)


def test_views_are_the_same_in_every_run_on_one_core_or_many(photos: Path) -> None:
    """Two processes with different numbers of cores agree to the byte, given a seed."""
    code = """
import hashlib, json, os, sys
if sys.argv[2] == "one":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from easydict import EasyDict
from src_mindspore.dataset import available_cores, create_dataset
config = EasyDict(dataset_path=sys.argv[1], batch_size=16, seed=5)
digest = hashlib.sha256()
for training in (True, False):
    for batch in create_dataset(config, training).create_dict_iterator(num_epochs=1, output_numpy=True):
        digest.update(batch["image"].tobytes() + batch["label"].tobytes())
print(json.dumps([available_cores(), digest.hexdigest()]))
"""
    results = [
        json.loads(subprocess.check_output([sys.executable, "-c", code, str(photos), cores], text=True))
        for cores in ("one", "all")
    ]
    assert results[0][0] == 1
    assert results[0][1] == results[1][1]


def test_other_files_in_a_class_folder_are_passed_over_and_told(
    photos: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = shutil.copytree(photos, tmp_path / "photos")
    folder = min((copy / "val").iterdir())
    (folder / "notes.txt").write_text("hello", encoding="utf-8")
    put(folder / ".ipynb_checkpoints" / "00000-checkpoint.jpg", encoded(".jpg"))
    put(folder / "._00000.jpg", b"Mac OS X")
    next(folder.glob("0*.jpg")).rename(folder / "CAPITALS.Jpg")
    working_directory = tmp_path / "here"
    working_directory.mkdir()
    monkeypatch.chdir(working_directory)
    assert sum(len(batch["label"]) for batch in batches(copy, training=False)) == 26
    assert not list(working_directory.iterdir())
    assert caplog.messages == [
        f"note: {copy / 'val'}: passed over 已略过：2 left by a system 系统文件 (00_00/._00000.jpg,"
        " 00_00/.ipynb_checkpoints); 1 no image by its name 扩展名不是图像 (00_00/notes.txt)"
    ]
    put(folder / "animated.gif", b"GIF89a")
    with pytest.raises(ValueError, match=r"animated\.gif: an image of a kind that is not read"):
        batches(copy, training=False)


def test_training_and_predict_see_the_same_picture_whatever_the_file(tmp_path: Path) -> None:
    """Turned by EXIF data, or of a kind that MindSpore's own decoder does not know."""
    from src_mindspore.transforms import evaluation_transform

    files = {f"jpeg{turn}.jpg": jpeg_with_exif(turn, "<>"[turn % 2]) for turn in range(1, 9)}
    files |= {f"png{turn}.png": png_with_exif(turn) for turn in (1, 6)}
    files |= {f"plain{suffix}": encoded(suffix) for suffix in (".bmp", ".pgm", ".tif", ".webp")}
    files |= {f"jpeg{suffix}": encoded(".jpg") for suffix in (".bmp", ".jfif", ".jpe", ".pjpeg")}
    with_alpha = cv2.cvtColor(lopsided(), cv2.COLOR_BGR2BGRA)
    with_alpha[:30, :, 3] = 0
    files |= {
        "alpha.png": encoded(".png", with_alpha),
        "deep.png": encoded(".png", lopsided().astype("uint16") * 257),
    }
    for name, content in files.items():
        put(tmp_path / "val" / "daisy" / name, content)
    given = np.concatenate([batch["image"] for batch in batches(tmp_path, training=False)])
    for image, name in zip(given, sorted(files), strict=True):
        photo = cv2.imread(str(tmp_path / "val" / "daisy" / name))
        expected = evaluation_transform(photo)
        np.testing.assert_allclose(image, expected, rtol=1e-5, atol=1e-4, err_msg=name)


def test_upright_photos_are_to_the_bit_what_mindspore_s_own_decoder_gives(photos: Path) -> None:
    from mindspore.dataset import vision
    from src_mindspore.dataset import _read_rgb

    for file in sorted(photos.glob("val/*/*.jpg")):
        np.testing.assert_array_equal(_read_rgb(file), vision.Decode()(np.fromfile(file, np.uint8)))


def test_a_class_without_training_images_is_named_before_it_is_learned(photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos / "train" / "00_00", tmp_path / "train" / "00_00")
    (tmp_path / "train" / "新建文件夹").mkdir()
    with pytest.raises(FileNotFoundError, match="新建文件夹: no images in it; put some there"):
        batches(tmp_path, training=True)
