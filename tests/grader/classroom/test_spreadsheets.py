"""The gradebook in a real spreadsheet program, where there is one: Chinese names are right, and nothing is computed."""

import shutil
import subprocess
import xml.etree.ElementTree as ET
import zipfile

import pytest

from grader.classroom import Entry, row_of
from grader.classroom.gradebook import COLUMNS, original_of, render_csv, render_gradebook
from grader.classroom.store import Result
from grader.model.grading import NO_CHECKS
from grader.session import grade
from tests.patience import PATIENCE_SECONDS

SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")
pytestmark = pytest.mark.skipif(SOFFICE is None, reason="needs LibreOffice Calc")
CELLS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
NAMES = (
    "王小明",
    "=1+1",
    '=HYPERLINK("http://example.org","click")',
    "+1+1",
    "-1+1",
    "@SUM(1,1)",
    "\t=1+1",
    "＝1+1",
    "=cmd|' /C calc'!A0",
    'quoted "王", with a comma',
    "007",
)


@pytest.fixture
def sheet(tmp_path):
    """Open a CSV in LibreOffice as UTF-8 with commas; return its rows and the formulas in it.

    That is what its window proposes when it sees a byte-order mark; without a window it has to be told.
    """

    def read(text, separator=","):
        (tmp_path / "book.csv").write_text(text, encoding="utf-8", newline="")
        profile = (tmp_path / "profile").as_uri()
        subprocess.run(
            [SOFFICE, "--headless", f"-env:UserInstallation={profile}", f"--infilter=CSV:{ord(separator)},34,76", "--convert-to", "xlsx", "--outdir", tmp_path, tmp_path / "book.csv"],
            check=True, capture_output=True, timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        with zipfile.ZipFile(tmp_path / "book.xlsx") as book:
            page = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
            shared = ET.fromstring(book.read("xl/sharedStrings.xml"))
        strings = ["".join(part.itertext()) for part in shared.iter(f"{CELLS}si")]
        rows = [[_text(cell, strings) for cell in row.iter(f"{CELLS}c")] for row in page.iter(f"{CELLS}row")]
        return rows, [formula.text for formula in page.iter(f"{CELLS}f")]

    return read


def _text(cell, strings):
    value = cell.findtext(f"{CELLS}v") or ""
    return strings[int(value)] if cell.get("t") == "s" else value


def test_a_gradebook_shows_names_as_they_are_and_computes_nothing(sheet, write_submission, split, assignment):
    report = grade(write_submission("def predict(image): return 'Hats'"), split, assignment, checks=NO_CHECKS)
    entries = [Entry(f"s{number}", name, None) for number, name in enumerate(NAMES)]
    rows = [row_of(entry, Result(entry.id, report, ("x",)), assignment) for entry in entries]
    (headings, *shown), formulas = sheet(render_gradebook(rows))
    assert formulas == []
    assert tuple(headings) == COLUMNS
    names = [row[1] for row in shown]
    assert names[0] == "王小明"
    assert [original_of(name).strip() for name in names[1:-1]] == [name.strip() for name in NAMES[1:-1]]
    assert {(row[2], row[3], row[4]) for row in shown} == {("GRADED", "4", "12")}


@pytest.mark.parametrize("separator", [";", "\t"])
def test_nothing_is_computed_either_where_lines_are_split_at_another_character(sheet, separator):
    names = [
        f"s{separator}{start}1+1" for start in ("=", "+", "@", '=HYPERLINK("http://example.org","x")&', "'=")
    ]
    rows, formulas = sheet(render_csv(["id", "name"], [["s1", name] for name in names]), separator)
    assert len(rows[1]) == 2, "it was split there"
    assert formulas == []


def test_what_is_not_made_harmless_would_be_computed(sheet):
    (_, (computed,)), formulas = sheet("\ufeffname\r\n=1+1\r\n")
    assert computed == "2"
    assert formulas
