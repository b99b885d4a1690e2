"""From what happened to what the report says about it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from datasets.classes import ClassInfo
from grader.assignment import Assignment
from grader.dialogue.frames import Answered, NotReady, Raised
from grader.dialogue.interview import Answers, Stop
from grader.dialogue.worker_process import PROCESSOR_TIME
from grader.findings.catalogue import finding
from grader.findings.exceptions import code_of, code_of_missing, narrow, short
from grader.intake.refusal import IntakeRefusedError
from grader.intake.submission import Submission
from grader.replay.replay import Replay
from grader.report.model import FindingPart
from grader.sandbox.policy import course_library
from grader.scoring.labels import LabelReader
from grader.scoring.score import Tally
from grader.verdict import Verdict

_PHASE_ZH = {"import": "导入", "first prediction": "首次预测", "prediction": "预测"}
_HIDDEN_MESSAGE, _HIDDEN_NAME = 60, 24
"""Characters of what was said while a hidden image was in reach; enough of them would carry it out."""
_TELLING = frozenset(
    {
        "missing-file",
        "missing-module",
        "missing-library",
        "no-network",
        "no-device",
        "asks-keyboard",
        "wants-a-path",
        "needs-a-screen",
        "memory-refused",
        "processes-refused",
        "not-utf8-data",
        "worker-processes",
    }
)
_MOST_FILES, _MOST_NAMES = 5, 5
_LIBRARY = "src_mindspore"
_NOT_LOADED = re.compile(r"\b([1-9]\d{0,4}) parameters in the 'net' are not loaded")
"""`load_param_into_net` warns so of names that the checkpoint does not have; they stay random."""
_UNUSABLE = {
    "class": "it is a class",
    "not-callable": "it is not a function",
    "async": "it is asynchronous",
    "generator": "it is a generator",
    "arguments": "it does not take exactly one argument",
}


def findings_of_refusal(refusal: IntakeRefusedError) -> tuple[FindingPart, ...]:
    """Say why a submission was not taken in."""
    return (finding(refusal.code, detail=refusal.detail),)


def findings_of_answers(
    answers: Answers, tally: Tally, submission: Submission, assignment: Assignment
) -> tuple[FindingPart, ...]:
    """Say what went wrong while answering, worst things first, and what is worth knowing."""
    found = (
        *_not_ready(answers.not_ready, submission),
        *(_stop(stop, assignment) for stop in answers.stops),
        *_raised(answers.answers, tally, submission),
        *_labels(tally, assignment.classes),
        *_not_loaded(answers.output, submission),
        *_constant(answers.answers),
        *_checkpoints(submission),
        *_own_library(submission),
        *(finding("one-folder-deeper", detail=note) for note in submission.notes),
    )
    # Workers that were started again may have ended in the very same way; once is enough to say so.
    return tuple(dict.fromkeys(found))


def findings_of_replay(again: Replay) -> Iterator[FindingPart]:
    """Say what came out when a part of the images was asked again."""
    if again.status == "incomplete":
        yield finding("replay-incomplete")
    if again.differed:
        yield finding("unstable-answers", count=again.differed, total=again.repeated)
    if again.is_collapse:
        yield finding("memorised-images", count=again.lost, total=again.altered)


def verdict_of(answers: Answers, tally: Tally) -> Iterator[Verdict]:
    """Yield every verdict that applies; see :func:`grader.verdict.worst`."""
    if answers.not_ready is not None:
        yield (
            Verdict.CONTRACT if answers.not_ready.stage == "predict" else _verdict_of(answers.not_ready.error)
        )
    yield from (stop.verdict for stop in answers.stops)
    if (spokesman := _spokesman(answers.answers)) is not None:
        yield _verdict_of(spokesman)
    if tally.wrong_types:
        yield Verdict.CONTRACT


def _not_ready(not_ready: NotReady | None, submission: Submission) -> Iterator[FindingPart]:
    if not_ready is None:
        return
    error = not_ready.error
    if not_ready.stage == "import":
        yield _told(code_of(error), error, submission)
    elif error.type == "missing":
        yield finding("no-predict")
    else:
        yield finding("predict-unusable", detail=_UNUSABLE.get(error.type, "it cannot be called"))


def _told(code: str, error: Raised, submission: Submission) -> FindingPart:
    """Word an exception; what it says may be told in full if no hidden image had been in reach."""
    checkpoints = [str(file.path) for file in submission.checkpoints]
    found = ""
    if code == "missing-file":
        code, found = code_of_missing(error.message, checkpoints)
    return finding(
        code,
        type=short(error.type),
        message=short(error.message),
        where=short(error.where) or "native code",
        file=short(error.where.partition(":")[0]) or "main.py",
        found=short(found),
        checkpoints=_some(checkpoints) or "none",
        checkpoints_zh=_some(checkpoints) or "无",
    )


def _stop(stop: Stop, assignment: Assignment) -> FindingPart:
    limits = assignment.limits
    phase = {"phase": stop.phase, "phase_zh": _PHASE_ZH[stop.phase]}
    match stop.verdict:
        case Verdict.TIMEOUT if stop.detail == PROCESSOR_TIME:
            return finding("processor-time", seconds=f"{limits.processor_seconds:g}", **phase)
        case Verdict.TIMEOUT:
            seconds = {
                "import": limits.import_seconds,
                "first prediction": limits.first_prediction_seconds,
                "prediction": limits.image_seconds,
            }[stop.phase]
            if stop.is_deadline_of_total:
                seconds = limits.total_seconds
            return finding("timeout", seconds=f"{seconds:g}", **phase)
        case Verdict.MEMORY:
            return finding("memory", limit=limits.memory_mib, **phase)
        case Verdict.PIDS:
            return finding("pids", limit=limits.processes, **phase)
        case Verdict.DISK:
            return finding("disk", limit=limits.scratch_mib, **phase)
        case Verdict.OUTPUT:
            return finding("output", limit=limits.output_kib, **phase)
        case Verdict.CONTRACT:
            return finding("forged-channel", detail=stop.detail)
    if stop.phase == "import":
        return finding("died-importing", detail=stop.detail)
    # Which image came first is chance: the phase is left to the report's `run` section.
    return finding("died", detail=stop.detail)


def _raised(
    answers: Sequence[Answered | None], tally: Tally, submission: Submission
) -> Iterator[FindingPart]:
    """Report the commonest exception of predict; the first such image in the split's order speaks for it."""
    spokesman = _spokesman(answers)
    if spokesman is None:
        return
    told = Raised(
        type=narrow(spokesman.type, _HIDDEN_NAME),
        message=narrow(spokesman.message, _HIDDEN_MESSAGE),
        where=narrow(spokesman.where, _HIDDEN_NAME),
        trace="",
    )
    yield finding(
        "predict-raised",
        count=tally.raised,
        total=tally.total,
        type=told.type,
        message=told.message,
        where=told.where or "native code",
    )
    # Judged by the whole message, worded with the narrow one.
    if (code := code_of(spokesman)) in _TELLING:
        yield _told(code, told, submission)


def _spokesman(answers: Sequence[Answered | None]) -> Raised | None:
    """Return the first error, in the split's order, of the commonest kind of predict's."""
    errors = [answer.error for answer in answers if answer is not None and answer.error is not None]
    if not errors:
        return None
    commonest = _commonest(Counter(_kind(error) for error in errors))
    return next(error for error in errors if _kind(error) == commonest)


def _verdict_of(error: Raised) -> Verdict:
    """Return the verdict: who is refused something for being over a limit meets the limit's."""
    limits = {"memory-refused": Verdict.MEMORY, "processes-refused": Verdict.PIDS}
    return limits.get(code_of(error), Verdict.CRASH)


def _kind(error: Raised) -> str:
    return f"{error.type} {error.where}"


def _commonest(counted: Counter[str]) -> str:
    return _by_count(counted)[0]


def _labels(tally: Tally, classes: Sequence[ClassInfo]) -> Iterator[FindingPart]:
    if tally.wrong_types:
        yield finding(
            "wrong-type",
            count=sum(tally.wrong_types.values()),
            total=tally.total,
            detail=_listed(tally.wrong_types),
        )
    if tally.unknown_labels:
        names = _meant(tally.unknown_labels, classes)
        yield finding(
            "unknown-label",
            count=sum(tally.unknown_labels.values()),
            total=tally.total,
            detail=_listed(tally.unknown_labels),
            meant=f" Perhaps meant: {names}." if names else "",
            meant_zh=f"可能是指：{names}。" if names else "",
        )


def _meant(unknown: Counter[str], classes: Sequence[ClassInfo]) -> str:
    """List the classes that wrong names probably stand for."""
    reader = LabelReader(classes)
    pairs = ((name, reader.near_miss(name)) for name in _by_count(unknown)[:_MOST_NAMES])
    return "; ".join(
        f"{narrow(name, _HIDDEN_NAME)!r} is {classes[index].name!r}"
        for name, index in pairs
        if index is not None
    )


def _by_count(counted: Counter[str]) -> list[str]:
    return sorted(counted, key=lambda name: (-counted[name], name))


def _listed(counted: Counter[str]) -> str:
    names = _by_count(counted)
    shown = ", ".join(f"{narrow(name, _HIDDEN_NAME)!r} x {counted[name]}" for name in names[:_MOST_NAMES])
    return shown + (", ..." if len(names) > _MOST_NAMES else "")


def _constant(answers: Sequence[Answered | None]) -> Iterator[FindingPart]:
    labels = {answer.label for answer in answers if answer is not None and answer.label is not None}
    answered = sum(answer is not None and answer.label is not None for answer in answers)
    if len(labels) == 1 and answered >= 10:
        yield finding("constant-answer", detail=repr(narrow(labels.pop(), _HIDDEN_NAME)))


def _not_loaded(output: str, submission: Submission) -> Iterator[FindingPart]:
    """Pass on what MindSpore warns of while it loads a checkpoint; students seldom see it."""
    if (said := _NOT_LOADED.search(output)) is None:
        return
    held = [
        f"{file.path}: {file.state.parameters}"
        for file in submission.checkpoints
        if file.state.parameters is not None
    ]
    yield finding("parameters-not-loaded", count=int(said[1]), detail=_some(held) or "?")


def _checkpoints(submission: Submission) -> Iterator[FindingPart]:
    """Name the checkpoints that cannot be any."""
    for file in submission.checkpoints:
        if file.size == 0:
            yield finding("empty-checkpoint", detail=short(str(file.path)))
        elif file.is_lfs_pointer:
            yield finding("lfs-pointer", detail=short(str(file.path)))
        elif file.is_web_page:
            yield finding("web-page-checkpoint", detail=short(str(file.path)))
        elif file.state.defect == "cut-off":
            yield finding("cut-off-checkpoint", detail=short(str(file.path)))
        elif file.state.defect == "damaged":
            yield finding("damaged-checkpoint", detail=short(str(file.path)))


def _own_library(submission: Submission) -> Iterator[FindingPart]:
    """Say that a submission's own course library ran, if it is another than the course's."""
    modules = [file for file in submission.files if file.path.suffix == ".py" and _is_of_a_library(file.path)]
    if any(file.sha256 != _digest_of_the_courses(file.path) for file in modules):
        yield finding("own-library", detail=_some([str(file.path) for file in modules]))


def _is_of_a_library(path: PurePosixPath) -> bool:
    return path.parts[0] in (_LIBRARY, f"{_LIBRARY}.py")


def _digest_of_the_courses(path: PurePosixPath) -> str:
    """Return the digest of the course's own file of this name; empty if it has none."""
    file = course_library().parent / path
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_FILES} more" if len(names) > _MOST_FILES else ""
    return ", ".join(short(name, 80) for name in names[:_MOST_FILES]) + more
