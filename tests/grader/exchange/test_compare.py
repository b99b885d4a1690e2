"""Two gradings side by side: exactly what changed is named, and why."""

import cv2
import numpy as np
import pytest

from grader.cli import main
from grader.errors import UsageError
from grader.exchange import compare, read_gradings
from grader.model.grading import NO_CHECKS, Exam
from grader.report import build_report, write_grading
from grader.session import Session
from grader.split import open_split
from tests.grader.conftest import CLASSES, ORACLE

HATS = "def predict(image): return 'Hats'"


@pytest.fixture
def graded(write_submission, split, assignment, tmp_path):
    """Grade named sources as a batch lays them out: `graded("old", a=ORACLE)`."""

    def of(out, on=split, **sources):
        for id_, source in sources.items():
            folder = write_submission(source, name=f"{out}-{id_}")
            outcome = Session(Exam(on, assignment, checks=NO_CHECKS)).grade(folder, name=id_)
            write_grading(outcome, build_report(outcome), tmp_path / out / "students" / id_)
        return tmp_path / out

    return of


def test_only_who_changed_is_named_with_the_files_and_images(graded, capsys):
    old = graded("old", a=ORACLE, b=ORACLE, gone=HATS)
    new = graded("new", a=ORACLE, b=HATS, came=HATS)
    changes = {change.id: change for change in compare(read_gradings(old), read_gradings(new))}
    assert sorted(changes) == ["b", "came", "gone"]
    (reason,) = changes["b"].reasons
    assert (reason.text("en"), reason.text("zh")) == ("the submission (main.py)", "提交内容（main.py）")
    assert [flip.effect for flip in changes["b"].flips] == ["lost"] * 8
    assert main(["compare", str(old), str(new), "--images"]) == 0
    said = capsys.readouterr().out
    assert "3 before, 3 after; 3 with another result" in said
    assert "b: GRADED 12/12 -> GRADED 4/12" in said
    assert "lost: 00_02/00000.png (Newspaper): Newspaper -> Hats" in said
    assert "gone: no longer there (GRADED 4/12)" in said
    assert "\na:" not in said
    assert main(["compare", str(old), str(new), "--images", "--lang", "zh"]) == 0
    said = capsys.readouterr().out
    assert "之前 3 份，之后 3 份；3 份结果不同" in said
    assert "b：评测完成（GRADED） 12/12 -> 评测完成（GRADED） 4/12" in said
    assert "回答：8 张由对变错" in said
    assert "由对变错：00_02/00000.png（Newspaper）：Newspaper -> Hats" in said
    assert "gone：已不存在（" in said


def test_another_split_is_the_reason_for_everybody(graded, split_folder, capsys):
    old = graded("old", a=ORACLE, b=HATS)
    cv2.imwrite(str(split_folder / "00_00" / "more.png"), np.zeros((9, 9, 3), np.uint8))
    new = graded("new", on=open_split(split_folder, CLASSES), a=ORACLE, b=HATS)
    changes = compare(read_gradings(old), read_gradings(new))
    assert [[reason.text("en") for reason in change.reasons] for change in changes] == [
        ["the split (12 images, then 13)"]
    ] * 2
    assert main(["compare", str(old), str(new)]) == 0
    assert "changed for 2 students: the split" in capsys.readouterr().out


def test_a_submission_that_answers_by_chance_is_told_from_one_that_changed(graded, tmp_path):
    old = graded(
        "old",
        a="import os\ndef predict(image): return ['Hats', 'Newspaper', 'Plastic Bottle'][os.urandom(1)[0] % 3]",
    )
    new = graded("new", a=(tmp_path / "submissions" / "old-a" / "main.py").read_text(encoding="utf-8"))
    (change,) = compare(read_gradings(old), read_gradings(new))
    assert change.reasons == ()
    assert change.changes_result


def test_the_same_grading_has_no_changes_and_single_reports_can_be_compared(graded, capsys):
    old = graded("old", a=ORACLE) / "students" / "a"
    assert main(["compare", str(old), str(old)]) == 0
    assert capsys.readouterr().out == "1 before, 1 after; 0 with another result\n"


def test_what_is_no_grading_is_refused(tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "report.json").write_text("{}", encoding="utf-8")
    for name, reason in [("nowhere", "holds no grading"), ("broken", "not a report of this version")]:
        with pytest.raises(UsageError, match=reason):
            read_gradings(tmp_path / name)


def test_a_report_of_another_version_is_refused_by_its_version(graded, capsys):
    new = graded("new", a=ORACLE)
    old = graded("old", a=ORACLE)
    path = old / "students" / "a" / "report.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"schema_version": "5"', '"schema_version": "1"'), encoding="utf-8")
    assert main(["compare", str(old), str(new)]) == 2
    said = capsys.readouterr().err
    assert f"cannot read {path}: a report of version 1, and this grader reads version 5" in said
    assert main(["gradescope", "results", str(path.parent), "--out", str(old / "results.json")]) == 2
    assert "version 1" in capsys.readouterr().err
    path.write_text(text.replace('"schema_version": "5"', '"schema_version": "\\u001b[7m"'), encoding="utf-8")
    with pytest.raises(UsageError, match="not a report of this version"):
        read_gradings(old)
