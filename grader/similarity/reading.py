"""What is compared with what: the sketches of what a class handed in, and what everybody was given.

Each submission is read once, in a process of its own, and its sketch is kept. What a student handed in may be
made to grow when it is read. The readers have bounds of their own; behind them stand the kernel's, on memory,
processor time and what is written, on a process that holds nothing of ours: it gets the paths of the private
copy, and gives one sketch of bounded size. Its time is the processor's, so that a busy machine makes nobody
unreadable.

What everybody was given makes nobody alike. Such a file is known by its digest, and never guessed from how
many students have it: what forty of forty hand in may be the lecturer's, or one student's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.errors import UsageError
from grader.files import digest_of_file, workspace, write_atomically
from grader.formats import MOST_BYTES
from grader.intake import take_in
from grader.model.assignment import MIB, Assignment, Limits
from grader.model.submission import CHECKPOINT_SUFFIXES, Submission
from grader.places import course_library
from grader.sandbox import environment_for
from grader.sketch import (
    CodeFile,
    Matrix,
    Sketch,
    code_of,
    from_bytes,
    head_of,
    tensors_in,
    to_bytes,
    unread_sketch,
)

BOUNDS = {"RLIMIT_CPU": 20, "RLIMIT_DATA": 400 * MIB, "RLIMIT_FSIZE": 64 * MIB, "RLIMIT_CORE": 0}
"""Seconds and bytes. A submission with four checkpoints of 256 MiB takes 5 s and 60 MiB."""
BACKBONES = frozenset(
    {
        "35b30d3d952a7a8549074cc7bc86790fa51d7d51d07cc47140e9f28802623d40",
        "fd76c30dd48b4cec73b9984bc673479c8c75127d32a64bcbf19640174d4230c9",
    }
)
"""The pretrained backbone as `python -m reference.pretrained` writes it: a `.ckpt`, a `.safetensors`."""
_PACKAGES = Path(__file__).parents[2]
_FOLDER = "sketches"
_PRIVATE = 0o600
"""A sketch holds what students wrote."""
_SUFFIX = ".npz"
_MOST_READERS = 4
"""Processes at a time; each may take the memory that BOUNDS allow."""
_TEMPLATES = Path(__file__).parents[2] / "student"
"""There in a clone; an installation has only the course library."""


@dataclass(frozen=True)
class HandedIn:
    """One student's submission, as it was graded."""

    id: str
    source: Path
    sha256: str
    """Of the submission that was graded; empty if it could not be taken in."""


def collect(
    handed_in: Sequence[HandedIn], assignment: Assignment, folder: Path, made_by: str
) -> dict[str, Sketch]:
    """Return the sketches of those submissions that are still as they were graded, by id.

    Args:
        handed_in: the class.
        assignment: its limits, and how many classes there are.
        folder: of the batch; sketches are kept in it, by the digest of the submission.
        made_by: digest of the program; what another one made is made anew.
    """
    kept = folder / _FOLDER
    kept.mkdir(exist_ok=True)
    by_digest: defaultdict[str, list[HandedIn]] = defaultdict(list)
    for item in handed_in:
        by_digest[item.sha256].append(item)
    by_digest.pop("", None)

    def sketch(digest: str) -> Sketch | None:
        return _sketch(by_digest[digest], assignment, kept / f"{digest}{_SUFFIX}", made_by)

    with ThreadPoolExecutor(min(_MOST_READERS, len(os.sched_getaffinity(0)))) as pool:
        made = dict(zip(by_digest, pool.map(sketch, by_digest), strict=True))
    for path in kept.iterdir():
        # Of submissions that have been replaced. It can be made again, like all of them.
        if path.name.removesuffix(_SUFFIX) not in by_digest:
            path.unlink()
    found = ((item.id, made.get(item.sha256)) for item in handed_in)
    return {id_: sketch for id_, sketch in found if sketch is not None}


def read_submission(submission: Submission, classes: int, limits: Limits) -> Sketch:
    """Return the sketch of a submission, or of one that cannot be read what there is without reading.

    Args:
        submission: the private copy.
        classes: how many there are in the assignment.
        limits: of the assignment; its threads.

    Raises:
        OSError: no process can be started.
    """
    request = {
        "folder": str(submission.folder),
        "files": [[str(file.path), file.size, file.sha256] for file in submission.files],
        "classes": classes,
        "bounds": BOUNDS,
    }
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with tempfile.TemporaryFile() as written:
        done = subprocess.run(
            [sys.executable, "-s", "-B", "-m", "grader.sketch"],
            input=json.dumps(request).encode("ascii"),
            stdout=written,
            stderr=subprocess.DEVNULL,
            env={**environment_for(submission.folder, limits), **threads, "PYTHONPATH": str(_PACKAGES)},
            cwd="/",
            check=False,
        )
        written.seek(0)
        sketch = None if done.returncode else from_bytes(written.read(), "")
    return unread_sketch(submission) if sketch is None else sketch


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


def _sketch(items: Sequence[HandedIn], assignment: Assignment, kept: Path, made_by: str) -> Sketch | None:
    """Return the sketch of what all of them handed in, from the first who still has it."""
    made_by = f"{made_by} {len(assignment.classes)}"
    if kept.is_file():
        sketch = from_bytes(kept.read_bytes(), made_by)
        if sketch is not None:
            return sketch
    made = (_new_sketch(item, assignment) for item in items)
    sketch = next((sketch for sketch in made if sketch is not None), None)
    if sketch is not None and sketch.is_read:
        with suppress(OSError):  # made again the next time
            write_atomically(kept, to_bytes(sketch, made_by), _PRIVATE)
    return sketch


def _new_sketch(item: HandedIn, assignment: Assignment) -> Sketch | None:
    """Make a sketch of what is handed in now; None if that is not what was graded."""
    # Whatever one submission does to us here, the class has its gradebook.
    with suppress(Exception), workspace() as folder:
        submission = take_in(item.source, folder, assignment.limits)
        if submission.sha256 == item.sha256:
            return read_submission(submission, len(assignment.classes), assignment.limits)
    return None


def _of_the_lab(classes: int) -> Iterator[Given]:
    library = course_library()
    if (_TEMPLATES / "main.py").is_file():
        yield _given_in(_TEMPLATES.name, _TEMPLATES, classes, without=library)
    if library.is_dir():
        yield _given_in(library.name, library, classes)
    yield Given("the pretrained backbone", digests=BACKBONES)


def _handed_out(path: Path, classes: int) -> Given:
    try:
        if path.is_file() and path.suffix.lower() == ".zip":
            given = _unzipped(path, classes)
        else:
            path.stat()
            given = _given_in(path.name, path, classes)
    except OSError as error:
        raise UsageError("given-unread", path=path, reason=error) from error
    except (zipfile.BadZipFile, RuntimeError) as error:
        raise UsageError("given-unread", path=path, reason=error) from error
    if not given.digests:
        raise UsageError("given-empty", path=path)
    return given


def _unzipped(path: Path, classes: int) -> Given:
    """Return what an instructor's own archive holds, and the archive itself."""
    with workspace() as folder, zipfile.ZipFile(path) as zipped:
        zipped.extractall(folder / "unpacked")
        given = _given_in(path.name, folder / "unpacked", classes)
    return Given(given.name, given.files, given.digests | {digest_of_file(path)}, given.heads)


def _given_in(name: str, place: Path, classes: int, without: Path | None = None) -> Given:
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
        heads=tuple(_heads_in(paths, classes)),
    )


def _heads_in(paths: Sequence[Path], classes: int) -> Iterator[Matrix]:
    for path in paths:
        if path.suffix.lower() in CHECKPOINT_SUFFIXES and 0 < path.stat().st_size <= MOST_BYTES:
            head = head_of(tensors_in(path) or [], classes)
            if head is not None:
                yield head[1]
