"""The report's files: complete, safe to open, never half written, and silent about the hidden images."""

import errno
import json
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from markupsafe import escape

from grader.errors import UsageError
from grader.files import Held
from grader.model.assignment import Points
from grader.model.grading import NO_CHECKS, Diagnosis
from grader.model.report import SCHEMA, PicturePart, Report, schema_text
from grader.model.verdict import Verdict
from grader.printable import one_line
from grader.report import build_report, check_output_folder, read_report, render_text, write_grading
from grader.report.html import render_html, render_instructor_page
from grader.report.text import costliest
from grader.run.usage import allowed_instructions
from grader.sandbox import policy
from grader.split import open_split
from grader.wording import words
from tests.grader.diagnosis.preprocessing_programs import bgr, not_divided_by_255, reshaped, the_labs_own
from tests.grader.gradings import grading_of, report_of
from tests.grader.network_inputs import part_of

from ..conftest import CLASSES, ORACLE

HOSTILE = '<script>alert(1)</script>\x1b[2J=HYPERLINK("x")'


@pytest.fixture
def outcome(write_submission, split, assignment):
    return grading_of(
        write_submission(ORACLE.replace("int(image[0, 0, 0]) // 80", "min(int(image[0, 0, 0]) // 80, 1)")),
        split,
        assignment,
    )


@pytest.fixture
def hostile(write_submission, split, assignment):
    """A submission that puts markup and escape codes wherever text of its own is shown."""
    source = f"def predict(image):\n    if image[0, 0, 0] > 100: raise ValueError({HOSTILE!r})\n    return {HOSTILE!r}"
    files = {"<b>bold</b>.txt": "x", "=cmd.ckpt": "x"}
    return grading_of(write_submission(source, name="<i>name", **files), split, assignment)


def test_the_published_schema_is_that_of_the_model():
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), "run: python -m grader.model.report"


def test_report_json_follows_the_published_schema(outcome, hostile, tmp_path):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for number, case in enumerate((outcome, hostile)):
        write_grading(case, build_report(case), tmp_path / str(number))
        value = json.loads((tmp_path / str(number) / "report.json").read_text(encoding="utf-8"))
        jsonschema.validate(value, schema)
        assert Report.model_validate(value) == build_report(case)


def test_report_json_has_what_other_programs_rely_on(outcome, tmp_path):
    write_grading(outcome, build_report(outcome), tmp_path / "out")
    value = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert value["verdict"] == "GRADED"
    assert value["score"]["correct"] == 8
    assert value["score"]["total"] == 12
    assert value["score"]["accuracy"] == pytest.approx(8 / 12)
    assert value["score"]["interval"]["low"] < 8 / 12 < value["score"]["interval"]["high"]
    assert value["submission"]["sha256"]
    assert value["split"]["sha256"]
    for key in ("per_class", "confusion", "isolation", "engine", "run"):
        assert value[key]


def test_the_students_files_name_no_hidden_image_and_no_single_answer(outcome, tmp_path):
    write_grading(outcome, build_report(outcome), tmp_path / "out")
    names = [image.name for image in outcome.job.split.images]
    for file in ("report.json", "report.html"):
        text = (tmp_path / "out" / file).read_text(encoding="utf-8")
        assert not any(name in text for name in names)
    instructor = json.loads((tmp_path / "out" / "instructor" / "answers.json").read_text(encoding="utf-8"))
    assert [row["image"] for row in instructor["answers"]] == names
    assert sum(row["truth"] == row["as"] for row in instructor["answers"]) == 8


def test_what_a_submission_prints_is_kept_for_the_instructor_alone(
    write_submission, split, assignment, tmp_path
):
    source = "print('SECRET PIXELS')\n" + "def predict(image):\n    print('MORE PIXELS')\n    return 'Hats'"
    outcome = grading_of(write_submission(source), split, assignment)
    write_grading(outcome, build_report(outcome), tmp_path / "out")
    assert "PIXELS" not in (tmp_path / "out" / "report.json").read_text(encoding="utf-8")
    assert "PIXELS" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "SECRET PIXELS" in (tmp_path / "out" / "instructor" / "answers.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "source",
    [
        "def predict(image): raise ValueError(PIXELS)",
        "def predict(image): return PIXELS",
        "def predict(image): raise type(PIXELS, (Exception,), {})()",
        "def predict(image): return type(PIXELS, (), {})()",
    ],
)
def test_little_of_what_is_said_over_a_hidden_image_reaches_the_student(
    write_submission, split, assignment, source
):
    source = "PIXELS = ''.join(chr(0x4e00 + n) for n in range(180)) + 'p' * 1700\n" + source
    report = report_of(write_submission(source), split, assignment)
    told = report.model_dump_json()
    assert max(map(len, re.findall("p+", told))) <= 60
    assert "\u4e01\u4e02\u4e03" not in told


def test_the_instructors_page_shows_the_missed_images_with_both_names_and_what_was_printed(
    write_submission, split, assignment, tmp_path
):
    outcome = grading_of(
        write_submission("print('LOADING <b>')\ndef predict(image):\n    return 'Hats'"), split, assignment
    )
    write_grading(outcome, build_report(outcome), tmp_path / "out")
    page = (tmp_path / "out" / "instructor" / "report.instructor.html").read_text(encoding="utf-8")
    assert "LOADING &lt;b&gt;" in page
    assert page.count('src="data:image/jpeg;base64,') == 8
    for image in outcome.job.split.images:
        assert (image.name in page) == (image.label != 1)
    assert page.count('<span lang="en">Newspaper</span><span lang="zh">报纸 Newspaper</span>') == 5
    assert "<script" not in page


def test_the_instructors_page_takes_text_of_a_submission_for_text(hostile):
    page = render_instructor_page(hostile, build_report(hostile))
    assert "<script" not in page
    assert "<i>name" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


def test_the_instructors_page_stands_where_nothing_was_asked(write_submission, split, assignment):
    outcome = grading_of(write_submission("1 / 0"), split, assignment)
    page = render_instructor_page(outcome, build_report(outcome))
    assert "ZeroDivisionError" in page
    assert "The submission was asked about no image." in page
    assert "data:image" not in page


@pytest.mark.parametrize("name", ["earlier", "instructor"])
def test_no_report_is_written_or_moved_where_a_link_leads(outcome, tmp_path, name):
    out, others = tmp_path / "out", tmp_path / "others"
    others.mkdir()
    write_grading(outcome, build_report(outcome), out)
    if (out / name).exists():
        (out / name).rename(out / "aside")
    (out / name).symlink_to(others)
    before = sorted(path.name for path in out.iterdir())
    with pytest.raises(NotADirectoryError):
        write_grading(outcome, build_report(outcome), out)
    assert [*others.iterdir()] == []
    assert sorted(path.name for path in out.iterdir()) == before
    with pytest.raises(UsageError, match="is in the way"):
        check_output_folder(out, tmp_path / "submission")


def test_reports_go_to_the_folder_that_was_opened_whatever_takes_its_name(outcome, tmp_path, monkeypatch):
    out, others = tmp_path / "out", tmp_path / "others"
    others.mkdir()
    write = Held.write

    def write_after_swap(held, name, content):
        if not out.is_symlink():
            out.rename(tmp_path / "moved")
            out.symlink_to(others)
        write(held, name, content)

    monkeypatch.setattr(Held, "write", write_after_swap)
    write_grading(outcome, build_report(outcome), out)
    assert [*others.iterdir()] == []
    assert sorted(path.name for path in (tmp_path / "moved").iterdir()) == [
        "instructor",
        "report.html",
        "report.json",
    ]


def test_the_secret_order_is_the_instructors_alone(outcome, tmp_path):
    write_grading(outcome, build_report(outcome), tmp_path / "out")
    assert str(outcome.shuffle_seed) not in (tmp_path / "out" / "report.json").read_text(encoding="utf-8")
    assert str(outcome.shuffle_seed) in (tmp_path / "out" / "instructor" / "answers.json").read_text(
        encoding="utf-8"
    )


def test_html_is_one_offline_file_in_which_a_submissions_text_is_only_text(hostile):
    page = render_html(build_report(hostile))
    assert "<script" not in page
    assert "<b>bold" not in page
    assert "<i>name" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"(src|href)\s*=(?!\"#)|url\(|@import|https?://", page)


def test_the_terminal_is_not_steered_by_a_submission(hostile):
    text = render_text(build_report(hostile))
    assert "\x1b" not in text
    assert one_line("a\x1b[31mb\u202ec\nzhang: GRADED 100") == "a\ufffd[31mb\ufffdc\ufffdzhang: GRADED 100"


def test_the_terminal_says_score_interval_and_weakest_classes(outcome):
    text = render_text(build_report(outcome))
    assert "8 of 12 images right (66.67 %)" in text
    assert re.search(r"39\.1 % to 86\.2 %", text)
    assert re.search(r"Newspaper\s+报纸\s+0/4\s+Hats", text)


def test_page_and_terminal_have_one_order_and_two_languages(hostile):
    titles = {
        "en": ["What to do next", "Evidence", "How it was graded"],
        "zh": ["下一步", "依据", "评测信息"],
    }
    for language, expected in titles.items():
        page = render_html(build_report(hostile), language)
        assert f'<html lang="{language}">' in page
        assert f'id="in-{language}" checked' in page
        heads = "".join(re.findall(r"<h2.*?</h2>", page))
        said = re.findall(f'lang="{language}">(.*?)<', heads)
        assert [title for title in said if title in expected] == expected
        places = [render_text(build_report(hostile), language).find(title) for title in expected]
        assert places == sorted(places)
        assert -1 not in places
    assert "predict raised" in render_text(build_report(hostile))
    assert "predict raised" not in render_text(build_report(hostile), "zh")


@pytest.fixture
def seen(outcome):
    """A grading whose diagnosis saw that pictures reach the network in BGR, and otherwise as in the lab."""

    def grading(program=bgr, **more):
        part = part_of(program, "colour", **{"right": 38, "codes": ("channel-order",), **more})
        return replace(outcome, diagnosis=Diagnosis("done", network_input=part))

    return grading


def test_page_and_terminal_say_what_the_network_sees_and_what_that_costs(seen):
    grading = seen()
    report = build_report(grading)
    for page in (render_html(report), render_instructor_page(grading, report)):
        assert page.count("data:image/png") == 3
        assert "Red and blue are swapped." in page and "红色和蓝色互换了。" in page
        assert page.count('class="link broken"') == 1
        assert "20 of 40 right (50.0 %)" in page and "40 张答对 38 张（95.0 %）" in page
        assert "As in the lab: scale, crop, orientation and detail." in page
        assert "与标准预处理一致：数值缩放、裁剪、方向和清晰度。" in page
        assert "4.37 B - 2.12" in page
        # A path has a row if it was measured; that with another readout was not.
        assert (page.count('<li class="path"'), page.count('<li class="path mends"')) == (1, 1)
    assert "can forge" in render_instructor_page(grading, report)
    assert "can forge" not in render_html(report)
    text = render_text(report)
    # Never without what it costs: a network may have been trained so.
    seen_there = (
        "What your network sees (shown in report.html)\n    Red and blue are swapped. This costs points.\n"
    )
    assert seen_there in text
    assert "as handed in: 20 of 40 right; with the lab's preprocessing: 38 of 40 right" in text
    assert "提交的程序：40 张中答对 20 张；换成标准预处理：40 张中答对 38 张" in render_text(report, "zh")


def test_where_nothing_differs_page_and_terminal_say_in_one_line_what_is_excluded(seen):
    report = build_report(seen(the_labs_own, right=None, codes=()))
    line = "Nothing is wrong before the network: colours, scale, crop, orientation and detail arrive as in the lab."
    assert line in render_html(report)
    assert line in render_text(report)
    assert 'class="path' not in render_html(report)


def test_another_scale_is_told_in_numbers_below_the_pictures(seen):
    page = render_html(build_report(seen(not_divided_by_255, codes=("wrong-scale",))))
    assert "black -1.99, white 1126" in page and "black -1.99, white 2.44" in page
    assert "黑色 -1.99，白色 1126" in page
    assert 'class="ends"' not in render_html(build_report(seen()))


def test_a_graded_verdict_is_said_once_in_english(outcome):
    page = render_html(build_report(outcome))
    assert (
        '<span class="verdict">GRADED</span> <span lang="en"></span><span lang="zh">评测完成</span>' in page
    )


def test_a_difference_that_costs_nothing_is_no_broken_link(seen):
    page = render_html(build_report(seen(right=20, codes=())))
    assert "No loss of points was found from this." in page
    assert 'class="link broken"' not in page and 'class="wrong"' not in page


def test_where_no_network_was_seen_nothing_is_said_of_it(outcome):
    assert "What your network sees" not in render_html(build_report(outcome))
    assert "What your network sees" not in render_text(build_report(outcome))


def test_what_was_seen_of_a_network_survives_its_file_and_the_page_stays_small(seen, tmp_path):
    grading = seen(reshaped, codes=("wrong-layout",))
    report = build_report(grading)
    write_grading(grading, report, tmp_path / "out")
    assert read_report(tmp_path / "out" / "report.json") == report
    assert (tmp_path / "out" / "report.html").stat().st_size < 200_000
    with pytest.raises(ValueError, match="data"):
        PicturePart(type="png", data='"><script>', width=1, height=1)


def test_a_self_check_says_in_plain_sight_that_only_public_images_were_run(
    write_submission, split, assignment
):
    report = report_of(write_submission(ORACLE), split, assignment, self_check=True)
    for language, sentence in (
        ("en", "public images only; hidden images were not used"),
        ("zh", "只使用公开图像，没有使用隐藏图像"),
    ):
        assert sentence in render_text(report, language).splitlines()[1]
        assert '<p class="banner"><strong><span lang="en">Self-check' in render_html(report, language)
        assert sentence in render_html(report, language)


def test_copies_of_right_answers_are_told_of_only_where_there_were_right_answers(outcome):
    report = build_report(outcome)
    asked = report.checks.replay.model_copy(update={"status": "done", "repeated": 4, "altered": 0, "lost": 0})
    told = report.model_copy(update={"checks": report.checks.model_copy(update={"replay": asked})})
    for shown in (render_text(told), render_html(told)):
        assert "0 of 4 answers differed" in shown
        assert "copies that look the same" not in shown
    asked = asked.model_copy(update={"altered": 3})
    told = report.model_copy(update={"checks": report.checks.model_copy(update={"replay": asked})})
    assert "0 of 3 right answers were lost on copies that look the same" in render_text(told)


def test_the_costliest_confusions_come_first(write_submission, split, assignment):
    source = "def predict(image): return 'nothing' if image[0, 0, 0] > 161 else 'Hats'"
    report = report_of(write_submission(source), split, assignment, checks=NO_CHECKS)
    found = [(confused.truth, confused.said, confused.count) for confused in costliest(report, 8)]
    assert found == [(0, 1, 4), (2, 1, 2), (2, None, 2)]
    assert len(costliest(report, 1)) == 1


def test_grade_boundaries_are_told_in_images(write_submission, split, assignment):
    rules = assignment.model_copy(update={"points": Points(boundaries=(50.0, 90.0))})
    submission = write_submission(
        "def predict(image): return ['Hats', 'Newspaper'][int(image[0, 0, 0]) > 150]"
    )
    report = report_of(submission, split, rules, checks=NO_CHECKS)
    assert [(part.points, part.images) for part in report.score.boundaries] == [(50.0, -2), (90.0, 3)]
    assert "50 points: reached, with 2 images to spare" in render_text(report)
    assert "90 points: 3 more right answers are needed" in render_text(report)
    assert "90 分：还需多答对 3 张" in render_html(report)


def test_where_nothing_was_answered_no_interval_is_claimed(write_submission, split, assignment):
    report = report_of(write_submission("1 / 0"), split, assignment)
    assert "none of 12 images was answered" in render_text(report)
    assert "interval" not in render_text(report)
    assert "Wilson" not in render_html(report)
    assert "Confusion" not in render_html(report)


def test_where_the_harness_failed_page_and_terminal_give_no_score(outcome):
    report = build_report(outcome).model_copy(
        update={"score": None, "verdict": Verdict.INTERNAL, "engine": None}
    )
    for text in (render_text(report), render_html(report)):
        assert "The harness failed. This says nothing about the submission" in text
        assert "images right" not in text
    assert "评测系统故障，与提交内容无关，不计分。" in render_text(report, "zh")


def test_a_split_without_some_classes_is_named(write_submission, split_folder, assignment):
    shutil.rmtree(split_folder / "00_02")
    report = report_of(write_submission(ORACLE), open_split(split_folder, CLASSES), assignment)
    assert [finding.title for finding in report.findings] == ["The split has images of 2 of 3 classes only"]


def test_what_kept_a_report_from_being_written_is_what_is_said(outcome, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "out").mkdir()
    monkeypatch.setattr("grader.files.holding.os.mkdir", full)
    with pytest.raises(OSError, match="No space left"):
        write_grading(outcome, build_report(outcome), tmp_path / "out")


def test_an_earlier_report_is_moved_aside_and_never_overwritten(outcome, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.json").write_text("mine", encoding="utf-8")
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    write_grading(outcome, build_report(outcome), out)
    write_grading(outcome, build_report(outcome), out)
    assert (out / "earlier" / "001" / "report.json").read_text(encoding="utf-8") == "mine"
    assert (
        json.loads((out / "earlier" / "002" / "report.json").read_text(encoding="utf-8"))["verdict"]
        == "GRADED"
    )
    assert (out / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]


def test_an_output_folder_that_cannot_be_used_is_found_before_grading(
    tmp_path, write_submission, monkeypatch
):
    monkeypatch.setattr(policy, "course_library", lambda: tmp_path / "course")
    submission = write_submission(ORACLE)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="inside the submission"):
        check_output_folder(submission / "out", submission)
    with pytest.raises(UsageError, match="inside the split"):
        check_output_folder(tmp_path / "val" / "reports", submission, [tmp_path / "train", tmp_path / "val"])
    with pytest.raises(UsageError, match="cannot make"):
        check_output_folder(tmp_path / "file", submission)
    with pytest.raises(UsageError, match="submissions can read"):
        check_output_folder(Path(sys.prefix) / "reports", submission)
    with pytest.raises(UsageError, match="submissions can read"):
        check_output_folder(tmp_path / "course" / "reports", submission)
    for name in ("earlier", "instructor"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
        with pytest.raises(UsageError, match="in the way"):
            check_output_folder(tmp_path / name, submission)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("def predict(image):\n    raise ValueError('no')", ()),
        ("def predict(image):\n    return 'nothing'", ()),
        (ORACLE.replace("// 80]", "// 80 - 1]"), ("confusions", "matrix")),
        ("def predict(image):\n    return 'Hats'", ("confusions", "classes", "matrix")),
    ],
)
def test_a_report_without_points_says_so_once(write_submission, split, assignment, source, shown):
    report = report_of(write_submission(source), split, assignment, checks=NO_CHECKS)
    page = render_html(report)
    assert {name for name in ("confusions", "classes", "matrix") if f'id="{name}"' in page} == set(shown)
    assert ("95 %" in page, "95 %" in render_text(report)) == (bool(shown), bool(shown))


def test_the_marks_before_findings_are_explained(hostile, outcome):
    assert "What to do next   (x error, ! warning)" in render_text(build_report(hostile))
    assert "下一步（x 错误，! 警告）" in render_text(build_report(hostile), "zh")
    (heading,) = [
        line for line in render_text(build_report(outcome)).splitlines() if "What to do next" in line
    ]
    assert "x error" not in heading


def test_chinese_has_full_width_punctuation(hostile, outcome, seen):
    half_width = re.compile(
        r"[\u4e00-\u9fff）] ?[,;:](?!\d)|[,;:] ?[\u4e00-\u9fff]|[\u4e00-\u9fff] \([\u4e00-\u9fff]"
    )
    for report in (build_report(hostile), build_report(outcome), build_report(seen())):
        assert not half_width.findall(render_text(report, "zh"))
        page = re.sub(
            r"<(style|title)>.*?</\1>|<[^>]+>", "", _in_chinese(render_html(report, "zh")), flags=re.DOTALL
        )
        assert not half_width.findall(page)


def _in_chinese(page):
    innermost = re.compile(r'<span lang="(..)">((?:(?!<span lang).)*?)</span>', re.DOTALL)
    while innermost.search(page):
        page = innermost.sub(lambda found: found[2] if found[1] == "zh" else "", page)
    return page


def test_every_time_in_the_report_has_its_unit(outcome):
    report = build_report(outcome)
    assert re.search(
        r"\(import [\d.]+ s, first prediction [\d.]+ s, the rest [\d.]+ s\)", render_text(report)
    )
    assert re.search(r"（导入 [\d.]+ 秒，首次预测 [\d.]+ 秒，其余 [\d.]+ 秒）", render_text(report, "zh"))


def test_one_thing_is_not_told_as_several():
    assert words("en", "audit-empty", count=1, set="split") == "1 class of the split is empty"
    assert words("en", "audit-empty", count=2, set="split") == "2 classes of the split are empty"
    assert words("en", "submission-files", count=escape(1), size="2 KiB") == "1 file, 2 KiB"
    assert words("zh", "submission-files", count=1, size="2 KiB") == "1 个文件，2 KiB"


def test_the_instruction_set_is_told_only_where_the_processor_has_it(tmp_path):
    processor = tmp_path / "cpuinfo"
    allowed = {"ONEDNN_MAX_CPU_ISA": "AVX2"}
    processor.write_text("flags\t\t: fpu sse2 avx avx2 bmi1\n", encoding="utf-8")
    assert allowed_instructions(allowed, processor) == "AVX2"
    assert allowed_instructions({}, processor) is None
    processor.write_text("flags\t\t: fpu sse2 avx\n", encoding="utf-8")
    assert allowed_instructions(allowed, processor) is None
    assert allowed_instructions(allowed, tmp_path / "absent") is None
