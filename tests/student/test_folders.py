import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from src_mindspore.folders import labelled_images, read_image

from tests.image_files import put


def test_importing_the_folders_imports_no_mindspore() -> None:
    code = "import sys, src_mindspore.folders, src_mindspore.pictures; assert 'mindspore' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_labels_follow_the_sorted_training_folders(photos: Path, tmp_path: Path) -> None:
    for split, folders in {"train": ["00_00", "00_02", "00_01"], "test": ["00_02"]}.items():
        for folder in folders:
            shutil.copytree(photos / split.replace("test", "val") / folder, tmp_path / split / folder)
    assert [label for _, label in labelled_images(tmp_path, training=True)] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert labelled_images(tmp_path, training=False) == [(tmp_path / "test" / "00_02" / "00000.jpg", 2)]


def test_a_split_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train" / "daisy").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no images in it"):
        labelled_images(tmp_path, training=True)


def test_a_link_to_nothing_and_a_class_that_is_not_learned_are_named(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for split, folder in (("train", "00_00"), ("val", "00_00"), ("val", "00_01")):
        shutil.copytree(photos / split / folder, tmp_path / split / folder)
    assert len(labelled_images(tmp_path, training=False)) == 1
    assert caplog.messages == [
        f"note: {tmp_path / 'val'}: passed over 已略过：1 of no class that is learned 不属于要学习的类别 (00_01)"
    ]
    (tmp_path / "val" / "00_00" / "gone.jpg").symlink_to(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"00_00/gone\.jpg: a link to nothing"):
        labelled_images(tmp_path, training=False)


def test_what_is_passed_over_is_printed_where_nobody_has_set_up_logging(tmp_path: Path) -> None:
    put(tmp_path / "train" / "daisy" / "a.jpg")
    for number in range(5):
        put(tmp_path / "train" / "daisy" / f"notes{number}.txt")
    code = f"from src_mindspore.folders import labelled_images; labelled_images({str(tmp_path)!r}, True)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8")
    assert done.stderr == (
        f"note: {tmp_path / 'train'}: passed over 已略过：5 no image by its name 扩展名不是图像"
        " (daisy/notes0.txt, daisy/notes1.txt, daisy/notes2.txt, ...)\n"
    )


def test_images_are_read_as_opencv_reads_them(photos: Path, tmp_path: Path) -> None:
    file = next((photos / "val" / "00_03").iterdir())
    np.testing.assert_array_equal(read_image(file), cv2.imread(str(file)))
    (tmp_path / "empty.jpg").touch()
    assert read_image(tmp_path / "empty.jpg") is None
    assert read_image(tmp_path) is None
