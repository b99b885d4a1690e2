"""The pretrained backbones of a handout: those given, those of the clone, or made there once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from grader.errors import UsageError

_PRETRAINED = "student/pretrained"
BACKBONES = {".ckpt": "mobilenetv2.ckpt", ".safetensors": "mobilenetv2.safetensors"}
"""The name under which each template looks for its backbone: train_main.py, train_main_torch.py."""
_MAKE = "reference.pretrained"
"""Fetches weights and converts them. It is run and not imported, for it is no part of the grader."""
_SECONDS = 900


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
