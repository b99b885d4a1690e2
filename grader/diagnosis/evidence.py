"""What speaks for a mistake: how sure that is, what it costs, and the numbers for its sentence.

Each function looks at a case and returns the evidence for one mistake, or None where there is no sign of it.
A mistake is reported only where chance does not explain its evidence: `Evidence.is_proved` is the one gate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.diagnosis.case import NO_ANSWER, Case, SeamTrial, Trial
from grader.diagnosis.parameters import Code, broken_file, own_files
from grader.diagnosis.preprocessing import Difference
from grader.diagnosis.telling import (
    corrected,
    file_details,
    headline,
    of_input,
    of_network,
    of_readout,
    public_words,
    question_details,
    seam_details,
    titled_already,
)
from grader.printable import shown
from grader.statistics import binomial_tail
from grader.wording import phrase

_SWAPPED = frozenset({"bgr"})
"""Red and blue, each in the other's place, as differences call that."""
_TURNED = frozenset(
    {"upside-down", "mirrored", "turned-over", "turned-left", "turned-right", "exchanged", "exchanged-over"}
    | {"slanted"}
)
"""Pictures that do not stand upright, as differences call them."""
ALPHA = 0.01
"""A hypothesis is believed if chance explains its evidence less often than this, after a correction for the
alternatives that were tried: with eight images gained and none lost, say, if two were."""
LEAST_GAIN = 0.04
"""Share of the images that a counterfactual must gain for its mistake to be worth a warning."""
_TRAINED = 0.5
"""Fewer right answers than a network that was trained at all gives."""
_FEWEST_OPENINGS = 2
_LONGEST_NAME = 80
_LONGEST_LINE = 500
"""Of a line of main.py, so that runs of spaces cost little."""
_SETS_THREADS = re.compile(
    r"(?:set_num_threads|setNumThreads)\s*\(\s*(\d{1,4})\s*\)"
    r"|(?:runtime_num_threads|intra_op_num_threads|inter_op_parallel_num)\s*=\s*(\d{1,4})\b"
    r"|(?:OMP|MKL|OPENBLAS)_NUM_THREADS[\"']?\s*\]?\s*(?:=|,|:)\s*[\"']?(\d{1,4})"
)


@dataclass(frozen=True)
class Evidence:
    """What speaks for one mistake."""

    p: float
    """How probable the evidence is without the mistake, corrected for the alternatives that were tried."""
    gain: float | None
    """Share of the images that would be right besides; None if the evidence says nothing of that."""
    details: Mapping[str, object] = field(default_factory=dict)
    """What stands in the braces of the mistake's sentence."""

    @property
    def is_proved(self) -> bool:
        """Whether it may be said: chance does not explain it, and it is worth the words."""
        return self.p < ALPHA and (self.gain is None or self.gain >= LEAST_GAIN)


Look = Callable[[Case], Evidence | None]


# What was seen at the seams of the network, put right there.


def at_seam(
    applies: Callable[[SeamTrial], bool],
    named: Callable[[SeamTrial], Sequence[Difference]] = of_input,
) -> Look:
    """Return the look for something that was put right, where that gains what chance does not explain.

    Args:
        applies: whether it is what is looked for.
        named: what the finding's title says, and its help is for.
    """

    def look(case: Case) -> Evidence | None:
        tried = case.seam_trial
        if tried is None or not applies(tried):
            return None
        gain = case.gain(tried.trial)
        details = {**seam_details(case, tried), **headline(named(tried))}
        return Evidence(corrected(gain.p_better, tried.tried), gain.share, details)

    return look


def arrives_otherwise(*kinds: str) -> Look:
    """Return the look for an input that is not the lab's in these kinds of steps, and in no other.

    Args:
        kinds: every one of them must differ.
    """
    return at_seam(lambda tried: tried.kinds == {*kinds})


def arrives_swapped(case: Case) -> Evidence | None:
    """Look for red and blue, each in the other's place."""
    return at_seam(lambda tried: tried.kinds == {"colour"} and tried.codes <= _SWAPPED)(case)


def arrives_in_other_colours(case: Case) -> Evidence | None:
    """Look for colours that are lost, in another wrong order, or no red, green and blue any more."""
    return at_seam(lambda tried: tried.kinds == {"colour"} and not tried.codes <= _SWAPPED)(case)


def arrives_by_chance(case: Case) -> Evidence | None:
    """Look for a picture that arrives in another way each time."""
    return at_seam(lambda tried: "random" in tried.codes)(case)


def arrives_turned(case: Case) -> Evidence | None:
    """Look for a picture that does not stand upright."""
    return at_seam(lambda tried: tried.kinds == {"geometry"} and bool(tried.codes & _TURNED))(case)


def arrives_in_part(case: Case) -> Evidence | None:
    """Look for a picture that stands upright, and of which another part arrives, or less detail."""
    return at_seam(lambda tried: tried.kinds == {"geometry"} and not tried.codes & {*_TURNED, "random"})(case)


def arrives_otherwise_in_several_of(*kinds: str) -> Look:
    """Return the look for an input that is not the lab's in two or more of these kinds of steps.

    An input that does not hang on the picture, or on others besides, is so in all of them.
    """
    return at_seam(
        lambda tried: (
            tried.kinds == {"state"}
            or (len(tried.kinds) >= 2 and tried.kinds <= {*kinds} and "random" not in tried.codes)
        )
    )


def consists_otherwise(code: Code) -> Look:
    """Return the look for a network that consists of something else than what was handed in."""
    named = of_network if code == "checkpoint-unused" else titled_already
    return at_seam(lambda tried: tried.way.repair is not None and tried.way.repair.code == code, named)


def read_as(code: str) -> Look:
    """Return the look for scores that the answer is read from by this rule."""
    return _read(lambda each: each == code, titled_already)


def read_otherwise_than(*codes: str) -> Look:
    """Return the look for scores that the answer is read from by another rule than these."""
    return _read(lambda code: code not in codes, of_readout)


def _read(applies: Callable[[str], bool], named: Callable[[SeamTrial], Sequence[Difference]]) -> Look:
    def look(case: Case) -> Evidence | None:
        tried = case.seam_trial
        if tried is None or tried.rule is None:
            return None
        code = tried.rule.code
        if code == "no-rule" and case.is_unstable:  # it is told what they hang on
            return None
        if code == "renamed" and (tried.way.correction or tried.way.repair):
            code = "renamed-besides"  # the sentence on names speaks of the answers as they were
        return at_seam(lambda _: applies(code), named)(case)

    return look


def keeps_something(case: Case) -> Evidence | None:
    """Look for answers that are not those of the scores, and hang on what was asked before."""
    tried = case.seam_trial
    if tried is None or tried.rule is None or tried.rule.code != "no-rule" or not case.is_unstable:
        return None
    found = at_seam(lambda each: each.way.effort == 1, titled_already)(case)
    if found is None:
        return None
    return replace(found, details={**found.details, "unstable": f"{100 * case.changing:.0f}"})


def is_random_itself(case: Case) -> Evidence | None:
    """Look for a network that gives other scores for the same input, and not because of training mode."""
    sight = case.sight
    if sight is None or not sight.is_random or sight.is_training or not case.is_unstable:
        return None
    if sight.found is None or sight.found.is_random or sight.found.is_stateful:  # the input is another, too
        return None
    return Evidence(p=0.0, gain=None)


def holds_no_numbers(case: Case) -> Evidence | None:
    """Look for a network that consists of a file with NaN in it."""
    sight = case.sight
    file = None if sight is None or sight.gives_numbers else broken_file(sight.networks, sight.files)
    if file is None or case.accuracy > case.chance:
        return None
    return Evidence(0.0, None, {"file": shown(file, _LONGEST_NAME), "total": len(case.truth)})


# A checkpoint, run in the lab's own way without the student's code.


def left_unused(applies: Callable[[Case], bool]) -> Look:
    """Return the look for a checkpoint that by itself does better, whatever the submission does with it."""

    def look(case: Case) -> Evidence | None:
        best = case.best_file
        if best is None or not applies(case):
            return None
        images, answers = best.trial.images, best.trial.answers
        named = case.said[images] != NO_ANSWER
        if case.gain(Trial(images[named], answers[named])).p_better >= ALPHA:
            return None  # what is lost are answers that name no class, which is told of them
        gain = case.gain(best.trial)
        return Evidence(corrected(gain.p_better, len(case.files)), gain.share, file_details(case, best))

    return look


def answers_are_guesses(case: Case) -> bool:
    """Whether chance or random weights may answer."""
    if case.accuracy > case.chance or case.is_collapsed or _consists_of_a_file(case):
        return False
    if not _has_network(case):
        return False
    return case.has_warned or not case.is_unstable


def answers_are_neither(case: Case) -> bool:
    """Whether the answers are no guesses, and yet not as good as the checkpoint's.

    Those of a network that was seen to consist of a checkpoint are none, however bad they are.
    """
    is_guessing = case.accuracy <= case.chance and not _consists_of_a_file(case) and _has_network(case)
    return not (is_guessing or case.is_collapsed or case.is_unstable)


def _has_network(case: Case) -> bool:
    """Whether there is one that parameters may be missing from, unlike a forward pass written by hand."""
    return case.sight is not None or case.has_warned


def _consists_of_a_file(case: Case) -> bool:
    return case.sight is not None and bool(own_files(case.sight.networks, case.sight.files))


def knows_nothing(is_nan: bool) -> Look:
    """Return the look for checkpoints none of which is better than guessing.

    One that cannot be run by itself is judged by the network that has it, where all round that is the lab's.

    Args:
        is_nan: whether the logits are to be no numbers.
    """

    def look(case: Case) -> Evidence | None:
        best = case.best_file
        if best is None:
            return None if is_nan else _knows_nothing_itself(case)
        if case.accuracy > case.chance:
            return None
        total, correct = len(best.trial.images), case.correct(best.trial)
        lucky = binomial_tail(total, correct, case.commonest)
        if corrected(lucky, len(case.files)) < ALPHA or is_nan != (best.trial.answers == NO_ANSWER).all():
            return None
        p = binomial_tail(total, total - correct, 1 - _TRAINED)
        details = {"file": best.file, "file_zh": best.file, "count": correct, "total": total}
        return Evidence(p, None, details)

    return look


def _knows_nothing_itself(case: Case) -> Evidence | None:
    """Look for a network that is the one handed in, and guesses although all round it is the lab's."""
    seams = case.seams
    if seams is None or not (seams.sight.is_input_right and seams.is_read_right):
        return None
    if seams.trial is not None and case.gain(seams.trial.trial).p_better < ALPHA:
        return None
    if case.accuracy > case.chance or case.is_unstable or seams.sight.is_training:
        return None
    files = own_files(seams.sight.networks, seams.sight.files)
    has_parameters = any(network.parameters for network in seams.sight.networks)
    if has_parameters and not files:
        return None
    right, total = int(case.is_right.sum()), len(case.truth)
    file = shown(files[0], _LONGEST_NAME) if files else phrase("en", "handed-in-network")
    file_zh = shown(files[0], _LONGEST_NAME) if files else phrase("zh", "handed-in-network")
    p = binomial_tail(total, total - right, 1 - _TRAINED)
    return Evidence(p, None, {"file": file, "file_zh": file_zh, "count": right, "total": total})


# The submission itself, asked again.


def asked_otherwise(*alterations: str) -> Look:
    """Return the look for a submission that answers better when images were altered so beforehand."""

    def look(case: Case) -> Evidence | None:
        trial = next((case.asked[name] for name in alterations if name in case.asked), None)
        if trial is None:
            return None
        gain = case.gain(trial)
        return Evidence(corrected(gain.p_better, case.alterations), gain.share, question_details(case, trial))

    return look


def keeps_its_first_answer(case: Case) -> Evidence | None:
    """Look at what new processes answered to two images: the class of the first, more often than chance."""
    if case.kept is None:
        return None
    p = case.kept.p(len(case.names))
    return Evidence(p, None, {"count": case.kept.times, "total": case.kept.asked, "p": f"{p:.1g}"})


def public_gap(case: Case) -> Evidence | None:
    """Compare the share of right answers to public and to hidden images."""
    public = case.public
    if public is None or not public.total:
        return None
    right, total = int(case.is_right.sum()), len(case.truth)
    p = fisher_greater(public.right, public.total, right, total)
    details = {
        "public": f"{100 * public.right / public.total:.1f}",
        "asked": public.total,
        "hidden": f"{100 * right / total:.1f}",
        "total": total,
        "p": f"{p:.1g}",
    }
    return Evidence(p, public.right / public.total - right / total, details)


def fisher_greater(right: int, total: int, other_right: int, other_total: int) -> float:
    """Return how probable so many of the first sample's are right, if both have the same chance.

    R. A. Fisher, "On the interpretation of chi-squared from contingency tables" (1922): with the number of
    all right answers given, the first sample's follows the hypergeometric distribution.
    """
    successes, everything = right + other_right, total + other_total
    ways = sum(
        math.comb(successes, count) * math.comb(everything - successes, total - count)
        for count in range(right, min(total, successes) + 1)
    )
    return ways / math.comb(everything, total)


def below_usual(case: Case) -> Evidence | None:
    """Compare the score with what the assignment calls usual."""
    if case.usual is None or case.is_constant or case.is_unstable:
        return None
    total = len(case.truth)
    p = binomial_tail(total, total - int(case.is_right.sum()), 1 - case.usual)
    details = {
        "usual": f"{100 * case.usual:.0f}",
        "now": f"{100 * case.accuracy:.1f}",
        "p": f"{p:.1g}",
        "public": public_words("en", case.public),
        "public_zh": public_words("zh", case.public),
    }
    return Evidence(p, case.usual - case.accuracy, details)


# What stands there to be seen: it is certain, and no answer is wrong by it.


def opens_checkpoint_each_time(case: Case) -> Evidence | None:
    """Look whether a checkpoint was opened in more than half of all calls; loaded at the first, it is once.

    The number is not told: the submission itself decides about each call, and has the image by then.
    """
    is_each = case.openings >= _FEWEST_OPENINGS and 2 * case.openings > len(case.truth)
    return Evidence(p=0.0, gain=None) if is_each else None


def sets_threads(case: Case) -> Evidence | None:
    """Look for a line of main.py, read as text, that chooses another number of threads than there are.

    How slow answers are is not looked at: that is the machine's matter, too.
    """
    for line in case.source.splitlines():
        code = line[:_LONGEST_LINE].partition("#")[0]
        if (found := _SETS_THREADS.search(code)) is None:
            continue
        wanted = int(next(group for group in found.groups() if group is not None))
        if (wanted == 1 and case.threads > 1) or wanted > case.threads:
            return Evidence(p=0.0, gain=None, details={"wanted": wanted, "given": case.threads})
    return None
