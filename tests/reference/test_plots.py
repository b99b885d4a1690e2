"""The axes of the curves say what they show."""

from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from reference.run.plots import _plot_accuracy
from reference.training.log import EpochLog


@pytest.mark.parametrize("lowest", [0.2, 0.81, 0.93, 0.96])
def test_ticks_are_even_percentages(lowest):
    log = [EpochLog(number, 0.1, 1.0, lowest + 0.01 * number, lowest, 1.0) for number in (1, 2, 3)]
    figure = Figure(figsize=(9, 3.4))
    axes = figure.subplots()
    _plot_accuracy(axes, log, best_epoch=3)
    figure.draw_without_rendering()
    labels = [label.get_text() for label in axes.get_yticklabels()]
    steps = {round(float(b.rstrip("%")) - float(a.rstrip("%")), 6) for a, b in pairwise(labels)}
    assert len(steps) == 1, labels
