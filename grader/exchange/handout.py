"""The handout: all that a student needs for both labs, in one zip.

These are the templates of both labs, the course library, the pretrained backbones, the lab sheet and the
student's pages, the command that fetches the data, the list of what is to be installed, and the grader for a
self-check. Backbones are those that are given, those of the clone, or made there once. The zip is checked
before it appears, on its finished bytes: nothing secret may be in it. The same files give the same bytes.
"""

from __future__ import annotations

import io
import os
import posixpath
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from grader.errors import LANGUAGES, Line, UsageError, line
from grader.exchange.sheet import render_sheet
from grader.files import digest_of_bytes, digest_of_file, write_new
from grader.split import MAGIC

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PRETRAINED = "student/pretrained"
BACKBONES = {".ckpt": "mobilenetv2.ckpt", ".safetensors": "mobilenetv2.safetensors"}
"""The name under which each template looks for its backbone: train_main.py, train_main_torch.py."""
_MAKE = "reference.pretrained"
"""Fetches weights and converts them. It is run and not imported, for it is no part of the grader."""
_SECONDS = 900
_BELONGS: Mapping[str, tuple[str, ...]] = {
    "student": ("main.ipynb", "main.py", "train_main.py", "train_main_torch.py"),
    "student/flowers": ("config.py", "eval.py", "export.py", "main.py", "models.py", "train.py"),
    "student/torch_submission": ("main.py", "mobilenetv2.py", "views.py"),
    "datasets": (
        *("README.md", "__init__.py", "archives.py", "backbone.py", "classes.py", "demo.py", "download.py"),
        "fetch.py",
    ),
}
"""What is handed out of folders in which people also work: whatever else lies there may be a solution."""
_WHOLE = ("student/src_mindspore", "grader")
"""Folders of which all code and text is handed out."""
PAGES = tuple(f"docs/{zh}{name}.md" for zh in ("", "zh/") for name in ("student", "verdicts", "privacy"))
"""The student's page, and those that the page leads to, in both languages."""
PICTURES = tuple(f"docs/input.{language}.png" for language in LANGUAGES)
"""In these pages."""
SINGLE_FILES = ("pyproject.toml", "LICENSE", *PAGES, *PICTURES)
_INSTRUCTIONS = "HANDOUT.md"
_SHEET = "lab.html"
_REQUIREMENTS = "requirements.txt"
_SUFFIXES = frozenset({".py", ".ipynb", ".md", ".toml", ".html", ".css", ".js", ".json"})
"""Nothing else is taken from whole folders: no image, no checkpoint, no key."""
_MAY_LIE_AT = (
    *(f"{folder}/" for folder in (*_BELONGS, *_WHOLE)),
    *(*SINGLE_FILES, _INSTRUCTIONS, _SHEET, _REQUIREMENTS),
)
_KEY = re.compile(rb"split-key-1:[A-Za-z0-9_-]{40}")
_LINK = re.compile(rb"\[([^\]]+)\]\(([^)#:]+)(?:#[^)]*)?\)")
"""To another page or file of the project: its text, and where it leads."""
_IMPORTS_REFERENCE = re.compile(rb"^\s*(from|import)\s+reference\b", re.MULTILINE)
_HOW_TO_INSTALL = """\
# Python 3.10 to 3.12, in a virtual environment: python -m pip install -r requirements.txt
# 虚拟环境，Python 3.10 至 3.12：python -m pip install -r requirements.txt
# The PyTorch templates need torch besides; its CPU build is enough.
# 使用 PyTorch 模板时另需安装 torch（CPU 版即可）。
"""
_DATE = (1980, 1, 1, 0, 0, 0)


def choose_backbones(root: Path, given: Sequence[Path]) -> list[Path]:
    """Return the backbones to hand out: those given, else those of the clone, made there once.

    A cache in somebody's home does not count: students do not have it.

    Raises:
        UsageError: there is none for `train_main.py`, and none can be made; or one is of no known kind.
    """
    chosen = [*given] or _of_the_clone(root)
    kinds = [path.suffix for path in chosen]
    for path, kind in zip(chosen, kinds, strict=True):
        if kind not in BACKBONES or kinds.count(kind) > 1:
            raise UsageError("backbone-kind", path=path)
    if ".ckpt" not in kinds:
        raise UsageError("backbone-lacks-ckpt")
    return chosen


def handed_out_as(path: Path) -> str:
    """Return where a backbone lies in the handout."""
    return f"{_PRETRAINED}/{BACKBONES[path.suffix]}"


def contents(root: Path, backbones: Sequence[Path] = ()) -> dict[str, bytes]:
    """Return the files of the handout by their paths in it, in the order of the paths.

    Args:
        root: a clone of this project.
        backbones: handed out, too, each under the name that a template looks for.

    Raises:
        UsageError: `root` is no clone, or a file cannot be read.
    """
    if not (root / "student" / "main.py").is_file():
        raise UsageError("no-clone", path=root)
    try:
        files = {path.relative_to(root).as_posix(): path for path in _paths(root)}
        files[_INSTRUCTIONS] = Path(__file__).with_name(_INSTRUCTIONS)
        files |= {handed_out_as(path): path for path in backbones}
        content = {name: path.read_bytes() for name, path in files.items()}
    except OSError as error:
        raise UsageError("cannot-read", path=error.filename, reason=error) from error
    content |= {page: _without_dead_links(page, content) for page in PAGES}
    content[_SHEET] = render_sheet().encode("utf-8")
    content[_REQUIREMENTS] = _requirements(content["pyproject.toml"])
    return {name: content[name] for name in sorted(content)}


def left_out(root: Path, files: Mapping[str, bytes]) -> list[str]:
    """Return what lies among the templates, could be one of them, and is not handed out: their paths."""
    found = (path for folder in _BELONGS for path in sorted((root / folder).iterdir()))
    names = (
        path.relative_to(root).as_posix() for path in found if path.suffix in _SUFFIXES and path.is_file()
    )
    return [name for name in names if name not in files]


def write_handout(files: Mapping[str, bytes], out: Path, secret: Iterable[Path]) -> int:
    """Write the zip, and return how many files it has. Nothing appears unless the check passes.

    Args:
        files: by their paths in the zip.
        out: a new file.
        secret: files and folders that must not be in it.

    Raises:
        UsageError: `out` is there already or cannot be written, or a file must not be handed out.
    """
    if os.path.lexists(out):
        raise UsageError("out-exists", path=out)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = 0o644 << 16
            zipped.writestr(entry, data, zipfile.ZIP_DEFLATED)
    count = check_archive(archive, secret)
    try:
        write_new(out, archive.getvalue())
    except OSError as error:
        raise UsageError("cannot-write", path=out, reason=error) from error
    return count


def check_archive(archive: BinaryIO, secret: Iterable[Path]) -> int:
    """Read an archive back and check every file in it; return how many there are.

    Args:
        archive: a zip, the very bytes that are written afterwards.
        secret: files and folders that must not be in it: the reference, the hidden split, its key.

    Raises:
        UsageError: naming what must not be there, and why.
    """
    forbidden = {digest_of_file(path): path for path in _files(secret)}
    forbidden.pop(digest_of_bytes(b""), None)  # an empty file is nobody's secret
    with zipfile.ZipFile(archive) as zipped:
        for name in zipped.namelist():
            data = zipped.read(name)
            if problem := _problem(name, data, forbidden):
                raise UsageError("given-away", name=name, problem=problem)
        return len(zipped.namelist())


def _without_dead_links(page: str, files: Mapping[str, bytes]) -> bytes:
    """Return a page in which what leads to a page that is not handed out is plain text."""

    def kept(link: re.Match[bytes]) -> bytes:
        there = posixpath.normpath(f"{posixpath.dirname(page)}/{link[2].decode('utf-8')}")
        return link[0] if there in files else link[1]

    return _LINK.sub(kept, files[page])


def _requirements(project: bytes) -> bytes:
    """Return what the project asks for, as a list for pip, and what the PyTorch templates need besides."""
    wanted = tomllib.loads(project.decode("utf-8")).get("project", {})
    listed = "".join(f"{requirement}\n" for requirement in wanted.get("dependencies", ()))
    return f"{_HOW_TO_INSTALL}{listed}".encode()


def _paths(root: Path) -> Iterator[Path]:
    yield from (root / name for name in SINGLE_FILES)
    yield from (root / folder / name for folder, names in _BELONGS.items() for name in names)
    for folder in _WHOLE:
        yield from _below(root / folder)


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name.startswith(".") or path.name == "__pycache__":
            continue
        if path.is_dir():
            yield from _below(path)
        elif path.suffix in _SUFFIXES:
            yield path


def _problem(name: str, data: bytes, forbidden: dict[str, Path]) -> Line | None:
    if not name.startswith(_MAY_LIE_AT):
        return line("lies-outside")
    if (secret := forbidden.get(digest_of_bytes(data))) is not None:
        return line("is-secret", path=secret)
    if _KEY.search(data):
        return line("holds-key")
    if data.startswith(MAGIC):
        return line("is-sealed")
    if name.endswith(".py") and _IMPORTS_REFERENCE.search(data):
        return line("imports-reference")
    return None


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files below the given paths."""
    for path in paths:
        if not path.exists():
            raise UsageError("secret-absent", path=path)
        if path.is_file():
            yield path
        # Links are followed: the images of a split may lie behind them.
        for folder, folders, files in os.walk(path, followlinks=True):
            folders[:] = [name for name in folders if not _leads_back(Path(folder, name))]
            yield from (Path(folder, name) for name in sorted(files) if Path(folder, name).is_file())


def _leads_back(folder: Path) -> bool:
    """Whether a link leads to a folder that it lies in."""
    return folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve())


def _of_the_clone(root: Path) -> list[Path]:
    """Return the files that the templates of the clone train with; what is not there is made once."""
    first, second = (root / _PRETRAINED / name for name in BACKBONES.values())
    if not first.is_file():
        _make(root, first)
    if not second.is_file():
        _make(root, second, "--source", str(first))  # of the same weights, and without a second download
    return [first, second]


def _make(root: Path, out: Path, *arguments: str) -> None:
    command = ["-m", _MAKE, *arguments, "--out", out.relative_to(root).as_posix()]
    try:
        done = subprocess.run(
            [sys.executable, *command], cwd=root, capture_output=True, encoding="utf-8", errors="replace",
            timeout=_SECONDS, check=False,
        )  # fmt: skip
        said = done.stderr.strip().rpartition("\n")[2]
    except (OSError, subprocess.TimeoutExpired) as error:
        said = str(error)
    if not out.is_file():
        raise UsageError("no-backbone", command=" ".join(["python", *command]), reason=said)
