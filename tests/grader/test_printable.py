"""What a student named is cut and steers nothing in whatever is said of it, page, terminal and data alike."""

import re
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from grader.findings.collect import finding_of_refusal
from grader.model.grading import NO_CHECKS, Refusal
from grader.model.submission import SubmittedFile
from grader.printable import one_line, shown
from grader.report import build, render_text
from grader.report.html import render_html
from grader.wording import codes, finding
from tests.grader.findings.test_findings import FIELDS
from tests.grader.gradings import grading_of

STEERS = "\x1b]0;owned\x07\u202e\x9b31m\r\x00"


def test_what_is_shown_is_one_line_with_an_end():
    assert shown("a\nb\x1b[31m") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31m"
    assert len(shown("塑" * 60_000)) == 1000
    assert shown("塑料瓶", 120) == "塑料瓶"


@pytest.mark.parametrize("code", sorted(codes()))
def test_no_finding_lets_what_it_is_told_steer_or_go_on_without_end(code):
    found = finding(code, **dict.fromkeys(FIELDS, STEERS + "../" * 20_000))
    for text in (found.title, found.rationale, found.help, found.title_zh, found.rationale_zh, found.help_zh):
        assert one_line(text) == text
        assert len(text) < 6000


def test_a_refused_name_of_sixty_thousand_letters_is_cut():
    found = finding_of_refusal(Refusal("unsafe-path", repr("../" * 20_000 + STEERS)))
    assert len(found.title) < 400


@pytest.fixture
def crowded(write_submission, split, assignment):
    """The report on five thousand checkpoints of names as long as file systems let them be, all markup."""
    names = (PurePosixPath(f"{number:04d}{STEERS[:-1]}" + "<&'" * 60 + ".ckpt") for number in range(5000))
    files = tuple(SubmittedFile(name, 1, f"{number:064x}") for number, name in enumerate(names))
    folder = write_submission("def predict(image): return 'Hats'")
    grading = grading_of(folder, split, assignment, checks=NO_CHECKS)
    submission = replace(grading.job.submission, files=files)
    job = replace(grading.job, name="<" * 60_000 + STEERS, submission=submission)
    return build.build_report(replace(grading, job=job))


def test_a_page_stays_small_whatever_is_handed_in(crowded):
    page = render_html(crowded)
    assert len(page.encode("utf-8")) < 500_000
    assert "and 4900 more" in page
    assert len(crowded.submission.files) == 5000, "the data has them all"


def test_neither_page_nor_terminal_nor_data_is_steered(crowded):
    for text in (render_html(crowded), render_text(crowded), crowded.model_dump_json()):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
        assert "<" * 200 not in text.replace("&lt;", "<")
