"""Every page in a real browser: axe-core finds nothing serious, and a telephone need not scroll sideways."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from grader.audit import audit_sets, read_set, render_page
from grader.cli import main
from grader.model.grading import Diagnosis
from grader.report import build_report
from grader.report.html import render_html, render_instructor_page
from tests.grader.diagnosis.preprocessing_programs import bgr
from tests.grader.gradings import grading_of
from tests.grader.network_inputs import part_of

from ..conftest import CLASSES, ORACLE

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
playwright = pytest.importorskip("playwright.sync_api")

ROOT = Path(__file__).parents[3]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1200, "height": 900}
HALF_RIGHT = """
    print("loading", "x" * 300)
    NAMES = ["Plastic Bottle", "Hats", "nothing"]

    def predict(image):
        if image[0, 0, 0] == 82:
            raise ValueError("no")
        return NAMES[min(int(image[0, 0, 0]) // 80, 2)]
"""
PAGES = (
    *("report-en", "report-zh", "self-check", "seen-en", "seen-zh"),
    *("instructor-en", "instructor-zh", "audit-en", "audit-zh"),
)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        try:
            # As root Chromium has no sandbox of its own; the pages are ours.
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def page_of(write_submission, split, split_folder, assignment):
    def page(name):
        kind, _, language = name.partition("-")
        if kind == "audit":
            sets = (read_set(split_folder, set_name) for set_name in ("train", "hidden"))
            return render_page(audit_sets(*sets), language)
        outcome = grading_of(write_submission(HALF_RIGHT), split, assignment, self_check=name == "self-check")
        if kind in ("seen", "instructor"):
            seen = Diagnosis("done", network_input=part_of(bgr, "colour", right=38, codes=("channel-order",)))
            outcome = replace(outcome, diagnosis=seen)
        if kind == "instructor":
            return render_instructor_page(outcome, build_report(outcome), language)
        return render_html(build_report(outcome), "zh" if language == "zh" else "en")

    return page


def check(browser, file):
    """Ask axe-core about a page, light and narrow, dark and wide."""
    for scheme, size in (("light", NARROW), ("dark", WIDE)):
        page = browser.new_page(viewport=size, color_scheme=scheme)
        page.goto(file.as_uri())
        violations = axe.Axe().run(page).response["violations"]
        serious = [
            (found["id"], [node["html"][:120] for node in found["nodes"]])
            for found in violations
            if found["impact"] in ("serious", "critical")
        ]
        assert not serious, (scheme, size, serious)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= size["width"], (scheme, size)
        page.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_keeps_nobody_out(browser, page_of, name, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(page_of(name), encoding="utf-8")
    check(browser, file)


def test_the_pages_of_a_class_keep_nobody_out(browser, write_submission, split_folder, tmp_path):
    write_submission(ORACLE, name="li")
    write_submission(HALF_RIGHT, name="zhang")
    rows = "".join(f'[[classes]]\nfolder = "{c.folder}"\nname = "{c.name}"\nzh = "{c.zh}"\n' for c in CLASSES)
    (tmp_path / "assignment.toml").write_text(f'title = "Colours"\n{rows}', encoding="utf-8")
    arguments = [
        "--split",
        split_folder,
        "--assignment",
        tmp_path / "assignment.toml",
        "--out",
        tmp_path / "out",
    ]
    assert main(["batch", *map(str, [tmp_path / "submissions", *arguments])]) == 0
    pages = sorted((tmp_path / "out").glob("*.html"))
    assert {"index.html", "leaderboard.html"} <= {page.name for page in pages}
    for page in pages:
        check(browser, page)


def test_the_language_is_chosen_with_the_keyboard_and_without_a_script(browser, page_of, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(page_of("report-en"), encoding="utf-8")
    page = browser.new_page(java_script_enabled=False)
    page.goto(file.as_uri())
    assert page.get_by_role("heading", name="What to do next").is_visible()
    assert not page.get_by_role("heading", name="下一步").is_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("heading", name="下一步").is_visible()
    assert not page.get_by_role("heading", name="What to do next").is_visible()
    page.close()


def test_a_printed_page_has_one_language_and_no_switch(browser, page_of, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(page_of("report-zh"), encoding="utf-8")
    page = browser.new_page()
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(file.as_uri())
    assert page.get_by_role("heading", name="下一步").is_visible()
    assert not page.get_by_text("English", exact=True).is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.close()


def test_the_pictures_of_the_documentation_can_be_made_again(browser, page_of, tmp_path):
    # In a process of its own: Playwright allows one driver in each.
    page = tmp_path / "page.html"
    page.write_text(page_of("report-en"), encoding="utf-8")
    command = [sys.executable, "-m", "tools.picture", page, tmp_path / "out.png", "--lang", "zh", "--part"]
    assert subprocess.run([*command, "next"], cwd=ROOT, check=False).returncode == 0
    assert cv2.imread(str(tmp_path / "out.png")).shape[1] > 400
    assert subprocess.run([*command, "absent"], cwd=ROOT, check=False, capture_output=True).returncode == 2
