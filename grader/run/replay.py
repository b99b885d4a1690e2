"""The replay puts a part of a split to a submission again, after the interview.

Some images are asked as they are, in another order, by a fresh process: an answer that changes depends on
chance, or on what was asked before. Of others an altered copy is asked, which to an eye and to a network is
the same picture but has no pixel, and no size, in common with the first: an answer that is lost was found by
the exact pixels, unless the network is so frail that any change costs answers. That shows in copies of images
that it got wrong: a frail network gets as many of them right by chance as it loses. No image is asked both
ways, so that a process that is asked again cannot know an altered copy by its likeness to something it has
seen.

Inside, nothing tells the two passes apart: the same sandbox over a new copy of the submission, the same
frames, a random order, and no number that says how many are to come. The replay runs after the main pass and
not beside it: on two cores a second import would slow the answers that are being timed. It asks no more than
the main pass did, and has the same time: how slow a submission is does not decide what is asked.

No replay changes a verdict or a score. An honest network gives the same answer to the same image, whatever
came before; so every changed answer is reported. Over altered copies an honest network errs now and then, the
more often the worse it is, and only a loss that neither explains is reported.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import cv2

from grader.model.assignment import Assignment
from grader.model.dataset import Split, SplitImage, split_of
from grader.model.predictions import NO_REPLAY, Answers, Prediction, Probe, Replay, classes_of
from grader.run.asking import Start
from grader.run.together import interview

MOST_PROBES = 24
"""Images that are asked again, of each kind."""
_JPEG_QUALITY = 95
_SMALLEST_CROPPED = 16
"""Pixels a side; one less is much to a smaller image."""


def choose_probes(split: Split, is_right: Sequence[bool], identity: str) -> tuple[Probe, ...]:
    """Choose what is asked again; the same for the same grading, so that its report is the same.

    Args:
        split: what was asked in the main pass.
        is_right: by image, whether its answer was right. Of those copies are asked, and of as many others.
        identity: of the grading. It is not secret, and need not be: only who has the split could work out
            which images it chooses, and then know the second pass by them. He gains nothing by it: the
            repeated images ask for the same answers, and the altered copies are not among what he has.
    """
    chance = random.Random(identity)  # noqa: S311 - nothing hangs on its being secret
    order = list(range(len(split.images)))
    chance.shuffle(order)
    count = min(MOST_PROBES, len(order) // 2)
    repeated, rest = order[:count], order[count:]
    right = [index for index in rest if is_right[index]][:MOST_PROBES]
    wrong = [index for index in rest if not is_right[index]][:MOST_PROBES]
    return (
        *(Probe(index, False, is_right[index], split.images[index]) for index in repeated),
        *(Probe(index, True, is_right[index], altered(split.images[index])) for index in (*right, *wrong)),
    )


def altered(image: SplitImage) -> SplitImage:
    """Return the same picture without its first row and column, encoded anew as JPEG of quality 95."""
    pixels = image.pixels("bgr")
    if min(pixels.shape[:2]) >= _SMALLEST_CROPPED:
        pixels = pixels[1:, 1:]
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    # A plain image, whatever the first was: one that keeps its pixels would still show the old ones.
    return SplitImage(image.name, image.label, encoded.tobytes())


def ask_again(
    launches: Callable[[int], Sequence[Start]],
    split: Split,
    assignment: Assignment,
    main: Answers,
    identity: str,
    seed: int,
) -> Replay:
    """Ask a part of the split again, if the main pass was complete.

    Args:
        launches: makes fresh copies of the submission, and returns how to start the workers that are asked so
            many images at a time.
        split: what was asked in the main pass.
        assignment: the rules.
        main: the main pass's answers.
        identity: of the grading; decides what is asked again.
        seed: secret; decides the order.
    """
    if main.not_ready is not None or main.stops or None in main.predictions:
        return NO_REPLAY
    was_right = _is_right(main.predictions, split.images)
    probes = choose_probes(split, was_right, identity)
    if not probes:
        return NO_REPLAY
    asked = split_of([probe.image for probe in probes], places=())
    return _compared(main, was_right, probes, interview(launches(len(probes)), asked, assignment, seed))


def says_other(first: Prediction | None, then: Prediction) -> bool:
    """Whether an image was answered otherwise when it was asked again."""
    return first is None or first.meaning != then.meaning


def _compared(main: Answers, was_right: Sequence[bool], probes: Sequence[Probe], again: Answers) -> Replay:
    """Count what was answered otherwise than in the main pass."""
    pairs = [
        (probe, prediction)
        for probe, prediction in zip(probes, again.predictions, strict=True)
        if prediction is not None
    ]
    answered, predictions = tuple(probe for probe, _ in pairs), tuple(prediction for _, prediction in pairs)
    is_right = _is_right(predictions, [probe.image for probe in answered])
    changed = [probe for probe, right in zip(answered, is_right, strict=True) if right != probe.was_right]
    return Replay(
        "done" if len(pairs) == len(probes) else "incomplete",
        answered,
        predictions,
        unanswered=len(probes) - len(pairs),
        accuracy=sum(was_right) / len(was_right),
        differed=sum(
            says_other(main.predictions[probe.index], prediction)
            for probe, prediction in pairs
            if not probe.is_altered
        ),
        lost=sum(probe.is_altered and probe.was_right for probe in changed),
        gained=sum(probe.is_altered and not probe.was_right for probe in changed),
        seconds=again.timing.total,
        output=again.output,
    )


def _is_right(predictions: Sequence[Prediction | None], images: Sequence[SplitImage]) -> list[bool]:
    return [index == image.label for image, index in zip(images, classes_of(predictions), strict=True)]
