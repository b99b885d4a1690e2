"""What everybody was given: no likeness comes of that.

It is known by digest, and never guessed from how many have it: a file that forty of forty students hand in
may be the lecturer's, or one student's.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.files import digest_of_file, workspace
from grader.intake import MOST_BYTES
from grader.model.submission import CHECKPOINT_SUFFIXES
from grader.sandbox import course_library
from grader.similarity.heads import Matrix, head_of
from grader.similarity.sketch import CodeFile, code_of, tensors_in

_TEMPLATES = Path(__file__).parents[2] / "student"
"""There in a clone; an installation has only the course library."""
BACKBONES = frozenset(
    {
        "35b30d3d952a7a8549074cc7bc86790fa51d7d51d07cc47140e9f28802623d40",
        "fd76c30dd48b4cec73b9984bc673479c8c75127d32a64bcbf19640174d4230c9",
    }
)
"""The pretrained backbone as `python -m reference.pretrained` writes it: a `.ckpt`, a `.safetensors`."""


@dataclass(frozen=True)
class Given:
    """Files that were handed out together."""

    name: str
    files: tuple[CodeFile, ...] = ()
    """Those that are code."""
    digests: frozenset[str] = frozenset()
    """SHA-256 of every file."""
    heads: tuple[Matrix, ...] = ()
    """Of those that are checkpoints."""


def given_to_all(handed_out: Iterable[Path], classes: int) -> tuple[Given, ...]:
    """Return the lab's templates, its library and its backbone, and what an instructor handed out besides.

    Args:
        handed_out: folders, zips, or single files.
        classes: how many there are in the assignment: rows of a head.

    Raises:
        UsageError: one of `handed_out` cannot be read, or holds no file.
    """
    return (*_of_the_lab(classes), *(_handed_out(path, classes) for path in handed_out))


def digests_of(given: Iterable[Given]) -> frozenset[str]:
    """Return the digests of all files that were handed out."""
    return frozenset(digest for part in given for digest in part.digests)


def _of_the_lab(classes: int) -> Iterator[Given]:
    library = course_library()
    if (_TEMPLATES / "main.py").is_file():
        yield _given(_TEMPLATES.name, _TEMPLATES, classes, without=library)
    if library.is_dir():
        yield _given(library.name, library, classes)
    yield Given("the pretrained backbone", digests=BACKBONES)


def _handed_out(path: Path, classes: int) -> Given:
    try:
        if path.is_file() and path.suffix.lower() == ".zip":
            given = _unpacked(path, classes)
        else:
            path.stat()
            given = _given(path.name, path, classes)
    except OSError as error:
        raise UsageError("given-unread", path=path, reason=error) from error
    except (zipfile.BadZipFile, RuntimeError) as error:
        raise UsageError("given-unread", path=path, reason=error) from error
    if not given.digests:
        raise UsageError("given-empty", path=path)
    return given


def _unpacked(path: Path, classes: int) -> Given:
    """Return what an instructor's own archive holds, and the archive itself."""
    with workspace() as folder, zipfile.ZipFile(path) as zipped:
        zipped.extractall(folder / "unpacked")
        given = _given(path.name, folder / "unpacked", classes)
    return Given(given.name, given.files, given.digests | {digest_of_file(path)}, given.heads)


def _given(name: str, place: Path, classes: int, without: Path | None = None) -> Given:
    """Return a file, or all below a folder but for one folder in it."""
    paths = [
        path
        for path in ([place] if place.is_file() else sorted(place.rglob("*")))
        if path.is_file() and not (without is not None and path.is_relative_to(without))
    ]
    return Given(
        name=name,
        files=tuple(code_of(place.parent if place.is_file() else place, paths)),
        digests=frozenset(digest_of_file(path) for path in paths if path.stat().st_size),
        heads=tuple(_heads(paths, classes)),
    )


def _heads(paths: Sequence[Path], classes: int) -> Iterator[Matrix]:
    for path in paths:
        if path.suffix.lower() in CHECKPOINT_SUFFIXES and 0 < path.stat().st_size <= MOST_BYTES:
            head = head_of(tensors_in(path) or [], classes)
            if head is not None:
                yield head[1]
