"""The command that writes the files of a notebook, and brings their edits back."""

import ast
import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from src_mindspore import notebook as command

STUDENT = Path(__file__).parents[2] / "student"


@pytest.fixture
def own(tmp_path):
    """A student's notebook with a cell of each kind, and the folder that it lies in."""
    folder = tmp_path / "提交"
    folder.mkdir()
    write(folder, "# main.py, train_main.py\nimport sys", "print('tried')", "# train_main.py\nepochs = 5")
    write(folder, *sources(folder), "# main.py\ndef predict(image):\n    return 'Hats'")
    return folder


def write(folder, *texts):
    cells = [
        {
            "cell_type": "code",
            "source": text.splitlines(True),
            "metadata": {},
            "outputs": [],
            "execution_count": 1,
        }
        for text in texts
    ]
    text = json.dumps({"cells": cells, "metadata": {"a": "中"}, "nbformat": 4, "nbformat_minor": 4})
    (folder / "main.ipynb").write_text(text, encoding="utf-8")


def sources(folder):
    return [
        "".join(cell["source"]) for cell in json.loads((folder / "main.ipynb").read_text("utf-8"))["cells"]
    ]


def run(folder, *options):
    return command.main([str(folder / "main.ipynb"), *options])


def replace(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_one_command_writes_both_files(own, capsys):
    assert run(own) == 0
    assert names(own) == ["main.ipynb", "main.py", "train_main.py"]
    spaces = {}
    for name in ("main.py", "train_main.py"):
        exec((own / name).read_text(encoding="utf-8"), space := {})
        spaces[name] = space
    assert spaces["main.py"]["predict"](None) == "Hats"
    assert "epochs" not in spaces["main.py"]
    assert spaces["train_main.py"]["epochs"] == 5
    said = capsys.readouterr().out
    assert "main.py: made of 2 cells" in said
    assert "tried" not in said


def test_made_again_after_an_edit_of_the_notebook_the_files_are_new_and_nothing_is_kept(own):
    run(own)
    write(own, *(text.replace("5", "6") for text in sources(own)))
    assert run(own) == 0
    assert "epochs = 6" in (own / "train_main.py").read_text(encoding="utf-8")
    assert names(own) == ["main.ipynb", "main.py", "train_main.py"]


def test_a_file_that_was_edited_by_hand_is_kept_and_that_is_said(own, capsys):
    run(own)
    for number, kept in enumerate(("main.old.py", "main.old-2.py")):
        replace(own / "main.py", "'Hats'", f"'Hats'  # mine {number}")
        assert run(own) == 0
        assert f"kept as {kept}" in capsys.readouterr().out
        assert f"# mine {number}" in (own / kept).read_text(encoding="utf-8")
        assert "mine" not in (own / "main.py").read_text(encoding="utf-8")


def test_a_file_that_was_not_made_from_the_notebook_is_kept(own, capsys):
    (own / "main.py").write_bytes("# 我的\nprint(1)\n".encode("gbk"))
    assert run(own) == 0
    assert (own / "main.old.py").read_bytes() == "# 我的\nprint(1)\n".encode("gbk")
    assert "kept as main.old.py" in capsys.readouterr().out


def test_edits_of_files_come_back_into_their_cells(own, capsys):
    run(own)
    replace(own / "main.py", "    return 'Hats'", "    # 帽子\n    return 'Cans'")
    replace(own / "train_main.py", "epochs = 5", "epochs = 7\n\nlr = 1")
    before = sources(own)
    assert run(own, "--back") == 0
    assert sources(own) == [
        before[0],
        before[1],
        "# train_main.py\nepochs = 7\n\nlr = 1",
        "# main.py\ndef predict(image):\n    # 帽子\n    return 'Cans'",
    ]
    assert "main.old.ipynb" in capsys.readouterr().out
    # Everything else of the notebook is as it was; and the files are in step with the notebook.
    new, old = (json.loads((own / name).read_text("utf-8")) for name in ("main.ipynb", "main.old.ipynb"))
    assert new["metadata"] == {"a": "中"}
    assert [{**cell, "source": 0} for cell in new["cells"]] == [
        {**cell, "source": 0} for cell in old["cells"]
    ]
    assert run(own) == 0
    assert "return 'Cans'" in (own / "main.py").read_text(encoding="utf-8")
    assert names(own) == ["main.ipynb", "main.old.ipynb", "main.py", "train_main.py"]


def test_what_stands_before_the_first_cell_becomes_a_cell(own):
    run(own)
    replace(own / "main.py", "\n# %% cell 1", "import os\n\n# %% cell 1")
    replace(own / "main.py", "'Hats'", "'Paper'")
    before = sources(own)
    assert run(own, "--back") == 0
    assert sources(own) == ["# main.py\nimport os", *before[:3], before[3].replace("Hats", "Paper")]


def test_magics_come_back_as_they_were(own):
    write(own, "# main.py\n%%time\n%matplotlib inline\nif 1:\n    !ls\n%time x = 1")
    run(own)
    replace(own / "main.py", "x = 1", "x = 2")
    assert run(own, "--back") == 0
    assert sources(own) == ["# main.py\n%%time\n%matplotlib inline\nif 1:\n    !ls\n%time x = 2"]


def test_a_cell_that_was_changed_in_both_is_refused_and_nothing_is_written(own, capsys):
    run(own)
    replace(own / "main.py", "'Hats'", "'Cans'")
    write(own, *(text.replace("'Hats'", "'Paper'") for text in sources(own)))
    before = (own / "main.ipynb").read_bytes(), (own / "main.py").read_bytes()
    assert run(own, "--back") == 1
    assert "changed in a file and in the notebook, too: def predict(image):" in capsys.readouterr().err
    assert ((own / "main.ipynb").read_bytes(), (own / "main.py").read_bytes()) == before
    assert names(own) == ["main.ipynb", "main.py", "train_main.py"]


def test_of_cells_with_one_text_the_right_one_is_changed(own):
    write(own, "# main.py\nx = 1", "# main.py\nx = 1", "# main.py\nx = 1")
    run(own)
    file = own / "main.py"
    first, second, third = file.read_text(encoding="utf-8").split("x = 1")[:3]
    file.write_text(f"{first}x = 1{second}x = 2{third}x = 1\n", encoding="utf-8")
    assert run(own, "--back") == 0
    assert sources(own) == ["# main.py\nx = 1", "# main.py\nx = 2", "# main.py\nx = 1"]


def test_what_a_file_says_and_the_notebook_cannot_is_kept_on_the_way_back(own, capsys):
    """Cells in an order that works, where the notebook's does not."""
    write(own, "# main.py\nx = 1", "# main.py\nz = 3")
    run(own)
    header, first, second = (own / "main.py").read_text(encoding="utf-8").split("# %% cell ")
    moved = "# %% cell ".join([header, f"{second}\n", first.replace("x = 1", "x = z")])
    (own / "main.py").write_text(moved, encoding="utf-8")
    assert run(own, "--back") == 0
    assert (own / "main.old.py").read_text(encoding="utf-8") == moved
    assert "kept as main.old.py" in capsys.readouterr().out


def test_a_made_file_that_was_pasted_into_a_cell_comes_back_whole(own):
    write(own, "# main.py\nx = 1", "# main.py\ny = 2")
    run(own)
    pasted = (own / "main.py").read_text(encoding="utf-8")
    write(own, f"# main.py\n{pasted}", "# main.py\nz = 3")
    run(own)
    replace(own / "main.py", "z = 3", "z = 4")
    assert run(own, "--back") == 0
    assert sources(own) == [f"# main.py\n{pasted}", "# main.py\nz = 4"]
    assert names(own) == ["main.ipynb", "main.old.ipynb", "main.py"]


def test_an_edit_that_both_files_have_comes_back_once(own):
    write(own, "# main.py, train_main.py\nx = 1")
    run(own)
    for file in ("main.py", "train_main.py"):
        replace(own / file, "x = 1", "x = 2")
    assert run(own, "--back") == 0
    assert sources(own) == ["# main.py, train_main.py\nx = 2"]


def test_the_way_back_that_was_stopped_can_be_gone_again(own, monkeypatch, capsys):
    run(own)
    replace(own / "main.py", "'Hats'", "'Cans'")
    put = command._write

    def stopped(file, text):
        if file.suffix == ".py":
            raise KeyboardInterrupt
        put(file, text)

    monkeypatch.setattr(command, "_write", stopped)
    assert run(own, "--back") == 130
    assert "stopped; run the command again" in capsys.readouterr().err
    monkeypatch.undo()
    assert run(own, "--back") == 0
    assert "return 'Cans'" in sources(own)[3]
    assert "return 'Cans'" in (own / "main.py").read_text(encoding="utf-8")


def test_half_a_character_in_an_output_does_not_make_the_notebook_unreadable(own):
    run(own)
    replace(own / "main.ipynb", '"outputs": []', r'"outputs": [{"output_type": "stream", "text": "\ud83d"}]')
    replace(own / "main.py", "'Hats'", "'Cans'")
    assert run(own, "--back") == 0
    notebook = json.loads((own / "main.ipynb").read_text(encoding="utf-8"))
    assert notebook["cells"][0]["outputs"][0]["text"] == "\ud83d"


def test_a_link_stays_a_link_and_a_mode_what_it_was(own):
    (own / "elsewhere").mkdir()
    there = (own / "main.ipynb").rename(own / "elsewhere" / "work.ipynb")
    there.chmod(0o600)
    (own / "main.ipynb").symlink_to(there)
    run(own)
    replace(own / "main.py", "'Hats'", "'Cans'")
    assert run(own, "--back") == 0
    assert (own / "main.ipynb").is_symlink()
    assert "'Cans'" in there.read_text(encoding="utf-8")
    assert stat.S_IMODE(there.stat().st_mode) == 0o600


def test_on_a_full_disk_everything_is_as_it_was(own):
    run(own)
    replace(own / "main.py", "'Hats'", "'Cans'")
    before = {path.name: path.read_bytes() for path in own.iterdir()}
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (99, 99));"
        "from src_mindspore.notebook import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, str(own / "main.ipynb"), "--back"],
        cwd=STUDENT,
        env={"PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot be read or written" in done.stderr
    assert {path.name: path.read_bytes() for path in own.iterdir()} == before


def test_cells_that_are_no_text_do_not_stop_the_command(own):
    replace(own / "main.ipynb", '"cells": [', '"cells": [{"source": null}, {"source": ["a", 1]}, ')
    (own / "main.py").write_text("mine = 1\n", encoding="utf-8")
    assert run(own) == 0
    assert (own / "main.old.py").read_text(encoding="utf-8") == "mine = 1\n"


def test_files_of_other_origin_are_left_alone_on_the_way_back(own, capsys):
    (own / "main.py").write_text("x = 1\n", encoding="utf-8")
    before = sources(own)
    assert run(own, "--back") == 0
    assert "main.py: was not made from a notebook, left alone" in capsys.readouterr().out
    assert sources(own) == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"cells": [{"cell_type": "co', "not a notebook, or it was cut off"),
        ('{"cells": [{"cell_type": "code", "source": "def predict(image): 1"}]}', "predict is in cell 1"),
        (
            '{"cells": [{"cell_type": "code", "source": "# main.py\\nx = ("}]}',
            "cell:line 1:2 '(' was never closed",
        ),
    ],
)
def test_three_broken_notebooks_get_a_sentence_each_and_nothing_is_written(tmp_path, capsys, content, said):
    (tmp_path / "main.ipynb").write_text(content, encoding="utf-8")
    (tmp_path / "main.py").write_text("mine = 1\n", encoding="utf-8")
    assert run(tmp_path) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert names(tmp_path) == ["main.ipynb", "main.py"]
    assert (tmp_path / "main.py").read_text(encoding="utf-8") == "mine = 1\n"


def test_a_missing_notebook_is_named(tmp_path, capsys):
    assert run(tmp_path) == 1
    assert "main.ipynb: cannot be read" in capsys.readouterr().err


def test_what_is_handed_out_makes_the_files_that_are_handed_out(handout):
    """By the command as it is typed, with no library but the course's."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "src_mindspore.notebook", "main.ipynb"],
        cwd=handout,
        env={"PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "kept" not in done.stdout, "nothing of the files that are handed out would be lost"
    for name in ("main.py", "train_main.py"):
        made, given = (ast.parse((place / name).read_text(encoding="utf-8")) for place in (handout, STUDENT))
        assert ast.get_docstring(made) is None
        assert [ast.dump(node) for node in made.body] == [ast.dump(node) for node in given.body[1:]]


def test_a_comment_in_a_file_that_was_handed_out_is_not_lost(handout):
    shutil.copy(STUDENT / "main.py", handout / "main.py")
    replace(handout / "main.py", "import sys\n", "import sys  # why\n")
    assert run(handout) == 0
    assert "# why" in (handout / "main.old.py").read_text(encoding="utf-8")
