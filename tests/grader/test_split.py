import os
import shutil

import cv2
import numpy as np
import pytest

from datasets.classes import GARBAGE26, load_classes
from datasets.demo.generate import write_demo
from grader.errors import UsageError
from grader.split import demo_split, open_split

from .conftest import CLASSES, PER_CLASS


def test_images_come_in_name_order_with_their_class_index(split):
    assert [image.label for image in split.images] == [
        i for i in range(len(CLASSES)) for _ in range(PER_CLASS)
    ]
    assert [image.name for image in split.images] == sorted(image.name for image in split.images)


def test_the_digest_is_of_names_and_bytes_and_not_of_the_place(split, split_folder, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.copytree(split_folder, moved)
    assert open_split(moved, CLASSES).sha256 == split.sha256
    first = moved / split.images[0].name
    first.rename(first.with_name("renamed.png"))
    renamed = open_split(moved, CLASSES).sha256
    assert renamed != split.sha256
    cv2.imwrite(str(first.with_name("renamed.png")), np.zeros((9, 9, 3), np.uint8))
    assert open_split(moved, CLASSES).sha256 not in (renamed, split.sha256)


def test_pixels_are_bgr_as_imread_gives_them_or_rgb(split_folder):
    path = split_folder / "00_00" / "00000.png"
    cv2.imwrite(str(path), np.full((5, 6, 3), (10, 20, 30), np.uint8))
    image = open_split(split_folder, CLASSES).images[0]
    assert np.array_equal(image.pixels("bgr"), cv2.imread(str(path)))
    assert image.pixels("rgb")[0, 0].tolist() == [30, 20, 10]
    assert image.pixels("rgb").flags.c_contiguous


def test_chinese_paths_and_grey_images_are_read(tmp_path):
    folder = tmp_path / "验证集" / "00_00"
    folder.mkdir(parents=True)
    cv2.imencode(".jpg", np.zeros((7, 7), np.uint8))[1].tofile(folder / "图像.jpg")
    assert open_split(tmp_path / "验证集", CLASSES).images[0].pixels("bgr").shape == (7, 7, 3)


def test_junk_beside_the_images_is_passed_over(split, split_folder):
    (split_folder / ".DS_Store").write_bytes(b"x")
    (split_folder / "00_00" / "Thumbs.db").write_bytes(b"x")
    (split_folder / "00_00" / "notes.txt").write_text("x", encoding="utf-8")
    assert open_split(split_folder, CLASSES).sha256 == split.sha256


def test_a_split_that_cannot_be_used_is_one_clear_line(tmp_path, split_folder):
    empty = tmp_path / "empty"
    empty.mkdir()
    file = tmp_path / "file"
    file.touch()
    for path, reason in [(empty, "no images"), (file, "not a folder"), (tmp_path / "none", "does not exist")]:
        with pytest.raises(UsageError, match=reason):
            open_split(path, CLASSES)
    with pytest.raises(UsageError, match="no class of this assignment: 00_02"):
        open_split(split_folder, CLASSES[:2])


def test_a_damaged_image_is_found_before_grading(split_folder):
    (split_folder / "00_01" / "00002.png").write_bytes(b"not an image")
    with pytest.raises(UsageError, match=r"00_01/00002\.png cannot be decoded"):
        open_split(split_folder, CLASSES)


def test_the_demo_split_is_the_same_every_time():
    first, second = demo_split(), demo_split()
    assert first.is_demo
    assert first.sha256 == second.sha256
    assert {image.label for image in first.images} == set(range(26))


def test_the_demo_split_is_what_the_demo_command_draws(tmp_path):
    write_demo(tmp_path / "demo", train=1)
    assert open_split(tmp_path / "demo" / "val", load_classes(GARBAGE26)).sha256 == demo_split().sha256


def test_an_image_whose_name_no_report_could_hold_is_found_before_grading(split_folder):
    first = split_folder / "00_00" / "00000.png"
    # As an archive from Chinese Windows leaves it: 塑料.png in GBK.
    first.rename(first.with_name(os.fsdecode("塑料.png".encode("gbk"))))
    with pytest.raises(UsageError, match="not UTF-8"):
        open_split(split_folder, CLASSES)


def test_an_image_of_a_kind_that_is_not_read_is_refused_and_not_left_out(split_folder):
    (split_folder / "00_00" / "animated.GIF").write_bytes(b"GIF89a")
    with pytest.raises(UsageError, match=r"animated\.GIF is an image of a kind that is not read: convert it"):
        open_split(split_folder, CLASSES)
