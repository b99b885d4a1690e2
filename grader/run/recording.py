"""Asking a recorded worker: what passes through the submission's networks comes back with each answer.

Such a worker is one of the diagnosis alone. What it notes is read as a stranger's: exactly the keys, types
and sizes named here, and no number that could be anything else than data. A forged record is a false word of
a student's to themselves; one that is no record ends the worker.

Who was asked about hidden images may give any of them back as a record. So what is to be *shown* to a student
comes from a worker that has seen nothing but what students may see.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, get_args

import numpy as np

from grader.model.assignment import Assignment
from grader.model.dataset import ChannelOrder
from grader.model.predictions import Unusable, WrongType
from grader.model.records import (
    CheckpointFile,
    Framework,
    Network,
    Parameter,
    Question,
    Recipe,
    Record,
    Recorded,
    Recording,
    Task,
    Tensor,
)
from grader.model.verdict import Phase, Stop, StopReason, Verdict
from grader.run.asking import AttentiveClock, wait_for_start
from grader.run.frames import (
    Answered,
    Frame,
    FrameError,
    FrameReader,
    NotReady,
    Ready,
    encode_question,
    frame_of,
    json_object,
)
from grader.run.watch import LimitExceededError, WorkerDiedError
from grader.run.worker import WorkerProcess
from grader.sandbox import Launch

MAX_RECORDED_BYTES = 12 << 20
"""Of one frame; of a graded worker's it is a hundredth of that."""
MAX_KEPT_BYTES = 96 << 20
"""Of the arrays of all answers, which are held until they have been looked at. The test charts make 18 MiB of
an input of 224x224, and 94 MiB of the largest that comes back whole, 512x512."""
MAX_COMMAS = 250_000
"""In one frame. Its length is that of its arrays, which have none; of other values each costs many bytes."""
MAX_ARRAY_BYTES = 4 << 20
MAX_RECORDS = 8
MAX_NETWORKS = 4
MAX_PARAMETERS = 2000
MAX_FILES = 8
MAX_PARAMETERS_OF_FILES = 6000
"""Of all files together."""
MAX_AXES = 8
MAX_NAME = 200
_MAX_COUNT = 1 << 31
_NOTED = ("calls", "files", "networks", "records", "replaced")
_TYPES = {
    name: np.dtype(name).newbyteorder("<")
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64"),
    )
}
_SHA1 = re.compile(r"[0-9a-f]{40}")


def record(
    launch: Callable[[int], Launch], questions: Sequence[Question], assignment: Assignment
) -> Recording:
    """Put questions to one recorded worker that is asked nothing else; see :class:`RecordedWorker`."""
    with RecordedWorker(launch, assignment) as worker:
        return worker.ask(questions)


class RecordedWorker:
    """One recorded worker, asked as often as it lives; use as a context manager."""

    def __init__(self, launch: Callable[[int], Launch], assignment: Assignment) -> None:
        """Start a worker.

        Args:
            launch: starts a worker that loads the recorder.
            assignment: the rules, with the limits that are to hold, for all questions together; one with a
                recipe may take the time of two.
        """
        self._channel_order = assignment.channel_order
        self._limits = assignment.limits
        self._clock = AttentiveClock()
        self._phase: Phase = "import"
        self._asked = 0
        self._kept_bytes = 0
        self._not_ready: Unusable | None = None
        self._stop: Stop | None = None
        reader = FrameReader(parse_recorded, MAX_RECORDED_BYTES)
        self._worker = WorkerProcess(launch, self._clock.now, reader)

    def __enter__(self) -> RecordedWorker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()

    def ask(self, questions: Sequence[Question]) -> Recording:
        """Put questions, in their order, until all are answered or the worker ends.

        Raises:
            HarnessError: a sandbox did not come up.
        """
        answers: list[Recorded] = []
        self._kept_bytes = 0
        if not self._has_ended:
            try:
                self._ask_all(questions, answers)
            except LimitExceededError as breach:
                self._stop = self._stopped(breach.verdict, breach.reason, breach.value)
            except WorkerDiedError as death:
                self._stop = self._stopped(Verdict.CRASH, death.reason, death.value)
        missing = len(questions) - len(answers)
        return Recording((*answers, *[None] * missing), self._not_ready, self._stop)

    @property
    def _has_ended(self) -> bool:
        return self._not_ready is not None or self._stop is not None

    def _import(self) -> None:
        wait_for_start(self._worker, self._clock.now)
        frame = self._worker.receive(self._deadline(self._limits.import_seconds))
        if isinstance(frame, NotReady):
            self._not_ready = Unusable(frame.stage, frame.error)
        elif not isinstance(frame, Ready):
            raise LimitExceededError(Verdict.CONTRACT, StopReason.BEFORE_ANY)
        self._phase = "first prediction"

    def _ask_all(self, questions: Sequence[Question], answers: list[Recorded]) -> None:
        """Append the answers as they come: those before the worker's end count."""
        if self._phase == "import":
            self._import()
        for question in questions if not self._has_ended else ():
            is_first = self._phase == "first prediction"
            limits = self._limits
            allowed = limits.first_prediction_seconds if is_first else limits.image_seconds
            answers.append(self._ask(question, allowed))
            self._asked += 1
            self._phase = "prediction"

    def _ask(self, question: Question, allowed: float) -> Recorded:
        number = secrets.randbits(31)
        encoded = encode_task(question.task, self._channel_order)
        more = {"task": encoded} if encoded else {}
        asked = encode_question(number, question.pixels(self._channel_order), **more)
        deadline = self._deadline(allowed if question.task.recipe is None else 2 * allowed)
        self._worker.send(asked, deadline)
        frame = self._worker.receive(deadline)
        if not isinstance(frame, RecordedAnswer) or frame.number != number:
            raise LimitExceededError(Verdict.CONTRACT, StopReason.UNASKED)
        recorded = frame.recorded
        if _is_unasked(recorded, question.task):
            raise LimitExceededError(Verdict.CONTRACT, StopReason.UNASKED)
        self._kept_bytes += sum(tensor.bytes for tensor in _tensors_in(recorded))
        if self._kept_bytes > MAX_KEPT_BYTES:
            raise LimitExceededError(Verdict.CONTRACT, StopReason.TOO_LONG)
        return recorded

    def _deadline(self, seconds: float) -> float:
        return min(self._clock.now() + seconds, self._limits.total_seconds)

    def _stopped(self, verdict: Verdict, reason: StopReason | None, value: str) -> Stop:
        late = verdict is Verdict.TIMEOUT and self._clock.now() >= self._limits.total_seconds
        asked = None if self._phase == "import" else self._asked + 1
        return Stop(verdict, self._phase, reason, value, asked, is_deadline_of_total=late)


def _is_unasked(recorded: Recorded, task: Task) -> bool:
    """Whether an answer has what its question did not ask for."""
    return (
        (recorded.is_replaced and task.recipe is None)
        or (bool(recorded.networks) and not (task.parameters or task.load))
        or (any(network.parameters for network in recorded.networks) and not task.parameters)
        or (any(network.loaded for network in recorded.networks) and not task.load)
        or (bool(recorded.files) and not task.parameters)
    )


def _tensors_in(recorded: Recorded) -> Iterator[Tensor]:
    passed = (tensor for record in recorded.records for tensor in (record.input, record.output))
    yield from (tensor for tensor in passed if tensor is not None)


# -- the wire ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RecordedAnswer(Answered):
    """A recorded worker's answer."""

    recorded: Recorded


def encode_task(task: Task, channel_order: ChannelOrder) -> dict[str, Any]:
    """Return a task as the recorder takes it: it knows a picture's channels by their places alone."""
    encoded: dict[str, Any] = {}
    if task.recipe is not None:
        encoded["recipe"] = _encoded(task.recipe, channel_order)
    if task.parameters:
        encoded["parameters"] = True
    if task.evaluate:
        encoded["evaluate"] = True
    if task.load:
        encoded["load"] = task.load
    if not task.inputs:
        encoded["inputs"] = False
    return encoded


def _encoded(recipe: Recipe, channel_order: ChannelOrder) -> dict[str, Any]:
    is_turned = recipe.source == "image" and channel_order == "bgr"
    matrix = [list(row[::-1] if is_turned else row) for row in recipe.matrix]
    return {"source": recipe.source, "matrix": matrix, "offset": list(recipe.offset)}


def parse_recorded(body: bytes) -> Frame:
    """Parse one frame of a recorded worker.

    Raises:
        FrameError: it is no frame of a graded worker's, or an answer without what was noted, or that has
            another form.
    """
    if body.count(b",") > MAX_COMMAS:
        raise FrameError(StopReason.TOO_LONG)
    value = json_object(body)
    noted = {key: value.pop(key) for key in _NOTED if key in value}
    frame = frame_of(value)
    if not isinstance(frame, Answered):
        if noted:
            raise FrameError(StopReason.OTHER_KEYS)
        return frame
    _keys(noted, *_NOTED)
    problem = WrongType(frame.wrong_type or "") if frame.error is None else frame.error
    recorded = Recorded(
        text=frame.label,
        problem=None if frame.label is not None else problem,
        records=tuple(_record(each) for each in _list(noted["records"], MAX_RECORDS)),
        calls=_count(noted["calls"]),
        is_replaced=_flag(noted["replaced"]),
        networks=tuple(_network(each) for each in _list(noted["networks"], MAX_NETWORKS)),
        files=_files(noted["files"]),
    )
    return RecordedAnswer(number=frame.number, recorded=recorded)


def _record(value: Any) -> Record:
    _keys(value, "kind", "name", "input", "output", "training", "inputs")
    return Record(
        kind=_framework(value["kind"]),
        name=_name(value["name"]),
        input=_tensor(value["input"]),
        output=_tensor(value["output"]),
        training=None if value["training"] is None else _flag(value["training"]),
        inputs=_count(value["inputs"]),
    )


def _tensor(value: Any) -> Tensor | None:
    if value is None:
        return None
    _keys(value, "dtype", "shape", "data")
    dtype = _TYPES.get(value["dtype"]) if isinstance(value["dtype"], str) else None
    if dtype is None:
        raise FrameError(StopReason.OTHER_KEYS)
    shape = tuple(_count(size) for size in _list(value["shape"], MAX_AXES))
    return Tensor(value["dtype"], shape, _values(value["data"], dtype, shape))


def _values(data: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any] | None:
    """Return the numbers in base 64: all of that shape, or a number of its first entries."""
    if data is None:
        return None
    if not isinstance(data, str) or len(data) > MAX_ARRAY_BYTES * 4 // 3 + 4:
        raise FrameError(StopReason.TOO_LONG)
    try:
        held = base64.b64decode(data.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise FrameError(StopReason.OTHER_KEYS) from error
    entry = math.prod(shape[1:]) * dtype.itemsize
    if len(held) == math.prod(shape) * dtype.itemsize:
        given = shape
    elif shape and entry and 0 < len(held) < shape[0] * entry and len(held) % entry == 0:
        given = (len(held) // entry, *shape[1:])
    else:
        raise FrameError(StopReason.NO_NUMBER)
    if len(held) > MAX_ARRAY_BYTES:
        raise FrameError(StopReason.TOO_LONG)
    try:
        array = np.frombuffer(held, np.uint8 if dtype.kind == "b" else dtype).reshape(given)
    except ValueError as error:  # none of its sizes is too large, but numpy multiplies them
        raise FrameError(StopReason.NO_NUMBER) from error
    if dtype.kind == "b":  # any byte but 0 is true, and numpy takes only 1 for that
        array = np.asarray(array != 0)
        array.flags.writeable = False
    return array


def _network(value: Any) -> Network:
    _keys(value, "kind", "name", "parameters", "loaded")
    parameters, loaded = _parameters(value["parameters"]), _count(value["loaded"])
    if loaded > (len(parameters) or MAX_PARAMETERS):
        raise FrameError(StopReason.NO_NUMBER)
    return Network(_framework(value["kind"]), _name(value["name"]), parameters, loaded)


def _files(value: Any) -> tuple[CheckpointFile, ...]:
    files = tuple(_file(each) for each in _list(value, MAX_FILES))
    if sum(len(file.parameters) for file in files) > MAX_PARAMETERS_OF_FILES:
        raise FrameError(StopReason.TOO_LONG)
    return files


def _file(value: Any) -> CheckpointFile:
    _keys(value, "name", "parameters")
    return CheckpointFile(_name(value["name"]), _parameters(value["parameters"]))


def _parameters(value: Any) -> tuple[Parameter, ...]:
    return tuple(_parameter(each) for each in _list(value, MAX_PARAMETERS))


def _parameter(value: Any) -> Parameter:
    _keys(value, "name", "shape", "dtype", "sha1", "mean", "std", "min", "max", "not_finite")
    if not (isinstance(value["sha1"], str) and _SHA1.fullmatch(value["sha1"])):
        raise FrameError(StopReason.NO_TEXT)
    return Parameter(
        name=_name(value["name"]),
        shape=tuple(_count(size) for size in _list(value["shape"], MAX_AXES)),
        dtype=_name(value["dtype"]),
        sha1=value["sha1"],
        mean=_real(value["mean"]),
        std=_real(value["std"]),
        least=_real(value["min"]),
        greatest=_real(value["max"]),
        not_finite=_count(value["not_finite"]),
    )


def _keys(value: Any, *keys: str) -> None:
    if not isinstance(value, dict) or value.keys() != set(keys):
        raise FrameError(StopReason.OTHER_KEYS)


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise FrameError(StopReason.OTHER_KEYS)
    return value


def _framework(value: Any) -> Framework:
    for known in get_args(Framework):
        if value == known and isinstance(value, str):
            framework: Framework = known
            return framework
    raise FrameError(StopReason.OTHER_KEYS)


def _name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_NAME:
        raise FrameError(StopReason.NO_TEXT)
    return value.encode("utf-8", "replace").decode("utf-8")


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise FrameError(StopReason.OTHER_KEYS)
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_COUNT:
        raise FrameError(StopReason.NO_NUMBER)
    return value


def _real(value: Any) -> float:
    # Of JSON's whole numbers, which may be larger than any float, the recorder sends none.
    if not isinstance(value, float) or not math.isfinite(value):
        raise FrameError(StopReason.NO_NUMBER)
    return value
