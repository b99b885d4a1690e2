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
from grader.diagnosis.probes.evidence import asked_otherwise, mistaken, mistaken_view


def explain(case: Case) -> Explanation | None:
    """Look at the view that gives the submission's own answers, else at those to exchanged colours."""
    order = case.channel_order.upper()
    if (asked := case.asked.get("exchanged-colours")) is not None:
        return asked_otherwise("channel-order", case, asked, order=order)
    trial = mistaken_view(case)
    return (
        mistaken("channel-order", case, trial, order=order) if trial is not None and is_all(trial) else None
    )


def is_all(trial: CheckpointTrial) -> bool:
    """Whether the colours are the only thing that is wrong."""
    return trial.own.differs_in(trial.best) == {"colour"}
