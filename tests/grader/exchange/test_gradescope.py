"""The harness as a Gradescope autograder: what is uploaded, and what comes of a submission there."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from grader.cli import main
from grader.exchange import render_results
from grader.model.assignment import Limits, load_assignment
from grader.model.grading import NO_CHECKS
from grader.model.verdict import Verdict
from grader.session import grade
from tests.grader.conftest import CLASSES, ORACLE


@pytest.fixture
def assignment_file(tmp_path):
    rows = "".join(f'[[classes]]\nfolder = "{c.folder}"\nname = "{c.name}"\nzh = "{c.zh}"\n' for c in CLASSES)
    path = tmp_path / "assignment.toml"
    more = "[points]\nfull = 50\ntable = [[0.5, 10], [1.0, 50]]\n[attempts]\nmost = 3\n"
    path.write_text(f'title = "Colours \\"of\\" 颜色"\n{more}{rows}', encoding="utf-8")
    return path


def test_results_have_the_score_and_every_finding(write_submission, split, assignment):
    report = grade(write_submission("def predict(image): return 1"), split, assignment, checks=NO_CHECKS)
    results = json.loads(render_results(report))
    assert results["score"] == 0.0
    assert results["stdout_visibility"] == "hidden"
    assert [test["name"] for test in results["tests"]] == [finding.title for finding in report.findings]
    assert results["tests"][0]["status"] == "failed"


def test_where_the_harness_failed_there_is_no_score(write_submission, split, assignment):
    report = grade(write_submission(ORACLE), split, assignment, checks=NO_CHECKS)
    failed = report.model_copy(update={"verdict": Verdict.INTERNAL, "score": None})
    assert "score" not in json.loads(render_results(failed))


def test_what_is_uploaded_grades_where_nothing_else_is(
    write_submission, split_folder, assignment_file, tmp_path, capsys
):
    sealed, key, out = tmp_path / "s.sealed", tmp_path / "s.key", tmp_path / "autograder.zip"
    rest = ["--assignment", str(assignment_file), "--key-file", str(key), "--lang", "zh"]
    assert main(["split", "seal", str(split_folder), "--out", str(sealed), *rest]) == 0
    assert main(["gradescope", "pack", "--split", str(sealed), "--out", str(out), *rest]) == 0
    assert out.stat().st_mode & 0o077 == 0
    said = capsys.readouterr().out
    assert f"{key}（新生成；没有它，谁也无法再打开该文件）" in said
    assert said.endswith(f"{out}：请作为 autograder 上传；其中含有密钥，请勿外传\n")
    place = tmp_path / "autograder"
    with zipfile.ZipFile(out) as zipped:
        zipped.extractall(place / "source")
        for entry in zipped.infolist():  # which Python's own unpacking leaves out
            (place / "source" / entry.filename).chmod(entry.external_attr >> 16)
    packed = load_assignment(place / "source" / "assignment.toml")
    assert packed.sha256 == load_assignment(assignment_file).sha256
    assert (packed.title, packed.attempts.most, packed.limits) == ('Colours "of" 颜色', 3, Limits())

    # The script as it is, with this machine's places for Gradescope's, and the files that were packed.
    (place / "results").mkdir()
    shutil.copytree(write_submission(ORACLE), place / "submission")
    script = (place / "source" / "run_autograder").read_text(encoding="utf-8")
    assert os.access(place / "source" / "run_autograder", os.X_OK)
    for theirs, ours in (("/autograder", str(place)), ("/opt/grader/bin/python", sys.executable)):
        assert theirs in script
        script = script.replace(theirs, ours)
    environment = {**os.environ, "PYTHONPATH": f"{place / 'source'}:{place / 'source' / 'student'}"}
    subprocess.run(["bash", "-c", script], env=environment, cwd="/", check=True)
    results = json.loads((place / "results" / "results.json").read_text(encoding="utf-8"))
    assert results["score"] == 50.0
    assert subprocess.run(["bash", "-n", place / "source" / "setup.sh"], check=False).returncode == 0


def test_what_cannot_be_packed_or_read_is_one_line(assignment_file, split_folder, tmp_path, capsys):
    rest = ["--assignment", str(assignment_file), "--key-file", str(tmp_path / "none.key")]
    assert (
        main(["gradescope", "pack", "--split", str(split_folder), "--out", str(tmp_path / "a.zip"), *rest])
        == 2
    )
    assert main(["gradescope", "results", str(tmp_path), "--out", str(tmp_path / "r.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 2
    assert not (tmp_path / "a.zip").exists()
