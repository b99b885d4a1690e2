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


# -- the order of a room's parts, and their faces ------------------------------------------------------------

ORDER = {
    "reference": [
        *("errors", "values", "framework", "command_line"),
        *("weights", "images", "features", "training", "exporting", "run", "labs"),
        *("pretrained", "eval", "export", "finetune", "train", "tune", "two_stages"),
    ],
}
"""The modules and packages of a room, the lowest first: none imports one that comes after it."""
PROGRAMS = {"reference": {"run/ask_worker.py", "run/template_main.py"}}
"""Files that run by themselves, outside their package."""


def imports_of(path, room):
    """The imports of a room's parts in a file: (part, the names below it that lead to what is imported, the line)."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named = [alias.name.split(".", 2) for alias in node.names]
            found += [(words[1], words[2:], node.lineno) for words in named if words[0] == room and words[1:]]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            words = node.module.split(".", 2)
            if words[0] == room and words[1:]:
                found += [(words[1], [*words[2:], alias.name], node.lineno) for alias in node.names]
            elif words == [room]:
                found += [(alias.name, [], node.lineno) for alias in node.names]
    return found


def part_of(path, room):
    """The module or package of a room that a file is, or lies in."""
    return path.relative_to(ROOT / room).parts[0].removesuffix(".py")


def modules_of(room):
    return [path for path in sorted((ROOT / room).rglob("*.py")) if path != ROOT / room / "__init__.py"]


@pytest.mark.parametrize("room", sorted(ORDER))
def test_no_part_of_a_room_imports_one_above_it(room):
    order = ORDER[room]
    assert {part_of(path, room) for path in modules_of(room)} == set(order)
    for path in modules_of(room):
        here = order.index(part_of(path, room))
        for part, _, line in imports_of(path, room):
            assert order.index(part) <= here, (
                f"{path.relative_to(ROOT)}:{line} imports {part}, which is above it"
            )


@pytest.mark.parametrize("room", sorted(ORDER))
def test_nobody_reaches_past_the_face_of_a_package(room):
    users = [path for other in MAY_IMPORT for path in sorted((ROOT / other).rglob("*.py"))]
    for path in users:
        inside = part_of(path, room) if path.is_relative_to(ROOT / room) else ""
        for part, deeper, line in imports_of(path, room):
            is_module = len(deeper) > 1 or any(
                (ROOT / room / part / f"{name}.py").exists() for name in deeper
            )
            assert part == inside or not is_module, (
                f"{path.relative_to(ROOT)}:{line} reaches into {room}.{part}"
            )


@pytest.mark.parametrize("room", sorted(ORDER))
def test_a_face_names_what_it_imports_and_nothing_else(room):
    for part in ORDER[room]:
        face = ROOT / room / part / "__init__.py"
        if not face.exists():
            continue
        body = ast.parse(face.read_text(encoding="utf-8")).body
        imports = [node for top in body for node in ast.walk(top) if isinstance(node, ast.ImportFrom)]
        given = {alias.name for node in imports if node.module.startswith(room) for alias in node.names}
        names = [
            ast.literal_eval(node.value)
            for node in body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ]
        assert names, f"{face.relative_to(ROOT)} has no __all__"
        assert set(names[0]) == given, face.relative_to(ROOT)


def test_mindspore_is_imported_in_one_module_of_the_reference_and_nothing_in_a_function():
    needs = {"mindspore", "src_mindspore.mobilenetv2", "src_mindspore.engine.live"}
    for path in modules_of("reference"):
        name = path.relative_to(ROOT / "reference").as_posix()
        if name in {"framework.py", *PROGRAMS["reference"]}:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom | ast.Import):
                modules = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
                assert not needs.intersection(modules), f"{name}:{node.lineno}"
            if isinstance(node, ast.FunctionDef):
                late = [n.lineno for n in ast.walk(node) if isinstance(n, ast.ImportFrom | ast.Import)]
                assert not late, f"{name}:{late} imports in a function"


def test_a_command_of_the_reference_does_not_wait_for_mindspore_before_its_input_is_read():
    import subprocess
    import sys

    commands = ", ".join(f"reference.{name}" for name in ORDER["reference"][-7:])
    code = f"import sys, {commands}; sys.exit('mindspore' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
