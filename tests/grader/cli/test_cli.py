"""`python -m grader` as a user runs it: exit codes, one-line errors, and which files appear."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from grader import Report
from grader.cli import main
from grader.report import build
from grader.session import this_harness
from tests.grader.conftest import CLASSES, ORACLE, without_progress
from tests.ready_python import Program

ROOT = Path(__file__).parents[3]


ENVIRONMENT = {"PYTHONPATH": f"{ROOT}:{ROOT / 'student'}", "PATH": "/usr/bin:/bin", "LC_ALL": "C"}


@pytest.fixture
def run(ready_commands):
    """`python -m grader` with these arguments, in the folder `cwd`."""

    def run(*arguments, cwd):
        environment = {**ENVIRONMENT, "TMPDIR": tempfile.gettempdir()}
        return ready_commands.run(Program(["-m", "grader", *map(str, arguments)], cwd, environment))

    return run


@pytest.fixture
def assignment_file(tmp_path):
    rows = "".join(f'[[classes]]\nfolder = "{c.folder}"\nname = "{c.name}"\nzh = "{c.zh}"\n' for c in CLASSES)
    path = tmp_path / "assignment.toml"
    path.write_text(f'title = "Colours"\n{rows}', encoding="utf-8")
    return path


@pytest.fixture
def cwd(tmp_path):
    folder = tmp_path / "cwd"
    folder.mkdir()
    return folder


def test_a_graded_submission_exits_0_and_writes_only_below_out(
    run, write_submission, split_folder, assignment_file, cwd, tmp_path
):
    (split_folder / "00_00" / "notes.txt").touch()
    before = set(tmp_path.rglob("*"))
    submission = write_submission(ORACLE, name="王小明")
    done = run(submission, "--split", split_folder, "--assignment", assignment_file, "--out", "作业", cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert "王小明: GRADED" in done.stdout
    assert "100 of 100 points" in done.stdout
    left_out = "passed over: 1 file without an image's extension (00_00/notes.txt)"
    assert done.stderr == f"grader: {split_folder}: {left_out}\n"
    assert f"report: {Path('作业', 'report.html')}" in done.stdout
    assert json.loads((cwd / "作业" / "report.json").read_text(encoding="utf-8"))["score"]["correct"] == 12
    new = set(tmp_path.rglob("*")) - before - {*submission.parents, submission, submission / "main.py"}
    assert all(path.is_relative_to(cwd / "作业") for path in new)


def test_a_student_checks_with_one_command_in_chinese_and_is_told_what_was_not_run(
    run, write_submission, split_folder, assignment_file, cwd
):
    submission = write_submission("1 / 0")
    arguments = ["--self-check", "--split", split_folder, "--assignment", assignment_file, "--lang", "zh"]
    done = run(submission, *arguments, cwd=cwd)
    assert done.returncode == 1
    assert "自测：只使用公开图像，没有使用隐藏图像" in done.stdout
    assert "导入 main.py 失败" in done.stdout
    assert "教师页面" not in done.stdout
    page = (cwd / "reports" / "zhang" / "report.html").read_text(encoding="utf-8")
    assert '<html lang="zh">' in page


@pytest.mark.parametrize("kind", ["hidden", "public"])
@pytest.mark.parametrize("command", ["grade", "batch"])
def test_reports_are_not_written_among_the_images_that_the_assignment_names(
    write_submission, split_folder, assignment_file, tmp_path, capsys, kind, command
):
    submission = write_submission(ORACLE)
    rules = assignment_file.read_text(encoding="utf-8")
    other = "" if kind == "hidden" else f'hidden = "{split_folder}"\n'
    images = split_folder if kind == "hidden" else tmp_path / "given"
    assignment_file.write_text(f'{rules}[splits]\n{other}{kind} = "{images}"\n', encoding="utf-8")
    out = images / "reports"
    arguments = ["batch", str(submission.parent)] if command == "batch" else [str(submission)]
    assert main([*arguments, "--assignment", str(assignment_file), "--out", str(out)]) == 2
    assert (
        capsys.readouterr().err == f"grader: --out {out} lies inside the split: choose a folder beside it\n"
    )
    assert not out.exists()


def test_the_one_line_is_in_the_language_that_is_asked_for(
    write_submission, split_folder, assignment_file, tmp_path, capsys
):
    inputs = [
        "--split",
        str(split_folder),
        "--assignment",
        str(assignment_file),
        "--out",
        str(tmp_path / "out"),
    ]
    options = ["--self-check", "--brief", "--lang", "zh"]
    assert main([str(write_submission("import absent_module")), *options, *inputs]) == 1
    said = capsys.readouterr().out
    assert said.startswith("zhang：运行出错（CRASH）；0 分（满分 100），没有任何回答；")
    assert said.count("\n") == 1 and "absent_module" in said and " of " not in said
    assert main([str(write_submission(ORACLE, name="li")), *options, *inputs]) == 0
    assert capsys.readouterr().out == "li：评测完成（GRADED）；100 分（满分 100），12 张图像中答对 12 张\n"


def test_all_that_a_grading_writes_and_says_is_of_one_report(
    write_submission, split_folder, assignment_file, tmp_path, monkeypatch
):
    made = []
    monkeypatch.setattr(build, "Report", lambda **parts: made.append(Report(**parts)) or made[-1])
    inputs = [
        "--split",
        str(split_folder),
        "--assignment",
        str(assignment_file),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main([str(write_submission("1 / 0")), "--self-check", *inputs]) == 1
    assert len(made) == 1


def test_public_images_beside_those_of_a_self_check_are_refused(
    write_submission, split_folder, assignment_file, tmp_path, capsys
):
    images = ["--split", str(split_folder), "--public", str(split_folder)]
    arguments = [str(write_submission(ORACLE)), "--self-check", *images, "--out", str(tmp_path / "out")]
    assert main([*arguments, "--assignment", str(assignment_file)]) == 2
    assert "--public is for official grading" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_public_images_that_cannot_be_used_are_refused_before_anything_is_run(
    run, write_submission, split_folder, assignment_file, cwd
):
    submission = write_submission(ORACLE)
    arguments = ["--split", split_folder, "--assignment", assignment_file, "--public", cwd / "absent"]
    done = run(submission, *arguments, cwd=cwd)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert not (cwd / "reports" / "zhang" / "report.json").exists()


def test_a_submission_that_cannot_be_graded_exits_1_with_its_verdict(
    run, tmp_path, split_folder, assignment_file, cwd
):
    (tmp_path / "empty").mkdir()
    done = run(tmp_path / "empty", "--split", split_folder, "--assignment", assignment_file, cwd=cwd)
    assert done.returncode == 1
    assert "FORMAT" in done.stdout
    assert (
        json.loads((cwd / "reports" / "empty" / "report.json").read_text(encoding="utf-8"))["verdict"]
        == "FORMAT"
    )


def test_usage_errors_are_one_line_and_exit_2(
    run, write_submission, split_folder, assignment_file, cwd, tmp_path
):
    submission = write_submission(ORACLE)
    (tmp_path / "none").mkdir()
    (tmp_path / "broken.toml").write_text('title = "t"\nclasses = 3', encoding="utf-8")
    for arguments, reason in [
        (["nowhere", "--split", split_folder], "does not exist"),
        ([submission, "--split", tmp_path / "none", "--assignment", assignment_file], "no images"),
        ([submission, "--split", tmp_path / "nowhere", "--assignment", assignment_file], "does not exist"),
        ([submission, "--split", split_folder, "--assignment", tmp_path / "broken.toml"], "classes"),
        ([submission, "--assignment", tmp_path / "nowhere.toml"], "cannot read"),
        (
            [submission, "--split", split_folder, "--assignment", assignment_file, "--out", submission / "o"],
            "inside",
        ),
    ]:
        done = run(*arguments, cwd=cwd)
        assert done.returncode == 2
        assert reason in done.stderr
        assert done.stderr.count("\n") == 1
        assert done.stdout == ""
    assert list(cwd.iterdir()) == []


def test_without_a_split_the_drawn_demo_set_is_used_and_named(run, write_submission, cwd):
    done = run(write_submission("def predict(image): return 'Hats'"), cwd=cwd)
    assert done.returncode == 0
    assert "5 of 130 images right" in done.stdout
    assert "drawn demo set" in done.stdout


def test_an_assignment_with_other_classes_needs_a_split_of_its_own(
    run, write_submission, assignment_file, cwd
):
    done = run(write_submission(ORACLE), "--assignment", assignment_file, cwd=cwd)
    assert done.returncode == 2
    assert "--split" in done.stderr


def test_a_reader_that_goes_away_costs_neither_report_nor_exit_code(
    write_submission, split_folder, assignment_file, cwd
):
    command = f"{sys.executable} -m grader {write_submission(ORACLE)} --split {split_folder} --assignment {assignment_file} --out o | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=cwd, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'student'}", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, without_progress(done.stderr)) == (0, "")
    assert (cwd / "o" / "report.html").exists()


OFTEN = """
import sys
from grader import progress
from grader.cli import main
progress._LOG_SECONDS = 0.01
sys.exit(main())
"""


def test_a_brief_grading_says_one_line_and_nothing_while_it_lasts(
    write_submission, split_folder, assignment_file, cwd
):
    arguments = [
        write_submission(ORACLE),
        "--self-check",
        "--split",
        split_folder,
        "--assignment",
        assignment_file,
    ]
    said = [
        subprocess.run(
            [sys.executable, "-c", OFTEN, *map(str, arguments), *more], cwd=cwd,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
        )
        for more in ([], ["--brief"])
    ]  # fmt: skip
    assert "[00:" in said[0].stderr
    assert (said[1].stdout.count("\n"), said[1].stderr) == (1, "")


def test_a_working_folder_that_is_gone_is_no_reason_to_fail(cwd):
    done = subprocess.run(
        ["bash", "-c", f"rmdir '{cwd}'; exec '{sys.executable}' -m grader --help"],
        cwd=cwd, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


def test_the_command_line_comes_up_without_any_library():
    # So that a library that is missing is told in one line, by the installed command too.
    code = "import sys, grader.cli; sys.exit(bool({'cv2', 'numpy', 'pydantic', 'jinja2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_grader_itself_never_imports_mindspore():
    code = "import sys, grader, grader.cli, grader.report.files; sys.exit('mindspore' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": f"{ROOT}:{ROOT / 'student'}"}, check=False
    )
    assert done.returncode == 0


def test_a_locale_that_cannot_name_every_file_is_the_harness_fault_and_no_verdict(write_submission, cwd):
    folder = write_submission(ORACLE, **{"权重.txt": ""})
    done = subprocess.run(
        [sys.executable, "-m", "grader", str(folder)],
        cwd=cwd,
        env={
            "PYTHONPATH": f"{ROOT}:{ROOT / 'student'}",
            "LC_ALL": "C",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "set PYTHONUTF8=1" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bacth", "x"], "there is no command 'bacth', and no such submission: did you mean 'batch'?"),
        (["x" * 100_000], "File name too long"),
        (["submit", "--spilt", "x"], "did you mean --split?"),
        (["submit", "--xyz", "x"], "unrecognized arguments: --xyz x ("),
        (["submit", "x", "--spilt=x"], "did you mean --split?"),
        (["split", "seel"], "invalid choice: 'seel'"),
        (["split", "seel"], "did you mean seal?"),
        (["split", "audit", "a", "b", "--wieghts", "x"], "did you mean --weights?"),
        (["split", "audit", "a", "b", "--xyz"], "split audit --help` lists everything"),
        (["submit", "--spilt", "x", "--lang", "zh"], "：是否想输入 --split？"),
        (["split", "seel", "--lang", "zh"], "：是否想输入 seal？"),
        ([], "the following arguments are required: submission"),
    ],
)
def test_what_is_typed_wrong_is_one_line_that_says_what_was_meant(run, arguments, said, cwd):
    done = run(*arguments, cwd=cwd)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["python -m grader", "lab-grader"])
def test_the_version_names_the_harness_under_either_name(name, cwd, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", [f"/bin/{name}"])
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    harness = this_harness()
    assert ended.value.code == 0
    assert capsys.readouterr().out == (
        f"lab-grader {harness.version} (source {harness.source_sha256[:12]}, Python {harness.python})\n"
    )
    with pytest.raises(SystemExit):
        main(["split", "--help"])
    assert f"usage: {name} split" in capsys.readouterr().out


def test_a_quiet_grading_says_its_last_line_alone_and_errors(
    run, write_submission, split_folder, assignment_file, cwd
):
    (split_folder / "00_00" / "notes.txt").touch()
    inputs = ["--split", split_folder, "--public", split_folder, "--assignment", assignment_file]
    done = run(write_submission(ORACLE), *inputs, "-q", cwd=cwd)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")
    assert done.stdout.startswith("zhang: GRADED")
    assert (cwd / "reports" / "zhang" / "report.html").exists()
    done = run("nowhere", *inputs, "--quiet", cwd=cwd)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_a_submission_whose_name_is_nearly_a_commands_is_a_submission(
    run, write_submission, assignment_file, cwd
):
    (cwd / "bacth").mkdir()
    done = run("bacth", "--assignment", assignment_file, cwd=cwd)
    assert "did you mean" not in done.stderr


def test_the_help_has_a_gap_between_each_command_and_what_it_does(run, cwd):
    lines = run("--help", cwd=cwd).stdout.partition("other commands")[2].splitlines()[1:]
    assert len(lines) == 7
    assert (
        len({len(line) - len(line[2:].lstrip("abcdefghijklmnopqrstuvwxyz").lstrip()) for line in lines}) == 1
    )


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ImportError("libGL.so.1:\nno such file"), 3, "cannot be loaded: libGL.so.1: no such file; install"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
    ids=["a library that is missing", "Ctrl-C"],
)
def test_a_command_that_cannot_be_loaded_is_one_line_and_no_verdict(error, code, said, monkeypatch, capsys):
    def fail(_):
        raise error

    monkeypatch.setattr("grader.cli.command_line.importlib.import_module", fail)
    assert main(["doctor"]) == code
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        ("raise ImportError('libGL.so.1 is missing')", 3, "libGL.so.1 is missing"),
        ("raise KeyboardInterrupt", 130, "interrupted"),
    ],
    ids=["a library that is missing", "Ctrl-C"],
)
def test_a_grader_that_cannot_be_loaded_is_one_line_and_no_verdict(source, code, said, cwd, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "cv2.py").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "grader", "--version"],
        cwd=cwd,
        env={"PYTHONPATH": f"{tmp_path / 'broken'}:{ROOT}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert said in done.stderr


ON_A_FULL_DISK = """
import errno, os, sys
from grader.cli import main
from grader.files import Held
def write(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
Held.write = write
sys.exit(main())
"""


WITHOUT_ROOM_FOR_A_FILE = """
import resource, sys
sys.dont_write_bytecode = True  # Python would take what it could write for the whole
from grader.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            [],
            "the copy of the submission cannot be written to {} (File too large): make room there, or set TMPDIR",
        ),
        (["--lang", "zh"], "无法将提交的副本写入 {}（文件过大）：请在该处腾出空间，或将 TMPDIR 设为"),
    ],
)
def test_without_room_for_the_copy_of_a_submission_one_line_says_what_to_do(
    options, said, write_submission, split_folder, assignment_file, cwd
):
    inputs = ["--split", split_folder, "--assignment", assignment_file, "--skip-canary", *options]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ROOM_FOR_A_FILE, write_submission(ORACLE, big="x" * 20_000), *inputs],
        cwd=cwd,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'student'}", "PATH": "/usr/bin:/bin", "TMPDIR": str(cwd)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    (line,) = without_progress(done.stderr).splitlines()
    folder = re.search(rf"{re.escape(str(cwd))}/lab-grader-\w+/submission", line)
    assert said.format(folder[0]) in line
    assert not [*cwd.glob("lab-grader-*")], "nothing is left of it"


@pytest.mark.parametrize("options", [[], ["--brief"]])
def test_a_disk_that_is_full_does_not_cost_the_score(
    options, write_submission, split_folder, assignment_file, cwd
):
    inputs = ["--split", split_folder, "--assignment", assignment_file, "--skip-canary", *options]
    done = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, write_submission(ORACLE), *inputs],
        cwd=cwd,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'student'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 3
    assert "12 of 12" in done.stdout
    assert "report.html" not in done.stdout
    (said,) = without_progress(done.stderr).splitlines()
    assert said.startswith(
        "grader: the report could not be written to reports/zhang: No space left on device"
    )
