"""A submission that holds hidden images, or the key, is not run, and only the instructor hears all of it."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from grader import Verdict
from grader.intake import intake
from grader.model.assignment import Splits
from grader.model.grading import NO_CHECKS, Exam
from grader.report import build_report, write_grading
from grader.session import Session
from grader.split import make_key, open_sealed, write_sealed

from ..conftest import CLASSES, ORACLE

STOLEN = ("00_01/00002.png", "00_00/00001.png", "00_02/00003.png")


@pytest.fixture
def leaky(write_submission, split_folder) -> Path:
    """A submission with three hidden images among its own, under other names."""
    folder = write_submission(ORACLE, **{"data/own.png": "mine"})
    for number, name in enumerate(STOLEN):
        shutil.copyfile(split_folder / name, folder / "data" / f"{number}.bin")
    return folder


@pytest.fixture
def sealed(tmp_path, split):
    key = make_key(tmp_path / "split.key")
    write_sealed(split, CLASSES, key, tmp_path / "hidden.sealed")
    return open_sealed(tmp_path / "hidden.sealed", tmp_path / "split.key", CLASSES)


def graded(source, split, assignment, *, public=None, self_check=False):
    mode = "self-check" if self_check else "official"
    return Session(Exam(split, assignment, mode, NO_CHECKS, public)).grade(source)


def is_refused(outcome) -> bool:
    return "leaked-file" in [finding.code for finding in outcome.findings]


def test_hidden_images_in_a_submission_are_refused_before_anything_is_run(leaky, split, assignment, tmp_path):
    outcome = graded(leaky, split, assignment)
    report = build_report(outcome)
    assert (report.verdict, report.score.correct, outcome.answers) == (Verdict.FORMAT, 0, None)
    # It counts as an attempt: a hand-in of guesses is not free.
    assert report.submission.sha256
    write_grading(outcome, build_report(outcome), tmp_path / "out")
    told = (tmp_path / "out" / "report.json").read_text(encoding="utf-8") + (
        tmp_path / "out" / "report.html"
    ).read_text(encoding="utf-8")
    assert "data/0.bin must not be in a submission" in told
    assert not any(Path(name).name in told for name in STOLEN)
    findings = json.dumps([finding.model_dump() for finding in report.findings])
    assert "1.bin" not in findings
    assert "own.png" not in findings


def test_the_instructor_is_told_of_each_and_which_it_is(leaky, split, assignment, tmp_path):
    outcome = graded(leaky, split, assignment)
    write_grading(outcome, build_report(outcome), tmp_path / "out")
    answers = json.loads((tmp_path / "out" / "instructor" / "answers.json").read_text(encoding="utf-8"))
    assert answers["hidden_files"] == [
        {"file": f"data/{number}.bin", "is": name} for number, name in enumerate(STOLEN)
    ]
    page = (tmp_path / "out" / "instructor" / "report.instructor.html").read_text(encoding="utf-8")
    assert all(f"data/{number}.bin is the hidden image {name}" in page for number, name in enumerate(STOLEN))


def test_the_key_of_a_sealed_split_is_refused_even_in_a_self_check(
    write_submission, sealed, assignment, tmp_path
):
    folder = write_submission(ORACLE)
    shutil.copyfile(tmp_path / "split.key", folder / "notes.txt")
    for self_check in (False, True):
        outcome = graded(folder, sealed, assignment, self_check=self_check)
        assert is_refused(outcome)
        assert [(str(file.path), file.secret) for file in outcome.hidden_files] == [("notes.txt", "key")]


def test_images_of_a_sealed_split_are_refused(leaky, sealed, assignment):
    assert len(graded(leaky, sealed, assignment).hidden_files) == len(STOLEN)


def test_in_a_self_check_the_images_are_the_students_own(leaky, split, assignment):
    assert not is_refused(graded(leaky, split, assignment, self_check=True))


def test_images_that_students_were_given_may_be_handed_in(leaky, split, assignment, split_folder, tmp_path):
    public = tmp_path / "public"
    for name in STOLEN[:2]:
        (public / name).parent.mkdir(parents=True)
        shutil.copyfile(split_folder / name, public / name)
    given = assignment.model_copy(update={"splits": Splits(public=str(public))})
    assert [file.secret for file in graded(leaky, split, given).hidden_files] == [STOLEN[2]]
    assert is_refused(graded(leaky, split, assignment))
    given = assignment.model_copy(update={"splits": Splits(public=str(split_folder))})
    assert not is_refused(graded(leaky, split, given))


def test_the_public_images_named_on_the_command_line_count_too(leaky, split, assignment):
    assert not is_refused(graded(leaky, split, assignment, public=split))


def test_an_ordinary_submission_costs_no_look_at_public_images(
    write_submission, split, assignment, monkeypatch
):
    monkeypatch.setattr("grader.session.stages.public_split", lambda _: pytest.fail("opened"))
    assert not is_refused(graded(write_submission(ORACLE), split, assignment))


def packed(folder, path, files, method=zipfile.ZIP_DEFLATED) -> None:
    """Write a zip of these files, by their names in it, into a submission."""
    with zipfile.ZipFile(folder / path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_hidden_image_in_a_zip_within_is_refused(write_submission, split, split_folder, assignment, method):
    folder = write_submission(ORACLE)
    image = (split_folder / STOLEN[0]).read_bytes()
    packed(folder, "own.zip", {"a.png": image + b"1", "b.png": bytes(len(image))}, method)
    assert not is_refused(graded(folder, split, assignment))
    packed(folder, "data.npz", {"b.png": bytes(len(image)), "val/x.png": image, "/etc/y.png": image}, method)
    outcome = graded(folder, split, assignment)
    assert outcome.verdict is Verdict.FORMAT
    assert [(str(file.path), file.secret) for file in outcome.hidden_files] == [
        ("data.npz/val/x.png", STOLEN[0]),
        ("data.npz", STOLEN[0]),
    ]
    given = assignment.model_copy(update={"splits": Splits(public=str(split_folder))})
    assert not is_refused(graded(folder, split, given))


def test_the_key_in_a_zip_within_is_refused(write_submission, sealed, assignment, tmp_path):
    folder = write_submission(ORACLE)
    packed(folder, "all.zip", {"k": (tmp_path / "split.key").read_bytes()})
    assert [file.secret for file in graded(folder, sealed, assignment).hidden_files] == ["key"]


def test_zips_within_cost_no_more_than_is_allowed(
    write_submission, split, split_folder, assignment, monkeypatch
):
    folder = write_submission(ORACLE)
    image = (split_folder / STOLEN[0]).read_bytes()
    packed(folder, "a.zip", dict.fromkeys("abcd", image))

    def hidden():
        return len(graded(folder, split, assignment).hidden_files)

    assert hidden() == 4
    monkeypatch.setattr(intake, "_MOST_UNPACKED_BYTES", 2 * len(image))
    assert hidden() == 2
    monkeypatch.setattr(intake, "_MOST_DIRECTORIES_BYTES", 100)
    assert hidden() == 0


@pytest.mark.parametrize("kind", ["cut", "overlapping", "of another length", "of a method nobody knows"])
def test_a_zip_within_that_cannot_be_is_passed_by(write_submission, split, split_folder, assignment, kind):
    folder = write_submission(ORACLE)
    image = (split_folder / STOLEN[0]).read_bytes()
    content = image * 3 if kind == "of another length" else image
    packed(folder, "a.zip", {"a": content, "b": content}, zipfile.ZIP_STORED)
    path = folder / "a.zip"
    data = bytearray(path.read_bytes())
    first, second = data.index(b"PK\x01\x02"), data.rindex(b"PK\x01\x02")
    if kind == "cut":
        del data[-30:]
    elif kind == "overlapping":  # both begin where the first does
        data[second + 42 : second + 46] = data[first + 42 : first + 46]
    elif kind == "of another length":
        for at in (first, second):
            data[at + 24 : at + 28] = len(image).to_bytes(4, "little")
    else:
        for at in (first, second):
            data[at + 10 : at + 12] = b"\x0e\x00"
    path.write_bytes(data)
    outcome = graded(folder, split, assignment)
    assert (outcome.hidden_files, outcome.verdict) == ((), Verdict.GRADED)
