"""What is handed out: templates, course library, and the grader, for a check of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.errors import UsageError

FOLDERS = ("student", "datasets", "grader")
SINGLE_FILES = ("pyproject.toml", "LICENSE")
_INSTRUCTIONS = Path(__file__).with_name("HANDOUT.md")
_SUFFIXES = frozenset({".py", ".ipynb", ".md", ".toml", ".html", ".css", ".js", ".json"})
"""Nothing else is taken along from the folders: no image, no checkpoint, no key."""
PRETRAINED = "student/pretrained"
BACKBONES = {".ckpt": "mobilenetv2.ckpt", ".safetensors": "mobilenetv2.safetensors"}
"""Under which name each template looks for its backbone: train_main.py, train_main_torch.py."""
_LEFT_BY_RUNS = frozenset({"results", "pretrained", "__pycache__", "rank_0", "kernel_meta"})


def choose_backbones(root: Path, given: Sequence[Path]) -> list[Path]:
    """Return the backbones to hand out: those given, else what the templates of the clone train with.

    A cache in somebody's home is not looked into: students do not have it.

    Raises:
        UsageError: there is none for `train_main.py`, which could not train, or one is of no known kind.
    """
    chosen = [*given] or [path for name in BACKBONES.values() if (path := root / PRETRAINED / name).is_file()]
    kinds = [path.suffix for path in chosen]
    for path, kind in zip(chosen, kinds, strict=True):
        if kind not in BACKBONES or kinds.count(kind) > 1:
            raise UsageError("backbone-kind", path=path)
    if ".ckpt" not in kinds:
        made_by = f"python -m reference.pretrained --out {PRETRAINED}/{BACKBONES['.ckpt']}"
        raise UsageError("no-backbone", command=made_by)
    return chosen


def contents(root: Path, backbones: Sequence[Path] = ()) -> dict[str, bytes]:
    """Return the files of the handout by their paths in it, in the order of the paths.

    Args:
        root: a clone of this project.
        backbones: to hand out with it, each under the name that a template looks for.

    Raises:
        UsageError: there is no clone, or a file cannot be read.
    """
    if not (root / "student" / "main.py").is_file():
        raise UsageError("no-clone", path=root)
    files = {path.relative_to(root).as_posix(): path for path in _paths(root)}
    files["HANDOUT.md"] = _INSTRUCTIONS
    files |= {f"{PRETRAINED}/{BACKBONES[path.suffix]}": path for path in backbones}
    try:
        return {name: files[name].read_bytes() for name in sorted(files)}
    except OSError as error:
        raise UsageError("cannot-read", path=error.filename, reason=error) from error


def _paths(root: Path) -> Iterator[Path]:
    yield from (root / name for name in SINGLE_FILES)
    for folder in FOLDERS:
        yield from _below(root / folder)


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name.startswith(".") or path.name in _LEFT_BY_RUNS:
            continue
        if path.is_dir():
            # Folders in there hold images that somebody fetched or drew.
            if folder.name != "datasets":
                yield from _below(path)
        elif path.suffix in _SUFFIXES:
            yield path
