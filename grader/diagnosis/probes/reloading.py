"""The checkpoint is opened anew for every image.

Hypothesis: predict, or a function that it calls, builds the network and loads the checkpoint each time.
Experiment: none needed; in the graded run the worker notices when a checkpoint is opened for reading.
Evidence: that happened in more than half of all calls. A network that is loaded at the first call
    alone opens it once.
Help: load once, when main.py is imported, and keep the network in a variable of the module.
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.model.predictions import Prediction
from grader.model.report import FindingPart
from grader.wording import finding

_FEWEST_TIMES = 2


def explain_reloading(predictions: Sequence[Prediction | None]) -> FindingPart | None:
    """Return the finding if most answers had a checkpoint opened for them.

    The number is not told: the submission itself decides about each call, and has the image by then.
    """
    times = sum(each is not None and each.has_opened for each in predictions)
    return finding("reloads-model") if times >= _FEWEST_TIMES and 2 * times > len(predictions) else None
