"""Fetch what the labs are made with, by the labs' own addresses, and check it.

    python -m datasets.fetch flowers              # the photos, to datasets/flower_photos/train and /test
    python -m datasets.fetch garbage              # to datasets/garbage_26x100/train and /val
    python -m datasets.fetch backbone             # the pretrained network, to student/pretrained/: for both
                                                  # MindSpore (.ckpt) and PyTorch (.safetensors)
    python -m datasets.fetch flowers --from flower_photos_train.zip flower_photos_test.zip

A download that broke off goes on where it was. A set appears in its place only when all of it is there and
right: every file whole, all of them images, in the folders of exactly these classes. Nothing that is there
already is changed: a set that is right stays, anything else is named. Nothing but Python's own library is
needed.

断线后重新运行即可续传。只有当文件完整、全部是图像、类别文件夹完全一致时，数据集才会出现在目标位置；已有的文件不会被改动。

Exit codes: 0 it is there, 1 it could not be had, 2 it is not what it should be or a file is in the way,
130 interrupted.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datasets.archives import check_folder, put, unpack
from datasets.backbone import Parameter, is_safetensors, parameters_of, safetensors_of
from datasets.download import FetchError, download, forget

ROOT = Path(__file__).resolve().parents[1]
_FLOWER_ADDRESS = "https://professional.obs.cn-north-4.myhuaweicloud.com"
_BACKBONE_ADDRESS = "https://download.mindspore.cn/model_zoo/official/lite/mobilenetv2_openimage_lite"
FLOWERS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
GARBAGE = tuple(f"{group:02d}_{k:02d}" for group, count in enumerate((10, 8, 4, 4)) for k in range(count))


@dataclass(frozen=True)
class Archive:
    """A zip of a set.

    Attributes:
        name: of the file, on a mirror or as a student has it.
        url: where it comes from.
        splits: what is made of it: the name of a split, and that of the folder in the archive that holds the
            class folders, or "" for any.
    """

    name: str
    url: str
    splits: dict[str, str]


@dataclass(frozen=True)
class DataSet:
    """Images in class folders.

    Attributes:
        folder: in datasets/.
        classes: names of the class folders.
        archives: that it comes in.
        remark: to be said with it.
    """

    folder: str
    classes: tuple[str, ...]
    archives: tuple[Archive, ...]
    remark: str


SETS = {
    "flowers": DataSet(
        "flower_photos",
        FLOWERS,
        tuple(
            Archive(name := f"flower_photos_{split}.zip", f"{_FLOWER_ADDRESS}/{name}", {split: ""})
            for split in ("train", "test")
        ),
        "the photos are under CC BY: keep LICENSE.txt with them if you pass them on"
        " 照片采用 CC BY 许可，转发时请保留 LICENSE.txt",
    ),
    "garbage": DataSet(
        "garbage_26x100",
        GARBAGE,
        (
            Archive(
                "garbage_26x100.zip",
                "https://github.com/NightCat204/AI_ML/archive/4631d15.zip",
                {"train": "train", "val": "val"},
            ),
        ),
        "no licence is stated for these images: study with them, do not pass them on"
        " 这些图像未注明许可，仅供学习，请勿转发",
    ),
}


@dataclass(frozen=True)
class Backbone:
    """A file of pretrained weights.

    Attributes:
        name: of the file, on a mirror or as a student has it.
        url: where it comes from.
        place: below the root.
        for_torch: where the same weights go for the PyTorch template, made of that file.
    """

    name: str
    url: str
    place: str
    for_torch: str


BACKBONE = Backbone(
    "mobilenetv2_cpu_gpu.ckpt",
    f"{_BACKBONE_ADDRESS}/mobilenetv2_cpu_gpu.ckpt",
    "student/pretrained/mobilenetv2.ckpt",
    "student/pretrained/mobilenetv2.safetensors",
)


@dataclass(frozen=True)
class Wishes:
    """What the command line says.

    Attributes:
        given: files to take in place of downloads.
        mirror: an address to take the files from, by their names; or None.
        sha256: that of each file, by the file's name; or none.
    """

    given: tuple[Path, ...]
    mirror: str | None
    sha256: tuple[str, ...]


def fetch_set(wanted: DataSet, out: Path, wishes: Wishes) -> list[str]:
    """Fetch what is missing of a set, and say of each split what is there.

    Raises:
        FetchError: it could not be had, is not what it should be, or a file is in the way.
    """
    folder = out / wanted.folder
    for archive in wanted.archives:
        missing = {split: where for split, where in archive.splits.items() if not _there(folder / split)}
        for split in archive.splits.keys() - missing.keys():
            check_folder(folder / split, wanted.classes)
        if missing:
            path, is_download = _obtain(archive.name, archive.url, out, wishes)
            with _forgetting(path, is_download):
                unpack(path, folder, missing, wanted.classes)
    splits = [folder / split for archive in wanted.archives for split in archive.splits]
    return [f"{split}: {check_folder(split, wanted.classes)} images 张图像" for split in splits]


def fetch_backbone(wanted: Backbone, root: Path, wishes: Wishes) -> list[str]:
    """Fetch the pretrained network, unless it is there, make PyTorch's file of it, and say what is there.

    Raises:
        FetchError: as `fetch_set`.
    """
    place, for_torch = root / wanted.place, root / wanted.for_torch
    if not _there(place):
        path, is_download = _obtain(wanted.name, wanted.url, place.parent, wishes)
        with _forgetting(path, is_download):
            _parameters(path)
            _put_copy(_content(path), place)
    parameters = _parameters(place)
    if not _there(for_torch):
        _put_copy(safetensors_of(parameters), for_torch)
    elif not is_safetensors(_content(for_torch)):
        raise _no_backbone(for_torch)
    return [
        f"{place}: pretrained weights 预训练权重",
        f"{for_torch}: the same for PyTorch 同样的权重，供 PyTorch 使用",
    ]


@contextmanager
def _forgetting(path: Path, is_download: bool) -> Iterator[None]:
    """Forget a download that was used or is wrong, for it would be no other the next time.

    One that could not be used yet, on a full disk or because somebody stopped the command, stays.
    """
    try:
        yield
    except FetchError as error:
        if is_download and error.is_input:
            forget(path)
        raise
    if is_download:
        forget(path)


def _parameters(path: Path) -> list[Parameter]:
    try:
        return parameters_of(_content(path))
    except ValueError:
        raise _no_backbone(path) from None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FetchError(f"{path}: cannot be read 无法读取：{error.strerror or error}") from None


def _no_backbone(path: Path) -> FetchError:
    return FetchError(
        f"{path}: no MobileNetV2 of the course; move it away, and run the command again"
        " 不是课程的 MobileNetV2 权重，请移走后重新运行"
    )


def _put_copy(content: bytes, place: Path) -> None:
    """Write a file to its place, where nothing may be: all of it or none."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=place.parent) as scratch:
            whole = Path(scratch) / place.name
            whole.write_bytes(content)
            put(whole, place)
    except OSError as error:
        reason = f"{place}: cannot be written 无法写入：{error.strerror or error}"
        raise FetchError(reason, is_input=False) from None


def _obtain(name: str, url: str, folder: Path, wishes: Wishes) -> tuple[Path, bool]:
    """Return the file, and whether it is a download of ours."""
    given = [path for path in wishes.given if path.name == name]
    if wishes.given and not given:
        raise FetchError(f"--from: {name} is not among the files 其中没有 {name}")
    if given:
        path, is_download = given[0], False
    else:
        address = url if wishes.mirror is None else f"{wishes.mirror.rstrip('/')}/{name}"
        print(f"{address} ...", flush=True)
        path, is_download = download(address, folder / name), True
    digest = _sha256(path)
    print(f"{name}: sha256 {digest}", flush=True)
    if wishes.sha256 and digest not in wishes.sha256:
        if is_download:
            forget(path)
        raise FetchError(f"{name}: its sha256 is not the one given 与给出的 sha256 不一致")
    return path, is_download


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise FetchError(f"{path}: cannot be read 无法读取：{error.strerror or error}") from None
    return digest.hexdigest()


def _there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m datasets.fetch", description="Fetch and check what the labs are made with."
    )
    add = parser.add_argument
    add("what", choices=[*SETS, "backbone"], help="flowers, garbage: images; backbone: pretrained weights")
    add("--out", type=Path, default=ROOT / "datasets", metavar="DIR", help="where sets go (datasets/)")
    add(
        "--from",
        nargs="+",
        type=Path,
        default=(),
        metavar="FILE",
        dest="given",
        help="files you have already",
    )
    add("--mirror", metavar="URL", help="an address of your teacher's, where the files lie under their names")
    add("--sha256", nargs="+", default=(), metavar="HEX", help="refuse files with another sha256")
    options = parser.parse_args(arguments)
    wishes = Wishes(tuple(options.given), options.mirror, tuple(map(str.lower, options.sha256)))
    try:
        if options.what == "backbone":
            print(*fetch_backbone(BACKBONE, ROOT, wishes), sep="\n")
        else:
            wanted = SETS[options.what]
            print(*fetch_set(wanted, options.out, wishes), f"note: {wanted.remark}", sep="\n")
    except FetchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if error.is_input else 1
    except KeyboardInterrupt:
        print("\nstopped; run the command again to go on 已停止，重新运行即可续传", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
