"""The first seam: what the network is given, and what comes of giving it what it should have been given.

A worker of its own is asked about test charts alone, and what arrives at the network says which steps are not
the lab's. Then another one is asked about real images, with these steps put right at the network's door, in
the student's own program. A step that costs nothing is no mistake: a network may have been trained so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grader.diagnosis.case import CHANCE, Case, InputTrial, IntArray, Sight, Trial
from grader.diagnosis.charts import CARD, CHARTS
from grader.diagnosis.differences import Difference, differences
from grader.diagnosis.identify import identify
from grader.diagnosis.planes import Tensor
from grader.diagnosis.preprocessing import Preprocessing
from grader.diagnosis.recipes import Correction, corrections, steps_that_differ
from grader.diagnosis.subject import Subject
from grader.model.records import Question, Recorded, Task
from grader.run import secret_order
from grader.statistics import paired

_PICTURE_AXES = 3
"""An input with fewer axes is no picture: the features that a head is given, for example."""
_SMALLEST_SIDE = 32
"""Of a picture; what is smaller may be a map of features."""
_COMMON = frozenset({"stretch", "short-side-crop"})
"""Ways to the network's size that cost little, whatever the network was trained with."""


@dataclass(frozen=True, eq=False)
class Corrected:
    """What the submission answered with one correction."""

    correction: Correction
    trial: Trial


def look_at_input(subject: Subject) -> Sight | None:
    """Ask about the test charts and nothing hidden; None where no picture was seen to reach a network.

    Raises:
        UnfinishedError: time was over.
    """
    questions = [*(Question(chart.pixels) for chart in CHARTS), *(Question(each) for each in subject.photos)]
    recording = subject.record("charts", questions, subject.patient_rules)
    given = [None if answer is None else first_picture(answer) for answer in recording.answers]
    seen: dict[str, list[Tensor | None]] = {}
    for chart, tensor in zip(CHARTS, given, strict=False):
        seen.setdefault(chart.name, []).append(tensor)
    found = identify(seen)
    if found is None:
        return None
    photos = tuple(zip(subject.photos, given[len(CHARTS) :], strict=True))
    answers = [answer for answer in recording.answers if answer is not None]
    if any(map(_has_several_inputs, answers)):
        return None
    is_training = any(record.training for answer in answers for record in answer.records[:1])
    return Sight(found, seen[CARD][0], photos, is_training)


def _has_several_inputs(answer: Recorded) -> bool:
    """Whether networks of several kinds were given pictures: what one is given says nothing of the others."""
    return len({each.name for each in answer.records if each.input and _is_large(each.input.shape)}) > 1


def _is_large(shape: Sequence[int]) -> bool:
    """Whether it is the shape of a picture: the maps of features that a head is given have short sides."""
    return len(shape) >= _PICTURE_AXES and sorted(shape[-_PICTURE_AXES:])[1] >= _SMALLEST_SIDE


def first_picture(answer: Recorded) -> Tensor | None:
    """Return the first tensor with the axes of a picture that a network was given."""
    given = (record.input for record in answer.records)
    return next((each.values for each in given if each and len(each.shape) >= _PICTURE_AXES), None)


def try_corrections(subject: Subject, case: Case, sight: Sight) -> InputTrial:
    """Ask again with what differs put right: each combination of steps on a few images, the best on many.

    Raises:
        UnfinishedError: time was over.
    """
    every = ways = corrections(sight.found)
    if len(ways) > 1:
        ways = _worth_a_look(case, _asked(subject, ways, case.few(), "corrections"))
    corrected = _asked(subject, ways, case.many(), "corrected") if ways else []
    if not corrected:
        return InputTrial(sight=sight)
    chosen = _fewest_steps(case, corrected)
    named = _named(sight.found, chosen.correction, every)
    return InputTrial(named, chosen.trial, len(every), chosen.correction.steps, sight)


def _named(found: Preprocessing, chosen: Correction, every: Sequence[Correction]) -> tuple[Difference, ...]:
    """Return what was put right by one of the corrections that there are.

    What many networks are trained with is left out where it could not be put right apart from the rest: it
    is hardly what costs the points.
    """
    differing = differences(found, chosen.standard)
    put_right = [each for each in differing if steps_that_differ([each]) & chosen.steps]
    is_apart = any(each.steps == chosen.steps - {"geometry"} for each in every)
    gross = [each for each in put_right if is_apart or each.code not in _COMMON]
    return tuple(gross or put_right)


def _worth_a_look(case: Case, tried: Sequence[Corrected]) -> tuple[Correction, ...]:
    """Return the simplest correction that the few images do not speak against, and the one that does best.

    The luck of twenty images must not leave out the simplest one.
    """
    if not tried:
        return ()
    best = max(tried, key=lambda each: (case.correct(each.trial), -len(each.correction.steps)))
    return tuple(dict.fromkeys((_fewest_steps(case, tried).correction, best.correction)))


def _fewest_steps(case: Case, tried: Sequence[Corrected]) -> Corrected:
    """Return the correction of the fewest steps that no other one beats by more than chance explains."""
    is_right = [np.equal(each.trial.answers, case.truth[each.trial.images]) for each in tried]
    top = max(is_right, key=np.sum)
    as_good = [
        each for each, right in zip(tried, is_right, strict=True) if paired(right, top).p_better >= CHANCE
    ]
    return min(as_good, key=lambda each: (len(each.correction.steps), -case.correct(each.trial)))


def _asked(subject: Subject, ways: Sequence[Correction], images: IntArray, name: str) -> list[Corrected]:
    """Ask one worker about images, each with every correction in turn; the order is secret.

    Returns:
        The corrections that the network took; none if the worker ended early.
    """
    order = secret_order(len(images), subject.seed)
    questions = [
        Question(subject.split.images[images[place]], Task((way.recipe,), returned=0, inputs=False))
        for place in order
        for way in ways
    ]
    recording = subject.record(name, questions, subject.patient_rules)
    if recording.not_ready is not None or recording.stop is not None:
        return []  # what is missing would count as wrong
    answers = recording.answers
    said = np.empty((len(images), len(ways)), np.int64)
    said[order] = subject.classes_in(answers).reshape(len(images), len(ways))
    return [
        Corrected(way, Trial(images, said[:, column]))
        for column, way in enumerate(ways)
        if any(map(_is_replaced, answers[column :: len(ways)]))
    ]


def _is_replaced(answer: Recorded | None) -> bool:
    """Whether the network took what it was given in place of the student's input."""
    return answer is not None and any(output is not None for output in answer.replaced)
