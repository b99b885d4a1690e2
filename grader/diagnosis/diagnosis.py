"""The diagnosis: after the graded run, hypotheses are tried until one explains the score.

The cheap ones come first: test charts show what passes through the network, and the confusion matrix costs
next to nothing. What differs is put right only if that does not explain, and where nothing was seen, answers
to altered images and the checkpoint alone have to tell. What is tried is counted, and the same each time:
neither the clock nor luck chooses. It decides neither verdict nor score.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from grader.diagnosis.case import NO_ANSWER, Case, Seams
from grader.diagnosis.experiments import ALTERATIONS, BlackBox, run_checkpoints
from grader.diagnosis.hypotheses import HYPOTHESES, After, Explanation
from grader.diagnosis.readout import open_images
from grader.diagnosis.seams import ask_scores, look, try_ways
from grader.diagnosis.showing import shown
from grader.diagnosis.subject import Subject, UnfinishedError
from grader.diagnosis.twins import run_twins
from grader.model.grading import NO_DIAGNOSIS, Diagnosis

_FEWEST_WRONG = 8
"""With fewer wrong answers no counterfactual can gain more than chance explains."""
_FEWEST_IMAGES = 20

Experiment = Callable[[Subject, Case], Case]
"""Returns the case with what it gave; as it was, where it has nothing to tell."""


@dataclass(frozen=True)
class _Step:
    """Experiments, and which hypotheses can be judged then."""

    experiments: tuple[Experiment, ...]
    after: After


def diagnose(subject: Subject) -> Diagnosis:
    """Try the hypotheses, and return those that the evidence speaks for."""
    if not subject.is_complete:
        return NO_DIAGNOSIS
    began = time.monotonic()  # for the report alone
    case = subject.case()
    beside = tuple(each.finding for each in proved(case, After.NOTHING))
    wrong = int((~case.is_right).sum())
    if wrong < _FEWEST_WRONG or len(case.truth) < _FEWEST_IMAGES:
        return Diagnosis("nothing-to-explain", beside, seconds=0.0)
    traces: list[str] = []
    try:
        case, explanations = _explain(subject, case, traces)
    except UnfinishedError:
        return Diagnosis("incomplete", beside, time.monotonic() - began)
    findings = tuple(each.finding for each in explanations)
    seen = None
    with _told_in(traces):
        seen = shown(case, [each.code for each in findings])
    charts = None if case.sight is None else case.sight.seconds
    return Diagnosis(
        "failed" if traces else "done",
        (*findings, *beside),
        time.monotonic() - began,
        charts,
        seen,
        (*traces,),
    )


def proved(case: Case, *after: After) -> list[Explanation]:
    """Return what is proved of the hypotheses that can be judged then, the strongest evidence first."""
    explanations = [
        hypothesis.explain(case)
        for hypothesis in HYPOTHESES
        # What arrives at the network need not be guessed from answers where it was seen.
        if hypothesis.after in after and not (case.is_input_seen and hypothesis.guesses_input)
    ]
    found = [each for each in explanations if each is not None and each.evidence.is_proved]
    return sorted(found, key=lambda each: each.evidence.p)


def _explain(subject: Subject, case: Case, traces: list[str]) -> tuple[Case, Sequence[Explanation]]:
    """Go through the plan; stop at what explains, and return it with all that was tried.

    Args:
        subject: the graded run.
        case: what it says by itself.
        traces: gets a trace for each experiment that failed; the others go on without it.

    Raises:
        UnfinishedError: time was over.
    """
    for step in _PLAN:
        for experiment in step.experiments:
            with _told_in(traces):
                case = experiment(subject, case)
        if found := proved(case, step.after):
            return case, found
    return case, ()


@contextmanager
def _told_in(traces: list[str]) -> Iterator[None]:
    """Go on after a fault of ours, and keep its trace."""
    try:
        yield
    except UnfinishedError:
        raise
    except Exception:
        traces.append(traceback.format_exc())


def _look(subject: Subject, case: Case) -> Case:
    """See what passes through the network."""
    sight = look(subject)
    return case if sight is None else replace(case, seams=Seams(sight))


def _ask_scores(subject: Subject, case: Case) -> Case:
    """Ask what a list of names in another order hides, where that explains the score."""
    images = None if case.sight is None else open_images(case)
    return case if images is None else replace(case, scored=ask_scores(subject, case, images))


def _try_ways(subject: Subject, case: Case) -> Case:
    """Put right what is not the lab's."""
    return case if case.sight is None else replace(case, seams=try_ways(subject, case, case.sight))


def _run_checkpoints(subject: Subject, case: Case) -> Case:
    return replace(case, files=run_checkpoints(subject, case))


def _run_twins(subject: Subject, case: Case) -> Case:
    return replace(case, twin=run_twins(subject, case))


def _ask_new_processes(subject: Subject, case: Case) -> Case:
    """Ask them where all answers are the same; whether the first one was kept, only a new process tells."""
    if not case.is_constant or case.said[0] == NO_ANSWER or _is_answered_by_scores(case):
        return case
    return replace(case, kept=BlackBox(subject).ask_new_processes(case))


def _is_answered_by_scores(case: Case) -> bool:
    """Whether each picture was seen to reach the network, and its scores to be the answer: none was kept."""
    sight = case.sight
    found = None if sight is None or not sight.is_read_right else sight.found
    return found is not None and not (found.is_constant or found.is_stateful)


def _ask_altered(subject: Subject, case: Case) -> Case:
    """Ask about altered images, unless it was seen what arrives at the network."""
    if case.is_input_seen:
        return case
    return replace(case, asked=BlackBox(subject).ask_altered(case), alterations=len(ALTERATIONS))


def _ask_public(subject: Subject, case: Case) -> Case:
    public = subject.public()
    if public is None or public.sha256 == subject.split.sha256:
        return case
    return replace(case, public=BlackBox(subject).ask_public(public))


_PLAN = (
    _Step((_look, _ask_scores), After.GRADED_RUN),
    _Step((_ask_new_processes,), After.NEW_PROCESSES),
    _Step((_try_ways,), After.SEAMS),
    _Step((_ask_altered,), After.ALTERED_IMAGES),
    _Step((_run_checkpoints,), After.CHECKPOINT),
    _Step((_run_twins,), After.TWINS),
    _Step((_ask_public,), After.PUBLIC_IMAGES),
    _Step((), After.EVERYTHING),
)
