"""What a submission is once it has been taken in, and which format a checkpoint of it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

MAIN = PurePosixPath("main.py")
HEAD_BYTES = 128
"""As many of a file's first bytes are kept."""
LOCAL_SIGNATURE = b"PK\x03\x04"
"""What a zip begins with."""
MINDSPORE, PYTORCH, ENCRYPTED_FORMAT = "MindSpore", "PyTorch", "encrypted"
EXPECTED: Mapping[str, tuple[str, ...]] = {
    ".ckpt": (MINDSPORE,),
    ".mindir": ("MindIR",),
    ".pt": (PYTORCH, "pickle"),
    ".pth": (PYTORCH, "pickle"),
    ".safetensors": ("safetensors",),
    ".onnx": ("ONNX",),
    ".npz": ("NumPy",),
    ".npy": ("NumPy",),
    ".pkl": ("pickle", PYTORCH),
    ".h5": ("HDF5",),
}
"""By the ending of a file's name, the formats that fit it, the usual one first."""
CHECKPOINT_SUFFIXES = frozenset(EXPECTED)
_MOST_OF_A_PROGRAM = 1 << 18
"""Bytes of one file that are searched for anything by the harness."""
_ZIP_NAME_AT = 30
_MAGIC: Mapping[bytes, str] = {
    b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.": PYTORCH,  # before PyTorch 1.6
    b"\x93NUMPY": "NumPy",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"\x1f\x8b": "gzip",
    b"Rar!": "RAR",
    b"7z\xbc\xaf\x27\x1c": "7z",
    # MindSpore's ciphers: AES-GCM, AES-CBC, SM4-CBC.
    b"\xd8\x5e\x3a\x7f": ENCRYPTED_FORMAT,
    b"\xd9\x5e\x3a\x7f": ENCRYPTED_FORMAT,
    b"\xda\x5e\x3a\x7f": ENCRYPTED_FORMAT,
}
_LEAST = 10
"""Bytes; fewer are no file of parameters."""
_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in (2, 3, 4, 5))
_MINDIR_PRODUCER = b"\x12\x09MindSpore"
_ONNX_VERSION, _MOST_ONNX_VERSION = b"\x08", 31
_ONNX_NEXT = b"\x12\x1a\x2a\x32\x3a\x42"
"""What may follow the version in ONNX's `ModelProto`: texts, the graph, the operator set."""

Defect = Literal["", "cut-off", "damaged", "line-ends"]


@dataclass(frozen=True)
class CheckpointState:
    """What could be told; of a format that is not known, nothing."""

    parameters: int | None = None
    defect: Defect = ""
    """`cut-off`: the end is missing. `damaged`: a checksum of the file's own says that bytes have changed.
    `line-ends`: they have, as a program for text changes them."""


NOTHING_KNOWN = CheckpointState()


@dataclass(frozen=True)
class SubmittedFile:
    """One file of a submission."""

    path: PurePosixPath
    """Relative to the submission's folder."""
    size: int
    """Bytes."""
    sha256: str
    head: bytes = b""
    """The first bytes, by which a checkpoint that is none can be told."""
    state: CheckpointState = NOTHING_KNOWN
    """What the outside of a checkpoint tells; of other files, nothing."""

    @property
    def is_checkpoint(self) -> bool:
        """Whether the name is that of a file of trained parameters."""
        return self.path.suffix.lower() in CHECKPOINT_SUFFIXES

    @property
    def is_lfs_pointer(self) -> bool:
        """Whether it only says where git-lfs keeps the real file."""
        return self.head.startswith(b"version https://git-lfs")

    @property
    def is_web_page(self) -> bool:
        """Whether it is HTML: what a browser saves when a download needed a login."""
        return self.head.lstrip().lower().startswith((b"<!doctype html", b"<html"))

    @property
    def format(self) -> str:
        """The format of a checkpoint, by its first bytes; empty if they tell none."""
        return MINDSPORE if self.state.parameters is not None else format_of(self.head)

    @property
    def is_utf16(self) -> bool:
        """Whether it is text as Windows PowerShell writes it: two bytes a letter, with or without a mark."""
        return self.head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in (self.head[:1], self.head[1:2])


@dataclass(frozen=True)
class NotebookUse:
    """What a submission's notebook is to its `main.py`."""

    path: PurePosixPath
    made_main: bool
    """Whether `main.py` was made of it; else `main.py` was handed in, and the notebook says otherwise."""
    cells: int
    """Marked for `main.py`."""
    left_out: tuple[str, ...] = ()
    """What only a notebook can do, each as `cell:line text`."""


@dataclass(frozen=True)
class Submission:
    """A private copy of what was handed in: hashed, and out of the student's reach."""

    name: str
    """Name of the folder or archive that was handed in."""
    folder: Path
    """The private copy; `main.py` lies directly in it."""
    files: tuple[SubmittedFile, ...]
    """In the order of their paths."""
    sha256: str
    """Digest over all paths and contents; the name is not part of it."""
    notes: tuple[str, ...] = ()
    """What intake put right without being asked, in words for the student."""
    notebook: NotebookUse | None = None
    """None if `main.py` was handed in and no notebook says otherwise."""

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    @property
    def checkpoints(self) -> tuple[SubmittedFile, ...]:
        """The files of trained parameters."""
        return tuple(file for file in self.files if file.is_checkpoint)

    def beginning(self, program: PurePosixPath = MAIN) -> bytes:
        """Return as much of a program as is looked at; no honest one is longer."""
        with (self.folder / program).open("rb") as file:
            return file.read(_MOST_OF_A_PROGRAM)

    def named_in_main(self) -> frozenset[SubmittedFile]:
        """Return the checkpoints whose names occur in the text of `main.py`."""
        source = self.beginning()
        return frozenset(file for file in self.checkpoints if file.path.name.encode("utf-8") in source)


def format_of(head: bytes) -> str:
    """Return the format that a file's first hundred bytes tell; empty if they tell none."""
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if head.startswith(LOCAL_SIGNATURE):
        return _format_of_zip(head)
    if len(head) < _LEAST:
        return ""
    if head.startswith(_PICKLES):
        return "pickle"
    if _MINDIR_PRODUCER in head[:20]:
        return "MindIR"
    if head[:1] == _ONNX_VERSION and 0 < head[1] <= _MOST_ONNX_VERSION and head[2:3] in _ONNX_NEXT:
        return "ONNX"
    # Eight bytes of length, of which the upper are zero, and a JSON object.
    return "safetensors" if head[4:9] == b"\0\0\0\0{" else ""


def _format_of_zip(head: bytes) -> str:
    """Tell the libraries that write zips by the name of the first file in it."""
    length = int.from_bytes(head[26:28], "little")
    name = head[_ZIP_NAME_AT : _ZIP_NAME_AT + length]
    if name.endswith(b"data.pkl"):
        return PYTORCH
    return "NumPy" if name.endswith(b".npy") else "zip"
