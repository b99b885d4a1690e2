"""Packages that students' programs import, and what of them a submission lacks here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata

from grader.findings.catalogue import Language, phrase
from grader.intake.submission import Submission

PACKAGES: Mapping[str, str] = {
    "IPython": "ipython",
    "PIL": "pillow",
    "albumentations": "albumentations",
    "cv2": "opencv-python-headless",
    "easydict": "easydict",
    "efficientnet_pytorch": "efficientnet-pytorch",
    "einops": "einops",
    "fastai": "fastai",
    "h5py": "h5py",
    "imgaug": "imgaug",
    "ipywidgets": "ipywidgets",
    "jax": "jax",
    "keras": "keras",
    "lightning": "lightning",
    "matplotlib": "matplotlib",
    "mindcv": "mindcv",
    "mindvision": "mindvision",
    "mmcv": "mmcv",
    "moxing": "moxing-framework",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "paddle": "paddlepaddle",
    "pandas": "pandas",
    "pytorch_lightning": "pytorch-lightning",
    "requests": "requests",
    "safetensors": "safetensors",
    "scipy": "scipy",
    "seaborn": "seaborn",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tensorboard": "tensorboard",
    "tensorboardX": "tensorboardX",
    "tensorflow": "tensorflow",
    "thop": "thop",
    "timm": "timm",
    "torch": "torch",
    "torchinfo": "torchinfo",
    "torchsummary": "torchsummary",
    "torchvision": "torchvision",
    "tqdm": "tqdm",
    "transformers": "transformers",
    "ultralytics": "ultralytics",
    "yaml": "pyyaml",
}
"""By the name that is imported, the name to install it by. What is not here is taken for a student's own."""
_ALSO: Mapping[str, tuple[str, ...]] = {
    "cv2": ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")
}
"""Other names under which the same is installed."""
_FRAMEWORKS = frozenset({"jax", "keras", "paddle", "tensorflow", "timm", "torch", "torchvision"})
_IMPORT = re.compile(rb"^[ \t]*(?:import|from)[ \t]+(\w{1,40})", re.MULTILINE)


def missing_packages(first: str, file: str, submission: Submission) -> tuple[str, ...]:
    """Return the known packages that a submission wants and this environment lacks, `first` first.

    Args:
        first: that whose import failed.
        file: in which it failed; this file and main.py are searched for others.
        submission: what was handed in. Nothing of it is run or parsed.
    """
    own = {submitted.path.parts[0].removesuffix(".py") for submitted in submission.files}
    wanted: set[str] = set()
    for submitted in submission.files:
        if str(submitted.path) in ("main.py", file):
            names = _IMPORT.findall(submission.beginning(submitted.path))
            wanted.update(name.decode("ascii", "replace") for name in names)
    others = sorted(name for name in wanted - own - {first} if name in PACKAGES and not is_here(name))
    return (first, *others)


def instead_of(packages: tuple[str, ...], language: Language) -> str:
    """Return a sentence on what can be done without a framework; empty for other packages."""
    if not _FRAMEWORKS & set(packages):
        return ""
    return phrase(language, "without-framework")


def installed(libraries: Mapping[str, str]) -> str:
    """List what is installed here, with versions."""
    return ", ".join(f"{name} {version}" for name, version in sorted(libraries.items())) or "-"


def is_here(name: str) -> bool:
    """Whether a known package is installed."""
    return any(map(_is_installed, (PACKAGES[name], *_ALSO.get(name, ()))))


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
