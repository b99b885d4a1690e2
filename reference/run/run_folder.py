"""The folder of one run, which may hold files that are not ours; and how long the run's phases take.

`manifest.json` lists the files that the command made, by name and sha256. A name is entered before its
file is written, with no digest, and gets its digest when the file is complete; so also the files of a run
that was killed are known for what they are. With `--overwrite` a file goes only if it is listed and still
has the bytes that were written: what the user added or edited stays, and an edited file stops the command
before it starts.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reference.errors import InputError

MANIFEST = "manifest.json"
BYTES_NEEDED = 64 * 1024**2  # by the files of a run, three checkpoints of 9 MB and the state of its training


class RunFolder:
    """Where a run's files go.

    Args:
        path: made by `begin` when it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made: dict[str, str | None] = {}

    def check(
        self,
        overwrite: bool,
        names: tuple[str, ...],
        resume: bool = False,
        bytes_needed: int = BYTES_NEEDED,
    ) -> None:
        """Make sure that a run may begin, and change nothing.

        Args:
            overwrite: an earlier run's files may be replaced.
            names: the files that the run will make.
            resume: an earlier run is to be gone on with.
            bytes_needed: by the files of the run.

        Raises:
            InputError: the path is not a folder, cannot be read, holds an earlier run (without `overwrite`),
                or has a file in the way that this command did not make or that was changed since; or the disk
                has no room for a run.
        """
        try:
            self._check_room(bytes_needed)
            self._check(overwrite or resume, names)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror or error}") from None

    def _check(self, overwrite: bool, names: tuple[str, ...]) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path}: is not a folder")
        if not self.path.is_dir() or not any(self.path.iterdir()):
            return
        if not overwrite:
            raise InputError(
                f"{self.path}: is not empty; choose another --run_path, --overwrite an earlier run,"
                " or --resume one that was stopped"
            )
        earlier = self._read_manifest()
        for name in sorted({*names, *earlier}):
            self._check_replaceable(name, earlier)

    def _check_room(self, bytes_needed: int) -> None:
        folder = next(parent for parent in (self.path, *self.path.absolute().parents) if parent.exists())
        free = shutil.disk_usage(folder).free
        if free < bytes_needed:
            raise InputError(
                f"{self.path}: the disk has {free / 1e6:.0f} MB free, a run needs {bytes_needed / 1e6:.0f} MB"
            )

    def _check_replaceable(self, name: str, earlier: Mapping[str, str | None]) -> None:
        path = self.path / name
        if path.parent.exists() and not path.parent.is_dir():
            raise InputError(f"{path.parent}: is in the way; move it away")
        if not path.exists():
            return
        if name not in earlier or not path.is_file():
            raise InputError(f"{path}: is in the way and was not made by this command; move it away")
        if earlier[name] not in {None, _sha256(path)}:
            raise InputError(f"{path}: was changed since the run that made it; move it away")

    def holds(self, name: str) -> bool:
        """Whether a run of this command has left the file `name` here, complete.

        Raises:
            InputError: the manifest is damaged.
        """
        return self._read_manifest().get(name) is not None and (self.path / name).is_file()

    def listed(self) -> tuple[str, ...]:
        """Return the names of all files that a run of this command has begun to write here.

        Raises:
            InputError: the manifest is damaged.
        """
        return tuple(self._read_manifest())

    def begin(self, keep: tuple[str, ...] = ()) -> None:
        """Make the folder and remove the files of an earlier run that `check` has found to be ours.

        Args:
            keep: names of files to leave, if they are ours.

        Raises:
            InputError: the folder cannot be made or changed.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            earlier = self._read_manifest()
            for name in earlier.keys() - set(keep):
                (self.path / name).unlink(missing_ok=True)
            self._made = {name: earlier[name] for name in keep if name in earlier}
            self._write_manifest()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written: {error.strerror}") from None

    def claim(self, name: str) -> Path:
        """Return the path of a file that this run will write, rewrite and, in the end, `release`."""
        self._made[name] = None
        self._write_manifest()
        return self.path / name

    def release(self, name: str) -> None:
        """Remove a file that was claimed."""
        (self.path / name).unlink(missing_ok=True)
        self._made.pop(name, None)
        self._write_manifest()

    @contextmanager
    def making(self, name: str) -> Iterator[Path]:
        """Give the path at which to write the file `name`, which may lie in a subfolder."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        self._made[name] = None
        self._write_manifest()
        yield path
        self._made[name] = _sha256(path)
        self._write_manifest()

    def write_text(self, name: str, text: str) -> Path:
        """Write a whole UTF-8 file."""
        with self.making(name) as path:
            path.write_text(text, encoding="utf-8")
        return path

    def _read_manifest(self) -> dict[str, str | None]:
        path = self.path / MANIFEST
        try:
            listed = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise InputError(f"{path}: is damaged, so it is unknown which files are whose") from None
        names = listed.get("files") if isinstance(listed, dict) else None
        if not isinstance(names, dict) or not all(_is_inside(name) for name in names):
            raise InputError(f"{path}: is damaged, so it is unknown which files are whose")
        return names

    def _write_manifest(self) -> None:
        path = self.path / MANIFEST
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"files": self._made}, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)


def _is_inside(name: str) -> bool:
    """Whether a name from a manifest stays in the folder: nobody's edit makes us delete elsewhere."""
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Stopwatch:
    """Seconds spent in each phase, in the order in which the phases began."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the body."""
        begun = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begun
