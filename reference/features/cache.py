"""Pooled features on disk, found again by the content they were made from.

One SQLite file holds one row an image and view: key, features, checksum. SQLite gives what such a store
needs: rows appear whole or not at all, two processes may use it at once, and thousands of rows are read
in one go. What a key is made of is `features.feature_key`'s business; here it is 32 bytes.

Losing the cache only costs time, so nothing that is wrong with it stops a run: a damaged row is
forgotten, a damaged file is put aside, and a folder that cannot be written leaves the run without a
cache, which then says so.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]
Result = TypeVar("Result")

FILE_NAME = "features-1.sqlite3"  # the number is the layout's
SECONDS_TO_WAIT = 60.0  # for another process's writing, which takes a fraction of one
KEYS_A_QUERY = 500  # SQLite's older limit is 999 variables


def default_cache_folder() -> Path:
    """Return `lab-grader/features` in the user's cache: `$XDG_CACHE_HOME`, or `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lab-grader" / "features"


class FeatureCache:
    """Rows of float32 numbers by key, in one file that processes and threads may share.

    Args:
        folder: made when it is missing.

    Attributes:
        trouble: why the cache is not being used (any more), in a few words; empty as long as it is.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self.trouble = ""

    def get(self, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """Return what is there and intact; keys that are missing in the result have to be computed."""
        return self._attempt(lambda database: self._select(database, keys), {})

    def put(self, rows: Mapping[bytes, FloatArray]) -> None:
        """Store rows, all of them or none."""
        values = [(key, row.astype("<f4").tobytes()) for key, row in rows.items()]
        checked = [(key, blob, _checksum(key, blob)) for key, blob in values]

        def insert(database: sqlite3.Connection) -> None:
            database.executemany("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", checked)

        self._attempt(insert, None)

    @staticmethod
    def _select(database: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        found = {}
        for start in range(0, len(keys), KEYS_A_QUERY):
            chunk = keys[start : start + KEYS_A_QUERY]
            marks = ",".join("?" * len(chunk))
            query = f"SELECT key, numbers, checksum FROM features WHERE key IN ({marks})"  # noqa: S608
            for key, blob, checksum in database.execute(query, chunk):
                if checksum == _checksum(key, blob):
                    found[key] = np.frombuffer(blob, dtype="<f4").astype(np.float32)
        return found

    def _attempt(self, work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
        """Do `work` in one transaction; once more on a new file if this one is damaged."""
        if self.trouble:
            return otherwise
        for last_try in (False, True):
            try:
                with self._open() as database:
                    return work(database)
            except (sqlite3.OperationalError, OSError) as error:
                # Locked for too long, read-only, disk full, no permission: the file itself may be fine.
                self.trouble = str(error)
                break
            except sqlite3.DatabaseError as error:
                if last_try:
                    self.trouble = str(error)
                else:
                    self._put_aside()
        return otherwise

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=SECONDS_TO_WAIT)) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS features"
                " (key BLOB PRIMARY KEY, numbers BLOB NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID"
            )
            yield database

    def _put_aside(self) -> None:
        """Rename the damaged file, and with it the journal, which would be applied to its successor."""
        for suffix in ("-journal", ""):
            with suppress(FileNotFoundError):
                damaged = self._path.with_name(self._path.name + suffix)
                damaged.replace(damaged.with_name(f"{damaged.name}.damaged"))


def _checksum(key: bytes, blob: bytes) -> bytes:
    return hashlib.blake2b(key + blob, digest_size=16).digest()
