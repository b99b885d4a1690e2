"""What is kept of one submission so that it can be compared: its code, and the heads of its checkpoints.

Everything a student handed in is read here within bounds: so many files, so many bytes, so many values. What
is left out is said. All is read in a process of its own, should a bound have a hole: :mod:`grader.similarity`
starts `python -m grader.sketch`. So this module imports little, and nothing that takes long.

Of a checkpoint the head is kept, the last matrix of the network, with a row for each class: the one that
tells one student's network from another's.
"""

from __future__ import annotations

import hashlib
import io
import json
import mmap
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from grader.formats import MOST_BYTES, Tensor, UnreadableError, tensors_of
from grader.model.submission import Submission, SubmittedFile

Matrix = npt.NDArray[np.float32]
_CODE_SUFFIXES = frozenset({".py", ".ipynb"})
_MOST_CODE, _MOST_NOTEBOOK_BYTES = 200_000, 8 << 20
"""Characters of code of one submission, and bytes of one notebook with the pictures in it."""
_MOST_VALUES = 1_000_000
"""Of a notebook's JSON: pictures and printed text are one each."""
MOST_CHECKPOINTS = 4
_COURSE_LIBRARY = "src_mindspore"
_FEWEST_COLUMNS, _MOST_COLUMNS = 16, 2048
_MOST_NUMBERS = 1 << 23
_OPTIMIZERS = ("moment", "accum", "stat.")
"""What the names of an optimizer's own copies begin with."""


@dataclass(frozen=True)
class CodeFile:
    """One file of code."""

    path: str
    text: str


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """One checkpoint."""

    path: str
    sha256: str
    is_read: bool
    """Whether its format is known; of others only the bytes can be compared."""
    head_name: str
    """Of the parameter; empty where there is none."""
    head: Matrix | None
    """None where it has none, as a pretrained backbone has not."""
    tensors: npt.NDArray[np.uint64]
    """(N,) a digest of each tensor."""


@dataclass(frozen=True)
class Sketch:
    """What is compared of one submission."""

    code: tuple[CodeFile, ...]
    checkpoints: tuple[Checkpoint, ...]
    left_out: tuple[str, ...] = ()
    """Paths of what would have been looked at, had there not been so much of it."""
    is_read: bool = True
    """Whether it could be read within the bounds; if not, only the bytes of checkpoints are compared."""


def sketch_of(submission: Submission, classes: int) -> Sketch:
    """Read a submission's code and checkpoints.

    Args:
        submission: the private copy.
        classes: how many there are in the assignment: rows of a head.
    """
    code, left_out = _all_code(submission)
    checkpoints = _chosen(submission)
    return Sketch(
        code=tuple(code),
        checkpoints=tuple(
            _checkpoint(submission.folder / file.path, file, classes)
            for file in checkpoints[:MOST_CHECKPOINTS]
        ),
        left_out=(*left_out, *(str(file.path) for file in checkpoints[MOST_CHECKPOINTS:])),
    )


def unread_sketch(submission: Submission) -> Sketch:
    """Return what there is to compare of a submission that cannot be read: the digests of its checkpoints."""
    nothing = np.zeros(0, np.uint64)
    return Sketch(
        code=(),
        checkpoints=tuple(
            Checkpoint(str(file.path), file.sha256, False, "", None, nothing)
            for file in _chosen(submission)[:MOST_CHECKPOINTS]
        ),
        is_read=False,
    )


def code_of(folder: Path, paths: Iterable[Path]) -> Iterator[CodeFile]:
    """Yield what of files below a folder of our own, or of an instructor's, is code."""
    for path in paths:
        if path.suffix.lower() in _CODE_SUFFIXES:
            yield _code(path, path.relative_to(folder).as_posix())


def tensors_in(path: Path) -> list[Tensor] | None:
    """Return the tensors of a file that is not empty, as views of it; None if it cannot be read."""
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return tensors_of(data, path.suffix.lower())
    except UnreadableError:
        return None


def to_bytes(sketch: Sketch, made_by: str) -> bytes:
    """Return a sketch as a file that :func:`from_bytes` reads; the same sketch gives the same bytes."""
    description = {
        "made_by": made_by,
        "code": [[file.path, file.text] for file in sketch.code],
        "checkpoints": [
            [item.path, item.sha256, item.is_read, item.head_name] for item in sketch.checkpoints
        ],
        "left_out": sketch.left_out,
        "is_read": sketch.is_read,
    }
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "description": np.frombuffer(json.dumps(description).encode("ascii"), np.uint8)
    }
    for number, item in enumerate(sketch.checkpoints):
        arrays[f"tensors-{number}"] = item.tensors
        if item.head is not None:
            arrays[f"head-{number}"] = item.head
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def from_bytes(data: bytes, made_by: str) -> Sketch | None:
    """Read what :func:`to_bytes` wrote; None if it was made by another program, or is damaged."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            description = json.loads(arrays["description"].tobytes())
            if description["made_by"] != made_by:
                return None
            checkpoints = tuple(
                Checkpoint(
                    path,
                    sha256,
                    is_read,
                    head_name,
                    arrays.get(f"head-{number}"),
                    arrays[f"tensors-{number}"],
                )
                for number, (path, sha256, is_read, head_name) in enumerate(description["checkpoints"])
            )
            code = tuple(CodeFile(*texts) for texts in description["code"])
            return Sketch(code, checkpoints, tuple(description["left_out"]), description["is_read"])
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def head_of(tensors: Sequence[Tensor], classes: int) -> tuple[str, Matrix] | None:
    """Return the head's name and its numbers, float32 (classes, M).

    None if there is no head, or it holds what is no number, or is no more than one row for all classes.
    """
    network = [tensor for tensor in tensors if not tensor.name.startswith(_OPTIMIZERS)]
    # Numbers are taken of one tensor alone: a file may have ten thousand that would fit.
    fitting = [tensor for tensor in network if _has_rows(tensor, classes)]
    tensor = fitting[-1] if fitting else _before_bias(network, classes)
    if tensor is None:
        return None
    head = _folded(_matrix(tensor, classes))
    is_sound = bool(np.isfinite(head).all()) and bool((head.max(axis=0) != head.min(axis=0)).any())
    return (tensor.name, head) if is_sound else None


def _chosen(submission: Submission) -> list[SubmittedFile]:
    """Return the checkpoints that are not empty; of many, those that main.py names come first."""
    named = submission.named_in_main()
    return sorted((file for file in submission.checkpoints if file.size), key=lambda file: file not in named)


def _all_code(submission: Submission) -> tuple[list[CodeFile], list[str]]:
    """Return a submission's code, but for the course library, and the paths of what is too much."""
    code: list[CodeFile] = []
    left_out = []
    room = _MOST_CODE
    for file in sorted(submission.files, key=lambda file: file.path.name != "main.py"):
        if file.path.suffix.lower() in _CODE_SUFFIXES and _COURSE_LIBRARY not in file.path.parts:
            read = _code(submission.folder / file.path, str(file.path)) if room else None
            if read is None or len(read.text) > room:
                left_out.append(str(file.path))
                room = 0  # in the order of the paths: not the one that happens to fit
            elif read.text:
                code.append(read)
                room -= len(read.text)
    return code, left_out


def _code(path: Path, name: str) -> CodeFile:
    is_notebook = path.suffix.lower() == ".ipynb"
    with path.open("rb") as file:
        data = file.read(_MOST_NOTEBOOK_BYTES if is_notebook else _MOST_CODE + 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", "replace")
    text = _cells(text) if is_notebook else text
    return CodeFile(name, text.encode("utf-8", "replace").decode("utf-8"))


def _cells(text: str) -> str:
    """Return the code of a notebook's cells; nothing if it is none."""
    if sum(map(text.count, "[{,")) > _MOST_VALUES:
        return ""
    try:
        cells = json.loads(text)["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        return "\n".join(source if isinstance(source, str) else "".join(source) for source in sources)
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _checkpoint(path: Path, file: SubmittedFile, classes: int) -> Checkpoint:
    read = tensors_in(path) if file.size <= MOST_BYTES else None
    tensors = read or []
    digests = np.array([_digest(tensor) for tensor in tensors], np.uint64)
    name, head = head_of(tensors, classes) or ("", None)
    return Checkpoint(str(file.path), file.sha256, read is not None, name, head, digests)


def _digest(tensor: Tensor) -> int:
    digest = hashlib.blake2b(
        f"{tensor.name} {tensor.shape} {tensor.type}\n".encode("utf-8", "surrogatepass"), digest_size=8
    )
    digest.update(tensor.content)
    return int.from_bytes(digest.digest(), "big")


def _has_rows(tensor: Tensor, classes: int) -> bool:
    """Whether a tensor has a row or a column for each class."""
    shape = tensor.shape
    if shape is None or len(shape) < 2 or not _fits(tensor.size, classes):
        return False
    return shape[0] == classes or (len(shape) == 2 and shape[1] == classes)


def _matrix(tensor: Tensor, classes: int) -> Matrix:
    """Return a tensor as (classes, M); one whose shape is not known, by rows."""
    if tensor.shape is None or tensor.shape[0] == classes:
        return tensor.numbers().reshape(classes, -1)
    return np.ascontiguousarray(tensor.numbers().reshape(tensor.shape).T)


def _before_bias(tensors: Sequence[Tensor], classes: int) -> Tensor | None:
    """Return, where shapes are not known, the storage that a bias follows; else the last that fits."""
    plain = [tensor for tensor in tensors if tensor.shape is None]
    fitting = [number for number, tensor in enumerate(plain) if _fits(tensor.size, classes)]
    with_bias = [
        number
        for number in fitting
        if [tensor.size for tensor in plain[number + 1 : number + 2]] == [classes]
    ]
    # An optimizer's copies follow the network: the first pair is the network's own.
    chosen = with_bias[:1] or fitting[-1:]
    return plain[chosen[0]] if chosen else None


def _fits(size: int, classes: int) -> bool:
    return size % classes == 0 and _FEWEST_COLUMNS * classes <= size <= _MOST_NUMBERS


def _folded(head: Matrix) -> Matrix:
    """Return a head of at most so many columns, the others added to them with random signs.

    Sums of rows stay sums of rows, and distances stay what they are within some percent.
    """
    columns = head.shape[1]
    if columns <= _MOST_COLUMNS:
        return head
    signs = np.random.default_rng(columns).choice(np.array([-1, 1], np.float32), columns)
    padded = np.zeros((len(head), -(-columns // _MOST_COLUMNS) * _MOST_COLUMNS), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        padded[:, :columns] = head * signs
        folded: Matrix = padded.reshape(len(head), -1, _MOST_COLUMNS).sum(axis=1)
    return folded


def main() -> None:
    """Read what standard input asks for, within the kernel's bounds; write its sketch to standard output."""
    import resource  # which Windows has not

    request: dict[str, Any] = json.load(sys.stdin)
    for name, most in request["bounds"].items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(number, (most, most))
    files = tuple(SubmittedFile(PurePosixPath(path), size, sha256) for path, size, sha256 in request["files"])
    submission = Submission(name="", folder=Path(request["folder"]), files=files, sha256="")
    sys.stdout.buffer.write(to_bytes(sketch_of(submission, request["classes"]), ""))


if __name__ == "__main__":
    main()
