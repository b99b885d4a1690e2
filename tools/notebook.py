"""Make `student/main.ipynb` from `student/train_main.py` and `student/main.py`.

    python -m tools.notebook            # write the notebook
    python -m tools.notebook --check    # only say whether it is in step; exit code 1 if not

The two files are the only source. They are in jupytext's percent format, which Python and editors read as
plain programs: `# %%` begins a cell, `# %% [markdown]` one of text, `active="py"` marks what only a program
needs (its command line), and `active="ipynb"` what only a notebook needs, which stands there as a comment.
Each cell of a program begins with the program's name, which is the mark by which the course library's
`notebook.py` writes the file again; what only the program needs is a raw cell, which is not run.
The notebook has no outputs, no dates, and cell ids that follow from file and position: the same source gives
the same bytes.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import v4

STUDENT = Path(__file__).parents[1] / "student"
NOTEBOOK = STUDENT / "main.ipynb"
# Each with the level of the heading that its docstring becomes.
SOURCES = ((STUDENT / "train_main.py", 1), (STUDENT / "main.py", 2))
_NOT_RUN = "(only in the file, not run here 只写入文件，不在此运行)"
# Of the cells that are not run; without it, a page made of the notebook would show them as running text.
_PYTHON = {"raw_mimetype": "text/x-python"}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook_text() -> str:
    """Return what the notebook's file must hold."""
    cells = [cell for source, level in SOURCES for cell in cells_of(source, level)]
    notebook = v4.new_notebook(cells=cells, metadata=METADATA)
    nbformat.validate(notebook)
    return f"{nbformat.writes(notebook)}\n"


def cells_of(source: Path, level: int) -> Iterator[Any]:
    """Yield the notebook's cells of one Python file; its docstring becomes a heading and text.

    Args:
        source: in percent format, beginning with a docstring in a cell of its own.
        level: of the heading, 1 for the largest.
    """
    cells = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent").cells
    title, *text = ast.literal_eval(cells[0].source).splitlines()
    yield _with_id(
        v4.new_markdown_cell("\n".join([f"{'#' * level} {title.removesuffix('.')}", *text])), source, 0
    )
    for number, cell in enumerate(cells[1:], start=1):
        if cell.cell_type == "markdown":
            yield _with_id(v4.new_markdown_cell(cell.source), source, number)
        elif cell.cell_type == "raw":
            text = f"# {source.name} {_NOT_RUN}\n{cell.source}"
            yield _with_id(v4.new_raw_cell(text, metadata=_PYTHON), source, number)
        elif cell.metadata.get("active") == "ipynb":
            yield _with_id(v4.new_code_cell(cell.source), source, number)
        else:
            yield _with_id(v4.new_code_cell(f"# {source.name}\n{cell.source}"), source, number)


def _with_id(cell: Any, source: Path, number: int) -> Any:
    cell.id = f"{source.stem}-{number}"
    return cell


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.notebook", description="Make student/main.ipynb.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 if it is out of step"
    )
    options = parser.parse_args(arguments)
    text = notebook_text()
    is_current = NOTEBOOK.is_file() and NOTEBOOK.read_text(encoding="utf-8") == text
    if options.check and not is_current:
        print(
            f"error: {NOTEBOOK} is not what its sources give; run python -m tools.notebook", file=sys.stderr
        )
        return 1
    if not is_current:
        NOTEBOOK.write_text(text, encoding="utf-8")
    print(f"{NOTEBOOK}: {'in step' if is_current else 'written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
