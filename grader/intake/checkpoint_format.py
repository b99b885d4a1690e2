"""Which format a file of parameters has, by its first bytes, and which its name promises."""

from __future__ import annotations

from collections.abc import Mapping

from grader.intake.zip_entries import LOCAL_SIGNATURE

MINDSPORE, PYTORCH, ENCRYPTED = "MindSpore", "PyTorch", "encrypted"
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
_ZIP_NAME_AT = 30
_MAGIC: Mapping[bytes, str] = {
    b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.": PYTORCH,  # before PyTorch 1.6
    b"\x93NUMPY": "NumPy",
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"\x1f\x8b": "gzip",
    b"Rar!": "RAR",
    b"7z\xbc\xaf\x27\x1c": "7z",
    # MindSpore's ciphers: AES-GCM, AES-CBC, SM4-CBC.
    b"\xd8\x5e\x3a\x7f": ENCRYPTED,
    b"\xd9\x5e\x3a\x7f": ENCRYPTED,
    b"\xda\x5e\x3a\x7f": ENCRYPTED,
}
_LEAST = 10
"""Bytes; fewer are no file of parameters."""
_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in (2, 3, 4, 5))
_MINDIR_PRODUCER = b"\x12\x09MindSpore"
_ONNX_VERSION, _MOST_ONNX_VERSION = b"\x08", 31
_ONNX_NEXT = b"\x12\x1a\x2a\x32\x3a\x42"
"""What may follow the version in ONNX's `ModelProto`: texts, the graph, the operator set."""


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
