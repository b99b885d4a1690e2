"""A submission without `main.py` whose notebook has cells for it."""

import json
import shutil
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from grader.intake import IntakeRefusedError, notebook_process, take_in
from grader.model.assignment import Limits
from grader.model.submission import NotebookUse
from grader.places import course_library

CELL = "# main.py\ndef predict(image):\n    return 'Hats'"


def notebook(*sources):
    cells = [{"cell_type": "code", "source": source, "metadata": {}} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


@pytest.fixture
def handed_in(tmp_path):
    def take(**files):
        folder = tmp_path / "li"
        folder.mkdir()
        for name, text in files.items():
            path = folder / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return take_in(folder, tmp_path / "room", Limits())

    return take


def test_main_py_is_made_of_the_marked_cells_and_is_a_file_like_any_other(handed_in):
    submission = handed_in(main_ipynb=notebook("1 / 0", CELL, "# main.py\n%matplotlib inline"), net_ckpt="w")
    assert submission.notebook == NotebookUse(
        PurePosixPath("main.ipynb"), True, 2, ("3:2 %matplotlib inline",)
    )
    assert [str(file.path) for file in submission.files] == ["main.ipynb", "main.py", "net.ckpt"]
    exec((submission.folder / "main.py").read_text(encoding="utf-8"), space := {})
    assert space["predict"](None) == "Hats"


def test_the_same_notebook_makes_the_same_submission(handed_in, tmp_path):
    first = handed_in(main_ipynb=notebook(CELL))
    shutil.copytree(tmp_path / "li", tmp_path / "again")
    assert take_in(tmp_path / "again", tmp_path / "room2", Limits()).sha256 == first.sha256


def test_what_the_command_writes_is_what_the_grader_makes(handed_in, tmp_path):
    from src_mindspore import notebook as command

    submission = handed_in(main_ipynb=notebook(CELL, "# main.py\n!ls\nx = 1"))
    assert command.main([str(tmp_path / "li" / "main.ipynb")]) == 0
    assert (tmp_path / "li" / "main.py").read_bytes() == (submission.folder / "main.py").read_bytes()


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["work_ipynb"], "work.ipynb"),
        (["main_ipynb", "a_ipynb"], "main.ipynb"),
        (["lab__main_ipynb"], "main.ipynb"),
        (["predict_py", "main_ipynb"], "main.ipynb"),
    ],
)
def test_which_notebook_is_taken(handed_in, names, chosen):
    assert str(handed_in(**dict.fromkeys(names, notebook(CELL))).notebook.path) == chosen


def test_a_zip_with_a_notebook_is_taken_in_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "li.zip", "w") as archive:
        archive.writestr("li/main.ipynb", notebook(CELL))
    submission = take_in(tmp_path / "li.zip", tmp_path / "room", Limits())
    assert submission.notebook.made_main
    assert submission.notes


@pytest.mark.parametrize(
    ("text", "code", "detail"),
    [
        ("", "notebook-unreadable", "main.ipynb"),
        (notebook(CELL)[:-9], "notebook-unreadable", "main.ipynb"),
        (notebook("x = 1"), "notebook-unmarked", "main.ipynb"),
        (notebook("# train_main.py\nx = 1"), "notebook-unmarked", "main.ipynb"),
        (notebook(CELL, "# main.py\n\nx = ="), "notebook-syntax", "main.ipynb, 2:3 invalid syntax: x = ="),
        (notebook("# main.py\nx = !ls"), "notebook-shell", "main.ipynb, 1:2 x = !ls"),
        (notebook("# main.py\n" + "x = 1\n" * 200_000), "notebook-unreadable", "main.ipynb"),
    ],
)
def test_a_notebook_that_makes_no_main_py_is_refused(handed_in, text, code, detail):
    with pytest.raises(IntakeRefusedError) as refused:
        handed_in(main_ipynb=text)
    assert (refused.value.code, refused.value.detail) == (code, detail)


@pytest.mark.parametrize(
    ("main", "cells"),
    [
        ("def predict(image):\n    return 'Cans'\n", [CELL]),
        ("# 帽子\n'''Mine.'''\ndef predict(image):\n    return 'Hats'\n", None),
        ("def predict(", None),
    ],
)
def test_a_notebook_beside_main_py_is_noticed_if_it_says_something_else(handed_in, main, cells):
    submission = handed_in(main_py=main, main_ipynb=notebook(CELL))
    assert (submission.folder / "main.py").read_text(encoding="utf-8") == main
    expected = NotebookUse(PurePosixPath("main.ipynb"), False, 1) if cells else None
    assert submission.notebook == expected


def test_a_newer_notebook_at_the_top_is_noticed_where_main_py_lies_deeper(handed_in):
    submission = handed_in(main_ipynb=notebook(CELL), backup__main_py=CELL.replace("Hats", "Cans"))
    assert submission.notebook == NotebookUse(PurePosixPath("../main.ipynb"), False, 1)


def test_a_notebook_without_marks_beside_main_py_is_no_matter(handed_in):
    assert handed_in(main_py="x = 1\n", main_ipynb="{").notebook is None


def test_the_reader_needs_nothing_but_pythons_own_library():
    for path in (Path(notebook_process.__file__), course_library() / "cells.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        imported = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
        assert not {name.split(".")[0] for name in imported} & {"grader", "src_mindspore", "numpy"}
