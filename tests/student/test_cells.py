"""Which cells belong into a file, and what they say there; told by `src_mindspore.cells`."""

import ast
import json
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from src_mindspore.cells import (
    FILES,
    NotebookError,
    as_in_a_notebook,
    cell_of,
    is_same_program,
    marked_cells,
    piece_of,
    program_of,
    read_notebook,
)


def notebook(*sources):
    return {"cells": [cell(source) for source in sources], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def cell(source, kind="code", **metadata):
    return {"cell_type": kind, "source": source, "metadata": metadata}


def program(*sources, file="main.py"):
    return program_of(marked_cells(notebook(*sources)), file, "main.ipynb")


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("# main.py", {"main.py"}),
        ("#main.py", {"main.py"}),
        ("\n\n  # Main.py:", {"main.py"}),
        ("#%% main.py", {"main.py"}),
        ("#@main", {"main.py"}),
        ("#@train_main", {"train_main.py"}),
        ("# train_main.py", {"train_main.py"}),
        ("# main.py, train_main.py", set(FILES)),
        ("# main.py、train_main.py", set(FILES)),
        ("# main.py + train_main.py (both 两个文件)", set(FILES)),
        ("# main.py（预测）", {"main.py"}),
        ("%%writefile main.py", {"main.py"}),
        ("%%writefile -a train_main.py", {"train_main.py"}),
        ("# main", set()),
        ("# main.py loads this", set()),
        ("# see main.py", set()),
        ("# model.py", set()),
        ("import main.py", set()),
        ("#", set()),
        ("", set()),
        ("# main.py" + " " * 10_000 + "main.py", set()),
    ],
)
def test_the_first_line_of_a_cell_names_the_files_that_it_belongs_into(line, files):
    found = cell_of(1, cell(f"{line}\nx = 1"))
    assert found.files == files
    assert found.mark + found.text == f"{line}\nx = 1"
    assert (found.text == "x = 1") is bool(files)


def test_a_tag_marks_a_cell_as_a_first_line_does():
    found = cell_of(3, cell(["x = 1\n", "y = 2"], tags=["Train_Main.py", "other", 3]))
    assert (found.number, found.files, found.mark, found.text) == (3, {"train_main.py"}, "", "x = 1\ny = 2")
    assert cell_of(1, cell("# main.py\nx", tags=["train_main"])).files == set(FILES)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        3,
        [],
        {},
        {"cell_type": "code"},
        cell("# main.py", "markdown"),
        {"cell_type": "code", "source": {}},
        {"cell_type": "code", "source": [1, None], "metadata": 5},
        cell("x", tags="main.py"),
    ],
)
def test_what_is_no_cell_of_a_program_is_in_no_file(odd):
    assert marked_cells({"cells": [odd]}) == []


def test_marked_cells_are_written_in_their_order_and_others_not():
    made = program("# main.py\nimport sys\n", "x = 1/0", "# train_main.py\ny = 2", "\n# main.py\n\nz = 3\n\n")
    assert (made.cells, made.left_out) == (2, ())
    first, second, *rest = made.text.split("\n")
    assert first.startswith("# Made from the marked cells of main.ipynb ")
    assert "python -m src_mindspore.notebook main.ipynb" in second
    body = [line.split(" [")[0] for line in rest]
    assert body == ["", "# %% cell 1", "import sys", "", "", "# %% cell 4", "z = 3", ""]
    assert program("# main.py\nx = 1", file="train_main.py") is None


def test_a_raw_cell_is_written_too():
    given = {"cells": [cell('# main.py (only there)\nif __name__ == "__main__":\n    run()', "raw")]}
    assert 'if __name__ == "__main__":' in program_of(marked_cells(given), "main.py", "n.ipynb").text


@pytest.mark.parametrize(
    ("source", "written", "left_out"),
    [
        (
            "%matplotlib inline\nx = 1",
            "# notebook only: %matplotlib inline\nx = 1\n",
            ["1:2 %matplotlib inline"],
        ),
        (
            "x = 1\n!pip install timm",
            "x = 1\n# notebook only: !pip install timm\n",
            ["1:3 !pip install timm"],
        ),
        ("if True:\n    !ls", "if True:\n    pass  # notebook only: !ls\n", ["1:3 !ls"]),
        ("%%time\nx = 1", "# notebook only: %%time\nx = 1\n", ["1:2 %%time"]),
        ("%time x = 1", "x = 1  # notebook only: %time\n", ["1:2 %time"]),
        (
            "print?\n?print\nx??",
            "# notebook only: print?\n# notebook only: ?print\n# notebook only: x??\n",
            3,
        ),
        ("!a \\\n  b\nx = 1", "# notebook only: !a \\\n# notebook only:   b\nx = 1\n", ["1:2 !a \\"]),
        (
            "!echo it's\n%cd D:\\data\nx = 1",
            "# notebook only: !echo it's\n# notebook only: %cd D:\\data\nx = 1\n",
            2,
        ),
        ("x = (7\n% 4)", "x = (7\n% 4)\n", []),
        ("x = '''\n%matplotlib\n!ls\n'''", "x = '''\n%matplotlib\n!ls\n'''\n", []),
    ],
)
def test_what_only_a_notebook_understands_becomes_a_comment_and_is_told(source, written, left_out):
    piece = piece_of(cell_of(1, cell(f"# main.py\n{source}")))
    assert piece.text == written
    assert len(piece.left_out) == left_out if isinstance(left_out, int) else list(piece.left_out) == left_out
    if "\\\n" not in source:
        assert "\n".join(map(as_in_a_notebook, written.rstrip().split("\n"))) == source


@pytest.mark.parametrize(
    ("source", "code", "detail"),
    [
        ("x = 1\ndef f(:\n    pass", "syntax", "2:3 invalid syntax: def f(:"),
        ("files = !ls", "shell", "2:2 files = !ls"),
        ("n = %timeit -o f()", "shell", "2:2 n = %timeit -o f()"),
        ("%%bash\nls", "shell", "2:2 %%bash"),
        ("await f()", "syntax", "2:2 'await' outside function: await f()"),
        ("x = '\0'", "syntax", "2:2 source code string cannot contain null bytes"),
        ("!ls\n" * 200, "syntax", "invalid syntax: !ls"),
    ],
)
def test_a_marked_cell_that_is_no_python_is_refused_with_its_place(source, code, detail):
    with pytest.raises(NotebookError) as refused:
        program("# main.py\nx = 1", f"# main.py\n{source}")
    assert refused.value.code == code
    assert detail in refused.value.detail


def test_a_mistake_that_only_the_whole_file_has_is_told_with_its_cell():
    with pytest.raises(NotebookError) as refused:
        program("# main.py\nx = 1", "# main.py\ny = 1\nfrom __future__ import annotations")
    assert refused.value.detail.startswith("2:3 from __future__ imports must occur at the beginning")


def test_cells_that_are_not_marked_need_not_be_python():
    assert program("# main.py\nx = 1", "%%bash\nls", "def f(:").cells == 1


def test_nothing_of_a_name_is_run():
    made = program_of(marked_cells(notebook("# main.py\nx = 1")), "main.py", "a\nimport os\n.ipynb")
    assert "import os" not in made.text


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"cells": 3}', "[" * 100_000, "\ud800", "\x00", "x = 1", '{"cells": [}']
)
def test_what_is_no_notebook_is_refused(tmp_path, text):
    file = tmp_path / "main.ipynb"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(NotebookError, match="unreadable"):
        read_notebook(file)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    file = tmp_path / "main.ipynb"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(notebook("# main.py\r\nx = 1\r\n")).encode())
    assert program_of(marked_cells(read_notebook(file)), "main.py", "n").text.endswith("]\nx = 1\n")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('"""A."""\nx = 1', "# a comment\nx = 1", True),
        ("x = 1", "x = 2", False),
        ("x = 1", "x = '''", False),
        ('"""A."""', '"""B."""', True),
    ],
)
def test_programs_are_the_same_whatever_their_comments_say(one, other, same):
    assert is_same_program(one, other) is same


@given(st.lists(st.text(), max_size=4))
def test_any_text_gives_python_or_is_refused(sources):
    try:
        made = program(*(f"# main.py\n{source}" for source in sources))
    except NotebookError as error:
        assert error.code in ("syntax", "shell")
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert made is None or ast.parse(made.text)
