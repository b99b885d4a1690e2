import ast
from pathlib import Path

import numpy as np
import pytest

from reference.errors import SubmissionError
from reference.run.submission import answer_names, ask, main_source

GARBAGE_FOLDERS = [f"{group:02d}_{i:02d}" for group, n in enumerate((10, 8, 4, 4)) for i in range(n)]


def test_the_garbage_folders_are_answered_in_english() -> None:
    names = answer_names(GARBAGE_FOLDERS)
    assert (names[0], names[25], len(names)) == ("Plastic Bottle", "Banana Peel", 26)


def test_folders_of_no_known_lab_are_their_own_names() -> None:
    assert answer_names(GARBAGE_FOLDERS[:25]) == tuple(GARBAGE_FOLDERS[:25])
    assert answer_names(["猫", "狗"]) == ("猫", "狗")


def test_the_names_stand_in_the_source_as_they_are() -> None:
    names = ['a "quoted" name', "back\\slash", "猫", "line\nbreak"]
    module = ast.parse(main_source(names))
    lists = [node.value for node in module.body if isinstance(node, ast.Assign)]
    assert names in [ast.literal_eval(value) for value in lists if isinstance(value, ast.List)]


def test_a_submission_that_fails_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("raise RuntimeError('no such luck')", encoding="utf-8")
    with pytest.raises(SubmissionError, match=r"main\.py failed.*no such luck"):
        ask(tmp_path, [])


def test_a_submission_gets_the_image_as_opencv_reads_it_and_only_its_own_modules(tmp_path: Path) -> None:
    import cv2

    image = np.zeros((3, 4, 3), np.uint8)
    image[..., 0] = 200  # blue
    cv2.imwrite(str(tmp_path / "blue.png"), image)
    (tmp_path / "main.py").write_text(
        "import importlib.util\n"
        "assert importlib.util.find_spec('imagefolder') is None\n"
        "print('noise')\n"
        "def predict(image):\n    return f'{image.shape} {image[0, 0].tolist()}'\n",
        encoding="utf-8",
    )
    assert ask(tmp_path, [tmp_path / "blue.png"]).names == ("(3, 4, 3) [200, 0, 0]",)
