"""Results as they come, a line each, so that a run that was stopped goes on where it was.

A result holds for one harness, one set of images and one network: that is its `setting`. Results of another
setting may stand in the same file; they are no results of this one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.submissions.mistakes.judging import Judged

Row = dict[str, Any]
_TUPLES = ("expected", "found")


class Results:
    """What is known of programs in one setting.

    Args:
        file: where each result is written as soon as it is there; None to keep them in memory alone.
        setting: digest of all that is the same for every program.
    """

    def __init__(self, file: Path | None, setting: str) -> None:
        self._file, self._setting = file, setting
        self._judged: dict[tuple[str, str], Judged] = {}
        self._scores: dict[str, int] = {}
        for row in _rows(file):
            if row.get("setting") == setting:
                self._take(row)

    def judged(self, name: str, program: str) -> Judged | None:
        """Return the result of a program, known by its name and the digest of its text."""
        return self._judged.get((name, program))

    def score(self, files: str) -> int | None:
        """Return the right answers of a submission, known by the digest of its files."""
        return self._scores.get(files)

    def add_judged(self, program: str, result: Judged) -> None:
        """Keep the result of a program."""
        self._add({"kind": "program", "program": program, **asdict(result)})

    def add_score(self, files: str, correct: int) -> None:
        """Keep the right answers of a submission."""
        self._add({"kind": "score", "files": files, "correct": correct})

    def _add(self, row: Row) -> None:
        row = {"setting": self._setting, **row}
        self._take(row)
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as out:
                # What a killed run left of its last line must not spoil this one.
                out.write(f"{_break(self._file)}{json.dumps(row, ensure_ascii=False)}\n")

    def _take(self, row: Row) -> None:
        if row["kind"] == "score":
            self._scores[row["files"]] = row["correct"]
            return
        fields = {name: row[name] for name in Judged.__dataclass_fields__}
        fields |= {name: tuple(fields[name]) for name in _TUPLES}
        result = Judged(**fields)
        self._judged[result.name, row["program"]] = result


def _rows(file: Path | None) -> Iterator[Row]:
    """Yield the rows of a file; the last one of a run that was killed may be cut off."""
    if file is None or not file.exists():
        return
    for line in file.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def _break(file: Path) -> str:
    """Return what must stand before a new line of a file."""
    text = file.read_bytes()[-1:] if file.exists() else b""
    return "" if text in (b"", b"\n") else "\n"
