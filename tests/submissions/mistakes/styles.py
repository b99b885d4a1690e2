"""The ways in which the programs of `programs/` are written, and the network that each hands in.

A program is a whole file, as a student would write it, and right; a mistake is a few changed lines of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.submissions.mistakes.networks import Arrays, Writer, write_network, write_student_head
from tests.submissions.mistakes.planted import Planted, same

_PROGRAMS = Path(__file__).with_name("programs")
_STUDENT = Path(__file__).parents[3] / "student"


@dataclass(frozen=True)
class Style:
    """One program, and what lies beside it."""

    name: str
    program: str
    network: str
    """Where the program looks for its weights."""
    write: Writer = write_network
    beside: Mapping[str, str] = field(default_factory=dict)
    library: str = ""

    def with_mistake(
        self,
        name: str,
        codes: tuple[str, ...],
        lines: Mapping[str, str],
        checkpoint: Callable[[Arrays], Arrays] = same,
        **more: object,
    ) -> Planted:
        """Return the program with lines changed; `more` are fields of `Planted`."""
        fields = {
            "network": self.network,
            "write": self.write,
            "beside": self.beside,
            "library": self.library,
            **more,
        }
        return Planted(f"{self.name}: {name}", codes, lines, checkpoint, program=self.program, **fields)

    def right(self, name: str, lines: Mapping[str, str] | None = None, **more: object) -> Planted:
        """Return the program with lines changed so that it is still right."""
        return self.with_mistake(name, (), lines or {}, **more)


def _read(name: str) -> str:
    return (_PROGRAMS / name).read_text(encoding="utf-8")


def _template() -> str:
    """Return the program that is handed out, with its list of classes left open."""
    text = (_STUDENT / "main.py").read_text(encoding="utf-8")
    return re.sub(r"(?ms)^CLASSES = \[.*?^\]", 'CLASSES = ["the class names"]', text)


SCRIPT = Style("script", _read("script.py"), "results/best.ckpt")
LAB = Style("lab", _template(), "results/mobilenetv2.ckpt")
CLASSIFIER = Style("classifier", _read("classifier.py"), "garbage.ckpt", write_student_head)
TWO_PARTS = Style("two parts", _read("two_parts.py"), "checkpoints/head_and_body.ckpt")
PILLOW = Style("pillow", _read("pillow.py"), "model.ckpt")
SESSION = Style("session", _read("session.py"), "model.onnx")
DNN = Style("dnn", _read("opencv_dnn.py"), "mobilenetv2.onnx")
NUMPY = Style("numpy", _read("plain_numpy.py"), "weights.npz")
TORCH = Style(
    "torch",
    _read("torch_network.py"),
    "best_model.pth",
    beside={"mobilenetv2.py": (_STUDENT / "torch_submission" / "mobilenetv2.py").read_text(encoding="utf-8")},
    library="torch",
)
STYLES = (SCRIPT, LAB, CLASSIFIER, TWO_PARTS, PILLOW, SESSION, DNN, NUMPY, TORCH)
