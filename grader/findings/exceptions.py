"""Recognising what an exception in a student's code means, so that the help fits."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.dialogue.frames import Raised

_NETWORK = re.compile(
    r"gaierror|URLError|name resolution|Network is unreachable|Max retries|Name or service not known"
    r"|pip'?,? .{0,100}install.{0,500} returned non-zero",
    re.I,
)
_NETWORK_TYPES = frozenset(
    {
        "gaierror",
        "URLError",
        "ConnectionError",
        "ConnectTimeout",
        "ConnectionRefusedError",
        "NewConnectionError",
    }
)
_DEVICE = re.compile(r"\b(CUDA|cuda|device_target|GPU|Ascend|NPU)\b")
_MISSING = re.compile(
    r"No such file|does not exist|not exist|doesn't exist|cannot find the file|not found", re.I
)
_NO_MEMORY = re.compile(
    r"cannot allocate memory|unable to allocate|not enough memory|bad_alloc|out of memory", re.I
)
_NO_PROCESS = re.compile(r"can't start new thread|Resource temporarily unavailable")
"""What Python and C++ say when the kernel refuses a process or thread."""
_DEVICE_TARGET = re.compile(r"device.?target", re.I)
_SCREEN = re.compile(
    r"no \$?DISPLAY|display name|imshow|cvShowImage|Rebuild the library with Windows, GTK", re.I
)
_SHARED_LIBRARY = re.compile(r"\.so\b.*cannot open shared object")
_ARGPARSE_EXIT = "2"
_NULL_BYTES = "source code string cannot contain null bytes"
"""What Python says, as a SyntaxError or a ValueError, of a program in UTF-16 without a byte order mark."""
_NOT_LOADABLE = re.compile(
    r"Failed to read the checkpoint file|parameter dict is empty after filter|dec_key"
    r"|PytorchStreamReader|invalid load key|Weights only load failed|Invalid magic number"
    r"|Protobuf parsing failed|INVALID_PROTOBUF|not a zip file|Bad CRC-32|Bad magic number"
    r"|Cannot load file containing pickled data|Failed to interpret file|No data left in file"
    r"|Ran out of input|pickle data was truncated|Error while deserializing header|file signature not found"
    r"|checkpoint.* crc",
    re.I,
)
_NOT_LOADABLE_TYPES = frozenset({"UnpicklingError", "BadZipFile", "SafetensorError", "InvalidProtobuf"})
"""What the libraries that load parameters say of a file that is none of theirs."""
_WORKER_PROCESSES = re.compile(r"message_queue\.cc|shared_memory_queue\.cc")
"""Where MindSpore makes what its worker processes exchange data through."""
_SHAPE = re.compile(
    r"same shape|size mismatch|shape.* (differ|mismatch|not equal)|param.*\bshape\b", re.I | re.S
)
_PATH_WANTED = re.compile(r"for 'filename'|bytes or os\.PathLike|imread|path-like|no attribute 'read'", re.I)
_WINDOWS_PATH = re.compile(r"\b[A-Za-z]:[\\/]")
_DATA = re.compile(r"\.(jpe?g|png|bmp)\b|\b(train|val|test|datasets?|data)\b", re.I)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")


def code_of(error: Raised) -> str:
    """Return the catalogue's code for an exception raised by a student's code."""
    if error.type in ("SyntaxError", "IndentationError", "TabError"):
        return "not-utf8" if "utf-8" in error.message or "utf8" in error.message else "syntax-error"
    if _NULL_BYTES in error.message:
        return "syntax-error"
    if "MemoryError" in error.type or _NO_MEMORY.search(error.message):
        return "memory-refused"
    if _NO_PROCESS.search(error.message):
        return "processes-refused"
    if _WORKER_PROCESSES.search(error.message):
        return "worker-processes"
    if error.type == "UnicodeDecodeError":
        return "not-utf8-data"
    if error.type in _NETWORK_TYPES or _NETWORK.search(error.message):
        return "no-network"
    if error.type in ("ModuleNotFoundError", "ImportError") and "No module named" in error.message:
        return "missing-module"
    if (error.type == "EOFError" and "reading a line" in error.message) or (error.type, error.message) == (
        "SystemExit",
        _ARGPARSE_EXIT,
    ):
        return "asks-keyboard"
    if error.type == "SystemExit":
        return "ends-itself"
    if error.type in _NOT_LOADABLE_TYPES or _NOT_LOADABLE.search(error.message):
        return "checkpoint-unreadable"
    if _SHAPE.search(error.message):
        return "other-shape"
    if _DEVICE_TARGET.search(error.message):  # MindSpore says of a GPU which library it misses, too
        return "no-device"
    if _SCREEN.search(error.message):
        return "needs-a-screen"
    if _SHARED_LIBRARY.search(error.message):
        return "missing-library"
    if error.type == "FileNotFoundError" or _MISSING.search(error.message):
        return "missing-file"
    if _DEVICE.search(error.message):
        return "no-device"
    if _PATH_WANTED.search(error.message):
        return "wants-a-path"
    return "import-failed"


def code_of_missing(message: str, files: Sequence[str]) -> tuple[str, str]:
    """Return which kind of missing file it is, and the handed-in file that was probably meant.

    Args:
        message: of the exception.
        files: paths of those that were handed in.
    """
    said = message.replace("\\", "/")
    for file in files:
        if file not in said and file.lower() in said.lower():
            return "other-capitals", file
    words = re.split(r"[/'\"\s]+", said.rstrip("'\" ."))
    lowered = {word.lower() for word in words}
    for file in files:
        if file.rpartition("/")[2] in words and f"'{file}'" not in message:
            return "misplaced-file", file
    for file in files:
        if file.rpartition("/")[2].lower() in lowered and file not in said:
            return "other-capitals", file
    if _WINDOWS_PATH.search(message):
        return "windows-path", ""
    if _DATA.search(message):
        return "missing-data", ""
    return "missing-file", ""


def short(text: str, most: int = 300) -> str:
    """Return text on one line, cut to `most` characters, and without memory addresses, which change."""
    line = _ADDRESS.sub("0x...", " ".join(text.split()))
    return line if len(line) <= most else line[: most - 3] + "..."


def narrow(text: str, most: int) -> str:
    """Return what of a text may be told although a hidden image was in reach: little, and that in ASCII.

    A character of Chinese carries twice the bits of a letter, and enough letters carry an image.
    """
    return short(text.encode("ascii", "replace").decode("ascii"), most)
