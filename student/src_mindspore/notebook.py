"""The files that a notebook is written into, and back: `python -m src_mindspore.notebook main.ipynb`.

`cells.py` says which cells those are. Each cell has its number and a digest over it in the file. By the
digests an edit of the file is noticed: such a file is never written over but kept under another name, and
`--back` brings the edits into the notebook.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from src_mindspore.cells import (
    CELL,
    FILES,
    MADE,
    Cell,
    NotebookError,
    as_in_a_notebook,
    cell_of,
    digest_of,
    is_same_program,
    marked_cells,
    piece_of,
    program_of,
    read_notebook,
    source_of,
)

_SENTENCES: Mapping[str, str] = {
    "unreadable": "{file}: not a notebook, or it was cut off or damaged; open it in Jupyter and save it again"
    " ({detail}) 不是 notebook，或文件不完整、已损坏：请在 Jupyter 中打开并重新保存",
    "unmarked": "{file}: no cell begins with the line `# main.py` or `# train_main.py`; write that line at"
    " the top of each cell that belongs into the file{detail}"
    " 没有单元格以 `# main.py` 开头：请在每个需要写入文件的单元格的第一行写上该标记",
    "syntax": "{file}: a marked cell is not valid Python, cell:line {detail}; mend it, or take its mark away"
    " 有标记的单元格存在语法错误（单元格:行号如上）：请改正，或去掉标记",
    "shell": "{file}: a marked cell needs what only a notebook can do, cell:line {detail}; write it in"
    " Python, or take its mark away"
    " 有标记的单元格用到只有 notebook 才支持的命令：请改写为 Python，或去掉标记",
    "conflict": "{file}: a cell was changed in a file and in the notebook, too: {detail}; copy the change"
    " into the cell by hand 同一单元格在文件和 notebook 中都修改过：请手动把修改复制到该单元格",
}
"""By the code of a `NotebookError`."""


def write_files(path: Path) -> Iterator[str]:
    """Write the files that a notebook's cells are marked for, beside it; yields what was done, line by line.

    Raises:
        NotebookError: nothing was written.
        OSError: a file cannot be read or written.
    """
    cells = marked_cells(notebook := read_notebook(path))
    programs = {file: program_of(cells, file, path.name) for file in FILES}
    if not cells:
        raise NotebookError("unmarked", _hint(notebook))
    saved = time.strftime("%H:%M:%S", time.localtime(path.stat().st_mtime))
    yield f"{path.name}, as saved at {saved} 以该时刻保存的内容为准（修改后请先保存 notebook）"
    for file, program in programs.items():
        if program is None:
            yield f"{file}: no cell is marked for it, nothing was written 没有单元格标记为 {file}，未写入"
            continue
        if kept := _put(path.with_name(file), program.text, notebook):
            yield (
                f"{file}: was edited by hand or made otherwise, and is kept as {kept}"
                f" 原文件曾被手动修改，已保留为 {kept}"
            )
        yield f"{file}: made of {program.cells} cells 已由 {program.cells} 个单元格生成"
        for told in program.left_out:
            yield f"  left out, works in a notebook only 已略去（只能在 notebook 中运行）: {told}"


def bring_back(path: Path) -> Iterator[str]:
    """Bring what was edited in the files back into the notebook's cells; yields what was done.

    The notebook as it was is kept; the files are made anew. A cell that is not in a file any more stays in
    the notebook.

    Raises:
        NotebookError: a cell was changed in both, or is not Python; nothing was written.
        OSError: a file cannot be read or written.
    """
    notebook = read_notebook(path)
    edits, edited_files = 0, []
    for file in FILES:
        text = _text(path.with_name(file))
        if text is None or not MADE.match(text):
            yield f"{file}: was not made from a notebook, left alone 不是由 notebook 生成的，未处理"
            continue
        edited = _edited(text, file, marked_cells(notebook))
        # Backwards: the one that a new cell is made of comes first, and moves all others.
        for cell, new in reversed(edited):
            _replace(notebook, cell, file, new)
        edits += len(edited)
        edited_files.append(file)
        yield f"{file}: {len(edited)} edited cells 有 {len(edited)} 处修改"
    programs = {file: program_of(marked_cells(notebook), file, path.name) for file in edited_files}
    if edits:
        written = f"{json.dumps(notebook, ensure_ascii=False, indent=1)}\n"
        kept = _keep(path)
        _write(path, written)
        yield (
            f"{path.name}: written, as it was: {kept}; close it in the editor and open it again"
            f" 已写回，原文件保留为 {kept}；请在编辑器中关闭后重新打开"
        )
        for file, program in programs.items():
            if program is not None:
                yield from _made_anew(path.with_name(file), program.text)


def _made_anew(file: Path, text: str) -> Iterator[str]:
    """Write a file whose edits came back. What else it says stays under another name; yields that."""
    if _sayings(_text(file) or "") != _sayings(text):
        kept = _keep(file)
        yield (
            f"{file.name}: has cells in another order, copied or taken out, which the notebook has not; it is"
            f" kept as {kept} 其中单元格的顺序或增删与 notebook 不一致，原文件已保留为 {kept}"
        )
    _write(file, text)


def _sayings(text: str) -> list[str]:
    """Return the lines of a made file, without those that tell of its making."""
    said = CELL.sub("", MADE.sub("", text, count=1))
    return [line.rstrip() for line in said.split("\n") if line.strip()]


def _edited(text: str, file: str, cells: Sequence[Cell]) -> list[tuple[Cell | None, str]]:
    """Return the cells that a file has otherwise than they were written into it, with what it has.

    Raises:
        NotebookError: the notebook has no longer what was written.
    """
    pieces = [piece_of(cell) for cell in cells if file in cell.files]
    body = MADE.sub("", text, count=1)
    before, *parts = CELL.split(body)
    edited: list[tuple[Cell | None, str]] = [(None, before.strip("\n"))] if before.strip() else []
    for digest, part in zip(parts[::2], parts[1::2], strict=True):
        part = part.strip("\n") + "\n"
        # Of cells with the same text the first that was not changed yet.
        at = next((at for at, piece in enumerate(pieces) if piece.digest == digest), None)
        piece = None if at is None else pieces.pop(at)
        if digest_of(part) == digest:
            continue
        if piece is None:
            # The same edit came back before: from the other file, or when the command was stopped.
            same = digest_of(part)
            if same not in parts[::2] and any(piece.digest == same for piece in pieces):
                continue
            raise NotebookError("conflict", part.strip().split("\n")[0][:80])
        edited.append((piece.cell, part.rstrip()))
    return edited


def _replace(notebook: dict[str, Any], cell: Cell | None, file: str, text: str) -> None:
    """Put an edited text into its cell; one that is of no cell gets a new one before all others."""
    back = "\n".join(map(as_in_a_notebook, text.split("\n")))
    if cell is None:
        new: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        if any("id" in each for each in notebook["cells"] if isinstance(each, dict)):
            new["id"] = digest_of(back)
        notebook["cells"].insert(0, {**new, "source": _lines(f"# {file}\n{back}")})
    else:
        notebook["cells"][cell.number - 1]["source"] = _lines(cell.mark + back)


def _lines(text: str) -> list[str]:
    """Return a text as notebooks keep it: a list of lines with their ends."""
    return text.splitlines(keepends=True)


def _hint(notebook: Mapping[str, Any]) -> str:
    """Say which cell has the function that `main.py` must have."""
    for number, cell in enumerate(notebook["cells"], start=1):
        found = cell_of(number, cell)
        if found is not None and re.search(r"^def predict\b", found.text, re.MULTILINE):
            return f"; predict is in cell {number} 第 {number} 个单元格中有 predict"
    return ""


def _put(file: Path, text: str, notebook: Mapping[str, Any]) -> str:
    """Write a file. Its predecessor is kept, unless that is to spare; returns the name that it has then."""
    old = _text(file)
    if old == text:
        return ""
    kept = "" if old is None or _is_spare(old, text, notebook) else _keep(file)
    _write(file, text)
    return kept


def _is_spare(old: str, new: str, notebook: Mapping[str, Any]) -> bool:
    """Whether nothing of a file is lost: it was made here, or says nothing that its successor does not.

    The latter are the files that are handed out with the notebook: the same program, and its texts stand in
    the notebook's cells.
    """
    if made := MADE.match(old):
        return digest_of(old[made.end() :]) == made[1]
    sources = [source_of(cell) for cell in notebook["cells"] if isinstance(cell, dict)]
    known = _words_of("\n".join([new, *sources]))
    said = {line for line in _words_of(old) if not line.startswith("%%")}
    return said <= known and is_same_program(old, new)


def _words_of(text: str) -> set[str]:
    """Return the lines of a text without what makes comments, headings and docstrings of them."""
    return {line.strip(' #".') for line in text.split("\n")}


def _text(file: Path) -> str | None:
    """Return what a file holds; None if there is no such file."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    return data.decode("utf-8", "surrogateescape").removeprefix("\ufeff").replace("\r\n", "\n")


def _keep(file: Path) -> str:
    """Copy a file to a name that is free, and return the name."""
    number = 1
    while True:
        kept = file.with_name(f"{file.stem}.old{f'-{number}' if number > 1 else ''}{file.suffix}")
        try:
            copy = kept.open("xb")
        except FileExistsError:
            number += 1
            continue
        try:
            with copy:
                copy.write(file.read_bytes())
        except BaseException:
            kept.unlink()  # half a copy would pass for a whole one
            raise
        return kept.name


def _write(file: Path, text: str) -> None:
    """Write a file that is wholly there, or as it was before; a link stays one, and a mode what it was."""
    file = file.resolve()
    mode = file.stat().st_mode if file.exists() else None
    half = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        # Half a character, which is in no program but in what a notebook's cell printed, is JSON so.
        half.write_bytes(text.encode("utf-8", "backslashreplace"))
        half.replace(file)
        if mode is not None:
            file.chmod(stat.S_IMODE(mode))
    finally:
        half.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m src_mindspore.notebook",
        description="Write main.py and train_main.py from the cells of a notebook that begin with the name of"
        " the file, such as `# main.py`. 由 notebook 中以文件名开头的单元格生成 main.py 和 train_main.py。",
    )
    parser.add_argument("notebook", nargs="?", type=Path, default=Path("main.ipynb"))
    parser.add_argument(
        "--back",
        action="store_true",
        help="bring edits of the files back into the notebook 把文件中的修改写回 notebook",
    )
    options = parser.parse_args(arguments)
    path: Path = options.notebook
    for stream in (sys.stdout, sys.stderr):  # of a system whose code page has no Chinese
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        for told in bring_back(path) if options.back else write_files(path):
            print(told)
    except NotebookError as error:
        said = _SENTENCES[error.code].format(file=path, detail=error.detail)
        print(f"error: {said}", file=sys.stderr)
        return 1
    except OSError as error:
        reason = error.strerror or error
        print(
            f"error: {error.filename or path}: cannot be read or written 无法读写：{reason}", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print("\nstopped; run the command again to finish 已停止，重新运行即可完成", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
