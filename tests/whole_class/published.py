"""What a batch publishes, without what two runs of the same may differ in: when, where, how long, how much."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

_SECONDS = re.compile(r'<td class="number" data-value="[^"]*">[^<]*</td>(\s*<td class="reports">)')
"""The cell before the links of a student's row."""
_SLOWEST = re.compile(r'<section>\s*<h2><span lang="en">Slowest.*?</section>', re.DOTALL)


def published(out: Path) -> dict[str, str]:
    """Return the text of every file about the class, and of every student's report, by its name."""
    texts = {name: strip((out / name).read_bytes().decode("utf-8")) for name, strip in _FILES.items()}
    for path in sorted(out.glob("students/*/report.json")):
        report = json.loads(path.read_text(encoding="utf-8"))
        del report["run"]
        texts[str(path.relative_to(out))] = json.dumps(report, ensure_ascii=False, indent=1)
    return texts


def _gradebook(text: str) -> str:
    rows = [*csv.reader(text.splitlines())]
    kept = [not heading.startswith("run_") for heading in rows[0]]
    return "\n".join(repr([cell for cell, keep in zip(row, kept, strict=True) if keep]) for row in rows)


def _results(text: str) -> str:
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        line.pop("run", None)
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)


def _index(text: str) -> str:
    return _SLOWEST.sub("", _SECONDS.sub(r"\1", text))


_FILES: dict[str, Callable[[str], str]] = {
    "gradebook.csv": _gradebook,
    "results.jsonl": _results,
    "junit.xml": lambda text: re.sub(r' time="[^"]*"', "", text),
    "index.html": _index,
    "leaderboard.html": str,
    "similarity.html": str,
}
