"""What spreadsheets and other programs are given."""

import csv
import io

import pytest

from grader.batch.gradebook import harmless, render_csv


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_begins_as_a_formula_does(start):
    text = f'{start}HYPERLINK("http://x","y")'
    assert harmless(text) == f"'{text}"
    read = next(csv.reader(io.StringIO(render_csv(["id"], [[text]]).split("\r\n", 1)[1], newline="")))
    assert read == [f"'{text}"]


@pytest.mark.parametrize("text", ["王小明", "a=b", "12.5", "", " x", "0"])
def test_other_cells_are_left_alone(text):
    assert harmless(text) == text


def test_excel_is_told_that_it_is_utf_8():
    assert render_csv(["姓名"], [["王小明"]]).encode("utf-8").startswith(b"\xef\xbb\xbf\xe5\xa7\x93")
