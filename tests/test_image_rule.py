"""What is an image: one table, for the grader's rule and for the course library's."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import src_mindspore.folders as course_library

import grader.split.folder as grader_rule
from grader.model.dataset import SplitImage
from reference.images import read_image

from .image_files import encoded, put

RULES = {"grader": grader_rule.list_images, "course library": course_library.list_split}
IMAGE = "image"
TABLE = {
    # What torchvision takes for an image, and JPEG by its other names.
    "roses/a.jpg": IMAGE, "roses/a.JPG": IMAGE, "roses/a.Jpeg": IMAGE, "roses/a.png": IMAGE, "roses/a.bmp": IMAGE,
    "roses/a.webp": IMAGE, "roses/a.tif": IMAGE, "roses/a.tiff": IMAGE, "roses/a.ppm": IMAGE, "roses/a.pgm": IMAGE,
    "roses/a.jfif": IMAGE, "roses/a.JFIF": IMAGE, "roses/a.jpe": IMAGE, "roses/a.pjpeg": IMAGE, "roses/a.pjp": IMAGE,
    "roses/图像 1.jpg": IMAGE, "roses/link to image.jpg": IMAGE, "link to class/a.jpg": IMAGE,
    # What systems and programs leave behind.
    "roses/._x.jpg": "system", "roses/.DS_Store": "system", "roses/Thumbs.db": "system", "roses/thumbs.DB": "system",
    "roses/desktop.ini": "system", "roses/.ipynb_checkpoints/": "system", ".ipynb_checkpoints/": "system",
    "__MACOSX/": "system", "roses/__MACOSX/": "system", ".DS_Store": "system", "@eaDir/": "system",
    # What somebody put there who did not mean an image.
    "roses/notes.txt": "no-image", "roses/photo": "no-image", "roses/a.jpg.part": "no-image", "roses/a.npy": "no-image",
    "roses/dead link.txt": "no-image",
    "labels.txt": "loose", "photo.jpg": "loose",
    "roses/more/": "folder", "roses/folder.jpg/": "folder",
    "roses/pipe.jpg": "special",
    # What somebody did mean: left out in silence, it would make the set smaller.
    "roses/a.gif": "other-kind", "roses/a.HEIC": "other-kind", "roses/a.avif": "other-kind", "roses/a.dng": "other-kind",
    "roses/dead link.jpg": "dangling", "dead link": "dangling",
}  # fmt: skip


def make(place: Path, entry: str) -> None:
    """Put one row of the table into a folder."""
    path = place / entry
    target = put(place.parent / "elsewhere" / "a.jpg", encoded(".jpg"))
    if entry.startswith("link to class"):
        path.parent.symlink_to(target.parent)
        return
    path.parent.mkdir(exist_ok=True)
    if entry.endswith("/"):
        put(path / "a.jpg", encoded(".jpg"))
    elif "dead link" in entry:
        path.symlink_to(place / "nowhere")
    elif "link to image" in entry:
        path.symlink_to(target)
    elif "pipe" in entry:
        os.mkfifo(path)
    else:
        put(path)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("entry", "expected"), TABLE.items())
def test_each_entry_is_an_image_or_set_aside_for_a_reason(rule, entry, expected, tmp_path):
    place = tmp_path / "set"
    put(place / "roses" / "0.jpg")
    make(place, entry)
    listing = RULES[rule](place)
    images = {path.relative_to(place) for files in listing.images.values() for path in files}
    aside = {why: [path.relative_to(place) for path in files] for why, files in listing.aside.items()}
    if expected == IMAGE:
        assert (images, aside) == ({Path("roses/0.jpg"), Path(entry)}, {})
    else:
        assert (images, aside) == ({Path("roses/0.jpg")}, {expected: [Path(entry)]})


@pytest.mark.parametrize("rule", RULES)
def test_a_class_without_images_is_a_class(rule, tmp_path):
    put(tmp_path / "roses" / "b.jpg")
    put(tmp_path / "roses" / "a.jpg")
    put(tmp_path / "daisy" / "notes.txt")
    listing = RULES[rule](tmp_path)
    assert [*listing.images.items()] == [
        ("daisy", []),
        ("roses", [tmp_path / "roses" / "a.jpg", tmp_path / "roses" / "b.jpg"]),
    ]


def test_every_reason_is_told_or_refused_by_both():
    reasons = {*TABLE.values()} - {IMAGE}
    assert {*grader_rule.PASSED_OVER} | {*grader_rule.REFUSED} == reasons
    assert {*course_library.PASSED_OVER} | {*course_library.REFUSED} == reasons | {"unknown"}
    assert {*grader_rule.REFUSED} == course_library.REFUSED.keys()


@pytest.mark.parametrize("suffixes", ["IMAGE_SUFFIXES", "OTHER_IMAGES"])
def test_both_have_the_same_lists(suffixes):
    assert getattr(grader_rule, suffixes) == getattr(course_library, suffixes)


@pytest.mark.parametrize("suffix", sorted(grader_rule.IMAGE_SUFFIXES))
@pytest.mark.parametrize("is_really_jpeg", [False, True])
def test_what_is_called_an_image_is_read_by_what_is_in_it_and_alike_by_all(suffix, is_really_jpeg, tmp_path):
    kind = suffix if suffix in {".bmp", ".pgm", ".png", ".ppm", ".tif", ".webp"} else ".jpg"
    content = encoded(".jpg" if is_really_jpeg else kind)
    file = put(tmp_path / f"a{suffix}", content)
    expected = cv2.imread(str(file))
    assert expected.shape == (60, 90, 3)
    for pixels in (
        SplitImage(file.name, 0, content).pixels("bgr"),
        course_library.read_image(file),
        read_image(file),
    ):
        np.testing.assert_array_equal(pixels, expected)
