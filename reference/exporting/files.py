"""Write a network's files, load them again, compare them with the live network; only then do they appear."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from reference.command_line import interruptible
from reference.exporting.classifier import Classifier
from reference.exporting.comparing import FloatArray, Images, Predict, largest_difference
from reference.exporting.errors import ExportError

FORMATS = ("mindir", "onnx", "safetensors")
TOLERANCE = 1e-4
"""Largest difference of a logit (or probability) from the live network's."""

_Writer = Callable[[Classifier, Path], None]
_Loader = Callable[[Path], Predict]


@dataclass(frozen=True)
class Exported:
    """One finished file.

    Attributes:
        path: where it is.
        size: bytes.
        difference: the largest from the live network, over all images and classes.
        seconds: writing, loading again and answering.
    """

    path: Path
    size: int
    difference: float
    seconds: float


def file_name(format_name: str) -> str:
    """Return the name of a format's file, which is the labs' name."""
    return f"mobilenetv2.{format_name}"


def export(
    classifier: Classifier,
    folder: Path,
    formats: Sequence[str],
    images: Images,
    advance: Callable[[int], object] = lambda _: None,
) -> list[Exported]:
    """Write a network to `folder` in each format, replacing files of the same names.

    The files come from, and are compared with, a network that MindSpore builds and computes alone. They
    appear, one after the other, when all of them agree with it, whole and with the usual file mode; before
    that, nothing in `folder` changes but for a hidden folder of ours, which goes again.

    Args:
        classifier: the network.
        folder: is there.
        formats: of FORMATS.
        images: to compare on.
        advance: told how many more images have been compared, for a progress bar.

    Raises:
        ExportError: a file cannot be written (the message says which have appeared), or differs by more than
            TOLERANCE.
        InputError: an image cannot be read.
    """
    from reference.exporting.network import build_network, predictor, pynative_mode

    done: list[Exported] = []
    try:
        with _scratch_folder(folder) as scratch, pynative_mode():
            trials = [_Trial(name, classifier, scratch) for name in formats]
            live = predictor(build_network(classifier))
            for batch in images.batches():
                expected = live(batch)
                for trial in trials:
                    trial.compare(batch, expected)
                advance(len(batch))
            for trial in trials:
                trial.check(images.what)
            for trial in trials:
                done.append(trial.finish(folder))
            return done
    except OSError as error:
        reason = error.strerror or error
        appeared = f"only {' and '.join(file.path.name for file in done)}" if done else "none"
        raise ExportError(
            f"{folder}: the files could not be written: {reason}; {appeared} appeared"
        ) from None


@contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    """Give a hidden folder that is gone afterwards, also after Ctrl-C."""
    with (
        tempfile.TemporaryDirectory(prefix=".export-", dir=parent.resolve()) as scratch,
        interruptible(tidy=partial(shutil.rmtree, scratch, ignore_errors=True)),
    ):
        yield Path(scratch)


class _Trial:
    """A file that has been written and loaded again, but is not proved yet."""

    def __init__(self, name: str, classifier: Classifier, scratch: Path) -> None:
        write, load = _functions(name, classifier)
        begun = time.perf_counter()
        self._path = scratch / file_name(name)
        write(classifier, self._path)
        self._predict = load(self._path)
        self._difference = 0.0
        self._seconds = time.perf_counter() - begun

    def compare(self, batch: FloatArray, expected: FloatArray) -> None:
        begun = time.perf_counter()
        answer = self._predict(batch)
        self._seconds += time.perf_counter() - begun
        self._difference = max(self._difference, largest_difference(answer, expected))

    def check(self, where: str) -> None:
        if self._difference > TOLERANCE:
            raise ExportError(
                f"{self._path.name}: differs from the live network by up to {self._difference:.2g} on {where}"
                f" (allowed: {TOLERANCE:g}); nothing was written"
            )

    def finish(self, folder: Path) -> Exported:
        size = self._path.stat().st_size
        path = self._path.replace(folder / self._path.name)
        return Exported(path, size, self._difference, self._seconds)


def _functions(name: str, classifier: Classifier) -> tuple[_Writer, _Loader]:
    """Return what writes and what loads a format; here, because most of them import MindSpore."""
    from reference.exporting import mindir_file, network, onnx_file, safetensors_file

    load_safetensors = partial(network.load_safetensors, classifier=classifier)
    functions: dict[str, tuple[_Writer, _Loader]] = {
        "mindir": (mindir_file.write, mindir_file.load),
        "onnx": (onnx_file.write, onnx_file.load),
        "safetensors": (safetensors_file.write, load_safetensors),
    }
    return functions[name]
