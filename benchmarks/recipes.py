"""What both ways of training a head share: the batch size, and what they tell of themselves."""

from __future__ import annotations

from benchmarks.protocol import Samples, tell

BATCH_SIZE = 64  # the lab's

FEATURES = "features"
HEAD = "head"
BOTH = "features and head"
CORRECT = "validation images right, best epoch"


def tell_phases(begun: float, extracted: float, trained: float, correct: int) -> None:
    """Tell the phases' seconds from the moments at which they began and ended, and what was learnt."""
    tell(Samples(FEATURES, (extracted - begun,)))
    tell(Samples(HEAD, (trained - extracted,)))
    tell(Samples(BOTH, (trained - begun,)))
    tell(Samples(CORRECT, (float(correct),)))
