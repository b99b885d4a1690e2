"""Print the figures of the house: how many rooms and modules, how large, and how they hang together.

    python -m tools.house [FOLDER] [--room grader]

`FOLDER` is a tree of the project, this one unless another is named; of an earlier commit, for example, as
`git worktree add` or `git archive` lays it out. Files are only read. What is counted:

* modules: files of Python but for `__init__.py` and programs; their lines, with the blank ones;
* programs: files that processes of their own run, by path, and that no module imports: what lies in a folder
  `inside` or `canaries`, and each `__main__.py`. What a module imports is a module, wherever it lies;
* faces: packages whose `__init__.py` names in `__all__` what others may use;
* public names: of a package with a face those in `__all__`, else every name without an underscore that one of
  its modules defines; and how many of them a file outside the package (no test) imports. A package of
  programs has none, and is no package to anybody;
* import levels: the longest way down by imports from module to module. A face stands for the modules that it
  takes its names from; modules that import each other are one level, and are counted as a circle;
* functions of more than 40 lines, and functions of more than six parameters;
* readers: calls of `LabelReader`, which reads what a submission answers.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOMS = ("grader", "reference", "benchmarks", "student", "datasets", "tools")
MOST_LINES, MOST_PARAMETERS = 40, 6
FEW_LINES = 40
READER = "LabelReader"
PROGRAM_FOLDERS = frozenset({"inside", "canaries"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Taken:
    """A name that a module takes from another one."""

    module: str
    name: str
    """Empty where the module itself is imported."""


class Module:
    """One file of Python."""

    def __init__(self, root: Path, path: Path) -> None:
        self.path = path.relative_to(root)
        self.is_face = path.name == "__init__.py"
        # What is in student/ is imported without it: as `src_mindspore`.
        parts = self.path.with_suffix("").parts[self.path.parts[0] == "student" :]
        self.name = ".".join(parts[:-1] if self.is_face else parts)
        self.package = self.name if self.is_face else self.name.rpartition(".")[0]
        self.is_in_program = path.name == "__main__.py" or not PROGRAM_FOLDERS.isdisjoint(self.path.parts)
        text = path.read_text(encoding="utf-8-sig")
        self.lines = len(text.splitlines())
        self.tree = ast.parse(text)

    @cached_property
    def taken(self) -> tuple[Taken, ...]:
        """All that the file imports, wherever in it, and what it reads off an imported module."""
        found: list[Taken] = []
        aliases: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += [Taken(alias.name, "") for alias in node.names]
                aliases |= {alias.asname: alias.name for alias in node.names if alias.asname}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found += [Taken(node.module, alias.name) for alias in node.names]
                aliases |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found += [Taken(aliases[node.value.id], node.attr)] if node.value.id in aliases else []
        return tuple(found)

    @cached_property
    def defined(self) -> frozenset[str]:
        """Names that the file defines at its top, but for private ones."""
        names: set[str] = set()
        for node in self.tree.body:
            if isinstance(node, Function | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                leaves = (leaf for target in targets for leaf in ast.walk(target))
                names.update(leaf.id for leaf in leaves if isinstance(leaf, ast.Name))
        return frozenset(name for name in names if not name.startswith("_"))

    @cached_property
    def offered(self) -> tuple[str, ...] | None:
        """What `__all__` names; None without one."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                return tuple(ast.literal_eval(node.value))
        return None

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """All functions and methods."""
        return tuple(node for node in ast.walk(self.tree) if isinstance(node, Function))


class House:
    """All modules of a tree, and what they take from each other."""

    def __init__(self, root: Path) -> None:
        paths = [path for room in ROOMS for path in sorted((root / room).rglob("*.py"))]
        self.modules = {module.name: module for module in (Module(root, path) for path in paths)}

    def of_room(self, room: str) -> list[Module]:
        """Return the modules of a room."""
        return [module for module in self.modules.values() if module.path.parts[0] == room]

    @cached_property
    def imported(self) -> frozenset[str]:
        """The modules that one outside the programs imports."""
        users = (module for module in self.modules.values() if not module.is_in_program)
        return frozenset().union(*map(self.imports, users))

    def is_program(self, module: Module) -> bool:
        """Whether a file is run by processes of its own, and is no module of any other."""
        return module.is_in_program and module.name not in self.imported

    def origin(self, taken: Taken, depth: int = 0) -> Taken | None:
        """Follow a name through faces to the module that defines it; None for what is not of the house."""
        inner = f"{taken.module}.{taken.name}"
        if taken.name and inner in self.modules:
            return Taken(inner, "")
        module = self.modules.get(taken.module)
        if module is None:
            return None
        for further in module.taken if module.is_face and depth < len(self.modules) else ():
            if further.name and further.name == taken.name and further.module != taken.module:
                return self.origin(further, depth + 1)
        return taken

    def imports(self, module: Module) -> set[str]:
        """Return the modules whose names one takes."""
        origins = (self.origin(taken) for taken in module.taken)
        return {origin.module for origin in origins if origin is not None} - {module.name}

    def packages(self, room: str) -> dict[str, set[Taken]]:
        """Return the public names of each package below a room, and the modules that define them."""
        public: dict[str, set[Taken]] = {}
        for module in self.of_room(room):
            face = self.modules.get(module.package)
            if module.package in ("", room) or face is None or self.is_program(module):
                continue
            if face.offered is None:
                public.setdefault(module.package, set()).update(
                    Taken(module.name, name) for name in module.defined
                )
            else:
                found = (self.origin(Taken(face.name, name)) for name in face.offered)
                public[module.package] = {origin for origin in found if origin is not None}
        return public

    def used_outside(self, package: str) -> set[Taken]:
        """Return the names that files outside a package take from it."""
        users = (
            m
            for m in self.modules.values()
            if m.package != package and not m.package.startswith(f"{package}.")
        )
        return {
            origin for user in users for taken in user.taken if (origin := self.origin(taken)) is not None
        }


def circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Return the modules in groups that import each other, most of one; what is imported comes first."""
    found: list[set[str]] = []
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []

    def visit(name: str) -> None:  # R. Tarjan, "Depth-first search and linear graph algorithms" (1972)
        number[name] = low[name] = len(number)
        waiting.append(name)
        for other in sorted(graph[name]):
            if other not in number:
                visit(other)
            if other in waiting:
                low[name] = min(low[name], low[other])
        if low[name] == number[name]:
            place = waiting.index(name)
            found.append(set(waiting[place:]))
            del waiting[place:]

    for name in sorted(graph):
        if name not in number:
            visit(name)
    return found


def levels(graph: Mapping[str, set[str]]) -> int:
    """Return the number of modules on the longest way down."""
    level: dict[str, int] = {}
    for group in circles(graph):
        below = {other for name in group for other in graph[name]} - group
        level |= dict.fromkeys(group, 1 + max((level[other] for other in below), default=0))
    return max(level.values(), default=0)


def parameters(function: Function) -> int:
    """Return how many parameters a function has, `self` and `cls` not counted."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    names += [rest.arg for rest in (given.vararg, given.kwarg) if rest is not None]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def length(function: Function) -> int:
    """Return how many lines a function has from `def` to its end, its docstring included."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def figures(house: House, room: str) -> Iterator[tuple[str, str]]:
    """Yield what is counted of one room, and the figure."""
    modules = house.of_room(room)
    files = [module for module in modules if not module.is_face]
    programs = [module for module in files if house.is_program(module)]
    others = [module for module in files if module not in programs]
    sizes = [module.lines for module in others]
    graph = {module.name: house.imports(module) for module in files}
    graph = {name: imported & graph.keys() for name, imported in graph.items()}
    public = house.packages(room)
    used = {package: names & house.used_outside(package) for package, names in public.items()}
    functions = [(module, function) for module in modules for function in module.functions]
    long = [f"{m.name}:{f.name}" for m, f in functions if length(f) > MOST_LINES]
    wide = [f"{m.name}:{f.name}" for m, f in functions if parameters(f) > MOST_PARAMETERS]
    reading = [m.name for m in modules for node in ast.walk(m.tree) if _is_call_of(node, READER)]
    yield (
        "modules",
        f"{len(sizes)}, {sum(size < FEW_LINES for size in sizes)} of them under {FEW_LINES} lines",
    )
    yield "lines of a module", f"median {statistics.median(sizes):g}, {_largest(others)}"
    yield "programs", f"{len(programs)}" + (f", {_largest(programs)}" if programs else "")
    faces = sum(house.modules[package].offered is not None for package in public)
    yield "packages", f"{len(public)}, {faces} of them with a face"
    yield (
        "public names",
        f"{sum(map(len, public.values()))}, {sum(map(len, used.values()))} of them used outside",
    )
    yield "import levels", str(levels(graph))
    yield "import circles", str(sum(len(group) > 1 for group in circles(graph)))
    yield f"functions over {MOST_LINES} lines", _listed(long)
    yield f"functions with over {MOST_PARAMETERS} parameters", _listed(wide)
    yield f"constructions of {READER}", _listed(sorted(set(reading)), len(reading))


def _largest(files: list[Module]) -> str:
    largest = max(files, key=lambda module: module.lines)
    return f"largest {largest.lines} ({largest.path})"


def _is_call_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name


def _listed(names: list[str], count: int | None = None) -> str:
    return f"{len(names) if count is None else count}" + (f" ({', '.join(names)})" if names else "")


def main() -> int:
    """Print the figures of every room that is there."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.house", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parents[1], metavar="FOLDER")
    parser.add_argument("--room", action="append", choices=ROOMS, help="this one alone; may be given again")
    options = parser.parse_args()
    house = House(options.folder)
    rooms = [room for room in options.room or ROOMS if house.of_room(room)]
    if not rooms:
        print(f"error: {options.folder}: no tree of the project", file=sys.stderr)
        return 2
    for room in rooms:
        print(f"{room}/")
        for name, figure in figures(house, room):
            print(f"  {name:<36}{figure}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
