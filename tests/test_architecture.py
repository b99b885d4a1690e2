"""ARCHITECTURE.md's table of who may import what, enforced."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.other_system import NO_MODULES, ONLY_LINUX, ONLY_POSIX

ROOT = Path(__file__).parents[1]
OURS = {"benchmarks", "grader", "reference", "datasets", "src_mindspore", "student", "tests", "tools"}
MAY_IMPORT = {
    "grader": {"grader"},
    "reference": {"reference", "datasets", "src_mindspore"},
    "datasets": {"datasets", "grader"},
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
    for node in ast.walk(tree_of(path)):
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
    assert found <= set(sys.stdlib_module_names)


PROGRAMS_FOR_LINUX = {
    "grader/sandbox/inside/fork_server.py",
    "grader/sandbox/inside/holder.py",
}
"""Run by official grading alone, in processes of their own."""


def test_what_a_students_check_loads_asks_no_system_for_what_only_another_has():
    files = [*(ROOT / "grader").rglob("*.py"), *(ROOT / "student").rglob("*.py")]
    names = {file.relative_to(ROOT).as_posix() for file in files}
    assert names >= PROGRAMS_FOR_LINUX
    for name in sorted(names - PROGRAMS_FOR_LINUX):
        for node in run_when_loaded(tree_of(ROOT / name)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                wanted = (
                    [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
                )
                forbidden = {each.partition(".")[0] for each in wanted if each} & NO_MODULES["windows"]
                assert not forbidden, f"{name}:{node.lineno} imports {forbidden}"
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                lacking = ONLY_LINUX.get(node.value.id, set()) | ONLY_POSIX.get(node.value.id, set())
                assert node.attr not in lacking, f"{name}:{node.lineno} uses {ast.unparse(node)}"


def run_when_loaded(node):
    """Everything that is run when a module is loaded: not what stands in functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from run_when_loaded(child)


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
    "grader": [
        *(
            "errors",
            "places",
            "printable",
            "system",
            "files",
            "statistics",
            "model",
            "wording",
            "progress",
            "demo",
            "split",
        ),
        *("formats", "sketch", "intake", "scoring", "sandbox", "run", "diagnosis"),
        *("findings", "report", "session"),
        *("similarity", "audit", "doctor", "classroom", "exchange", "cli", "__main__"),
    ],
    "reference": [
        *("errors", "values", "lazy", "framework", "command_line"),
        *("weights", "images", "features", "training", "exporting", "run", "labs"),
        *("pretrained", "eval", "export", "finetune", "train", "tune", "two_stages"),
    ],
}
"""The modules and packages of a room, the lowest first: none imports one that comes after it."""
WITHOUT_A_FACE = {"grader": {"model"}}
"""Values are imported by the module that they are in."""
PACKAGES = [
    (room, part)
    for room in ORDER
    for part in ORDER[room]
    if any((ROOT / room / part).glob("*.py")) and part not in WITHOUT_A_FACE.get(room, set())
]
MODULES = [(room, part) for room in ORDER for part in ORDER[room] if (ROOT / room / f"{part}.py").exists()]


@cache
def tree_of(path):
    return ast.parse(path.read_bytes())


@cache
def imports_of(path, room):
    """The imports of a room's parts in a file: (part, names below the part, names that are taken, the line)."""
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            dotted = [alias.name.split(".") for alias in node.names]
            found += [(name[1], name[2:], [], node.lineno) for name in dotted if name[0] == room and name[1:]]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:  # in rooms there are no others
            names = node.module.split(".")
            taken = [alias.name for alias in node.names]
            if names == [room]:
                found += [(name, [], [], node.lineno) for name in taken if name in ORDER[room]]
            elif names[0] == room:
                found.append((names[1], names[2:], taken, node.lineno))
    return found


def part_of(path, room):
    """The module or package of a room that a file is, or lies in; none for a file of another room."""
    return (
        path.relative_to(ROOT / room).parts[0].removesuffix(".py") if path.is_relative_to(ROOT / room) else ""
    )


def modules_of(room):
    return [path for path in sorted((ROOT / room).rglob("*.py")) if path != ROOT / room / "__init__.py"]


@cache
def face_of(room, part):
    """The names in a package's `__all__`; None for a module, whose names are for others unless they are private."""
    face = ROOT / room / part / "__init__.py"
    if not face.exists():
        return None
    lists = [
        node.value
        for node in tree_of(face).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return {name for names in lists for name in ast.literal_eval(names)}


def reaches_past(room, part, below, taken):
    """Whether names are taken that a part of a room does not offer."""
    face = face_of(room, part)
    if face is None:
        return any(name.startswith("_") for name in taken)
    return bool(below) or not face.issuperset(taken)


def users_of(room, part, rooms):
    """The imports of a part of a room in all files of some rooms, but for its own."""
    for other in rooms:
        for path in sorted((ROOT / other).rglob("*.py")):
            # Of a submission that is handed in by tests, not even the syntax need be right.
            if part_of(path, room) != part and f"{room}.{part}".encode() in path.read_bytes():
                for which, below, taken, line in imports_of(path, room):
                    if which == part:
                        yield f"{path.relative_to(ROOT)}:{line}", below, taken


@pytest.mark.parametrize("room", sorted(ORDER))
def test_no_part_of_a_room_imports_one_above_it(room):
    order = ORDER[room]
    assert {part_of(path, room) for path in modules_of(room)} == set(order)
    for path in modules_of(room):
        here = part_of(path, room)
        for part, _, _, line in imports_of(path, room):
            is_below = order.index(part) <= order.index(here)
            assert is_below, f"{path.relative_to(ROOT)}:{line} imports {part}, which is above {here}"


@pytest.mark.parametrize(("room", "part"), PACKAGES + MODULES)
def test_nobody_reaches_past_a_face(room, part):
    for place, below, taken in users_of(room, part, MAY_IMPORT):
        assert not reaches_past(room, part, below, taken), f"{place} reaches past the face of {room}.{part}"


@pytest.mark.parametrize(("room", "part"), PACKAGES)
def test_a_face_offers_what_it_imports_and_what_somebody_outside_uses(room, part):
    imported_names = {
        alias.asname or alias.name
        for node in ast.walk(tree_of(ROOT / room / part / "__init__.py"))
        if isinstance(node, ast.ImportFrom) and node.module.startswith(f"{room}.{part}.")
        for alias in node.names
    }
    assert face_of(room, part) == imported_names
    used = {name for _, _, taken in users_of(room, part, [*MAY_IMPORT, "tests"]) for name in taken}
    used |= asked_for(room, part)
    assert imported_names <= used, f"nobody needs {sorted(imported_names - used)} of {room}.{part}"


def asked_for(room, part):
    """Names that are asked of a package as its attributes, where it is imported as a whole: what needs MindSpore."""
    return {
        node.attr
        for path in modules_of(room)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == part
    }


def test_what_a_worker_sends_is_decoded_in_one_place():
    files = [path for path in modules_of("grader") if not any(map(path.is_relative_to, INSIDE))]
    constructed = [
        path for path in files for _ in range(path.read_text(encoding="utf-8").count("LabelReader("))
    ]
    assert [part_of(path, "grader") for path in constructed] == ["scoring"]
    for path in files:
        frames = [
            below for part, below, _, _ in imports_of(path, "grader") if (part, below) == ("run", ["frames"])
        ]
        assert not frames or part_of(path, "grader") == "run", f"{path} knows the frames of the wire"


def test_what_reaches_past_a_face_is_found(tmp_path):
    past = tmp_path / "past.py"
    past.write_text(
        "from grader.formats.zips import ZipEnd\nfrom grader.errors import _again\nimport grader.formats.zips\n"
    )
    through = tmp_path / "through.py"
    through.write_text("from grader.intake import take_in\nfrom grader import errors\nimport grader.intake\n")

    assert [reaches_past("grader", *found[:3]) for found in imports_of(past, "grader")] == [True] * 3
    assert [reaches_past("grader", *found[:3]) for found in imports_of(through, "grader")] == [False] * 3


PROGRAMS = {"reference": {"run/ask_worker.py", "run/template_main.py"}}
"""Files that run by themselves, outside their package."""


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
