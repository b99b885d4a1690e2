"""`python -m tools.house`: what is counted of a small tree, and of the project itself."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.house import House, Module, figures, parameters

ROOT = Path(__file__).parents[2]
TREE = {
    "grader/__init__.py": "",
    "grader/errors.py": "class LabError(Exception): ...\n",
    "grader/files/__init__.py": "from grader.files.held import hold\n__all__ = ['hold']\n",
    "grader/files/held.py": "from grader.errors import LabError\ndef hold(): ...\ndef unused(): ...\n",
    "grader/run/__init__.py": "",
    "grader/run/frames.py": "class LabelReader: ...\nMOST = 3\n_PRIVATE = 4\n",
    "grader/run/asking.py": "from grader.files import hold\nfrom grader.run import frames\n"
    "def ask(a, b, c, d, e, f, g): return frames.LabelReader()\n",
    "grader/run/inside/__init__.py": "",
    "grader/run/inside/worker.py": "import json\ndef work(): ...\n",
    "grader/cli.py": "from grader.run.asking import ask\ndef long():\n" + "    ask()\n" * 40,
}


@pytest.fixture
def house(tmp_path):
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return House(tmp_path)


def test_what_is_counted_of_a_room(house):
    assert dict(figures(house, "grader")) == {
        "modules": "5, 4 of them under 40 lines",
        "lines of a module": "median 3, largest 42 (grader/cli.py)",
        "programs": "1, largest 2 (grader/run/inside/worker.py)",
        "packages": "2, 1 of them with a face",
        "public names": "4, 2 of them used outside",  # hold; LabelReader, MOST, ask
        "import levels": "4",  # cli, asking, held, errors
        "import circles": "0",
        "functions over 40 lines": "1 (grader.cli:long)",
        "functions with over 6 parameters": "1 (grader.run.asking:ask)",
        "constructions of LabelReader": "1 (grader.run.asking)",
    }


@pytest.mark.parametrize("line", ["import grader.run.inside.worker", "from grader.run.inside import worker"])
def test_a_program_that_a_module_imports_is_a_module(house, tmp_path, line):
    (tmp_path / "grader/errors.py").write_text(f"{line}\n", encoding="utf-8")
    counted = dict(figures(House(tmp_path), "grader"))
    assert (counted["modules"], counted["programs"]) == ("6, 5 of them under 40 lines", "0")


def test_modules_that_import_each_other_are_a_circle(house, tmp_path):
    (tmp_path / "grader/errors.py").write_text("import grader.files.held\n", encoding="utf-8")
    counted = dict(figures(House(tmp_path), "grader"))
    assert (counted["import levels"], counted["import circles"]) == ("3", "1")


def test_self_is_no_parameter(tmp_path):
    source = "class C:\n    def a(self, b, *c, d, **e): ...\n    @staticmethod\n    def f(g, /, h): ...\n"
    (tmp_path / "c.py").write_text(source, encoding="utf-8")
    assert [parameters(function) for function in Module(tmp_path, tmp_path / "c.py").functions] == [4, 2]


def test_the_command_counts_a_tree_and_refuses_what_is_none(tmp_path):
    command = [sys.executable, "-m", "tools.house"]
    done = subprocess.run([*command, "--room", "tools"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("tools/\n  modules ")
    refused = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"error: {tmp_path}: no tree of the project\n"
