"""What is handed out: templates, course library, class lists, and the grader for a check of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from grader.errors import UsageError

FOLDERS = ("student", "datasets", "grader")
SINGLE_FILES = ("pyproject.toml", "LICENSE")
_INSTRUCTIONS = Path(__file__).with_name("HANDOUT.md")
_SUFFIXES = frozenset({".py", ".ipynb", ".md", ".toml", ".html", ".css", ".js", ".json"})
"""Nothing else is taken along from the folders: no image, no checkpoint, no key."""
_LEFT_BY_RUNS = frozenset({"results", "pretrained", "__pycache__", "rank_0", "kernel_meta"})


def contents(root: Path, pretrained: Path | None = None) -> dict[str, bytes]:
    """Return the files of the handout by their paths in it, in the order of the paths.

    Args:
        root: a clone of this project.
        pretrained: a backbone to hand out with it.

    Raises:
        UsageError: there is no clone, or a file cannot be read.
    """
    if not (root / "student" / "main.py").is_file():
        raise UsageError(f"{root} has no student/main.py: run this from a clone of the project")
    files = {path.relative_to(root).as_posix(): path for path in _paths(root)}
    files["HANDOUT.md"] = _INSTRUCTIONS
    if pretrained is not None:
        files[f"student/pretrained/{pretrained.name}"] = pretrained
    try:
        return {name: files[name].read_bytes() for name in sorted(files)}
    except OSError as error:
        raise UsageError(f"cannot read {error.filename}: {error.strerror}") from error


def _paths(root: Path) -> Iterator[Path]:
    yield from (root / name for name in SINGLE_FILES)
    for folder in FOLDERS:
        yield from _below(root / folder)


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name.startswith(".") or path.name in _LEFT_BY_RUNS:
            continue
        if path.is_dir():
            # Folders beside the demo set's program hold images that somebody fetched or drew.
            if not (folder.name == "datasets" and not (path / "__init__.py").is_file()):
                yield from _below(path)
        elif path.suffix in _SUFFIXES:
            yield path
