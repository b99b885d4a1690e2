"""What a run's pictures say."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from reference.run.plots import percent_ticks, plot_exact
from reference.training.exact import HeadProblem
from reference.values import Choice, Regularisation, Trial
from tests.reference.training.test_exact import drawn


def ticks(low: float, high: float) -> list[tuple[float, str]]:
    figure = Figure()
    axes = figure.subplots()
    axes.set_ylim(low, high)
    percent_ticks(axes)
    figure.canvas.draw()
    return [(label.get_position()[1], label.get_text()) for label in axes.get_yticklabels()]


@pytest.mark.parametrize(("low", "high"), [(0.81, 0.91), (0.948, 0.952), (0.0, 1.004), (0.82, 1.004)])
def test_percentages_are_round_all_different_and_where_they_say(low: float, high: float) -> None:
    found = ticks(low, high)
    assert len({text for _, text in found}) == len(found) >= 3
    for place, text in found:
        assert float(text.removesuffix(" %")) == pytest.approx(100 * place, abs=1e-9)
    step = round(found[1][0] - found[0][0], 9)
    assert float(f"{step:e}".split("e")[0]) in (1, 2, 5)


def test_the_curve_of_a_solved_head_is_that_of_the_solver_s_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solution = HeadProblem(drawn(), 4).solve(Regularisation(0.01, 0.1))
    assert len(solution.objectives) == solution.iterations
    assert np.all(np.diff(solution.objectives) <= 0)
    assert solution.objectives[-1] == solution.objective

    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **_: figures.append(figure))
    trials = tuple(Trial(Regularisation(decay, 0.1), right, 40) for decay, right in ((0.001, 36), (0.01, 38)))
    for choice in (None, Choice(trials[1], trials, at_limit=False)):
        plot_exact(solution.objectives, choice, tmp_path / "curves.png")
    assert [[axes.get_xlabel() for axes in figure.axes] for figure in figures] == [
        ["step of the solver (L-BFGS)"],
        ["step of the solver (L-BFGS)", "weight decay that was tried"],
    ]
    assert tuple(figures[1].axes[0].lines[0].get_ydata()) == solution.objectives
    assert "there are no epochs" in figures[1].get_suptitle()
