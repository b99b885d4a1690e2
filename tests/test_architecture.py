"""ARCHITECTURE.md's table of who may import what, enforced."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"benchmarks", "grader", "reference", "datasets", "src_mindspore", "student", "tests", "tools"}
MAY_IMPORT = {
    "grader": {"grader"},
    "reference": {"reference", "datasets", "src_mindspore"},
    "datasets": {"grader"},
    "student": {"src_mindspore"},
    "tools": {"tools"},
    "benchmarks": {"benchmarks", "reference", "src_mindspore", "datasets", "grader"},
}
INSIDE = tuple(ROOT / "grader" / room / "inside" for room in ("diagnosis", "audit"))
"""What runs in processes of its own: no part of the grader's."""
WORKER = ROOT / "grader" / "sandbox" / "inside" / "worker.py"


def imported(path: Path) -> set[str]:
    """Top-level names of everything a file imports, at any depth of its code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_the_table_allows(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    for file in files:
        allowed = MAY_IMPORT["student"] if any(map(file.is_relative_to, INSIDE)) else MAY_IMPORT[room]
        forbidden = (imported(file) & OURS) - allowed
        assert not forbidden, f"{file.relative_to(ROOT)} imports {forbidden}"


def test_the_grader_never_imports_a_deep_learning_framework():
    for file in (ROOT / "grader").rglob("*.py"):
        if not any(map(file.is_relative_to, INSIDE)):
            assert not imported(file) & {"mindspore", "onnxruntime", "onnx", "torch"}, file


def test_the_grader_does_not_import_what_runs_in_processes_of_its_own():
    for file in (ROOT / "grader").rglob("*.py"):
        for room in ("diagnosis", "audit"):
            assert f"grader.{room}.inside" not in file.read_text(encoding="utf-8"), file


def test_the_worker_imports_the_standard_library_and_numpy_alone():
    import sys

    assert imported(WORKER) - set(sys.stdlib_module_names) == {"numpy"}


def test_what_forks_the_worker_imports_the_standard_library_alone():
    import sys

    found = {name for file in WORKER.parent.glob("*.py") if file != WORKER for name in imported(file)}
    assert found - set(sys.stdlib_module_names) == {"entering"}


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_no_init_file_decides_anything(room):
    for file in (ROOT / room).rglob("__init__.py"):
        assert all(map(names_things_alone, ast.parse(file.read_text(encoding="utf-8")).body)), file


def names_things_alone(node):
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING" and all(map(names_things_alone, node.body))
    if isinstance(node, ast.FunctionDef):  # names that are looked up when they are asked for
        return node.name == "__getattr__"
    return isinstance(node, ast.Expr | ast.Import | ast.ImportFrom | ast.Assign)
