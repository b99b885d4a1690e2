"""The demo set as an ImageFolder, or as a sheet to see it at a glance; never written over a user's file.

The set is written whole or not at all: its images go to a hidden folder beside the wanted one, which is
renamed when the last one is written. A run that is killed can leave such a hidden folder
(`.NAME.drawing-...`, safe to delete), but never half a set.

Exit codes of the command: 0 drawn or already there, 2 refused (one line says why), 130 stopped by Ctrl-C.
"""

import argparse
import errno
import hashlib
import json
import multiprocessing
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from grader.demo.picture import DRAWING_VERSION, FOLDERS, SPLITS, draw
from grader.model.dataset import GARBAGE26, ClassInfo, load_classes
from grader.system import cores

MANIFEST: Final = "demo.json"
JPEG_QUALITY: Final = 92
MOST: Final = 99_999
"""Images a class and split at most: file names have five digits."""
PER_CLASS: Final = 6
"""Images shown of each class on the sheet: the first ones of its training split."""
REFUSED: Final = 2
STOPPED: Final = 130
_CHUNK = 8  # images sent to another process at a time
_THUMB = 112  # pixels
_LABEL = 150
_COLUMNS = 2
_WORTH_PROCESSES = 200  # images; fewer are drawn sooner than processes start


class DemoError(Exception):
    """Something the user has to put right; the message is one line that says what."""


@dataclass(frozen=True)
class Plan:
    """Which demo set is wanted."""

    seed: int = 0
    """0 or more; another seed gives other images throughout."""
    train: int = 40
    """Training images a class."""
    val: int = 5
    """Validation images a class."""

    def check(self) -> None:
        """Raise DemoError if this cannot be drawn."""
        if self.seed < 0:
            raise DemoError(f"the seed is {self.seed}; it must be 0 or more")
        for split, count in (("train", self.train), ("val", self.val)):
            if not 1 <= count <= MOST:
                raise DemoError(f"{count} {split} images a class cannot be drawn; ask for 1 to {MOST}")

    def images(self) -> Iterator[tuple[str, str, int]]:
        """Split, class folder and number of every image, in the order in which they are written."""
        for split in SPLITS:
            count = self.train if split == "train" else self.val
            for folder in FOLDERS:
                for k in range(1, count + 1):
                    yield split, folder, k

    def count(self) -> int:
        """Return the number of images in all."""
        return len(FOLDERS) * (self.train + self.val)

    def identity(self) -> dict[str, int]:
        """Return what decides every pixel, as the manifest records it."""
        return {"drawing": DRAWING_VERSION, "classes": len(FOLDERS), **asdict(self)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what the command line asks for; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.out is None and options.sheet is None:
            raise DemoError("nothing to do; give --out DIR, --sheet FILE.png or both")
        plan = Plan(options.seed, options.train, options.val)
        plan.check()
        if options.out is not None:
            _draw_set(options.out, plan, options.jobs)
        if options.sheet is not None:
            drawn = write_sheet(options.sheet, seed=plan.seed)
            print(f"{options.sheet}: contact sheet {'drawn' if drawn else 'already there'}")
    except DemoError as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED
    except BrokenProcessPool:
        print("error: a drawing process died; try again with --jobs 1", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return STOPPED
    return 0


def write_demo(
    out: Path,
    *,
    seed: int = 0,
    train: int = 40,
    val: int = 5,
    pool: Executor | None = None,
    progress: bool = False,
) -> bool:
    """Write the set to `out/train/<folder>/00001.jpg` and so on, 224x224 JPEG, with a manifest `demo.json`.

    Args:
        out: a folder that does not exist yet, or is empty, or holds exactly this set.
        seed: of the whole set.
        train: training images a class.
        val: validation images a class.
        pool: draws on these workers; in this process if None. It changes the time, not the images.
        progress: show a progress bar on stderr (only on a terminal).

    Returns:
        True if it was drawn, False if exactly this set was there already.

    Raises:
        DemoError: if it cannot be drawn, or `out` holds anything else, which is then left as it is.
    """
    plan = Plan(seed, train, val)
    plan.check()
    # A link to an empty folder stays a link: what it points to is replaced.
    out = out.expanduser().resolve()
    try:
        if already_there(out, plan):
            return False
        return _write_beside(out, plan, pool, progress)
    except OSError as error:
        raise DemoError(f"{error.filename or out}: {error.strerror}") from error


def already_there(out: Path, plan: Plan) -> bool:
    """Whether `out` holds exactly this set. DemoError if it holds anything else, even a changed image."""
    if not out.exists():
        return False
    if not out.is_dir():
        raise DemoError(f"{out} is a file; choose a new or empty folder")
    if not any(out.iterdir()):
        return False
    recorded = _manifest(out)
    if recorded is None:
        raise DemoError(
            f"{out} is not empty and no demo set; it was left as it is. Choose a new or empty folder"
        )
    if {key: recorded.get(key) for key in plan.identity()} != plan.identity():
        raise DemoError(f"{out} holds another demo set; it was left as it is. Choose a new or empty folder")
    if not _unchanged(out, plan, recorded):
        raise DemoError(
            f"{out} holds this demo set, but changed; it was left as it is. Choose a new or empty folder"
        )
    return True


def encoded(image: tuple[str, str, int], seed: int) -> bytes:
    """One image of the set, given by split, class folder and number, as the bytes of its JPEG file."""
    split, folder, k = image
    good, data = cv2.imencode(".jpg", draw(folder, split, k, seed), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not good:
        raise DemoError(f"OpenCV could not write {_name(image)} as JPEG")
    return bytes(data)


def write_sheet(path: Path, *, seed: int = 0) -> bool:
    """Write the contact sheet as PNG.

    Returns:
        True if it was written, False if exactly this sheet was there already.

    Raises:
        DemoError: if the file holds anything else, which is then left as it is, or cannot be written.
    """
    path = path.expanduser()
    if path.suffix.lower() != ".png":
        raise DemoError(f"{path}: the contact sheet is a PNG image; give it a name that ends in .png")
    good, data = cv2.imencode(".png", contact_sheet(seed))
    if not good:
        raise DemoError(f"OpenCV could not write {path} as PNG")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            if path.is_file() and path.read_bytes() == bytes(data):
                return False
            raise DemoError(f"{path} is there already; it was left as it is. Choose another name")
        with path.open("xb") as file:
            file.write(bytes(data))
    except OSError as error:
        raise DemoError(f"{path}: {error.strerror}") from error
    return True


def contact_sheet(seed: int = 0) -> NDArray[np.uint8]:
    """Rows of images with the class names, in two columns; (13 * 112, 1644, 3), blue-green-red."""
    rows = [_row(info, seed) for info in load_classes(GARBAGE26)]
    half = -(-len(rows) // _COLUMNS)
    return np.hstack([np.vstack(rows[start : start + half]) for start in range(0, len(rows), half)])


def _write_beside(out: Path, plan: Plan, pool: Executor | None, progress: bool) -> bool:
    """Write the set to a hidden folder beside `out`, then give it its name."""
    out.parent.mkdir(parents=True, exist_ok=True)
    hidden = Path(tempfile.mkdtemp(prefix=f".{out.name}.drawing-", dir=out.parent))
    try:
        # Made here so that it has the usual permissions; mkdtemp keeps others out.
        whole = hidden / "set"
        whole.mkdir()
        _write_images(whole, plan, pool, progress)
        return _rename(whole, out, plan)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _write_images(folder: Path, plan: Plan, pool: Executor | None, progress: bool) -> None:
    """Draw and write every image, and at last the manifest."""
    for split in SPLITS:
        for name in FOLDERS:
            (folder / split / name).mkdir(parents=True)
    job = partial(encoded, seed=plan.seed)
    files: Iterable[bytes]
    files = pool.map(job, plan.images(), chunksize=_CHUNK) if pool else map(job, plan.images())
    digest = hashlib.sha256()
    # disable=None: silent where stderr is not a terminal.
    disable = None if progress else True
    bar = tqdm(files, total=plan.count(), unit="image", desc="drawing", disable=disable, leave=False)
    for image, data in zip(plan.images(), bar, strict=True):
        (folder / _name(image)).write_bytes(data)
        _add(digest, image, data)
    manifest = {**plan.identity(), "sha256": digest.hexdigest()}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _rename(whole: Path, out: Path, plan: Plan) -> bool:
    """Give the finished set its name, unless somebody else came first."""
    try:
        if out.is_dir():
            out.rmdir()
        whole.rename(out)
    except OSError as error:
        if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
            raise
        return not already_there(out, plan)
    return True


def _manifest(out: Path) -> dict[str, object] | None:
    """Return the manifest of a demo set, or None if there is none that can be read."""
    try:
        recorded = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return recorded if isinstance(recorded, dict) else None


def _unchanged(out: Path, plan: Plan, recorded: dict[str, object]) -> bool:
    """Whether the files of both splits are those that were written, to the byte, and no others."""
    found = {
        path.relative_to(out).as_posix() for s in SPLITS for path in (out / s).rglob("*") if not path.is_dir()
    }
    if found != {_name(image) for image in plan.images()}:
        return False
    digest = hashlib.sha256()
    for image in plan.images():
        _add(digest, image, (out / _name(image)).read_bytes())
    return digest.hexdigest() == recorded.get("sha256")


def _name(image: tuple[str, str, int]) -> str:
    """Path of an image inside the set."""
    split, folder, k = image
    return f"{split}/{folder}/{k:05d}.jpg"


def _add(digest: "hashlib._Hash", image: tuple[str, str, int], data: bytes) -> None:
    """Add name, length and content of one file."""
    digest.update(f"{_name(image)}\0{len(data)}\0".encode())
    digest.update(data)


def _row(info: ClassInfo, seed: int) -> NDArray[np.uint8]:
    """Name and folder of a class, then its images."""
    label = np.full((_THUMB, _LABEL, 3), 255, np.uint8)
    for text, y in zip([info.folder, *info.name.split()], range(34, _THUMB, 24), strict=False):
        cv2.putText(label, text, (8, y), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (40, 40, 40), 1, cv2.LINE_AA)
    size = (_THUMB, _THUMB)
    thumbs = [
        cv2.resize(draw(info.folder, "train", k, seed), size, interpolation=cv2.INTER_AREA)
        for k in range(1, PER_CLASS + 1)
    ]
    return np.hstack([label, *thumbs])


def _parser() -> argparse.ArgumentParser:
    plan = Plan()
    parser = argparse.ArgumentParser(
        prog="python -m datasets.demo",
        description="Draw a small set of the 26 garbage classes, to try things out without the real photos.",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="new or empty folder for train/ and val/")
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="also draw a labelled contact sheet")
    parser.add_argument("--seed", type=int, default=plan.seed, help="of the whole set (default %(default)s)")
    parser.add_argument(
        "--train", type=int, default=plan.train, help="training images a class (default %(default)s)"
    )
    parser.add_argument(
        "--val", type=int, default=plan.val, help="validation images a class (default %(default)s)"
    )
    parser.add_argument(
        "--jobs", type=int, default=cores(), help="processes to draw with (default: one a core)"
    )
    return parser


def _draw_set(out: Path, plan: Plan, jobs: int) -> None:
    """Draw the set with as many processes as are worth it, and say so."""
    began = time.perf_counter()
    if jobs > 1 and plan.count() >= _WORTH_PROCESSES:
        # Spawned, not forked: a fork of a process that runs threads can hang.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_prepare_worker)
        try:
            drawn = write_demo(out, seed=plan.seed, train=plan.train, val=plan.val, pool=pool, progress=True)
        finally:
            pool.shutdown(cancel_futures=True)
    else:
        drawn = write_demo(out, seed=plan.seed, train=plan.train, val=plan.val, progress=True)
    what = f"{plan.count()} images of 26 classes"
    if drawn:
        print(f"{out}: {what} drawn in {time.perf_counter() - began:.1f} s")
    else:
        print(f"{out}: {what} already there")


def _prepare_worker() -> None:
    """One thread a process, and Ctrl-C is the parent's business."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
