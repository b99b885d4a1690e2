"""From the record of a grading to its verdict, and to what its report says.

In which order findings are told, and which of them need not be: `causes.toml` says what explains what.

Errors come before warnings, and warnings before notes. What explains an error counts as an error, too, and
comes before it: a student who is told first that importing failed mends the import, where the checkpoint is
cut off. What is explained and is no error is a cause only in appearance, and is not told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.errors import Language, Line
from grader.files import digest_of_file
from grader.findings.answers import HIDDEN_NAME, findings_of_checkpoints, findings_of_names
from grader.findings.exceptions import code_of, finding_of_exception, place, some
from grader.model.assignment import Assignment
from grader.model.grading import Failure, Grading, Isolation, Job, Refusal
from grader.model.predictions import Answers, Prediction, Raised, Replay, Tally
from grader.model.report import FindingPart
from grader.model.submission import Submission
from grader.model.verdict import Stop, StopReason, Verdict, worst
from grader.places import course_library
from grader.printable import narrow, short
from grader.wording import explained_by, finding, phase_words, phrase, words

_HIDDEN_MESSAGE = 60
"""Characters of a message that was said while a hidden image was in reach; see also HIDDEN_NAME."""
_MOST_LEFT_OUT = 60
_MOST_LIKE_PREDICT = 100
_UNREADABLE = "checkpoint-unreadable"
_LIBRARY = "src_mindspore"
_NOT_LOADED = re.compile(r"\b([1-9]\d{0,4}) parameters in the 'net' are not loaded")
"""`load_param_into_net` warns so of names that the checkpoint does not have; they stay random."""
_OTHER_REPLY = "reply-other"
"""For a reason that is not known: naming what came must not cost the findings."""
_RANKS = ("error", "warning", "note")
_UNUSABLE = frozenset({"class", "not-callable", "async", "generator", "arguments"})


@dataclass(frozen=True)
class _Asked:
    """A submission that was asked, with what it answered."""

    submission: Submission
    job: Job
    answers: Answers
    tally: Tally

    def findings(self) -> Iterator[FindingPart]:
        """Say what went wrong while answering, and what is worth knowing; some of it perhaps twice."""
        raised = [*self._not_ready(), *self._raised()]
        yield from raised
        # Which of several came first is chance.
        stops = sorted(self.answers.stops, key=lambda stop: (stop.verdict, stop_in_words(stop, "en")))
        yield from (_stop(stop, self.job.assignment) for stop in stops)
        yield from _not_loaded(self.answers.output, self.submission)
        is_unreadable = any(found.code == _UNREADABLE for found in raised)
        yield from findings_of_checkpoints(self.submission, is_unreadable=is_unreadable)
        yield from findings_of_names(self.answers.predictions, self.tally, self.job.assignment.classes)
        yield from _own_library(self.submission)
        yield from (finding("one-folder-deeper", detail=note) for note in self.submission.notes)
        yield from _notebook(self.submission)

    def _not_ready(self) -> Iterator[FindingPart]:
        if (not_ready := self.answers.not_ready) is None:
            return
        error = not_ready.error
        if not_ready.stage == "import":
            yield finding_of_exception(code_of(error), error, self.submission, self.job.harness.libraries)
        elif error.type != "missing":
            why = f"unusable-{error.type}" if error.type in _UNUSABLE else "unusable"
            yield finding("predict-unusable", detail=phrase("en", why), detail_zh=phrase("zh", why))
        elif error.message:
            yield finding("predict-elsewhere", detail=short(error.message, _MOST_LIKE_PREDICT))
        else:
            yield finding("no-predict")

    def _raised(self) -> Iterator[FindingPart]:
        """Report the commonest exception of predict; the first image in the split's order speaks for it."""
        spokesman = _spokesman(self.answers.predictions)
        if spokesman is None:
            return
        narrowed = Raised(
            type=narrow(spokesman.type, HIDDEN_NAME),
            message=narrow(spokesman.message, _HIDDEN_MESSAGE),
            where=narrow(spokesman.where, HIDDEN_NAME),
            trace="",
        )
        yield finding(
            "predict-raised",
            self.tally.raised,
            count=self.tally.raised,
            total=self.tally.total,
            type=narrowed.type,
            message=narrowed.message,
            **place(narrowed),
        )
        # Judged by the whole message, worded with the narrow one.
        code = code_of(spokesman)
        if "predict-raised" in explained_by(code):
            yield finding_of_exception(code, narrowed, self.submission, self.job.harness.libraries)


def verdict_of(grading: Grading) -> Verdict:
    """Return how a grading ended."""
    if grading.is_lost:
        return Verdict.INTERNAL
    if grading.answers is None or grading.tally is None:
        return Verdict.FORMAT
    return worst(_verdicts(grading.answers, grading.tally))


def findings_of(grading: Grading) -> tuple[FindingPart, ...]:
    """Return what there is to say about a grading, the first thing to mend first."""
    about = tuple(_about_split(grading.job))
    if (fault := grading.fault) is not None:
        return (finding("harness-failed", detail=_said(fault)), *about)
    # What failed once is not tried again; and the score stands.
    if (failure := next((each for each in grading.failures if each.stage == "explain"), None)) is not None:
        return (finding("not-explained", detail=_said(failure)), *about)
    if grading.refusal is not None:
        return (finding_of_refusal(grading.refusal), *about)
    if grading.hidden_files:
        # One name and no count: a hand-in full of guesses must not tell which of them are right.
        return (finding("leaked-file", detail=short(str(grading.hidden_files[0].path))), *about)
    submission, answers, tally = grading.job.submission, grading.answers, grading.tally
    if submission is None or answers is None or tally is None:
        return about
    found = [
        *grading.diagnosis.findings,
        *_Asked(submission, grading.job, answers, tally).findings(),
        *_of_replay(grading.replay),
        *_of_isolation(grading.isolation),
        *about,
    ]
    return in_order(found, tally.total)


def stop_in_words(stop: Stop, language: Language, *, for_student: bool = True) -> str:
    """Say what stopped a worker; nothing where the verdict says all."""
    if stop.reason is None:
        return ""
    value = stop.value_for_student if for_student else stop.value
    return phrase(language, stop.reason.value, value=value).strip()


def finding_of_refusal(refusal: Refusal) -> FindingPart:
    """Say why a submission was not taken in."""
    if refusal.code == "bad-zip":
        why = {"detail": phrase("en", refusal.detail), "detail_zh": phrase("zh", refusal.detail)}
        return finding(refusal.code, **why)
    return finding(refusal.code, detail=short(refusal.detail))


def in_order(findings: Iterable[FindingPart], images: int) -> tuple[FindingPart, ...]:
    """Return the findings that are to be told, each once, the first thing to mend first.

    Args:
        findings: in the order in which those of the same rank are told.
        images: of the split. What concerns fewer than half of them explains nothing.
    """
    present = tuple(dict.fromkeys(findings))
    causes = [found for found in present if found.images is None or 2 * found.images >= images]
    told = [found for found in present if found.severity == "error" or not _depth(found, causes)]
    ranked = [_ranked(found, told if found in causes else ()) for found in told]
    return tuple(sorted(ranked, key=lambda found: (_RANKS.index(found.severity), _depth(found, causes))))


def _said(failure: Failure) -> Line | str:
    return short(failure.said) if isinstance(failure.said, str) else failure.said


def _about_split(job: Job) -> Iterator[FindingPart]:
    """Say what is particular about the images that were asked."""
    if job.split.is_demo:
        yield finding("demo-split")
    present, total = len({image.label for image in job.split.images}), len(job.assignment.classes)
    if present < total:
        yield finding("partial-split", count=present, total=total)


def _of_isolation(isolation: Isolation | None) -> Iterator[FindingPart]:
    if isolation is None or isolation.is_top:
        return
    if isolation.rung == "child":
        yield finding("no-isolation")
    else:
        yield finding("lower-isolation")


def _of_replay(again: Replay) -> Iterator[FindingPart]:
    """Say what came out when a part of the images was asked again."""
    if again.status == "incomplete":
        yield finding("replay-incomplete")
    if again.differed:
        yield finding("unstable-answers", count=again.differed, total=again.repeated)
    if again.is_collapse:
        yield finding("memorised-images", count=again.lost, total=again.altered)


def _verdicts(answers: Answers, tally: Tally) -> Iterator[Verdict]:
    """Yield every verdict that applies."""
    if answers.not_ready is not None:
        is_import = answers.not_ready.stage != "predict"
        yield _verdict_of(answers.not_ready.error) if is_import else Verdict.CONTRACT
    yield from (stop.verdict for stop in answers.stops)
    if (spokesman := _spokesman(answers.predictions)) is not None:
        yield _verdict_of(spokesman)
    if tally.wrong_types:
        yield Verdict.CONTRACT


def _stop(stop: Stop, assignment: Assignment) -> FindingPart:
    limits = assignment.limits
    phase = {"phase": stop.phase, "phase_zh": words("zh", phase_words(stop.phase))}
    match stop.verdict:
        case Verdict.TIMEOUT if stop.reason is StopReason.PROCESSOR_TIME:
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
            why = stop.reason.value if stop.reason else _OTHER_REPLY
            return finding("forged-channel", detail=phrase("en", why), detail_zh=phrase("zh", why))
    how = {"detail": stop_in_words(stop, "en"), "detail_zh": stop_in_words(stop, "zh")}
    if stop.phase == "import":
        return finding("died-importing", **how)
    # Which image came first is chance: the phase is left to the report's `run` section.
    return finding("died", **how)


def _spokesman(predictions: Sequence[Prediction | None]) -> Raised | None:
    """Return the first error, in the split's order, of the commonest kind of predict's."""
    problems = [prediction.problem for prediction in predictions if prediction is not None]
    errors = [problem for problem in problems if isinstance(problem, Raised)]
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
    return min(counted, key=lambda name: (-counted[name], name))


def _not_loaded(output: str, submission: Submission) -> Iterator[FindingPart]:
    """Pass on what MindSpore warns of while it loads a checkpoint; students seldom see it."""
    if (said := _NOT_LOADED.search(output)) is None:
        return
    held = [
        f"{file.path}: {file.state.parameters}"
        for file in submission.checkpoints
        if file.state.parameters is not None
    ]
    listed = {"detail": some(held, "en") or "?", "detail_zh": some(held, "zh") or "?"}
    yield finding("parameters-not-loaded", count=int(said[1]), **listed)


def _own_library(submission: Submission) -> Iterator[FindingPart]:
    """Say that a submission's own course library ran, if it is another than the course's."""
    modules = [file for file in submission.files if file.path.suffix == ".py" and _is_of_a_library(file.path)]
    if any(file.sha256 != _digest_of_the_courses(file.path) for file in modules):
        paths = [str(file.path) for file in modules]
        yield finding("own-library", detail=some(paths, "en"), detail_zh=some(paths, "zh"))


def _notebook(submission: Submission) -> Iterator[FindingPart]:
    """Say what the notebook had to do with `main.py`."""
    if (notebook := submission.notebook) is None:
        return
    name = short(str(notebook.path))
    if not notebook.made_main:
        yield finding("notebook-differs", detail=name)
        return
    yield finding("from-notebook", detail=name, count=notebook.cells)
    if left_out := [short(told, _MOST_LEFT_OUT) for told in notebook.left_out]:
        yield finding("notebook-left-out", detail=some(left_out, "en"), detail_zh=some(left_out, "zh"))


def _is_of_a_library(path: PurePosixPath) -> bool:
    return path.parts[0] in (_LIBRARY, f"{_LIBRARY}.py")


def _digest_of_the_courses(path: PurePosixPath) -> str:
    """Return the digest of the course's own file of this name; empty if it has none."""
    file = course_library().parent / path
    return digest_of_file(file) if file.is_file() else ""


def _depth(found: FindingPart, causes: Sequence[FindingPart]) -> int:
    """Return how many causes stand behind a finding, one behind the other."""
    own = (cause for cause in causes if found.code in explained_by(cause.code))
    return max((1 + _depth(cause, causes) for cause in own), default=0)


def _ranked(found: FindingPart, told: Sequence[FindingPart]) -> FindingPart:
    """Return a finding as an error if it explains one of those that are told."""
    explained = explained_by(found.code)
    if any(other.severity == "error" and other.code in explained for other in told):
        return found.model_copy(update={"severity": "error"})
    return found
