"""The program inside the sandbox: imports the student's `main.py` and puts one image at a time to it.

This file is started as a script, or forked from a process that has done nothing but import libraries. It sees
nothing of the harness but itself: it imports only the standard library and numpy, and holds no label, no
clock that counts, and no secret. Everything it sends may have been forged by the code it runs; the grader
treats it so. A question's number is random and says nothing about the image.

Frames, in both directions: a 4-byte big-endian length and that many bytes of JSON. A question's
JSON, `{"number": int, "shape": [height, width, 3]}`, is followed by height * width * 3 bytes of
pixels. In a worker of the diagnosis, whose settings name a recorder, there may be a `"task"` in that JSON,
and an answer has what the recorder noted besides. Answers are exactly one of

    {"ready": false}                      about to import main.py
    {"ready": true}                       main.py is imported and has a predict
    {"number": int, "label": str}         what predict returned; "opened": true if it opened a checkpoint
    {"number": int, "type": str}          predict returned something else than text: its type
    {"number": int, "error": {...}}       predict raised
    {"stage": str, "error": {...}}        importing main.py raised, or predict is not usable
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import importlib.util
import inspect
import json
import os
import random
import shutil
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_ACCESS = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
_HERE = "127.0.0.1"
_INSTRUCTION = 8
"""Bytes of one instruction of a seccomp program."""
_NETWORK = "src_mindspore.mobilenetv2"
"""The module of the course library that holds its network."""
_MOST_ALIKE = 3
_WEIGHTS = (".ckpt", ".mindir", ".pt", ".pth", ".safetensors", ".onnx", ".h5")
"""Endings of files that hold nothing but a network; an array or a pickle may be anything."""
_LIKE_PREDICT = ("predict", "infer", "classify", "recogni")
_MAX_TEXT = 2000
"""Characters of a label, message or traceback that are worth sending."""


def run(settings: dict[str, Any]) -> None:
    """Prepare this process, import the submission, answer questions until the channel closes."""
    channel = _connected() if settings["channel"] < 0 else socket.socket(fileno=settings["channel"])
    _bind_limits(settings)
    recorder = _recorder(settings["recorder"])  # before a module of the submission's can be in its way
    folder = _scratch_copy(Path(settings["submission"]), Path(settings["scratch"]))
    os.chdir(folder)
    # The script's own folder leaves the path, the submission comes first.
    sys.path[0] = str(folder)
    _give_way_to(folder, Path(settings["library"]), settings["harness"])
    _accelerate(Path(settings["library"]))
    sys.argv = ["main.py"]
    random.seed(0)
    np.random.seed(0)
    _send(channel, {"ready": False})
    predict = _load(channel, folder)
    if predict is not None:
        _send(channel, {"ready": True})
        _answer_all(channel, predict, folder, recorder)


def _connected() -> socket.socket:
    """Connect to the grader, which says by standard input where; and end as soon as the grader has ended."""
    told = os.fdopen(os.dup(0), "rb", buffering=0)
    # The submission, and what it starts, gets nothing to read.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    port, secret = json.loads(told.readline())
    threading.Thread(target=_end_with, args=(told,), name="grader", daemon=True).start()
    channel = socket.create_connection((_HERE, port))
    channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    channel.sendall(secret.encode("ascii"))
    return channel


def _end_with(told: BinaryIO) -> None:
    """End this process when nobody holds the other end of its standard input any more."""
    with contextlib.suppress(OSError):
        told.read(1)
    os._exit(1)


def _bind_limits(settings: dict[str, Any]) -> None:
    """Set what only the process itself can set; none of it can be raised again from inside."""
    if settings["limits"]:
        _limit(settings["limits"])
    go_first()
    if settings["dies_with_parent"]:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if settings["seccomp"]:
        # In a plain process, which promises no more: a kernel without filters goes on.
        with contextlib.suppress(OSError):
            refuse_calls(**settings["seccomp"])


def _limit(limits: dict[str, int]) -> None:
    import resource  # which Windows has not

    for name, amount in limits.items():
        number = getattr(resource, name)
        ceiling = resource.getrlimit(number)[1]
        if ceiling != resource.RLIM_INFINITY:
            amount = min(amount, ceiling)
        resource.setrlimit(number, (amount, amount))


def go_first() -> None:
    """Should the machine run out of memory, have this process go first and not the grader."""
    with contextlib.suppress(OSError):  # in a sandbox, whoever made it has done it
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def refuse_calls(call: int, program: str) -> None:
    """Have the kernel refuse all threads what `program` refuses, for ever.

    Args:
        call: the number of seccomp(2) here.
        program: of the filter, in base 64.

    Raises:
        OSError: it does not.
    """

    class SockFprog(ctypes.Structure):
        _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    libc = ctypes.CDLL(None, use_errno=True)
    instructions = base64.b64decode(program)
    filters = SockFprog(len(instructions) // _INSTRUCTION, instructions)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(
        call, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(filters)
    ):
        raise OSError(ctypes.get_errno(), "the filter on system calls was not taken")


def _scratch_copy(submission: Path, scratch: Path) -> Path:
    """Copy the submission to where it may write; the copy is thrown away with the sandbox."""
    folder = scratch / "submission"
    shutil.copytree(submission, folder, copy_function=shutil.copyfile)
    return folder


class _WithoutTheHarness(PathFinder):
    """Looks along the path as if nothing of the harness's were installed.

    A folder without an `__init__.py` loses to a package of its name, wherever that stands on the path. So the
    order of the path does not keep a student's `src_mindspore` or `datasets` before the harness's.
    """

    hidden: frozenset[Path] = frozenset()
    """The folders of the harness's packages."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """Find a module as the class above does."""
        if path is None and any(fullname == folder.name for folder in cls.hidden):
            texts = [entry for entry in sys.path if isinstance(entry, str)]
            path = [entry for entry in texts if Path(entry, fullname) not in cls.hidden]
        return super().find_spec(fullname, path, target)


class _CourseLibrary:
    """Finds modules of the course library where nobody else has any of that name.

    So a submission gets the course's if it brings none. If it brings some of the files, those run, and the
    others are the course's, as they were in the folder in which the student worked.
    """

    def __init__(self, folder: Path, packages: Sequence[str]) -> None:
        self._folder = folder
        self._packages = packages

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        """Find a module of the library, or of one of its packages."""
        names = fullname.split(".")
        if names[0] not in self._packages:
            return None
        return PathFinder.find_spec(fullname, [str(self._folder.joinpath(*names[:-1]))])


def _give_way_to(folder: Path, library: Path, harness: Iterable[str]) -> None:
    """Have imports find the submission's modules before any of the harness's, and the course library last.

    Args:
        folder: the submission.
        library: the folder that holds the course library's package.
        harness: folders of the harness's packages, wherever they are installed.
    """
    packages = os.listdir(library)
    _WithoutTheHarness.hidden = frozenset([*map(Path, harness), *(library / name for name in packages)])
    place = sys.meta_path.index(PathFinder)
    sys.meta_path[place : place + 1] = [_WithoutTheHarness, _CourseLibrary(library, packages)]
    # What multiprocessing starts afresh gets this path, and none of this process's finders. The submission's
    # own may lie in any folder of it, which it then puts on the path by itself.
    if not any(any(folder.rglob(file)) for name in packages for file in (name, f"{name}.py")):
        sys.path.append(str(library))


def _accelerate(library: Path) -> None:
    """Have the course library's network answer plain inference by ONNX Runtime, once it is imported.

    A program that is graded need not ask for that, as the templates do. Who brings a network of their own, a
    copy of the library's among it, gets what they bring.
    """
    sys.meta_path.insert(0, _NetworkFinder(library.joinpath(*_NETWORK.split(".")).with_suffix(".py")))


class _NetworkFinder:
    """Finds the course library's network, and nothing else."""

    def __init__(self, file: Path) -> None:
        self._file = str(file)

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, _: Any = None) -> ModuleSpec | None:
        """Find the network, unless the folders of its package hold another."""
        if fullname != _NETWORK:
            return None
        found = PathFinder.find_spec(fullname, path)
        if found is not None and found.origin != self._file:
            return None
        return importlib.util.spec_from_file_location(fullname, loader=_NetworkLoader(fullname, self._file))


class _NetworkLoader(SourceFileLoader):
    """Loads the network, and then has it accelerated."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the network's file, and turn the course library's engine on."""
        super().exec_module(module)
        # An engine that a submission brings may be anything; where it does not do, MindSpore answers.
        with contextlib.suppress(Exception):
            importlib.import_module("src_mindspore.engine").accelerate_every_network()


def _recorder(folder: str) -> Any:
    """Load what is to note how the networks are called; None in a graded run."""
    if not folder:
        return None
    # By a name that no module of a submission has.
    spec = importlib.util.spec_from_file_location("_grader_recorder", f"{folder}/__init__.py")
    assert spec is not None and spec.loader is not None  # noqa: S101 - a .py file always has a loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.install()


def _load(channel: socket.socket, folder: Path) -> Any:
    """Import main.py and return its predict, or report why that cannot be."""
    try:
        module = _import_main(folder / "main.py")
    except BaseException as error:  # also SystemExit and KeyboardInterrupt: the student's code raised them
        _send(channel, {"stage": "import", "error": _describe(error, folder)})
        return None
    problem = _problem_with(getattr(module, "predict", None))
    if problem:
        alike = _like_predict(module, folder) if problem == "missing" else ""
        described = {"type": problem, "message": alike[:_MAX_TEXT], "where": "", "trace": ""}
        _send(channel, {"stage": "predict", "error": described})
        return None
    return module.predict


def _import_main(path: Path) -> Any:
    """Import this very file as `main`, whatever else of that name lies beside it.

    It must be in `sys.modules` under its name: MindSpore's GRAPH mode imports the modules of cells again.
    """
    spec = importlib.util.spec_from_file_location("main", path)
    assert spec is not None and spec.loader is not None  # noqa: S101 - a .py file always has a loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["main"] = module
    spec.loader.exec_module(module)
    return module


def _problem_with(predict: Any) -> str:
    """Name what keeps predict from being called with one image; empty if nothing does."""
    if predict is None:
        return "missing"
    if inspect.isclass(predict):
        return "class"
    if not callable(predict):
        return "not-callable"
    if inspect.iscoroutinefunction(predict) or inspect.isasyncgenfunction(predict):
        return "async"
    if inspect.isgeneratorfunction(predict):
        return "generator"
    try:
        inspect.signature(predict).bind(None)
    except TypeError:
        return "arguments"
    except Exception:  # no signature, or one that raises: calling it will tell
        return ""
    return ""


def _like_predict(module: Any, folder: Path) -> str:
    """Name what of the student's own was probably meant for predict: another spelling, or a method."""
    try:
        found = [name for key, value in vars(module).items() if (name := _alike(key, value, folder))]
        return ", ".join(sorted(found)[:_MOST_ALIKE])
    except BaseException:  # the student's objects may do what they like when they are looked at
        return ""


def _alike(name: str, value: Any, folder: Path) -> str:
    kind = value if inspect.isclass(value) else type(value)
    if inspect.isfunction(value):
        is_meant = any(stem in name.lower() for stem in _LIKE_PREDICT)
        return name if is_meant and _is_inside(value.__code__.co_filename, folder) else ""
    source = getattr(sys.modules.get(kind.__module__), "__file__", None) or ""
    if not _is_inside(source, folder):
        return ""
    return f"{name}.predict" if "predict" in dir(kind) else name if name.lower() == "predict" else ""


class _Openings:
    """Notices that a checkpoint is opened for reading; only Python's own ways to open a file are seen."""

    def __init__(self) -> None:
        self.is_seen = False
        # A hook of the submission's may refuse this one, or raise what it likes.
        with contextlib.suppress(BaseException):
            sys.addaudithook(self._notice)

    def _notice(self, event: str, arguments: tuple[Any, ...]) -> None:
        match event, arguments:
            case "open", (str() | bytes() as path, _, int() as flags):
                if flags & _ACCESS == os.O_RDONLY and os.fsdecode(path).lower().endswith(_WEIGHTS):
                    self.is_seen |= os.path.isfile(path)  # noqa: PTH113 - the event comes before the opening


def _answer_all(channel: socket.socket, predict: Any, folder: Path, recorder: Any) -> None:
    openings = _Openings()
    while True:
        question = _receive(channel)
        if question is None:
            return
        number, image, task = question
        openings.is_seen = False
        if recorder is not None:
            recorder.begin(image, task)
        try:
            answer = {"number": number, **_as_text(predict(image))}
            if "label" in answer and openings.is_seen:
                answer["opened"] = True
        except BaseException as error:
            answer = {"number": number, "error": _describe(error, folder)}
        _send(channel, answer if recorder is None else {**answer, **recorder.end()})


def _as_text(returned: Any) -> dict[str, str]:
    """Take exact text from a str or a subclass of it (numpy.str_); name the type of all else."""
    if issubclass(type(returned), str):  # isinstance would believe what an object says of itself
        # str.__str__ makes an exact str of a subclass without calling a method of the student's.
        return {"label": str.__str__(returned)[:_MAX_TEXT]}
    return {"type": type(returned).__name__[:_MAX_TEXT]}


def _describe(error: BaseException, folder: Path) -> dict[str, str]:
    """Describe an exception, whatever its own methods do."""
    try:
        return _described(error, folder)
    except BaseException:
        return {
            "type": "Exception",
            "message": "an exception that cannot be described",
            "where": "",
            "trace": "",
        }


def _described(error: BaseException, folder: Path) -> dict[str, str]:
    """Return type, message, last line of the student's own code, and traceback."""
    message = str(error)
    if isinstance(error, SyntaxError):
        where = f"{error.filename or ''}:{error.lineno or 0}"
    else:
        frames = [
            frame for frame in traceback.extract_tb(error.__traceback__) if _is_inside(frame.filename, folder)
        ]
        where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return {
        "type": type(error).__name__[:_MAX_TEXT],
        # A path is shown as the student knows it: by the folder that was handed in.
        "message": _below(folder, message)[:_MAX_TEXT],
        "where": _below(folder, where).replace(os.sep, "/")[:_MAX_TEXT],
        "trace": _trace(error)[-_MAX_TEXT:],
    }


def _below(folder: Path, text: str) -> str:
    """Return a text in which a path below the folder begins there; also as `repr` writes it, on Windows."""
    whole = f"{folder}{os.sep}"
    return text.replace(whole, "").replace(repr(whole)[1:-1], "")


def _is_inside(filename: str, folder: Path) -> bool:
    return filename.startswith(f"{folder}{os.sep}")


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def _receive(channel: socket.socket) -> tuple[int, np.ndarray[Any, Any], Any] | None:
    """Receive a question; None when the grader has closed the channel."""
    header = bytearray(4)
    if not _fill(channel, memoryview(header)):
        return None
    body = bytearray(struct.unpack("!I", header)[0])
    _fill(channel, memoryview(body))
    question = json.loads(body)
    # numpy's own memory for every image: contiguous, base is None, nothing shared with another image.
    image = np.empty(question["shape"], np.uint8)
    _fill(channel, memoryview(image.data).cast("B"))
    return question["number"], image, question.get("task")


def _fill(channel: socket.socket, view: memoryview) -> bool:
    while view:
        count = channel.recv_into(view)
        if count == 0:
            return False
        view = view[count:]
    return True


def _send(channel: socket.socket, frame: dict[str, Any]) -> None:
    """Send one frame; any text in it is ASCII-escaped, so lone surrogates pass."""
    body = json.dumps(frame).encode("ascii")
    channel.sendall(struct.pack("!I", len(body)) + body)


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
