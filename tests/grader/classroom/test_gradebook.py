"""What spreadsheets and other programs are given."""

import csv
import io
import re
import xml.etree.ElementTree as ET

import pytest

from grader.classroom import Entry, Row, Store
from grader.classroom.gradebook import harmless, original_of, render_csv, render_junit
from grader.classroom.overview import pseudonyms

STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]
SEPARATORS = [";", "\t", "\n", "; "]


@pytest.mark.parametrize("start", STARTS)
def test_no_cell_begins_as_a_formula_does(start):
    text = f'{start}HYPERLINK("http://x","y")'
    assert harmless(text) == f"'{text}"
    read = next(csv.reader(io.StringIO(render_csv(["id"], [[text]]).split("\r\n", 1)[1], newline="")))
    assert read == [f"'{text}"]


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", "'="])
def test_no_part_of_a_cell_is_a_formula_where_a_spreadsheet_splits_at_another_character(start, separator):
    text = f"s1{separator}{start}1+1"
    assert not any(re.match(r"\s*[=+\-@＝]", part) for part in re.split(r"[;\t\n]", harmless(text)))
    assert harmless(text) == f"s1{separator}'{start}1+1"


@pytest.mark.parametrize(
    "text", ["王小明", "a=b", "12.5", "", " x", "0", "a;b", "a; b", "'quoted'", "a-b;c-d"]
)
def test_other_cells_are_left_alone(text):
    assert harmless(text) == text


@pytest.mark.parametrize("text", ["=1", "'=1", "''=1", "\t=1", "a;=1", "a;'=1", "'\n;-1", "王;小明", "'a"])
def test_what_was_made_harmless_can_be_read_again(text):
    assert original_of(harmless(text)) == text


def test_pseudonyms_are_no_formulas_either_and_stay_the_same(tmp_path):
    ids = ["=1+1", "'=1+1", "a;=2", "王小明"]
    drawn = pseudonyms(Store(tmp_path), ids)
    assert len(set(drawn.values())) == 4
    text = (tmp_path / "pseudonyms.csv").read_text(encoding="utf-8-sig")
    assert not re.search(r"(^|;)=", text, re.MULTILINE)
    assert pseudonyms(Store(tmp_path), ids) == drawn


def test_junit_holds_no_character_that_steers_a_terminal_or_turns_writing_around():
    text = render_junit("Lab\x1b[2J", [Row(Entry("a\x9b31m\u202eb\ud800\x00", "a", None), None)])
    assert text.replace("\n", "").isprintable()
    suite = ET.fromstring(text)
    assert suite.get("name") == "Lab\ufffd[2J"
    assert suite[0].get("name") == "a\ufffd31m\ufffdb\ufffd\ufffd"


def test_excel_is_told_that_it_is_utf_8():
    assert render_csv(["姓名"], [["王小明"]]).encode("utf-8").startswith(b"\xef\xbb\xbf\xe5\xa7\x93")
