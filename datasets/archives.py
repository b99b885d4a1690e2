"""A data set in a zip: found in it, checked to the last byte, and put in its place at once or not at all.

Paths in an archive are not trusted: of each file only the name of its class folder, which must be known, and
its own, which must be plain, become a path.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path

from datasets.download import FetchError

MAX_FILE_BYTES = 64 << 20
MAX_BYTES = 4 << 30
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF")
_PLAIN_NAME = re.compile(r"[^./\\:*?\"<>|\x00-\x1f][^/\\:*?\"<>|\x00-\x1f]*")
_LEFT_BY_SYSTEMS = "__MACOSX"
_NOTES = frozenset({"label.txt", "LICENSE.txt"})
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Those of which no more than what is asked for is unpacked."""

Images = dict[tuple[str, str], zipfile.ZipInfo]
"""By class and file name."""


def check_folder(folder: Path, classes: Collection[str]) -> int:
    """Return how many images there are in the class folders of a split.

    Raises:
        FetchError: there are other folders, or a class has no images.
    """
    try:
        found = {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
        images = {name: [*filter(_is_image_file, (folder / name).iterdir())] for name in found}
    except OSError as error:
        raise FetchError(f"{folder}: cannot be read 无法读取：{error.strerror or error}") from None
    if found != {*classes} or not all(images.values()):
        raise FetchError(
            f"{folder}: exists, and is not this set; move it away, and run the command again"
            " 已存在，但不是该数据集，请移走后重新运行"
        )
    return sum(map(len, images.values()))


def unpack(archive: Path, folder: Path, splits: Mapping[str, str], classes: Collection[str]) -> None:
    """Unpack splits of a set into `folder`, each as a new folder.

    Args:
        archive: a zip.
        folder: of the set.
        splits: the name of each new folder, and that of the folder in the archive, or "" for any.
        classes: names of the class folders.

    Raises:
        FetchError: the archive is damaged or holds something else, or nothing can be written there.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            images = {
                split: _find(archive, zipped.infolist(), where, classes) for split, where in splits.items()
            }
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch:
                for split, found in images.items():
                    _extract(archive, zipped, found, Path(scratch) / split)
                _extract_notes(zipped, folder, Path(scratch))
                for split in images:
                    put(Path(scratch) / split, folder / split)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise FetchError(f"{archive}: damaged, or no zip 文件已损坏，或不是 zip 文件") from None
    except OSError as error:
        reason = f"{error.filename or folder}: {error.strerror or error} 无法读写"
        raise FetchError(reason, is_input=False) from None


def _find(archive: Path, entries: list[zipfile.ZipInfo], where: str, classes: Collection[str]) -> Images:
    """Find the one folder that has images in all class folders and in no other."""
    by_folder: dict[tuple[str, ...], Images] = {}
    for entry in entries:
        *above, kind, name = ("", *entry.filename.split("/"))
        is_wanted = not where or above[-1:] == [where]
        if _LEFT_BY_SYSTEMS in above or not is_wanted or Path(name).suffix.lower() not in _SUFFIXES:
            continue
        if kind and _PLAIN_NAME.fullmatch(name):
            by_folder.setdefault(tuple(above), {})[kind, name] = entry
    found = [images for images in by_folder.values() if {kind for kind, _ in images} == {*classes}]
    if len(found) != 1:
        raise FetchError(
            f"{archive}: not this set: {len(found)} folders in it have images of exactly these classes:"
            f" {', '.join(classes)} 不是该数据集：类别文件夹不一致"
        )
    _check_sizes(archive, found[0])
    return found[0]


def _check_sizes(archive: Path, images: Images) -> None:
    names = {(kind, name.casefold()) for kind, name in images}
    if len(names) != len(images):
        raise FetchError(f"{archive}: two files differ in capital letters alone 有仅大小写不同的文件")
    sizes = [entry.file_size for entry in images.values()]
    if max(sizes) > MAX_FILE_BYTES or sum(sizes) > MAX_BYTES:
        raise FetchError(f"{archive}: more than can be in it: {sum(sizes) >> 20} MiB 内容过大")
    if any(entry.compress_type not in _METHODS for entry in images.values()):
        raise FetchError(f"{archive}: not packed by the usual method 压缩方式不受支持")
    if any(entry.flag_bits & _ENCRYPTED for entry in images.values()):
        raise FetchError(f"{archive}: has a password 压缩包有密码")


def _extract(archive: Path, zipped: zipfile.ZipFile, images: Images, folder: Path) -> None:
    for (kind, name), entry in images.items():
        content = _read(zipped, entry)
        if not content.startswith(_SIGNATURES):
            raise FetchError(f"{archive}: {entry.filename} is no image 其中有不是图像的文件")
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind / name).write_bytes(content)


def _extract_notes(zipped: zipfile.ZipFile, folder: Path, scratch: Path) -> None:
    """Keep what belongs to the images, the list of labels and the licence, unless it is there."""
    for entry in zipped.infolist():
        name = entry.filename.rpartition("/")[2]
        is_fit = entry.file_size <= MAX_FILE_BYTES and entry.compress_type in _METHODS
        if name in _NOTES and is_fit and not os.path.lexists(folder / name):
            (scratch / name).write_bytes(_read(zipped, entry))
            put(scratch / name, folder / name)


def _read(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return a file by its checksum; one that says less than it has is not unpacked to its end."""
    with zipped.open(entry) as file:
        return file.read(entry.file_size)


def put(made: Path, place: Path) -> None:
    """Move what was made to its place, where nothing may be.

    Raises:
        FetchError: something is.
        OSError: it cannot be moved.
    """
    if place.exists() or place.is_symlink():
        raise FetchError(f"{place}: has come meanwhile; move it away 已存在，请先移走")
    shutil.move(made, place)


def _is_image_file(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and path.is_file()
