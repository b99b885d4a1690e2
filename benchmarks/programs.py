"""How the measured programs are started: each a module of this package, in an environment of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from src_mindspore.cpu import VARIABLE as ONEDNN_CAP

ROOT = Path(__file__).resolve().parents[1]
ENGINE_SWITCH = "SRC_MINDSPORE_ENGINE"  # see src_mindspore.engine.live, which cannot be imported quickly


def python(module: str, *arguments: object) -> tuple[str, ...]:
    """Return the command that runs a module with this interpreter."""
    return (sys.executable, "-m", module, *(str(argument) for argument in arguments))


def environment(*, capped: bool, engine: bool) -> dict[str, str]:
    """Return the environment of a program that uses the course library.

    Args:
        capped: keep oneDNN from AVX-512 (see `src_mindspore.cpu`). Otherwise it is told to use all that the
            CPU has, which is what it does by itself and what the course library leaves alone.
        engine: let the course library answer with ONNX Runtime in plain inference.
    """
    places = [str(ROOT), str(ROOT / "student"), *(str(Path(entry).resolve()) for entry in sys.path if entry)]
    return {
        **os.environ,
        ONEDNN_CAP: "AVX2" if capped else "DEFAULT",
        ENGINE_SWITCH: "on" if engine else "off",
        "GLOG_v": "3",  # MindSpore logs errors only
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(places)),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


STOCK = "MindSpore"
CAPPED = "MindSpore, oneDNN capped at AVX2"
