"""What graded, when and where: the version, the very source, and the libraries that can change a score."""

from __future__ import annotations

import datetime
import platform
import socket
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

from grader.files import digest_of_file, digest_of_parts
from grader.model.grading import Circumstances, Harness
from grader.sandbox import course_library

_LIBRARIES = (
    "mindspore",
    "numpy",
    "onnxruntime",
    "pillow",
    "scipy",
    "tensorflow",
    "timm",
    "torch",
    "torchvision",
)
_SOURCES = frozenset({".py", ".toml", ".html"})


@cache
def this_harness() -> Harness:
    """Return what is running now."""
    libraries = {name: version for name in _LIBRARIES if (version := _version(name))}
    return Harness(
        version=_version("lab-grader") or "0 (not installed)",
        source_sha256=digest_of_parts((name, digest_of_file(path)) for name, path in _sources()),
        python=platform.python_version(),
        libraries=dict(sorted([*libraries.items(), *opencv().items()])),
    )


def circumstances_now() -> Circumstances:
    """Return when and where a grading that begins now is done."""
    return Circumstances(
        started=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        host=socket.gethostname(),
    )


def opencv() -> dict[str, str]:
    """Return the name and version of the distribution that `cv2` is of.

    Of the four that carry OpenCV several may be installed; the last one overwrote the files of the others. So
    the files are asked, and not the list of distributions.
    """
    import cv2

    try:
        from cv2 import version
    except ImportError:  # built from source, or an operating system's
        return {"opencv": cv2.__version__}
    contrib, headless = "-contrib" if version.contrib else "", "-headless" if version.headless else ""
    return {f"opencv{contrib}-python{headless}": version.opencv_version}


def _sources() -> Iterator[tuple[str, Path]]:
    for name, root in (("grader", Path(__file__).parents[1]), ("src_mindspore", course_library())):
        for path in sorted(root.rglob("*")):
            if path.suffix in _SOURCES:
                yield f"{name}/{path.relative_to(root).as_posix()}", path


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
