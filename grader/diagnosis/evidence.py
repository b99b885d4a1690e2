"""What speaks for a mistake: how sure that is, what it costs, and the numbers for its sentence.

Each function looks at a case and returns the evidence for one mistake, or None where there is no sign of it.
A mistake is reported only where chance does not explain its evidence: `Evidence.is_proved` is the one gate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from grader.diagnosis.case import NO_ANSWER, Case, CheckpointTrial, InputTrial, PublicTrial, Trial
from grader.errors import Language
from grader.statistics import binomial_tail, paired
from grader.wording import phrase

_ORDERS = frozenset({"bgr", "permuted"})
"""Of the three colours, as differences call them."""
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
_MOST_NAMED = 4
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


def corrected(p: float, tried: int) -> float:
    """Return the p value of the best of so many alternatives (Bonferroni's correction)."""
    return min(1.0, p * tried)


# What was seen at the network's input, put right there.


def arrives_otherwise(*kinds: str) -> Look:
    """Return the look for an input that is not the lab's in these kinds of steps, and in no other.

    Args:
        kinds: every one of them must differ.
    """
    return _at_input(lambda seen: seen.kinds == {*kinds})


def arrives_in_another_order(case: Case) -> Evidence | None:
    """Look for colours that arrive whole, but each in another's place."""
    return _at_input(lambda seen: seen.kinds == {"colour"} and seen.codes <= _ORDERS)(case)


def arrives_in_other_colours(case: Case) -> Evidence | None:
    """Look for colours that are lost, or no red, green and blue any more."""
    return _at_input(lambda seen: seen.kinds == {"colour"} and not seen.codes <= _ORDERS)(case)


def arrives_turned(case: Case) -> Evidence | None:
    """Look for a picture that does not stand upright."""
    return _at_input(lambda seen: seen.kinds == {"geometry"} and bool(seen.codes & _TURNED))(case)


def arrives_in_part(case: Case) -> Evidence | None:
    """Look for a picture that stands upright, and of which another part arrives, or less detail."""
    return _at_input(lambda seen: seen.kinds == {"geometry"} and not seen.codes & _TURNED)(case)


def arrives_otherwise_in_several_of(*kinds: str) -> Look:
    """Return the look for an input that is not the lab's in two or more of these kinds of steps.

    An input that does not hang on the picture, or on others besides, is so in all of them.
    """
    return _at_input(
        lambda seen: seen.kinds == {"state"} or (len(seen.kinds) >= 2 and seen.kinds <= {*kinds})
    )


def _at_input(applies: Callable[[InputTrial], bool]) -> Look:
    def look(case: Case) -> Evidence | None:
        seen = case.at_input
        if seen is None or seen.trial is None or not applies(seen):
            return None
        gain = case.gain(seen.trial)
        p = corrected(gain.p_better, seen.tried)
        return Evidence(p, gain.share, _input_details(case, seen, seen.trial))

    return look


# The checkpoint, run without the student's code: a view gives the submission's answers, another is better.


def of_views(applies: Callable[[CheckpointTrial], bool]) -> Look:
    """Return the look for a mistake in how the network is asked or read.

    Two things must be proved: that the submission does what `own` does, and that `best` would do better.

    Args:
        applies: whether `own` and `best` differ in what the mistake is about.
    """

    def look(case: Case) -> Evidence | None:
        trial = case.mistaken_view
        if trial is None or not applies(trial):
            return None
        gain = case.gain(trial.best_trial)
        said = case.said[trial.own_trial.images]
        agreements = paired(trial.best_trial.answers == said, trial.own_trial.answers == said)
        p = max(gain.p_better, agreements.p_better)
        return Evidence(corrected(p, trial.tried), gain.share, _view_details(case, trial))

    return look


def differs_in(*coordinates: str) -> Look:
    """Return the look for a mistake in at least these coordinates of a view."""
    return of_views(lambda trial: trial.differences >= {*coordinates})


def differs_only_in(coordinate: str) -> Look:
    """Return the look for a mistake in this coordinate of a view and in no other."""
    return of_views(lambda trial: trial.differences == {coordinate})


def exchanges_colours(case: Case) -> Evidence | None:
    """Look for red and blue in each other's place."""
    return of_views(lambda trial: trial.differences == {"colour"} and _is_exchange(trial))(case)


def has_other_colours(case: Case) -> Evidence | None:
    """Look for colours that are lost, or no red, green and blue any more."""
    return of_views(lambda trial: trial.differences == {"colour"} and not _is_exchange(trial))(case)


def _is_exchange(trial: CheckpointTrial) -> bool:
    return {trial.own.colour, trial.best.colour} == {"rgb", "bgr"}


def differs_in_several_of(*coordinates: str) -> Look:
    """Return the look for a mistake in two or more of these coordinates, and in no other."""
    return of_views(lambda trial: len(trial.differences) >= 2 and trial.differences <= {*coordinates})


def runs_with(weights: str) -> Look:
    """Return the look for a submission that does this with its checkpoint's parameters."""
    return of_views(lambda trial: trial.own.weights == weights)


def left_unused(applies: Callable[[Case], bool]) -> Look:
    """Return the look for a checkpoint that by itself does better, whatever the submission does with it."""

    def look(case: Case) -> Evidence | None:
        trial = case.checkpoint
        if trial is None or not applies(case):
            return None
        gain = case.gain(trial.best_trial)
        p = corrected(gain.p_better, trial.tried)
        return Evidence(p, gain.share, _checkpoint_details(case, trial))

    return look


def answers_in_training(case: Case) -> Evidence | None:
    """Look for training mode: it was seen at the network, or the answers are those that it gives."""
    seen = left_unused(lambda case: case.is_seen_training)(case)
    return runs_with("training")(case) if seen is None else seen


def answers_are_guesses(case: Case) -> bool:
    """Whether chance or random weights may answer: no view of the checkpoint does."""
    if case.is_near or case.accuracy > case.chance or case.is_collapsed or case.is_seen_training:
        return False
    return case.has_warned or not case.is_unstable


def answers_are_neither(case: Case) -> bool:
    """Whether the answers are no guesses, and those of no single view of the checkpoint either."""
    is_guessing = case.accuracy <= case.chance and not case.is_near
    is_known = case.is_reproduced or is_guessing or case.is_collapsed or case.is_unstable
    return not (is_known or case.is_seen_training)


def knows_nothing(is_nan: bool) -> Look:
    """Return the look for a checkpoint that is no better than guessing under any view.

    Args:
        is_nan: whether its logits are to be no numbers.
    """

    def look(case: Case) -> Evidence | None:
        trial = case.checkpoint
        if trial is None or case.accuracy > case.chance:
            return None
        total, correct = len(trial.best_trial.images), case.correct(trial.best_trial)
        # The best of many ways to guess is luckier than one.
        lucky = binomial_tail(total, correct, case.chance / 2)
        if corrected(lucky, trial.tried) < ALPHA or is_nan != (trial.best_trial.answers == NO_ANSWER).all():
            return None
        p = binomial_tail(total, total - correct, 1 - _TRAINED)
        return Evidence(p, None, {"file": trial.file, "count": correct, "total": total})

    return look


# The submission itself, asked again.


def asked_otherwise(*alterations: str) -> Look:
    """Return the look for a submission that answers better when images were altered so beforehand."""

    def look(case: Case) -> Evidence | None:
        trial = next((case.asked[name] for name in alterations if name in case.asked), None)
        if trial is None:
            return None
        gain = case.gain(trial)
        return Evidence(
            corrected(gain.p_better, case.alterations), gain.share, _question_details(case, trial)
        )

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
        "public": _public_words("en", case.public),
        "public_zh": _public_words("zh", case.public),
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


# The words.


def _view_details(case: Case, trial: CheckpointTrial) -> dict[str, object]:
    """Say what the submission's answers look like, and what the same checkpoint would score."""
    total = len(trial.own_trial.images)
    numbers = {
        "agree": round(case.agreement(trial.own_trial) * total),
        "other": round(case.agreement(trial.best_trial) * total),
        "total": total,
        **_scores(case, trial.best_trial, trial.tried),
    }
    en = {"own": trial.own.words("en"), "best": trial.best.words("en")}
    zh = {"own": trial.own.words("zh"), "best": trial.best.words("zh")}
    return {
        "order": case.channel_order.upper(),
        "file": trial.file,
        "best_file": trial.best_file,
        "evidence": phrase("en", "view", **en, **numbers),
        "evidence_zh": phrase("zh", "view", **zh, **numbers),
        "change": phrase("en", "change", **en),
        "change_zh": phrase("zh", "change", **zh),
    }


def _input_details(case: Case, seen: InputTrial, trial: Trial) -> dict[str, object]:
    """Say what arrives at the network otherwise than in the lab, and what it costs."""
    numbers = _scores(case, trial, seen.tried)
    en = " ".join(each.sentence("en") for each in seen.differences)
    zh = "".join(each.sentence("zh") for each in seen.differences)
    return {
        "order": case.channel_order.upper(),
        "change": "",
        "change_zh": "",
        "evidence": phrase("en", "input", seen=en, **numbers),
        "evidence_zh": phrase("zh", "input", seen=zh, **numbers),
    }


def _checkpoint_details(case: Case, trial: CheckpointTrial) -> dict[str, object]:
    """Say what the checkpoint scores by itself, where the submission's answers are not its."""
    numbers = {"file": trial.best_file, **_scores(case, trial.best_trial, trial.tried)}
    return {
        "evidence": phrase("en", "checkpoint", best=trial.best.words("en"), **numbers)
        + _possible(case, trial, "en"),
        "evidence_zh": phrase("zh", "checkpoint", best=trial.best.words("zh"), **numbers)
        + _possible(case, trial, "zh"),
    }


def _possible(case: Case, trial: CheckpointTrial, language: Language) -> str:
    """Name what may be the cause, where it cannot be told which."""
    if not case.is_near:
        return ""
    views = dict.fromkeys(view.words(language) for view in (trial.own, *trial.rivals) if view != trial.best)
    shown = ("; " if language == "en" else "；").join([*views][:_MOST_NAMED])
    return phrase(language, "possible", views=shown)


def _question_details(case: Case, trial: Trial) -> dict[str, object]:
    """Say what the submission answered to altered images."""
    numbers = _scores(case, trial, case.alterations)
    return {
        "order": case.channel_order.upper(),
        "evidence": phrase("en", "question", **numbers),
        "evidence_zh": phrase("zh", "question", **numbers),
    }


def _scores(case: Case, trial: Trial, tried: int) -> dict[str, object]:
    total = max(1, len(trial.images))
    gain = case.gain(trial)
    before = int(case.is_right[trial.images].sum())
    return {
        "now": f"{100 * before / total:.1f}",
        "then": f"{100 * case.correct(trial) / total:.1f}",
        "asked": total,
        "gained": gain.gained,
        "lost": gain.lost,
        "p": f"{corrected(gain.p_better, tried):.1g}",
    }


def _public_words(language: Language, public: PublicTrial | None) -> str:
    if public is None:
        return ""
    return phrase(language, "public", share=f"{100 * public.right / public.total:.1f}", asked=public.total)
