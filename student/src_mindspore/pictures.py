"""Two pictures for whoever trains: how it learned, and what it makes of some photos. Needs matplotlib."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from src_mindspore.folders import read_image

RIGHT, WRONG, GREY = "#0b6e8a", "#b3261e", "#8a94a3"


def plot_history(history: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the loss and the accuracies against the epoch.

    Args:
        history: "loss", and "train" and "val" accuracies between 0 and 1; one number for each epoch in each.
    """
    figure = Figure(figsize=(8, 3), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    epochs = range(1, len(history["loss"]) + 1)
    loss.set_title("training loss")
    loss.plot(epochs, history["loss"], ".-", color=GREY)
    loss.set_ylim(bottom=0)
    accuracy.set_title("top-1 accuracy")
    accuracy.plot(epochs, history["train"], ".-", color=GREY, label="training views")
    accuracy.plot(epochs, history["val"], ".-", color=RIGHT, label="validation images")
    # Round percentages, each said as exactly as it stands.
    accuracy.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    accuracy.yaxis.set_major_formatter(lambda share, _: f"{round(100 * share, 6):g} %")
    accuracy.legend(frameon=False)
    for axes in (loss, accuracy):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def show_predictions(
    predict: Callable[[npt.NDArray[np.uint8]], str],
    examples: Sequence[tuple[Path, str]],
    count: int = 12,
) -> Figure:
    """Show `count` of the photos, evenly chosen, with what `predict` says of each.

    Args:
        predict: names the class of an image, uint8 (H, W, 3) in BGR order.
        examples: photos with the right answer to each.
        count: how many to show.

    Raises:
        ValueError: a photo cannot be read, or there is none.
    """
    if not examples or count < 1:
        raise ValueError("no photos to show 没有可显示的图像")
    indices = np.unique(np.linspace(0, len(examples) - 1, min(count, len(examples))).round().astype(int))
    columns = min(6, len(indices))
    rows = -(-len(indices) // columns)
    figure = Figure(figsize=(1.8 * columns, 2.2 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, (path, truth) in zip(grid, (examples[i] for i in indices), strict=False):
        image = read_image(path)
        if image is None:
            raise ValueError(f"{path}: not a readable image 图像已损坏")
        answer = predict(image)
        axes.imshow(image[..., ::-1])  # matplotlib wants RGB
        is_right = answer == truth
        axes.set_title(
            answer if is_right else f"{answer}\n(is {truth})", fontsize=9, color=RIGHT if is_right else WRONG
        )
    return figure
