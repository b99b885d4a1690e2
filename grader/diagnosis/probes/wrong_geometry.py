"""The picture reaches the network in another shape than in training.

Hypothesis: height and width are exchanged, the picture is turned or upside down, is resized to another
size or by another interpolation, or too much of it is cut off.
Experiment: the checkpoint is run on pictures treated in each of these ways.
Evidence: one way gives the submission's own answers, and another scores better.
Help: cv2.resize takes (width, height), an array's shape is (height, width); look at the picture before the
network.
"""

from __future__ import annotations

from grader.diagnosis.case import Case, Explanation
from grader.diagnosis.probes.evidence import mistaken, mistaken_view


def explain(case: Case) -> Explanation | None:
    """Look at the view that gives the submission's own answers."""
    trial = mistaken_view(case)
    if trial is None or trial.own.differs_in(trial.best) != {"geometry"}:
        return None
    return mistaken("wrong-resize", case, trial)
