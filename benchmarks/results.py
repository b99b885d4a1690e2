"""The file of results, in Markdown, and its twin in JSON with every sample.

A file that this command did not write is never replaced. What it writes, it knows by the first line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.machine import Machine
from benchmarks.table import Table, to_json, to_markdown
from reference.errors import InputError

MARK = "<!-- Written by python -m benchmarks, which replaces this file when it is run again. -->"
JSON_MARK = '{\n "written_by": "python -m benchmarks"'


@dataclass(frozen=True)
class Circumstances:
    """When, how and where the figures were taken.

    Attributes:
        date: ISO 8601, with the zone.
        command: the command line.
        machine: what it ran on.
    """

    date: str
    command: str
    machine: Machine


def markdown(circumstances: Circumstances, tables: Sequence[Table]) -> str:
    """Return the whole Markdown file."""
    head = [
        MARK,
        "# Benchmark results",
        f"{circumstances.date}, `{circumstances.command}`",
        str(circumstances.machine),
        "What is measured, and how, is in `benchmarks/README.md`. *Times as fast* is a ratio of medians, to "
        "the first program of each figure.",
    ]
    return "\n\n".join([*head, *(to_markdown(table) for table in tables)])


def as_json(circumstances: Circumstances, tables: Sequence[Table]) -> str:
    """Return the whole JSON file."""
    content = {
        "written_by": "python -m benchmarks",
        **asdict(circumstances),
        "tables": [to_json(table) for table in tables],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def twin(path: Path) -> Path:
    """Return the path of the JSON file beside a Markdown file."""
    return path.with_suffix(".json")


def check(path: Path) -> None:
    """Make sure that the results may be written to `path` and its twin.

    Raises:
        InputError: not a name of a Markdown file, no such folder, or a file of somebody else's is there.
    """
    if path.suffix != ".md":
        raise InputError(
            f"--out {path}: the name must end in .md; a .json of the same name is written beside it"
        )
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"--out {path}: {path.parent} is not a folder that can be written to")
    for file, mark in ((path, MARK), (twin(path), JSON_MARK)):
        if (file.exists() or file.is_symlink()) and not _is_ours(file, mark):
            raise InputError(f"--out {file}: was not written by this command; choose another name")


def _is_ours(path: Path, mark: str) -> bool:
    try:
        return path.read_text(encoding="utf-8").startswith(mark)
    except (OSError, UnicodeDecodeError):
        return False


def write(path: Path, circumstances: Circumstances, tables: Sequence[Table]) -> None:
    """Write both files, each whole or not at all."""
    for file, text in ((path, markdown(circumstances, tables)), (twin(path), as_json(circumstances, tables))):
        temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
