"""What an exception of a student's code means: which finding it is, and with which file or package in it.

Here is also the list of packages that students' programs import: by it a package that is not installed is
told from a module that was not handed in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata

from grader.errors import Language, in_short
from grader.model.predictions import Raised
from grader.model.report import FindingPart
from grader.model.submission import Submission, SubmittedFile
from grader.printable import short
from grader.wording import finding, phrase

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
_MOST_FILES, _MOST_PATH = 5, 80
_NO_MODULE = re.compile(r"No module named '([\w.]{1,80})")
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


def code_of(error: Raised) -> str:
    """Return the catalogue's code for an exception raised by a student's code."""
    if error.type in ("SyntaxError", "IndentationError", "TabError"):
        return "not-utf8" if "utf-8" in error.message or "utf8" in error.message else "syntax-error"
    return next(code for code, is_it in _KINDS if is_it(error))


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


def finding_of_exception(
    code: str, error: Raised, submission: Submission, libraries: Mapping[str, str]
) -> FindingPart:
    """Word an exception; what it says may be told in full if no hidden image had been in reach.

    Args:
        code: the catalogue's, by the exception alone.
        error: with as much of its texts as may be told.
        submission: whose files may be what the exception is about.
        libraries: versions of what is installed.
    """
    checkpoints = [str(file.path) for file in submission.checkpoints]
    file = short(error.where.partition(":")[0]) or "main.py"
    details = {
        "type": short(error.type),
        "message": short(error.message),
        **place(error),
        "file": file,
        "checkpoints": some(checkpoints, "en") or "none",
        "checkpoints_zh": some(checkpoints, "zh") or "无",
    }
    if code == "missing-module":
        return _missing_module(error, file, submission, libraries, details)
    if code == "missing-file":
        code, found = code_of_missing(error.message, [str(file.path) for file in submission.files])
        return finding(code, found=short(found), **details)
    if code in ("not-utf8", "syntax-error") and (utf16 := _in_utf16(file, submission.files)):
        return finding("utf16-source", **{**details, "file": utf16})
    return finding(code, **details)


def place(error: Raised) -> dict[str, str]:
    """Return where an exception comes from, in both languages."""
    where = short(error.where)
    return {"where": where or "native code", "where_zh": where or "原生代码"}


def some(names: Sequence[str], language: Language) -> str:
    """List some names, and count the rest; empty if there are none."""
    listed = in_short([short(name, _MOST_PATH) for name in names], _MOST_FILES)
    return listed if isinstance(listed, str) else listed.text(language)


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


def _says(pattern: re.Pattern[str]) -> Callable[[Raised], bool]:
    return lambda error: pattern.search(error.message) is not None


def _is_missing_module(error: Raised) -> bool:
    return error.type in ("ModuleNotFoundError", "ImportError") and "No module named" in error.message


def _asks_keyboard(error: Raised) -> bool:
    is_read = error.type == "EOFError" and "reading a line" in error.message
    return is_read or (error.type, error.message) == ("SystemExit", _ARGPARSE_EXIT)


def _missing_module(
    error: Raised,
    file: str,
    submission: Submission,
    libraries: Mapping[str, str],
    details: Mapping[str, str],
) -> FindingPart:
    """Tell a package that is not installed from a file that was not handed in, or is called otherwise."""
    found = _NO_MODULE.search(error.message)
    module = found[1] if found else ""
    package = module.partition(".")[0]
    here = installed(libraries)
    if package in PACKAGES and (module == package or not is_here(package)):
        missing = missing_packages(package, file, submission)
        return finding(
            "missing-package",
            None,
            missing,
            packages=", ".join(missing),
            installed=here,
            instead=instead_of(missing, "en"),
            instead_zh=instead_of(missing, "zh"),
            **details,
        )
    stem = module.replace(".", "/").lower()
    alike = (str(each.path) for each in submission.files)
    path = next((path for path in alike if path.lower() in (f"{stem}.py", f"{stem}/__init__.py")), "")
    if path:
        return finding("other-capitals", found=short(path, _MOST_PATH), **details)
    return finding("missing-module", installed=here, **details)


def _in_utf16(file: str, files: Sequence[SubmittedFile]) -> str:
    """Return the program that is saved in UTF-16: the file named, or if Python names none, any."""
    sources = [each for each in files if each.is_utf16 and each.path.suffix == ".py"]
    named = [str(each.path) for each in sources]
    return file if file in named else short(named[0], _MOST_PATH) if named else ""


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


_KINDS: tuple[tuple[str, Callable[[Raised], bool]], ...] = (
    ("syntax-error", lambda error: _NULL_BYTES in error.message),
    ("memory-refused", lambda error: "MemoryError" in error.type),
    ("memory-refused", _says(_NO_MEMORY)),
    ("processes-refused", _says(_NO_PROCESS)),
    ("worker-processes", _says(_WORKER_PROCESSES)),
    ("not-utf8-data", lambda error: error.type == "UnicodeDecodeError"),
    ("no-network", lambda error: error.type in _NETWORK_TYPES),
    ("no-network", _says(_NETWORK)),
    ("missing-module", _is_missing_module),
    ("asks-keyboard", _asks_keyboard),
    ("ends-itself", lambda error: error.type == "SystemExit"),
    ("checkpoint-unreadable", lambda error: error.type in _NOT_LOADABLE_TYPES),
    ("checkpoint-unreadable", _says(_NOT_LOADABLE)),
    ("other-shape", _says(_SHAPE)),
    ("no-device", _says(_DEVICE_TARGET)),  # MindSpore says of a GPU which library it misses, too
    ("needs-a-screen", _says(_SCREEN)),
    ("missing-library", _says(_SHARED_LIBRARY)),
    ("missing-file", lambda error: error.type == "FileNotFoundError"),
    ("missing-file", _says(_MISSING)),
    ("no-device", _says(_DEVICE)),
    ("wants-a-path", _says(_PATH_WANTED)),
    ("import-failed", lambda _: True),
)
"""Codes, each with what it is for; the first that fits an exception is taken."""
