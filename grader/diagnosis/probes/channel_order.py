"""Red and blue are exchanged, or the colours are lost.

Hypothesis: the network learned from RGB and is shown BGR, the order in which OpenCV reads; or from colours,
and is shown grey pictures.
Experiment: the checkpoint is run on both orders. Where it cannot be, predict itself is asked about images
with red and blue exchanged.
Evidence: one order gives the submission's own answers, and the other scores better.
Help: cv2.cvtColor(image, cv2.COLOR_BGR2RGB), once.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, CheckpointTrial, Explanation
from grader.diagnosis.probes.evidence import mistaken_view, of_question, of_views, strength
from grader.findings.catalogue import finding


def explain(case: Case) -> Explanation | None:
    """Look at the view that gives the submission's own answers, else at those to exchanged colours."""
    trial = mistaken_view(case)
    if trial is not None:
        if not is_all(trial):
            return None
        return Explanation(
            finding("channel-order", order=case.channel_order.upper(), **of_views(case, trial)),
            strength(case, trial),
        )
    asked = case.asked.get("exchanged-colours")
    if asked is None or not case.is_better(asked):
        return None
    return Explanation(
        finding("channel-order", order=case.channel_order.upper(), **of_question(case, asked)),
        case.gain(asked).p_better,
    )


def is_all(trial: CheckpointTrial) -> bool:
    """Whether the colours are the only thing that is wrong."""
    return trial.own.differs_in(trial.best) == {"colour"}
