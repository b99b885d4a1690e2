"""Which cells of a notebook belong into `main.py` and `train_main.py`, and what they say as plain Python.

A cell is written into a file if the file's name is the cell's first line, as a comment, or one of its tags:

    # main.py                        this cell is part of main.py
    # main.py, train_main.py         of both files

Every editor shows the comment. A raw cell is written, too, and is not run in the notebook: that is the place
for `if __name__ == "__main__":`. What only a notebook understands (`%matplotlib inline`, `!pip install x`)
stands in the file as a comment, and is told.

The grader makes `main.py` of a notebook by this code, in a process of its own; nothing but Python's own
library is imported here.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILES = ("main.py", "train_main.py")
_KINDS = ("code", "raw")
_SEPARATORS = re.compile(r"[\s,，、;；&+]+")
_WRITTEN_BY_CELL = re.compile(r"%%(?:writefile|file)\s+(?:-a\s+|--append\s+)?")
"""Jupyter's own way to say that a cell belongs into a file."""
_MOST_OF_A_MARK = 200
_MOST_MAGICS = 100
"""Of one cell, each of which is looked for anew."""
_MAGIC = re.compile(r"(?P<indent>\s*)(?P<magic>[%!?].*|[\w.]+\?\??\s*)")
_SHELL_VALUE = re.compile(r"\s*[\w.,\s\[\]]+=\s*[%!]")
_RUNS_THE_REST = re.compile(r"%%(?:time|capture)\b.*")
"""Cell magics that leave the cell below them Python."""
_RUNS_A_STATEMENT = re.compile(r"(?P<indent>\s*)(?P<magic>%time)\s+(?P<statement>\S.*)")
_LEFT_OUT = "# notebook only: "
_BROUGHT_BACK = re.compile(rf"(?P<indent>\s*)(?:pass  )?{_LEFT_OUT}(?P<magic>.*)")
_STATEMENT_BACK = re.compile(rf"(?P<indent>\s*)(?P<statement>\S.*)  {_LEFT_OUT}(?P<magic>%time)")
_DIGEST = 12
_FIRST_LINE = "# Made from the marked cells of {name} 由 notebook 中标记的单元格生成 [{digest}]\n"
_SECOND_LINE = (
    "# Edit there and make it again 请在其中修改后重新生成：python -m src_mindspore.notebook {name}\n"
)
MADE = re.compile(rf"# Made from the marked cells of .* \[([0-9a-f]{{{_DIGEST}}})\]\n# Edit there .*\n")
"""What a file begins with that was made here, with the digest of all that follows."""
_CELL_LINE = "# %% cell {number} [{digest}]"
CELL = re.compile(rf"^# %% cell \d{{1,6}} \[([0-9a-f]{{{_DIGEST}}})\]\n", re.MULTILINE)
"""The line before each cell, with the digest of the cell's text."""


class NotebookError(Exception):
    """No file can be made of a notebook.

    Attributes:
        code: `unreadable`, `unmarked`, `syntax`, `shell` (what a program cannot do) or `conflict`.
        detail: what exactly; for a cell, `cell:line what`.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Cell:
    """A marked cell of a notebook."""

    number: int
    """Among all cells, from 1."""
    files: frozenset[str]
    """The files that it belongs into."""
    mark: str
    """The lines that hold the mark and come before the rest; empty where it is a tag."""
    text: str
    """What follows."""


@dataclass(frozen=True)
class Piece:
    """A cell as it stands in a file."""

    cell: Cell
    text: str
    left_out: tuple[str, ...]
    """What only a notebook understands, each as `cell:line text`."""

    @property
    def digest(self) -> str:
        """A digest over the text."""
        return digest_of(self.text)


@dataclass(frozen=True)
class Program:
    """A file that was made of a notebook."""

    text: str
    cells: int
    left_out: tuple[str, ...]


def read_notebook(path: Path) -> dict[str, Any]:
    """Return what a notebook's file holds.

    Raises:
        NotebookError: it is no notebook.
        OSError: it cannot be read.
    """
    try:
        notebook = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NotebookError("unreadable", " ".join(str(error).split())[:_MOST_OF_A_MARK]) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise NotebookError("unreadable", "no cells")
    return notebook


def marked_cells(notebook: Mapping[str, Any]) -> list[Cell]:
    """Return the cells that belong into a file."""
    cells = [cell_of(number, cell) for number, cell in enumerate(notebook["cells"], start=1)]
    return [cell for cell in cells if cell is not None and cell.files]


def program_of(cells: Sequence[Cell], file: str, notebook: str) -> Program | None:
    """Return the program that a file must hold; None if no cell belongs into the file.

    Args:
        cells: the marked ones.
        file: one of `FILES`.
        notebook: its name, for the first lines.

    Raises:
        NotebookError: a cell is not Python, and cannot be made so.
    """
    pieces = [piece_of(cell) for cell in cells if file in cell.files]
    if not pieces:
        return None
    parts = [
        f"{_CELL_LINE.format(number=each.cell.number, digest=each.digest)}\n{each.text}" for each in pieces
    ]
    body = "\n".join(["", *("\n" * bool(number) + part for number, part in enumerate(parts))])
    name = notebook if notebook.isprintable() else "main.ipynb"
    text = _FIRST_LINE.format(name=name, digest=digest_of(body)) + _SECOND_LINE.format(name=name) + body
    if problem := _problem(text):
        line, message = problem
        raise NotebookError("syntax", f"{_place(text, line, cells)} {message}")
    return Program(text, len(pieces), tuple(told for piece in pieces for told in piece.left_out))


def is_same_program(one: str, other: str) -> bool:
    """Whether two texts are the same Python, whatever their comments and docstrings at the top say."""
    trees = []
    for text in (one, other):
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        if ast.get_docstring(tree, clean=False) is not None:
            del tree.body[0]
        trees.append(ast.dump(tree))
    return trees[0] == trees[1]


def cell_of(number: int, cell: object) -> Cell | None:
    """Return a cell of a notebook, marked or not; None if it can be part of no file."""
    if not isinstance(cell, dict) or cell.get("cell_type") not in _KINDS:
        return None
    text = source_of(cell)
    blank = len(text) - len(text.lstrip("\n"))
    first, _, rest = text[blank:].partition("\n")
    files = _names_in(first)
    mark = f"{text[:blank]}{first}\n" if files else ""
    return Cell(number, files | _tags(cell), mark, rest if files else text)


def source_of(cell: Mapping[str, Any]) -> str:
    """Return the text of a cell, whatever else its file holds in that place."""
    source = cell.get("source", "")
    lines = [source] if isinstance(source, str) else source if isinstance(source, list) else []
    return "".join(line for line in lines if isinstance(line, str)).replace("\r\n", "\n").replace("\r", "\n")


def _names_in(line: str) -> frozenset[str]:
    """Return the files that the first line of a cell names; none if it says anything else."""
    line = line.strip()
    if len(line) > _MOST_OF_A_MARK:
        return frozenset()
    if found := _WRITTEN_BY_CELL.match(line):
        said = line[found.end() :]
    elif line.startswith("#"):
        # A remark may follow in brackets.
        said = re.split("[(（]", line.lstrip("#%@! \t"), maxsplit=1)[0]
    else:
        return frozenset()
    names = {word.lower().rstrip(":：") for word in _SEPARATORS.split(said) if word}
    if line.startswith("#@"):
        names = {name if name.endswith(".py") else f"{name}.py" for name in names}
    return frozenset(names) if names and names <= set(FILES) else frozenset()


def _tags(cell: Mapping[str, Any]) -> frozenset[str]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    found = {tag.lower() for tag in tags if isinstance(tag, str)} if isinstance(tags, list) else set()
    return frozenset(file for file in FILES if {file, file.removesuffix(".py")} & found)


def piece_of(cell: Cell) -> Piece:
    """Return a cell's text as Python.

    Raises:
        NotebookError: it cannot be made so.
    """
    # A made file that somebody pasted into a cell has such lines, too; none of them begins a cell here.
    lines = CELL.sub(r"#\g<0>", f"{cell.text.rstrip()}\n").removesuffix("\n").split("\n")
    skipped = cell.mark.count("\n")
    left_out: list[str] = []
    while problem := _problem("\n".join(lines)):
        number, message = problem
        place = f"{cell.number}:{number + skipped}"
        # A file that is made by hand has as few; a cell without end must not be searched without end.
        magic = len(left_out) < _MOST_MAGICS and _without_magic(lines, number - 1, place)
        if not magic:
            raise NotebookError("syntax", f"{place} {message}: {lines[number - 1].strip()[:80]}")
        left_out.append(f"{place} {magic}")
    return Piece(cell, "\n".join(lines).strip("\n") + "\n", tuple(left_out))


def _without_magic(lines: list[str], at: int, place: str) -> str:
    """Turn the magic on a line into a comment, and return it; nothing if there is none.

    Raises:
        NotebookError: the program needs what it gives.
    """
    line = lines[at]
    if found := _RUNS_A_STATEMENT.fullmatch(line):
        lines[at] = f"{found['indent']}{found['statement']}  {_LEFT_OUT}{found['magic']}"
        return found["magic"]
    if line.startswith("%%") and not (at == 0 and _RUNS_THE_REST.fullmatch(line)):
        raise NotebookError("shell", f"{place} {line[:80]}")
    if _SHELL_VALUE.match(line):
        raise NotebookError("shell", f"{place} {line.strip()[:80]}")
    found = _MAGIC.fullmatch(line)
    if found is None:
        return ""
    goes_on = True
    while goes_on and at < len(lines):
        goes_on = lines[at].endswith("\\")
        indent, rest = found["indent"], lines[at].removeprefix(found["indent"])
        # A block must not be left without a statement.
        lines[at] = f"{indent}{'pass  ' if indent else ''}{_LEFT_OUT}{rest}"
        at += 1
    return found["magic"].strip()


def digest_of(text: str) -> str:
    """Return a short digest of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]


def as_in_a_notebook(line: str) -> str:
    """Return a line of a file as it stood in the notebook."""
    if found := _BROUGHT_BACK.fullmatch(line):
        return found["indent"] + found["magic"]
    if found := _STATEMENT_BACK.fullmatch(line):
        return f"{found['indent']}{found['magic']} {found['statement']}"
    return line


def _problem(text: str) -> tuple[int, str] | None:
    """Return line and message of the first thing that is no Python; None if all is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "cell", "exec", dont_inherit=True)
    except SyntaxError as error:
        # The line may be the one after the last.
        return max(1, min(error.lineno or 1, text.count("\n") + 1)), str(error.msg)
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return 1, str(error) or type(error).__name__
    return None


def _place(text: str, line: int, cells: Sequence[Cell]) -> str:
    """Return `cell:line` for a line of a program."""
    number, first = 0, 0
    for at, content in enumerate(text.split("\n")[:line], start=1):
        if CELL.match(f"{content}\n"):
            number, first = int(content.split()[3]), at
    skipped = sum(cell.mark.count("\n") for cell in cells if cell.number == number)
    return f"{number}:{line - first + skipped}"
