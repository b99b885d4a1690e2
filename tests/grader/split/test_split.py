import os
import shutil

import cv2
import numpy as np
import pytest

from grader.cli.options import say_what_is_left_out
from grader.demo import write_demo
from grader.errors import UsageError
from grader.model.dataset import GARBAGE26, load_classes
from grader.split import demo_split, open_split
from tests.image_files import encoded, jpeg_with_exif, put

from ..conftest import CLASSES, PER_CLASS


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


def test_junk_beside_the_images_is_passed_over_and_remembered(split, split_folder):
    for name in (".DS_Store", "00_00/Thumbs.db", "00_01/notes.txt", "00_01/.ipynb_checkpoints/a.png"):
        put(split_folder / name)
    (split_folder / "__MACOSX").mkdir()
    found = open_split(split_folder, CLASSES)
    assert found.sha256 == split.sha256
    assert found == split
    assert found.aside == {
        "system": (".DS_Store", "00_00/Thumbs.db", "00_01/.ipynb_checkpoints", "__MACOSX"),
        "no-image": ("00_01/notes.txt",),
    }


def test_an_empty_class_is_remembered(split_folder):
    shutil.rmtree(split_folder / "00_01")
    put(split_folder / "00_01" / ".DS_Store")
    assert open_split(split_folder, CLASSES).aside == {"system": ("00_01/.DS_Store",), "empty": ("00_01",)}


def test_jpeg_by_its_other_names_is_asked_about(split, split_folder):
    for name in ("n0.jfif", "n1.jpe", "n2.pjpeg", "n3.JFIF"):
        put(split_folder / "00_00" / name, encoded(".jpg"))
    found = open_split(split_folder, CLASSES)
    assert (len(found.images), found.aside) == (len(split.images) + 4, {})


def test_a_photo_that_its_exif_data_turns_is_asked_about_upright(split_folder):
    file = put(split_folder / "00_00" / "00000.png", jpeg_with_exif(6))
    pixels = open_split(split_folder, CLASSES).images[0].pixels("bgr")
    assert pixels.shape == (90, 60, 3)
    assert np.array_equal(pixels, cv2.imread(str(file)))


@pytest.mark.parametrize("name", ["00_00/gone.jpg", "00_03"])
def test_a_link_to_nothing_is_named_and_not_the_split(name, split_folder):
    (split_folder / name).symlink_to(split_folder / "nothing")
    with pytest.raises(UsageError, match=f"{name} is a link to nothing: put the image itself there"):
        open_split(split_folder, CLASSES)


def test_a_split_that_is_a_link_to_nothing_is_called_one(tmp_path):
    (tmp_path / "val").symlink_to(tmp_path / "moved")
    with pytest.raises(UsageError, match=r"val is a link to nothing: give a folder"):
        open_split(tmp_path / "val", CLASSES)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "passed over: 1 system file (.DS_Store); 4 files without an image's extension (00_00/0.txt, 00_00/1.txt, 00_00/2.txt, ...); 1 class without images (00_02)"),
        ("zh", "：已略过：1 个系统文件（.DS_Store）；4 个扩展名不是图像的文件（00_00/0.txt, 00_00/1.txt, 00_00/2.txt, ...）；1 个没有图像的类别（00_02）"),
    ],
)  # fmt: skip
def test_what_is_left_out_is_said_in_one_line(language, said, split_folder, capsys):
    put(split_folder / ".DS_Store")
    for number in range(4):
        put(split_folder / "00_00" / f"{number}.txt")
    shutil.rmtree(split_folder / "00_02")
    (split_folder / "00_02").mkdir()
    split = open_split(split_folder, CLASSES)
    say_what_is_left_out(split_folder, split.aside, language)
    line = capsys.readouterr().err
    assert line.startswith(f"grader: {split_folder}")
    assert line.endswith(f"{said}\n")
    say_what_is_left_out(split_folder, {}, language)
    assert capsys.readouterr().err == ""


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
    with pytest.raises(
        UsageError, match=r"animated\.GIF is an image of a format that is not supported: convert it"
    ):
        open_split(split_folder, CLASSES)
