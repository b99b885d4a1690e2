from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from src_mindspore.pictures import RIGHT, WRONG, plot_history, show_predictions


def titles(figure: Figure) -> list[tuple[str, str]]:
    return [(axes.get_title(), axes.title.get_color()) for axes in figure.axes if axes.images]


def test_right_and_wrong_answers_are_told_apart(photos: Path) -> None:
    first, second = sorted(photos.glob("val/*/*.jpg"))[:2]
    figure = show_predictions(lambda image: "Hats", [(first, "Cans"), (second, "Hats")])
    assert titles(figure) == [("Hats\n(is Cans)", WRONG), ("Hats", RIGHT)]


def test_examples_are_chosen_evenly_and_predict_gets_bgr(photos: Path) -> None:
    import cv2

    files = sorted(photos.glob("val/*/*.jpg"))
    given: list[np.ndarray] = []
    figure = show_predictions(lambda image: str(given.append(image)), [(file, "") for file in files], count=6)
    assert len(titles(figure)) == 6
    for image, i in zip(given, (0, 5, 10, 15, 20, 25), strict=True):
        np.testing.assert_array_equal(image, cv2.imread(str(files[i])))


def test_what_cannot_be_shown_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"broken\.jpg: not a readable image"):
        show_predictions(lambda image: "", [(tmp_path / "broken.jpg", "")])
    with pytest.raises(ValueError, match="no photos"):
        show_predictions(lambda image: "", [])


def test_one_epoch_is_enough_for_a_curve() -> None:
    figure = plot_history({"loss": [1.5], "train": [0.5], "val": [0.25]})
    assert [line.get_ydata().tolist() for axes in figure.axes for line in axes.lines] == [
        [1.5],
        [0.5],
        [0.25],
    ]


def test_ticks_are_even_percentages() -> None:
    values = [0.81, 0.84, 0.86, 0.9]
    figure = plot_history({"loss": values, "train": values, "val": values})
    figure.draw_without_rendering()
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    steps = {round(float(b.rstrip("%")) - float(a.rstrip("%")), 6) for a, b in pairwise(labels)}
    assert len(steps) == 1, labels
