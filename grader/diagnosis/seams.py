"""The three seams of a network: what it is given, what it consists of, and what is made of its scores.

A worker of its own is asked about test charts alone, and what passes says which steps are not the lab's, and
whose parameters the network has. Then others are asked about real images, with these steps put right at the
seam, in the student's own program: each way on a few images, the best on many. A step that costs nothing is
no mistake: a network may have been trained so.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from grader.diagnosis.case import (
    CHANCE,
    Case,
    FloatArray,
    Heard,
    IntArray,
    Seams,
    SeamTrial,
    Sight,
    Way,
)
from grader.diagnosis.charts import CARD, CHARTS
from grader.diagnosis.identify import identify
from grader.diagnosis.parameters import Repair, repairs
from grader.diagnosis.planes import Tensor
from grader.diagnosis.preprocessing import Difference, Preprocessing, differences
from grader.diagnosis.readout import rule_of, scores_of
from grader.diagnosis.recipes import Correction, corrections, other_standards, steps_that_differ
from grader.diagnosis.subject import Asker, Subject, Tried
from grader.model.records import Question, Recorded, Task
from grader.statistics import paired

_PICTURE_AXES = 3
"""An input with fewer axes is no picture: the features that a head is given, for example."""
_SMALLEST_SIDE = 32
"""Of a picture; what is smaller may be a map of features."""
_ROUNDING = 1e-3
"""Apart from that, scores of the same input are the same."""
_COMMON = frozenset({"stretch", "short-side-crop"})
"""Ways to the network's size that cost little, whatever the network was trained with."""


def look(subject: Subject) -> Sight | None:
    """Ask about the test charts and nothing hidden; None where no network was seen.

    Raises:
        UnfinishedError: time was over.
    """
    began = time.monotonic()
    card = next(chart.pixels for chart in CHARTS if chart.name == CARD)
    questions = [
        *(Question(chart.pixels) for chart in CHARTS),
        *(Question(photo) for photo in subject.photos),
        Question(card, Task(parameters=True, inputs=False)),
    ]
    with subject.recording("charts") as record:
        *answers, last = record(questions).answers
    handed_in = {file.path.as_posix() for file in subject.submission.checkpoints}
    noted = [answer for answer in answers if answer is not None]
    if not any(answer.records for answer in noted):
        return None
    given = [None if answer is None else first_picture(answer) for answer in answers]
    scores = [scores_of(answer, len(subject.assignment.classes)) for answer in answers[: len(CHARTS)]]
    seen: dict[str, list[Tensor | None]] = {}
    for chart, tensor in zip(CHARTS, given, strict=False):
        seen.setdefault(chart.name, []).append(tensor)
    return Sight(
        found=_found(noted, seen),
        card=seen[CARD][0],
        card_again=seen[CARD][-1],
        photos=tuple(zip(subject.photos, given[len(CHARTS) :], strict=True)),
        is_training=any(record.training for answer in noted for record in answer.records),
        is_random=_differ([each for chart, each in zip(CHARTS, scores, strict=True) if chart.name == CARD]),
        is_read_right=all(map(_is_highest, scores, subject.classes_in(answers[: len(CHARTS)]))),
        gives_numbers=_gives_numbers(noted),
        networks=() if last is None else last.networks,
        # A worker may say any name; it is shown, and given back.
        files=tuple(file for file in last.files if file.name in handed_in) if last is not None else (),
        seconds=time.monotonic() - began,
    )


def _found(noted: Sequence[Recorded], seen: Mapping[str, Sequence[Tensor | None]]) -> Preprocessing | None:
    """Return how photos reach the network; what one of several is given says nothing of the others."""
    found = None if any(map(_has_several_inputs, noted)) else identify(seen)
    if found is not None and (found.batch > 1 or any(_pictures_in(answer) > 1 for answer in noted)):
        # The place of one of several views says nothing of the rest.
        found = replace(found, orientation="unknown", crop="unknown", covered=1.0)
    return found


def _gives_numbers(noted: Sequence[Recorded]) -> bool:
    """Whether outputs were seen, and were all numbers."""
    last = [answer.records[-1].output for answer in noted if answer.records]
    values = [each.values for each in last if each is not None and each.values is not None]
    return bool(values) and all(
        each.dtype.kind in "biuf" and bool(np.isfinite(each).all()) for each in values
    )


def _differ(scores: Sequence[FloatArray | None]) -> bool:
    """Whether not all scores that were seen are the same, apart from rounding."""
    seen = [each for each in scores if each is not None]
    return any(not np.allclose(seen[0], each, _ROUNDING, _ROUNDING, equal_nan=True) for each in seen[1:])


def _is_highest(scores: FloatArray | None, answer: int) -> bool:
    """Whether an answer is the class of the highest score, among scores that are all numbers."""
    return scores is not None and bool(np.isfinite(scores).all()) and int(scores.argmax()) == answer


def _pictures_in(answer: Recorded) -> int:
    return sum(each.input is not None and _is_large(each.input.shape) for each in answer.records)


def _has_several_inputs(answer: Recorded) -> bool:
    """Whether networks of several kinds were given pictures."""
    return len({each.name for each in answer.records if each.input and _is_large(each.input.shape)}) > 1


def _is_large(shape: Sequence[int]) -> bool:
    """Whether it is the shape of a picture: the maps of features that a head is given have short sides."""
    return len(shape) >= _PICTURE_AXES and sorted(shape[-_PICTURE_AXES:])[1] >= _SMALLEST_SIDE


def first_picture(answer: Recorded) -> Tensor | None:
    """Return the first tensor with the axes of a picture that a network was given; a large one if it can."""
    given = [each.input for each in answer.records if each.input and len(each.input.shape) >= _PICTURE_AXES]
    large = [each for each in given if _is_large(each.shape)]
    return next((each.values for each in (*large, *given)), None)


def try_ways(subject: Subject, case: Case, sight: Sight) -> Seams:
    """Put right what differs, and return what came of it.

    Raises:
        UnfinishedError: time was over.
    """
    ways = corrections(sight.found) if sight.found is not None else ()
    mends = repairs(sight.networks, sight.files, sight.is_training)
    with Asker(subject, len(case.names)) as asker:
        return _tried(asker, case, sight, ways, mends)


def _tried(
    asker: Asker, case: Case, sight: Sight, ways: Sequence[Correction], mends: Sequence[Repair]
) -> Seams:
    few = _few(asker, case, ways, mends)
    read = [heard.is_read_right for way, heard in few if way.repair is None and heard.scores is not None]
    is_settled = sight.is_input_right or any(way.correction is not None for way, _ in few)
    untouched = Seams(sight, None, is_settled, all(read) if read else None, _changed(case, few))
    chosen = _worth_a_look(case, few)
    if few and not (chosen or mends) and sight.found is not None:
        others = other_standards(sight.found)
        few += asker.ask([*map(Way, others)], case.few()) if others else []
        chosen = _worth_a_look(case, few)
    if not chosen:
        return untouched
    many = [
        (way, heard)
        for way, first in chosen.items()
        if (heard := _asked_on(asker, case, way, first)) is not None
    ]
    if not many:
        return replace(untouched, is_settled=False)
    way, heard = _least_effort(case, many)
    put_right = _named(sight.found, way.correction, ways) if sight.found and way.correction else ()
    alternatives = len(few) - 1  # one of them is the submission as it is
    rule = rule_of(heard, case.names) if way.by_scores else None
    trial = SeamTrial(way, heard, put_right, max(1, alternatives), rule)
    return replace(untouched, trial=trial)


def _changed(case: Case, few: Sequence[Tried]) -> float:
    """Return the share of images to which the submission, as it is, now says something else."""
    as_it_is = next((heard for way, heard in few if not way.effort), None)
    return 0.0 if as_it_is is None else float((as_it_is.answers != case.said[as_it_is.images]).mean())


def ask_scores(subject: Subject, case: Case, images: IntArray) -> Heard | None:
    """Return what the submission, as it is, says to some images; None where no scores were seen.

    Raises:
        UnfinishedError: time was over.
    """
    with Asker(subject, len(case.names)) as asker:
        return next((heard for _, heard in asker.ask([Way()], images) if heard.scores is not None), None)


def _few(asker: Asker, case: Case, ways: Sequence[Correction], mends: Sequence[Repair]) -> list[Tried]:
    """Ask about a few images in each way, and return those that the network took, by both ways to read it.

    With a network put right, its input is left, or put right altogether.
    """
    images = case.few()
    found = asker.ask([Way(), *map(Way, ways)], images)
    for repair in mends:
        found += asker.ask([Way(each, repair) for each in (None, *ways[-1:])], images)
    return [
        (Way(way.correction, way.repair, by_scores), heard)
        for way, heard in found
        for by_scores in ((False, True) if not heard.is_read_right else (False,))
    ]


def _worth_a_look(case: Case, few: Sequence[Tried]) -> dict[Way, Heard]:
    """Return the simplest way that the few images do not speak against, and the one that does best.

    The luck of twenty images must not leave out the simplest one. That nothing is put right is none.
    """
    if not few:
        return {}
    best = max(few, key=lambda tried: (_correct(case, tried), -tried[0].effort))
    return {way: heard for way, heard in (_least_effort(case, few), best) if way.effort}


def _least_effort(case: Case, tried: Sequence[Tried]) -> Tried:
    """Return the way of the fewest steps that no other one beats by more than chance explains."""
    is_right = [np.equal(_answers(each), case.truth[each[1].images]) for each in tried]
    top = max(is_right, key=np.sum)
    as_good = [
        each for each, right in zip(tried, is_right, strict=True) if paired(right, top).p_better >= CHANCE
    ]
    return min(as_good, key=lambda each: (each[0].effort, each[0].loads, -_correct(case, each)))


def _answers(tried: Tried) -> IntArray:
    way, heard = tried
    return heard.trial(way.by_scores).answers


def _correct(case: Case, tried: Tried) -> int:
    way, heard = tried
    return case.correct(heard.trial(way.by_scores))


def _named(found: Preprocessing, chosen: Correction, every: Sequence[Correction]) -> tuple[Difference, ...]:
    """Return what was put right by one of the corrections that there are.

    What many networks are trained with is left out where it could not be put right apart from the rest: it
    is hardly what costs the points.
    """
    if chosen.is_another_standard:
        code = "-".join(["learned", chosen.standard.colour, chosen.standard.scale])
        return (Difference("training", code),)
    differing = differences(found, chosen.standard)
    put_right = [each for each in differing if steps_that_differ([each]) & chosen.steps]
    is_apart = any(each.steps == chosen.steps - {"geometry"} for each in every)
    gross = [each for each in put_right if is_apart or each.code not in _COMMON]
    return tuple(gross or put_right)


def _asked_on(asker: Asker, case: Case, way: Way, first: Heard) -> Heard | None:
    """Ask about the rest of many images, too; None if the worker ended early."""
    rest = np.setdiff1d(case.many(), first.images)
    for _, more in asker.ask([way], rest) if len(rest) else ():
        return _of_many(case, _joined(first, more))
    return None if len(rest) else _of_many(case, first)


def _of_many(case: Case, heard: Heard) -> Heard:
    """Leave out images that were chosen because the answer was wrong: a score is of images that were not."""
    return heard.part(np.isin(heard.images, case.many()))


def _joined(one: Heard, other: Heard) -> Heard:
    """Return what was said to the images of both, in the images' order."""
    images, answers = (
        np.concatenate(pair) for pair in ((one.images, other.images), (one.answers, other.answers))
    )
    return Heard(images, answers, _joined_scores(one, other)).part(np.argsort(images))


def _joined_scores(one: Heard, other: Heard) -> FloatArray | None:
    """Return the scores of both: NaN for the one that showed none, None if both did not."""
    classes = next((each.scores.shape[1] for each in (one, other) if each.scores is not None), None)
    if classes is None:
        return None
    every = [
        np.full((len(each.images), classes), np.nan) if each.scores is None else each.scores
        for each in (one, other)
    ]
    return np.asarray(np.concatenate(every))
