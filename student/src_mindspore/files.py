"""Files that a training leaves: whole or not at all, and features that are never those of other images.

This file imports no MindSpore.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from src_mindspore.folders import list_split, sorted_classes, split_folder

Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]

KEY = "features.json"
# The settings that decide the features of a training set, besides its images and the weights.
_SETTINGS = ("batch_size", "repeat", "image_height", "image_width", "reduction", "seed")
_LIBRARIES = ("mindspore", "numpy", "onnxruntime", "opencv-python-headless")


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` make a file, and put it in the place of an earlier one once it is whole.

    Args:
        path: where it is to be; folders above it are made.
        write: makes a file at the place that it is given, which has the same name and lies elsewhere.

    Raises:
        OSError: it cannot be saved; names the file, in both languages.
    """
    with _saving(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            whole = Path(scratch) / path.name
            write(whole)
            whole.chmod(0o644)  # MindSpore saves read-only files
            whole.replace(path)


@contextmanager
def _saving(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(f"{path}: cannot be saved 无法保存：{error.strerror or error}") from None


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Work in another folder while the body runs: MindSpore exports to no path with Chinese letters in it."""
    earlier = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(earlier)


class FeatureFiles:
    """The features of a training set on the disk: `feature_0.npy` and `label_0.npy`, a pair for each batch.

    With them lies a digest of all that decides them: images and labels, the weights, settings, the code and
    the libraries. Where it is another one, they are not taken for current.

    Args:
        folder: where they lie, for this training set alone.
        config: `dataset_path`, `class_index` and the settings that decide the features.
        checkpoint: of the backbone.

    Attributes:
        count: of the batches.

    Raises:
        FileNotFoundError: no such folder, or no class folders in it.
    """

    def __init__(self, folder: Path, config: Any, checkpoint: Path) -> None:
        self.folder = folder
        self._digest = _digest(config, checkpoint)
        self.count = _count(folder / KEY, self._digest)

    def are_current(self) -> bool:
        """Whether all of them are there, and are those of this training set and these settings."""
        names = [name for number in range(self.count) for name in self._names(number)]
        return bool(names) and all((self.folder / name).is_file() for name in names)

    def begin(self) -> None:
        """Take away earlier features, which have other numbers; nothing else in the folder is touched.

        Raises:
            OSError: the folder cannot be written.
        """
        self.count = 0
        with _saving(self.folder):
            (self.folder / KEY).unlink(missing_ok=True)
            for kind in ("feature", "label"):
                for path in self.folder.glob(f"{kind}_*.npy"):
                    path.unlink()

    def write(self, features: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> None:
        """Add a batch.

        Raises:
            OSError: it cannot be saved.
        """
        for name, array in zip(self._names(self.count), (features, labels), strict=True):
            replace_file(self.folder / name, lambda path, array=array: np.save(path, array))  # type: ignore[misc]
        self.count += 1

    def end(self) -> None:
        """Say that all batches are there.

        Raises:
            OSError: it cannot be saved.
        """
        key = json.dumps({"digest": self._digest, "batches": self.count})
        replace_file(self.folder / KEY, lambda path: path.write_text(key, encoding="utf-8"))

    def read(self, number: int) -> Batch:
        """Return the features and labels of a batch."""
        feature, label = self._names(number)
        return np.load(self.folder / feature), np.load(self.folder / label)

    @staticmethod
    def _names(number: int) -> tuple[str, str]:
        return f"feature_{number}.npy", f"label_{number}.npy"


def _count(key: Path, digest: str) -> int:
    """Return how many batches there are of the features with this digest; 0 for others, or none."""
    try:
        found = json.loads(key.read_text(encoding="utf-8"))
        return int(found["batches"]) if found["digest"] == digest else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _digest(config: Any, checkpoint: Path) -> str:
    digest = hashlib.sha256()
    for part in _parts(config, checkpoint):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _parts(config: Any, checkpoint: Path) -> Iterator[bytes]:
    index = getattr(config, "class_index", None) or sorted_classes(config.dataset_path)
    for name, images in list_split(split_folder(Path(config.dataset_path), training=True)).images.items():
        for path in images:
            yield f"{index.get(name)} {path.name}".encode()
            yield path.read_bytes()
    yield checkpoint.read_bytes()
    yield repr([(name, getattr(config, name, None)) for name in _SETTINGS]).encode()
    for source in sorted(Path(__file__).parent.glob("**/*.py")):
        yield source.read_bytes()
    yield repr([(name, _version(name)) for name in _LIBRARIES]).encode()


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
