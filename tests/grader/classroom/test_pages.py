"""The pages in a real browser, where there is one: sorted by a click, searched by typing."""

import base64
import hashlib
import re
import shutil
import subprocess

import pytest

from grader.classroom import Entry, Row
from grader.classroom.overview import Place, overview_of
from grader.classroom.pages import Heading, render_index, render_leaderboard
from grader.classroom.store import Result
from grader.files import digest_of_bytes
from grader.model.grading import NO_CHECKS
from grader.session import grade
from tests.patience import PATIENCE_SECONDS

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def report(write_submission, split, assignment):
    return grade(write_submission("def predict(image): return 'Hats'"), split, assignment, checks=NO_CHECKS)


@pytest.fixture
def board(report):
    def place(id_, correct):
        score = report.score.model_copy(update={"correct": correct, "accuracy": correct / 12})
        own = report.model_copy(update={"score": score})
        return Place(Row(Entry(id_, id_, None), Result(id_, own, ("x",))), 1 + (correct < 10), 1.0)

    places = [place("王小明", 12), place("b", 11), place("<i>c", 9), place("a", 4)]
    return render_leaderboard(
        Heading("A <b>lab</b>"), places, 0, {place.row.entry.id: place.row.entry.id for place in places}
    )


@pytest.fixture
def page(report):
    def row(id_, points):
        return Row(Entry(id_, id_, None), Result(id_, report, ("x",)), points)

    return render_index(Heading("A <b>lab</b>"), [row("a", 9.0), row("b", 100.0), row("<i>王", 20.0), Row(Entry("d", "d", None), None)])  # fmt: skip


def test_nothing_of_a_students_is_markup_and_nothing_is_fetched(page):
    assert "&lt;i&gt;王" in page
    assert "<i>王" not in page
    assert "<b>lab" not in page
    assert not re.search(r"(src|href)=.(https?:|//)", page)
    script = re.search(r"<script>(.*)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page


def test_the_interval_is_written_as_in_the_students_report(page, report):
    low, high = (f"{100 * end:.1f} %" for end in (report.score.interval.low, report.score.interval.high))
    assert f"{low} to {high}" in page
    assert f"{low} 至 {high}" in page


def test_what_was_handed_out_is_nothing_in_common_and_what_was_not_is(write_submission, split, assignment):
    files = {"a": ("theirs", "lab"), "b": ("theirs", "lab"), "c": ("own", "lab")}
    rows = []
    for id_, contents in files.items():
        folder = write_submission(f"def predict(image): return 'Hats'  # {id_}", id_)
        for number, content in enumerate(contents):
            (folder / f"{number}.ckpt").write_text(content, encoding="utf-8")
        report = grade(folder, split, assignment, checks=NO_CHECKS)
        rows.append(Row(Entry(id_, id_, None), Result(id_, report, ("x",)), 9.0))
    groups = [[row.entry.id for row in group] for group in overview_of(rows).shared]
    assert sorted(groups) == [["a", "b"], ["a", "b", "c"]]
    given = frozenset({digest_of_bytes(b"lab")})
    assert [[row.entry.id for row in group] for group in overview_of(rows, given).shared] == [["a", "b"]]
    assert "<p>a, b, c</p>" in render_index(Heading("Lab"), rows)
    assert "<p>a, b, c</p>" not in render_index(Heading("Lab"), rows, given)


def shown(page, script, tmp_path):
    """The ids that a browser shows after `script`, which is let in beside the page's own."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    driven = page.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    driven = driven.replace("</body>", f"<script>{script}</script></body>")
    (tmp_path / "page.html").write_text(driven, encoding="utf-8")
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom", (tmp_path / "page.html").as_uri(),
        ],
        capture_output=True, encoding="utf-8", timeout=PATIENCE_SECONDS, check=True,
    )  # fmt: skip
    body = done.stdout.split("<tbody>")[1].split("</tbody>")[0]
    rows = re.findall(r"<tr(?: class=.band.)?>(.*?)</tr>", body, re.DOTALL)  # those that are not hidden
    return [re.search(r'<td class="id">(.*?)</td>', row)[1] for row in rows]


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_click_sorts_by_number_and_typing_hides_the_rest(page, tmp_path):
    click = "const points = document.querySelectorAll('thead button')[4]; points.click();"
    assert shown(page, click, tmp_path) == ["a", "&lt;i&gt;王", "b", "d"]
    assert shown(page, f"{click} points.click();", tmp_path) == ["b", "&lt;i&gt;王", "a", "d"]
    search = "const s = document.querySelector('input[type=search]'); s.value = '王'; s.dispatchEvent(new Event('input'));"
    assert shown(page, search, tmp_path) == ["&lt;i&gt;王"]


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_nobody_is_tested_against_themselves(board):
    last = re.findall(r'<td class="number" data-value="1.0">(.*?)</td>\s*</tr>', board)
    assert last == ["–", "1", "–", "1"]  # two bands of two


def test_the_leaderboard_is_sorted_and_searched_the_same_way(board, tmp_path):
    click = "const heads = document.querySelectorAll('thead button'); heads[1].click();"
    assert shown(board, click, tmp_path) == ["&lt;i&gt;c", "a", "b", "王小明"]
    fewest_first = "document.querySelectorAll('thead button')[2].click();"
    assert shown(board, fewest_first, tmp_path) == ["a", "&lt;i&gt;c", "b", "王小明"]
    search = "const s = document.querySelector('input[type=search]'); s.value = '小明'; s.dispatchEvent(new Event('input'));"
    assert shown(board, search, tmp_path) == ["王小明"]
