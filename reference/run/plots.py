"""A run's two pictures: how it learned, and what it confuses."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reference.values import Choice, EpochLog, IntArray, Trial

DOTS_PER_INCH = 150
INK, FAINT, TRAIN, VALIDATION, RATE = "#22272e", "#d5dae1", "#8a94a3", "#0b6e8a", "#b3752e"

# The first of each that is installed is used, so that class names in Chinese are not rows of boxes.
LATIN_FONTS = ("Inter", "Helvetica Neue", "Segoe UI", "Noto Sans", "DejaVu Sans")
CHINESE_FONTS = ("Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei", "SimHei")

STYLE = {
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "font.size": 9,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def plot_curves(log: Sequence[EpochLog], best_epoch: int, path: Path) -> None:
    """Draw loss, top-1 accuracy and learning rate against the epoch, as a PNG."""
    epochs = [entry.epoch for entry in log]
    with mpl.rc_context({**STYLE, "font.family": _fonts()}):
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        loss, accuracy, rate = figure.subplots(1, 3, width_ratios=(3, 4, 2))
        loss.set_title("Training loss")
        loss.plot(epochs, [entry.train_loss for entry in log], color=TRAIN, linewidth=1.8)
        loss.set_ylim(bottom=0)

        accuracy.set_title("Top-1 accuracy")
        _plot_accuracy(accuracy, log, best_epoch)

        rate.set_title("Learning rate")
        rate.plot(epochs, [entry.learning_rate for entry in log], color=RATE, linewidth=1.8)
        rate.set_ylim(bottom=0)
        for axes in (loss, accuracy, rate):
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10]))
            axes.margins(x=0.02)
        figure.savefig(path, dpi=DOTS_PER_INCH)


def plot_exact(objectives: Sequence[float], choice: Choice | None, path: Path) -> None:
    """Draw how a head was solved, as a PNG: the objective at each step, and what cross-validation said.

    Args:
        objectives: loss and weight decay together, after each step of the solver.
        choice: None if nothing was cross-validated.
        path: of the PNG.
    """
    with mpl.rc_context({**STYLE, "font.family": _fonts()}):
        figure = Figure(figsize=(9 if choice else 5, 3.7), layout="constrained")
        figure.suptitle("The head is solved exactly: there are no epochs", x=0.01, ha="left", fontsize=9)
        solving, *rest = figure.subplots(1, 2 if choice else 1, squeeze=False).ravel()
        solving.set_title("Training loss with weight decay")
        solving.plot(range(1, len(objectives) + 1), objectives, color=TRAIN, linewidth=1.8)
        solving.set_ylim(bottom=0)
        solving.set_xlabel("step of the solver (L-BFGS)")
        solving.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10]))
        for axes in rest:
            if choice:
                _plot_cross_validation(axes, choice.trials, choice.best)
        figure.savefig(path, dpi=DOTS_PER_INCH)


def _plot_cross_validation(axes: Any, trials: Sequence[Trial], best: Trial) -> None:
    """Draw accuracy against weight decay, a line for each label smoothing."""
    axes.set_title("Cross-validated top-1 accuracy")
    smoothings = sorted({trial.regularisation.label_smoothing for trial in trials})
    for smoothing, colour in zip(smoothings, itertools.cycle((TRAIN, RATE)), strict=False):
        line = [trial for trial in trials if trial.regularisation.label_smoothing == smoothing]
        decays = [trial.regularisation.weight_decay for trial in line]
        accuracies = [trial.accuracy for trial in line]
        label = f"label smoothing {smoothing:g}"
        axes.plot(decays, accuracies, "o-", color=colour, linewidth=1.8, markersize=3, label=label)
    decay, label = best.regularisation.weight_decay, f"taken: {best.accuracy:.2%}"
    axes.plot([decay], [best.accuracy], "o", color=VALIDATION, markersize=7, label=label)
    axes.set_xscale("log")
    axes.set_xlabel("weight decay that was tried")
    percent_ticks(axes)
    axes.legend()


def percent_ticks(axes: Any) -> None:
    """Put round percentages on the axis of accuracies, each said as exactly as it stands."""
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(lambda share, _: f"{round(100 * share, 6):g} %")


def _plot_accuracy(axes: Any, log: Sequence[EpochLog], best_epoch: int) -> None:
    epochs = [entry.epoch for entry in log]
    validation = _shares(entry.validation_accuracy for entry in log)
    best = validation[best_epoch - 1]
    axes.plot(
        epochs, _shares(entry.train_accuracy for entry in log), color=TRAIN, linewidth=1.8, label="training"
    )
    axes.plot(epochs, validation, color=VALIDATION, linewidth=1.8, label="validation")
    axes.plot(
        [best_epoch],
        [best],
        "o",
        color=VALIDATION,
        markersize=6,
        label=f"best: {best:.2%}, epoch {best_epoch}",
    )
    # The first epochs may lie far below; what matters happens at the top.
    axes.set_ylim(bottom=max(0.0, min(0.9, float(np.nanmedian(validation)) - 0.1)), top=1.004)
    percent_ticks(axes)
    axes.legend(loc="lower right")


def _shares(values: Iterable[float | None]) -> list[float]:
    """Return numbers to draw; where nothing was measured, there is a gap."""
    return [math.nan if value is None else value for value in values]


def confusion_matrix(labels: IntArray, predictions: IntArray, class_count: int) -> IntArray:
    """Count images by true class (row) and predicted class (column): (classes, classes)."""
    counts = np.zeros((class_count, class_count), dtype=np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def plot_confusion(counts: IntArray, names: Sequence[str], path: Path) -> None:
    """Draw a confusion matrix, as a PNG; a row's colours are shares of that class's images.

    Args:
        counts: (classes, classes), rows the true class.
        names: of the classes.
        path: of the PNG.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right, total = int(np.trace(counts)), int(counts.sum())
    side = max(4.5, 0.3 * len(names) + 2.2)
    with mpl.rc_context({**STYLE, "font.family": _fonts(), "axes.grid": False}):
        figure = Figure(figsize=(side, side), layout="constrained")
        axes = figure.subplots()
        # Right answers in one hue and wrong ones in another: a mistake is seen at once.
        diagonal = np.eye(len(names), dtype=bool)
        for mask, colours in ((diagonal, "GnBu"), (~diagonal, "OrRd")):
            visible = np.where(mask & (counts > 0), shares, np.nan)
            axes.imshow(visible, cmap=colours, vmin=-0.25, vmax=1.15)
        _write_counts(axes, counts, shares)
        axes.set_title(f"{right} of {total} right ({right / max(total, 1):.2%})", pad=12)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(names)), names)
        _draw_cell_borders(axes, len(names))
        figure.savefig(path, dpi=DOTS_PER_INCH)


def _write_counts(axes: Any, counts: IntArray, shares: npt.NDArray[np.float64]) -> None:
    for row, column in np.argwhere(counts > 0):
        dark = shares[row, column] > 0.55
        axes.text(
            column, row, str(counts[row, column]), ha="center", va="center", color="white" if dark else INK
        )


def _draw_cell_borders(axes: Any, class_count: int) -> None:
    edges = np.arange(class_count + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor")
    axes.tick_params(which="both", length=0)


def _fonts() -> list[str]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [
        next((name for name in choice if name in installed), "sans-serif")
        for choice in (LATIN_FONTS, CHINESE_FONTS)
    ]
