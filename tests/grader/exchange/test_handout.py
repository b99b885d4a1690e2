"""What students get: enough to work and to check themselves, and nothing that gives anything away."""

import json
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from grader.cli import exchange as command
from grader.cli import main
from grader.demo import write_demo
from grader.errors import UsageError
from grader.exchange import choose_backbones, contents, left_out, write_handout
from grader.exchange.handout import PAGES
from grader.split import make_key
from reference.weights import write_checkpoint
from tests.own_environment import environment, needed_by, packages_of, share
from tests.reference.drawn_shapes import untrained_backbone

ROOT = Path(__file__).parents[3]
MAIN = b"def predict(image): return 'Hats'"


@pytest.fixture
def backbone(tmp_path):
    """Under a name that no template looks for, as an instructor may have it."""
    path = tmp_path / "mobilenetv2_imagenet.ckpt"
    write_checkpoint(untrained_backbone(), path)
    return path


@pytest.fixture
def unpacked(backbone, tmp_path):
    """What a student has: the files of the zip in an empty folder."""
    out, folder = tmp_path / "handout.zip", tmp_path / "unpacked"
    assert main(["handout", "--out", str(out), "--pretrained", str(backbone)]) == 0
    with zipfile.ZipFile(out) as zipped:
        zipped.extractall(folder)
    return folder


@pytest.fixture
def env(tmp_path):
    """An empty home, and no other way to this clone than those that every interpreter has."""
    (tmp_path / "home").mkdir()
    return {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home")}


@pytest.fixture
def clone(tmp_path):
    """A clone with what is handed out and nothing else."""
    root = tmp_path / "clone"
    for path in contents(ROOT):
        if (ROOT / path).is_file():  # others are made
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, root / path)
    return root


@pytest.fixture(scope="module")
def own_environment():
    """An interpreter with the packages that the handout asks for, and those that they need: no other is there.

    Below /tmp, which is what a sandbox is shown.
    """
    listed = contents(ROOT)["requirements.txt"].decode().splitlines()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        python = environment(Path(folder) / "env")
        share(packages_of(python), needed_by(line for line in listed if not line.startswith("#")))
        yield python


@pytest.fixture
def student(own_environment, env):
    """Runs programs as a student does who has nothing but the handout."""

    def run(folder, *arguments):
        done = subprocess.run(
            [own_environment, *arguments],
            cwd=folder, env=env, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_environment_has_nothing_of_this_project_nor_what_no_list_names(student, tmp_path):
    names = (
        "grader",
        "src_mindspore",
        "reference",
        "datasets",
        "student",
        "tests",
        "pytest",
        "jupytext",
        "torch",
    )
    code = f"""
import importlib.util, sys
print([name for name in {names} if importlib.util.find_spec(name)], sys.path)
"""
    said = student(tmp_path, "-c", code)
    assert said.startswith("[] ")
    assert str(ROOT) not in said.replace(str(Path(sys.base_prefix).resolve()), "")


@pytest.mark.mindspore
def test_a_handout_trains_checks_and_exports_in_an_environment_of_its_own(unpacked, student, tmp_path):
    write_demo(tmp_path / "photos", train=2, val=1)
    said = student(unpacked / "student", "train_main.py", "--dataset_path", tmp_path / "photos")
    assert "training is ok!!!" in said
    assert (unpacked / "student" / "results" / "mobilenetv2.mindir").stat().st_size > 1 << 20
    student(
        unpacked, "-m", "grader", "student/", "--self-check", "--split", tmp_path / "photos" / "val"
    )  # fmt: skip
    report = json.loads((unpacked / "reports" / "student" / "report.json").read_text(encoding="utf-8"))
    assert (report["verdict"], report["score"]["total"]) == ("GRADED", 26)
    assert not [*(tmp_path / "home").rglob("lab-grader")]


@pytest.mark.mindspore
def test_the_flower_lab_trains_evaluates_and_exports_in_an_environment_of_its_own(
    unpacked, student, tmp_path
):
    write_demo(tmp_path / "photos", train=3, val=1)
    weights = ("--freeze_layer", "backbone", "--pretrain_ckpt", "../pretrained/mobilenetv2.ckpt")
    last = ("--pretrain_ckpt", "./ckpt_0/mobilenetv2_20.ckpt")
    said = ""
    for program in (
        ("train.py", "--dataset_path", tmp_path / "photos" / "train", *weights),
        ("eval.py", "--dataset_path", tmp_path / "photos" / "val", *last),
        ("export.py", *last),
    ):
        said += student(unpacked / "student" / "flowers", *program)
    assert "epoch[20/20], iter[1] cost:" in said
    assert "result:{'acc': " in said
    assert (unpacked / "student" / "flowers" / "mobilenetv2.mindir").stat().st_size > 1 << 20


def test_a_backbone_that_is_missing_is_named_by_what_the_student_has(unpacked, env):
    (unpacked / "student" / "pretrained" / "mobilenetv2.ckpt").unlink()
    done = subprocess.run(
        [sys.executable, "train_main.py"],
        cwd=unpacked / "student", env=env, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {unpacked / 'student' / 'pretrained' / 'mobilenetv2.ckpt'}: not")
    assert (done.stderr.count("\n"), "reference" in done.stderr) == (1, False)
    assert "python -m datasets.fetch backbone" in done.stderr


def test_a_handout_takes_the_clone_s_own_backbones_and_is_refused_without_one(
    clone, backbone, tmp_path, monkeypatch, capsys
):
    (clone / "reference").touch()
    monkeypatch.setattr(command, "_ROOT", clone)
    out = tmp_path / "handout.zip"
    assert main(["handout", "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "no backbone to hand out" in said
    assert "python -m reference.pretrained --out student/pretrained/mobilenetv2.ckpt" in said
    assert (said.count("\n"), "--no-pretrained" in said, out.exists()) == (1, True, False)
    (clone / "student" / "pretrained").mkdir(exist_ok=True)
    for name in ("mobilenetv2.ckpt", "mobilenetv2.safetensors"):
        shutil.copy(backbone, clone / "student" / "pretrained" / name)
    assert main(["handout", "--out", str(out), "--lang", "zh"]) == 0
    assert f"已检查，其中没有以下位置的文件：{clone / 'reference'}" in capsys.readouterr().out
    with zipfile.ZipFile(out) as zipped:
        names = zipped.namelist()
    assert [name for name in names if "pretrained" in name] == [
        "student/pretrained/mobilenetv2.ckpt",
        "student/pretrained/mobilenetv2.safetensors",
    ]


def test_without_a_backbone_the_handout_names_the_command_that_fetches_one(tmp_path):
    out = tmp_path / "handout.zip"
    assert main(["handout", "--out", str(out), "--no-pretrained"]) == 0
    with zipfile.ZipFile(out) as zipped:
        assert not [name for name in zipped.namelist() if name.startswith("student/pretrained")]
        assert "python -m datasets.fetch backbone" in zipped.read("lab.html").decode("utf-8")


def test_the_handout_has_both_labs_and_all_that_they_need():
    files = contents(ROOT)
    flowers = {f"student/flowers/{name}.py" for name in ("train", "eval", "export", "config", "main")}
    templates = {"student/train_main.py", "student/main.ipynb", "student/train_main_torch.py"}
    others = {"lab.html", "requirements.txt", "datasets/fetch.py", "student/torch_submission/main.py"}
    assert flowers | templates | others <= files.keys()
    listed = [line for line in files["requirements.txt"].decode().splitlines() if not line.startswith("#")]
    assert {"numpy<2", "opencv-python-headless>=4.8"} <= {*listed}
    assert f'"{listed[0]}",' in files["pyproject.toml"].decode()


@pytest.mark.parametrize("given", [["a.safetensors"], ["a.ckpt", "b.ckpt"], ["a.ckpt", "b.pth"]])
def test_backbones_that_no_template_could_look_for_are_refused(given):
    with pytest.raises(UsageError, match=r"--pretrained"):
        choose_backbones(ROOT, [Path(name) for name in given])


def test_a_handout_checks_a_submission_where_nothing_else_is(unpacked, env, tmp_path, write_submission):
    names = [path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()]
    assert {"HANDOUT.md", "student/main.py", "student/main.ipynb", "student/src_mindspore/dataset.py"} <= {
        *names
    }
    assert not [
        name
        for name in names
        if name.startswith(("reference", "tests", "benchmarks", ".")) or "__pycache__" in name
    ]
    done = subprocess.run(
        [sys.executable, "-m", "grader", write_submission(MAIN.decode()), "--self-check", "--out", tmp_path / "o"],
        cwd=unpacked, env=env, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "5 of 130 images right" in done.stdout


def test_the_students_pages_are_handed_out_with_all_pages_that_they_lead_to():
    files = contents(ROOT)
    for page in ("docs/student.md", "docs/zh/student.md"):
        led_to = re.findall(r"\]\(([^)#:]+)[^):]*\)", files[page].decode("utf-8"))
        assert led_to
        assert {posixpath.normpath(f"{posixpath.dirname(page)}/{to}") for to in led_to} <= files.keys()


def test_no_page_that_is_handed_out_leads_to_one_that_is_not():
    files = contents(ROOT)
    for page in PAGES:
        text = files[page].decode("utf-8")
        led_to = re.findall(r"\]\(([^)#:]+)[^):]*\)", text)
        assert {posixpath.normpath(f"{posixpath.dirname(page)}/{to}") for to in led_to} <= files.keys()
    # What it said stays, and so do the links that lead on.
    assert (
        "which sends submissions and the split to a cluster of your own." in files["docs/privacy.md"].decode()
    )
    assert "](student.md)" in files["docs/verdicts.md"].decode()


@pytest.mark.parametrize(
    "left",
    [
        "solution.py",
        "notes.md",
        "main_best.ipynb",
        "flowers/scores.json",
        "flowers/ckpt_0/notes.md",
        "torch_submission/other_head.py",
        "trials/one/main.py",
        "reports/mine/report.html",
        "my check/instructor/answers.json",
        "class/gradebook.html",
        "main.old.py",
        "main.old-2.ipynb",
    ],
)
def test_what_an_instructors_own_trials_left_is_not_handed_out(left, clone):
    before = contents(clone)
    assert "student/main.py" in before
    (clone / "student" / left).parent.mkdir(parents=True, exist_ok=True)
    (clone / "student" / left).write_text("solution", encoding="utf-8")
    assert contents(clone) == before


@pytest.mark.parametrize("name", ["student/train_main.py", "student/src_mindspore", "datasets"])
def test_a_clone_that_lacks_a_part_of_the_handout_is_one_clear_line(clone, name):
    lost = clone / name
    shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
    with pytest.raises(UsageError, match=rf"cannot read {re.escape(str(lost))}.*No such file"):
        contents(clone)


def test_what_lies_among_the_templates_and_is_not_handed_out_is_named(
    clone, backbone, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(command, "_ROOT", clone)
    (clone / "reference").mkdir()
    given = ["handout", "--pretrained", str(backbone), "--out"]
    assert main([*given, str(tmp_path / "a.zip")]) == 0
    assert "Not handed out" not in capsys.readouterr().out
    for name in ("solution.py", "flowers/scores.json", "main.ckpt"):
        (clone / "student" / name).write_text("x", encoding="utf-8")
    assert left_out(clone, contents(clone)) == ["student/solution.py", "student/flowers/scores.json"]
    assert main([*given, str(tmp_path / "b.zip")]) == 0
    assert (
        "no file of the labs: student/solution.py, student/flowers/scores.json\n" in capsys.readouterr().out
    )


def test_every_template_of_the_project_is_handed_out():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", "student", "datasets"], cwd=ROOT, capture_output=True, check=False
    )
    tracked = {name for name in listed.stdout.decode().split("\0") if name and not name.endswith("py.typed")}
    if listed.returncode or not tracked:
        pytest.skip("this is no clone of git's")
    assert tracked == {path for path in contents(ROOT) if path.startswith(("student/", "datasets/"))}


def test_the_same_files_make_the_same_bytes(tmp_path):
    for name in "ab":
        write_handout(contents(ROOT), tmp_path / name, [])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.fixture
def secrets(tmp_path, split_folder):
    key = tmp_path / "split.key"
    make_key(key)
    return {
        "image": (split_folder / "00_00" / "00000.png").read_bytes(),
        "key": b"# mine\n" + key.read_bytes(),
        "sealed": b"LABSPLIT and more",
        "reference": (ROOT / "reference" / "finetune.py").read_bytes(),
        "import": b"import os\nfrom reference.training import loop\n",
    }


@pytest.mark.parametrize("which", ["image", "key", "sealed", "reference", "import"])
def test_what_would_give_something_away_is_found_wherever_it_lies(which, secrets, split_folder, tmp_path):
    out = tmp_path / "handout.zip"
    files = {"student/main.py": MAIN, "student/notes.py": secrets[which]}
    with pytest.raises(UsageError, match=r"student/notes\.py must not be handed out"):
        write_handout(files, out, [ROOT / "reference", split_folder])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hidden", "split.key"]


def test_a_hidden_image_behind_a_link_is_found(secrets, split_folder, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "00_00").symlink_to(split_folder / "00_00")
    (linked / "back").symlink_to(linked)
    files = {"student/main.py": MAIN, "student/notes.py": secrets["image"]}
    with pytest.raises(UsageError, match=r"student/notes\.py must not be handed out"):
        write_handout(files, tmp_path / "handout.zip", [linked])


def test_what_is_written_is_what_was_checked_and_nothing_else_is_replaced(tmp_path, monkeypatch):
    out = tmp_path / "handout.zip"
    checked = []

    def check_while_somebody_writes(archive, secret):
        checked.append(archive.getvalue())
        out.write_bytes(b"somebody else's")
        return 1

    monkeypatch.setattr("grader.exchange.handout.check_archive", check_while_somebody_writes)
    with pytest.raises(UsageError, match="cannot write"):
        write_handout({"student/main.py": MAIN}, out, [])
    assert out.read_bytes() == b"somebody else's"
    assert [path.name for path in tmp_path.iterdir()] == ["handout.zip"]
    out.unlink()
    monkeypatch.setattr("grader.exchange.handout.check_archive", lambda *_: 1)
    write_handout({"student/main.py": MAIN}, out, [])
    assert out.read_bytes() == checked[0]


def test_a_file_outside_what_students_get_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not among the files for students"):
        write_handout({"tests/test_secret.py": b"x"}, tmp_path / "handout.zip", [])


def test_nothing_is_overwritten_and_a_secret_that_is_not_there_is_named(backbone, tmp_path, capsys):
    given = ["--pretrained", str(backbone)]
    out = tmp_path / "handout.zip"
    out.write_bytes(b"mine")
    assert main(["handout", "--out", str(out), *given]) == 2
    assert out.read_bytes() == b"mine"
    assert (
        main(["handout", "--out", str(tmp_path / "new.zip"), "--never", str(tmp_path / "gone"), *given]) == 2
    )
    assert main(["handout", "--out", str(tmp_path / "no" / "new.zip"), *given]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 3
    assert "backbone" not in said


def test_it_says_what_it_was_checked_against_and_what_it_was_not(backbone, split_folder, tmp_path, capsys):
    given = ["--pretrained", str(backbone), "--out"]
    assert main(["handout", *given, str(tmp_path / "a.zip"), "--never", str(split_folder)]) == 0
    said = capsys.readouterr().out
    assert f"none of them is a file of {ROOT / 'reference'}, {split_folder}" in said
    assert "not checked" not in said
    assert main(["handout", *given, str(tmp_path / "b.zip")]) == 0
    assert "was not checked: name the hidden split with --never" in capsys.readouterr().out
