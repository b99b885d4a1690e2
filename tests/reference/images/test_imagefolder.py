import errno
import os
from pathlib import Path

import pytest

from reference.errors import InputError
from reference.images import missing_classes, read_image, refuse_inside, scan
from tests.image_files import jpeg_with_exif, put
from tests.reference.drawn_shapes import draw_set


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    return draw_set(tmp_path / "shapes", {"train": 2, "val": 1})


def test_classes_are_sorted_folders_and_labels_their_places(shapes: Path) -> None:
    folder = scan(shapes)
    assert folder.classes == ("disc", "square", "triangle")
    assert folder.train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert [path.parent.name for path in folder.validation.paths] == ["disc", "square", "triangle"]
    assert folder.test is None


def test_a_test_split_validates_where_there_is_no_val(shapes: Path) -> None:
    (shapes / "val").rename(shapes / "test")
    folder = scan(shapes)
    assert (folder.validation.name, folder.test) == ("test", None)


def test_a_test_split_beside_val_is_kept_apart(tmp_path: Path) -> None:
    folder = scan(draw_set(tmp_path, {"train": 1, "val": 1, "test": 1}))
    assert folder.validation.name == "val"
    assert folder.test is not None
    assert folder.test.name == "test"


def test_hidden_files_and_files_that_are_no_images_are_passed_over_and_told(
    shapes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (shapes / "train" / "disc" / "notes.txt").write_text("hello", encoding="utf-8")
    (shapes / "train" / "disc" / "._000.png").write_bytes(b"")
    (shapes / "train" / "__MACOSX").mkdir()
    folder = scan(shapes)
    assert (len(folder.train.paths), folder.classes) == (6, ("disc", "square", "triangle"))
    assert caplog.messages == [
        f"note: {shapes / 'train'}: passed over 已略过：2 left by a system 系统文件 (__MACOSX, disc/._000.png);"
        " 1 no image by its name 扩展名不是图像 (disc/notes.txt)"
    ]


@pytest.mark.parametrize("name", ["train/disc/photo.jpg", "val/star"])
def test_a_link_to_nothing_is_named(shapes: Path, name: str) -> None:
    (shapes / name).symlink_to(shapes / "gone")
    with pytest.raises(InputError, match=f"{name}: a link to nothing"):
        scan(shapes)


def test_a_photo_that_its_exif_data_turns_is_read_upright(tmp_path: Path) -> None:
    assert read_image(put(tmp_path / "phone.jpg", jpeg_with_exif(6))).shape == (90, 60, 3)


@pytest.mark.parametrize("is_folder_left", [False, True])
def test_a_class_may_be_absent_from_val(shapes: Path, is_folder_left: bool) -> None:
    (shapes / "val" / "disc" / "000.png").unlink()
    if not is_folder_left:
        (shapes / "val" / "disc").rmdir()
    assert scan(shapes).validation.labels.tolist() == [1, 2]


def test_a_missing_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such folder"):
        scan(tmp_path / "nowhere")


def test_a_file_in_place_of_the_set_is_called_a_file(tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(b"")
    with pytest.raises(InputError, match=r"set\.zip: is a file"):
        scan(tmp_path / "set.zip")


@pytest.mark.parametrize("closed", ["shapes", "shapes/train", "shapes/val/disc"])
def test_a_folder_without_permission_is_named(
    shapes: Path, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    # Not by chmod, which does not stop root.
    folder = shapes.parent / closed
    honest = {"is_dir": Path.is_dir, "iterdir": Path.iterdir}

    def refuse(name: str, path: Path) -> object:
        if folder in path.parents or (name == "iterdir" and path == folder):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return honest[name](path)

    for name in honest:
        monkeypatch.setattr(Path, name, lambda path, name=name: refuse(name, path))
    with pytest.raises(InputError, match=rf"{closed}\S*: cannot be read: Permission denied$"):
        scan(shapes)


def test_a_missing_train_folder_is_named(shapes: Path) -> None:
    (shapes / "train").rename(shapes / "training")
    with pytest.raises(InputError, match="no folder train/"):
        scan(shapes)


def test_a_set_without_val_and_test_is_refused(shapes: Path) -> None:
    (shapes / "val").rename(shapes / "validation")
    with pytest.raises(InputError, match="neither val/ nor test/"):
        scan(shapes)


def test_an_empty_class_folder_is_named(shapes: Path) -> None:
    (shapes / "train" / "star").mkdir()
    with pytest.raises(InputError, match=r"star: has no images"):
        scan(shapes)


def test_a_class_of_val_that_train_does_not_have_is_named(shapes: Path) -> None:
    (shapes / "val" / "disc").rename(shapes / "val" / "star")
    with pytest.raises(InputError, match=r"star: train/ has no class of this name"):
        scan(shapes)


def test_one_class_is_too_few(tmp_path: Path) -> None:
    for split in ("train", "val"):
        (tmp_path / split / "only").mkdir(parents=True)
    with pytest.raises(InputError, match="at least 2"):
        scan(tmp_path)


@pytest.mark.parametrize("name", ["animated.gif", "phone.HEIC"])
def test_an_image_of_a_kind_that_is_not_read_is_named(shapes: Path, name: str) -> None:
    (shapes / "train" / "disc" / name).write_bytes(b"GIF89a")
    with pytest.raises(InputError, match=f"{name}: an image of a kind that is not read"):
        scan(shapes)


def test_classes_without_images_in_a_split_are_known(shapes: Path) -> None:
    (shapes / "val" / "disc" / "000.png").unlink()
    (shapes / "val" / "disc").rmdir()
    folder = scan(shapes)
    assert missing_classes(folder, folder.train) == ()
    assert missing_classes(folder, folder.validation) == ("disc",)


def test_a_class_folder_whose_name_is_not_utf8_is_refused(shapes: Path) -> None:
    name = os.fsdecode("塑料瓶".encode("gbk"))
    for split in ("train", "val"):
        (shapes / split / "disc").rename(shapes / split / name)
    with pytest.raises(InputError, match="is not UTF-8; rename it"):
        scan(shapes)


@pytest.mark.parametrize("place", ["train/run", "val/disc", "train"])
def test_a_run_is_not_written_into_the_data_set(shapes: Path, place: str) -> None:
    with pytest.raises(InputError, match="lies in the data set; choose a --run_path outside"):
        refuse_inside(scan(shapes), shapes / place)
    refuse_inside(scan(shapes), shapes / "runs")
