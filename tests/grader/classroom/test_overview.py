"""What a class's page says about all: the causes, and which classes of images are hard."""

import pytest

from grader.classroom import Entry, Row
from grader.classroom.overview import causes_of, overview_of
from grader.classroom.pages import Heading, render_index
from grader.classroom.store import Result
from grader.model.grading import NO_CHECKS
from grader.session import grade
from grader.wording import codes, finding, general_title


@pytest.fixture
def row(write_submission, split, assignment):
    report = grade(write_submission("def predict(image): return 'Hats'"), split, assignment, checks=NO_CHECKS)

    def make(id_, *findings, matrix=None):
        changes = {"findings": tuple(findings)}
        if matrix is not None:
            changes["confusion"] = report.confusion.model_copy(update={"matrix": matrix})
        return Row(Entry(id_, id_, None), Result(id_, report.model_copy(update=changes), ("x",)), 1.0)

    return make


PLACE = {"where": "main.py:1", "where_zh": "main.py:1"}


def missing(module):
    return finding(
        "missing-module",
        message=f"No module named '{module}'",
        installed="",
        **PLACE,
    )


def not_installed(*packages):
    details = {"packages": "", "installed": "", "instead": "", "instead_zh": "", **PLACE}
    return finding("missing-package", None, packages, **details)


def renamed(code):
    return finding(code, step="+1", now=0, then=100, p=0, map="", map_zh="")


def test_causes_are_counted_by_the_first_finding_and_the_most_frequent_is_first(row):
    notes = finding("demo-split")
    rows = [
        row("a", missing("torch"), notes),
        row("b", missing("torch.nn")),
        row("c", missing("timm")),
        row("d", renamed("labels-shifted"), missing("torch")),
        row("e", renamed("labels-exchanged")),
        row("f", renamed("labels-permuted")),
        row("g", finding("link", detail="a.ckpt")),
        row("h", notes),
        row("j", not_installed("timm", "torch")),
        row("k", not_installed("torch")),
        Row(Entry("i", "i", None), None),
    ]
    found = [(cause.en, cause.zh, "".join(row.entry.id for row in cause.rows)) for cause in causes_of(rows)]
    assert found == [
        ("label order", "类别顺序", "def"),
        ("module torch missing", "缺少模块 torch", "ab"),
        ("package torch missing", "缺少软件包 torch", "jk"),
        ("module timm missing", "缺少模块 timm", "c"),
        ("package timm missing", "缺少软件包 timm", "j"),
        ("symbolic link", "含有符号链接", "g"),
    ]
    page = render_index(Heading("Lab"), rows)
    assert '<b>3</b> × <span lang="en">label order</span>' in page
    assert "A module is missing: No module named &#39;torch&#39;" in page
    assert "&#34;" not in general_title("no-main", "en")


@pytest.mark.parametrize("code", sorted(codes() - {"one-folder-deeper"}))
def test_every_finding_can_be_named_for_many_at_once(code):
    for language in ("en", "zh"):
        title = general_title(code, language)
        assert len(title) > 1
        assert not set("{}") & set(title)


def test_hard_classes_are_told_without_those_whose_mistake_is_known(row):
    weak = ((4, 0, 0, 0), (0, 4, 0, 0), (3, 0, 1, 0))
    wrong = ((0, 4, 0, 0), (4, 0, 0, 0), (0, 0, 4, 0))
    rows = [row("a", matrix=weak), row("b", finding("reloads-model"), matrix=weak)]
    alone = overview_of(rows)
    assert [(part.name, part.accuracy, part.mistaken_for) for part in alone.hardest] == [
        ("Newspaper", 0.25, ("Plastic Bottle", "塑料瓶")),
        ("Hats", 1.0, None),
        ("Plastic Bottle", 1.0, None),
    ]
    both = overview_of([*rows, row("c", renamed("labels-exchanged"), matrix=wrong)])
    assert both.hardest == alone.hardest
    assert (both.judged, both.mistaken) == (2, 1)
    page = render_index(Heading("Lab"), [row("c", renamed("labels-exchanged"), matrix=wrong)])
    assert "Left out: 1." in page


def test_the_class_page_has_both_languages_and_every_verdict_its_chinese_word(row):
    for language in ("en", "zh"):
        page = render_index(Heading("Lab", "实验", language), [row("a"), Row(Entry("b", "b", None), None)])
        assert f'id="in-{language}" checked' in page
        assert "评测完成" in page
        assert "未提交" in page
        assert "实验" in page
