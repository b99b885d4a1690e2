"""What students get: enough to work and to check themselves, and nothing that gives anything away."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from grader.cli import main
from grader.errors import UsageError
from grader.handout.archive import write_handout
from grader.handout.contents import contents
from grader.sealed.key_file import make_key

ROOT = Path(__file__).parents[2]
MAIN = b"def predict(image): return 'Hats'"


def test_a_handout_checks_a_submission_where_nothing_else_is(tmp_path, write_submission):
    out = tmp_path / "handout.zip"
    assert main(["handout", "--out", str(out)]) == 0
    with zipfile.ZipFile(out) as zipped:
        names = zipped.namelist()
        zipped.extractall(tmp_path / "unpacked")
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
        cwd=tmp_path / "unpacked", env={"PATH": "/usr/bin:/bin"}, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "5 of 130 images right" in done.stdout


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

    monkeypatch.setattr("grader.handout.archive.check_archive", check_while_somebody_writes)
    with pytest.raises(UsageError, match="cannot write"):
        write_handout({"student/main.py": MAIN}, out, [])
    assert out.read_bytes() == b"somebody else's"
    assert [path.name for path in tmp_path.iterdir()] == ["handout.zip"]
    out.unlink()
    monkeypatch.setattr("grader.handout.archive.check_archive", lambda *_: 1)
    write_handout({"student/main.py": MAIN}, out, [])
    assert out.read_bytes() == checked[0]


def test_a_file_outside_what_students_get_is_refused(tmp_path):
    with pytest.raises(UsageError, match="outside what students get"):
        write_handout({"tests/test_secret.py": b"x"}, tmp_path / "handout.zip", [])


def test_nothing_is_overwritten_and_a_secret_that_is_not_there_is_named(tmp_path, capsys):
    out = tmp_path / "handout.zip"
    out.write_bytes(b"mine")
    assert main(["handout", "--out", str(out)]) == 2
    assert out.read_bytes() == b"mine"
    assert main(["handout", "--out", str(tmp_path / "new.zip"), "--never", str(tmp_path / "gone")]) == 2
    assert main(["handout", "--out", str(tmp_path / "no" / "new.zip")]) == 2
    assert capsys.readouterr().err.count("\n") == 3
