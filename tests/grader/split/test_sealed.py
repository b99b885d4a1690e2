"""Sealed splits: the same split as the folder's, readable with one key, and never changed unnoticed."""

import json
import os
import shutil
import stat
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from grader.errors import HarnessError, UsageError
from grader.files import Held
from grader.model.dataset import ClassInfo
from grader.split import (
    KEY_VARIABLE,
    MAGIC,
    choose_split,
    is_exposed,
    make_key,
    open_sealed,
    open_split,
    read_key,
    read_sealed,
    write_folder,
    write_sealed,
)
from grader.split.sealed import (
    CHUNK_BYTES,
    ContainerError,
    UnsealError,
    is_sealed,
    pack,
    seal,
    unpack,
    unseal,
)
from tests.grader.cli.test_cli import ROOT, assignment_file, cwd, run  # noqa: F401 - fixtures
from tests.grader.gradings import grading_of, report_of

from ..conftest import CLASSES, ORACLE

KEY = bytes(range(32))
HEADER = 74
SEALED_CHUNK = CHUNK_BYTES + 16


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "split.key"
    make_key(path)
    return path


@pytest.fixture
def sealed_file(tmp_path, split, key_file):
    path = tmp_path / "hidden.sealed"
    write_sealed(split, CLASSES, read_key(key_file).secret, path)
    return path


# --- the stream ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 100, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_what_was_sealed_is_unsealed_whatever_its_length(size):
    data = os.urandom(size)
    assert unseal(KEY, seal(KEY, data)) == data


def test_a_file_sealed_by_the_first_version_can_still_be_opened():
    sealed = bytes.fromhex(
        "4c414253504c49540101817791b699774f0426accc76d739e7fdbcd58950c498df6c5542fef7d7ee6c749cdea88af46e"
        "350512157900b5e2c87768bd3b76de2ec7182db8bc8801d39205d0a957a194be71aeafd7b6d7dd0e10f2a375289215ce"
        "b866d681310e"
    )
    assert unseal(KEY, sealed) == "一个秘密".encode()


def test_no_two_files_are_alike():
    assert seal(KEY, b"split")[10:] != seal(KEY, b"split")[10:]


def test_every_byte_of_a_file_is_authenticated():
    sealed = seal(KEY, b"hidden images")
    for position in range(len(sealed)):
        for bit in (1, 128):
            changed = bytearray(sealed)
            changed[position] ^= bit
            with pytest.raises(UnsealError):
                unseal(KEY, bytes(changed))


def test_a_file_cannot_be_cut_off_anywhere():
    sealed = seal(KEY, os.urandom(2 * CHUNK_BYTES))
    ends = {*range(HEADER + 20), *(HEADER + SEALED_CHUNK + n for n in range(-20, 20)), len(sealed) - 1}
    for end in ends:
        with pytest.raises(UnsealError):
            unseal(KEY, sealed[:end])


def test_chunks_cannot_be_left_out_moved_repeated_or_added():
    sealed = seal(KEY, os.urandom(3 * CHUNK_BYTES))
    header, first, second, third = (
        sealed[:HEADER],
        *(sealed[HEADER + n * SEALED_CHUNK : HEADER + (n + 1) * SEALED_CHUNK] for n in range(3)),
    )
    assert unseal(KEY, header + first + second + third)
    other = seal(KEY, os.urandom(3 * CHUNK_BYTES))
    for chunks in [
        (second, first, third),
        (first, third),
        (first, second),
        (third,),
        (first, first, second, third),
        (first, second, third, third),
        (first, second, third, bytes(40)),
        (first, second, third, b"\0"),
        (first, other[HEADER + SEALED_CHUNK :]),
    ]:
        with pytest.raises(UnsealError):
            unseal(KEY, header + b"".join(chunks))


def test_a_wrong_key_is_told_apart_from_a_damaged_file():
    sealed = seal(KEY, b"split")
    with pytest.raises(UnsealError, match="another key"):
        unseal(bytes(32), sealed)
    with pytest.raises(UnsealError, match="damaged or cut off"):
        unseal(KEY, sealed + b"x")
    with pytest.raises(UnsealError, match="not a sealed split"):
        unseal(KEY, b"PK" + sealed)
    with pytest.raises(UnsealError, match="another version"):
        unseal(KEY, MAGIC + b"\x02" + sealed[9:])


# --- the container ---------------------------------------------------------------------------


def container(manifest, blobs=b"abc"):
    text = json.dumps(manifest).encode()
    return struct.pack("!I", len(text)) + text + blobs


def manifest(images, classes=None):
    return {"classes": classes or [{"folder": "00", "name": "Hats"}, {"folder": "01", "name": "Cans"}], "images": images}  # fmt: skip


def test_a_container_holds_names_labels_bytes_and_classes(split):
    images, classes = unpack(pack(split.images, CLASSES))
    assert images == split.images
    assert classes == CLASSES
    assert unpack(container(manifest([["00/a.png", 0, 1], ["01/a.png", 1, 2]])))[0][1].encoded == b"bc"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0",
        struct.pack("!I", 2**32 - 1) + b"{}",
        struct.pack("!I", 2) + b"{}",
        struct.pack("!I", 3) + b"{}",
        struct.pack("!I", 2) + b"\xff\xff",
        container(manifest([])),
        container(manifest([["00/a.png", 0, 2]])),
        container(manifest([["00/a.png", 0, 4]])),
        container(manifest([["00/a.png", 0, 3]]) | {"more": 1}),
        container(manifest([["00/a.png", 0, 0], ["00/b.png", 0, 3]])),
        container(manifest([["00/a.png", 0, -1], ["00/b.png", 0, 4]])),
        container(manifest([["00/a.png", 0, 1.0], ["00/b.png", 0, 2]])),
        container(manifest([["00/a.png", 0, "3"]])),
        container(manifest([["00/a.png", False, 3]])),
        container(manifest([["00/a.png", 1, 3]])),
        container(manifest([["00/a.png", 2, 3]])),
        container(manifest([["00/a.png", -1, 3]])),
        container(manifest([["00/b.png", 0, 1], ["00/a.png", 0, 2]])),
        container(manifest([["00/a.png", 0, 1], ["00/a.png", 0, 2]])),
        container(manifest([["00/../a.png", 0, 3]])),
        container(manifest([["../a.png", 0, 3]])),
        container(manifest([["/a.png", 0, 3]])),
        container(manifest([["00//a.png", 0, 3]])),
        container(manifest([["00/.a.png", 0, 3]])),
        container(manifest([["00/a\0.png", 0, 3]])),
        container(manifest([["00/a.py", 0, 3]])),
        container(manifest([["a.png", 0, 3]])),
        container(manifest([["../a.png", 0, 3]], [{"folder": "..", "name": "Hats"}])),
        container(manifest([["a/b/a.png", 0, 3]], [{"folder": "a/b", "name": "Hats"}])),
        container(manifest([["00/a.png", 0, 3]], [{"folder": "00", "name": "Hats", "more": "x"}])),
        container(manifest([["00/a.png", 0, 3]], [{"folder": "00", "name": "Hats"}, {"folder": "00", "name": "Cans"}])),
        container([[]]),
    ],
    ids=lambda data: repr(data[:60]),
)  # fmt: skip
def test_what_is_not_exactly_a_container_is_refused(data):
    with pytest.raises(ContainerError):
        unpack(data)


# --- the key file ----------------------------------------------------------------------------


def test_a_key_file_is_its_owners_alone_and_never_overwritten(tmp_path):
    old = os.umask(0)
    try:
        key = make_key(tmp_path / "a.key")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600
    assert read_key(tmp_path / "a.key").secret == key
    assert not is_exposed(tmp_path / "a.key")
    assert make_key(tmp_path / "b.key") != key
    with pytest.raises(UsageError, match="exists"):
        make_key(tmp_path / "a.key")
    assert read_key(tmp_path / "a.key").secret == key


@pytest.mark.parametrize(
    "text",
    ["", "# only a comment\n", "secret", "split-key-1:", "split-key-1:AAAA", "split-key-1:" + "é" * 44,
     "split-key-1:" + "A" * 43, "split-key-2:" + "A" * 43 + "=", "\0" * 5000,
     f"split-key-1:{'A' * 43}=\nsplit-key-1:{'A' * 43}=\n"],
)  # fmt: skip
def test_a_file_that_holds_no_key_is_said_to_hold_none(tmp_path, text):
    (tmp_path / "key").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"not a key file.* and 44 letters"):
        read_key(tmp_path / "key")


# --- the split -------------------------------------------------------------------------------


def test_a_sealed_split_is_the_same_split(split, sealed_file, key_file, tmp_path):
    opened = open_sealed(sealed_file, key_file, CLASSES)
    assert (opened.images, opened.sha256) == (split.images, split.sha256)
    write_folder(opened.images, tmp_path / "again")
    assert open_split(tmp_path / "again", CLASSES).sha256 == split.sha256


def test_chinese_names_of_folders_classes_and_images_survive(tmp_path):
    classes = (ClassInfo("其他 垃圾", "Other", "其他"), ClassInfo("其他垃圾2", "Другое"))
    folder = tmp_path / "验证集"
    for info in classes:
        (folder / info.folder).mkdir(parents=True)
        cv2.imencode(".png", np.zeros((4, 5, 3), np.uint8))[1].tofile(folder / info.folder / "图 像.png")
    split = open_split(folder, classes)
    write_sealed(split, classes, make_key(tmp_path / "钥匙"), tmp_path / "封存")
    opened, sealed_classes = read_sealed(tmp_path / "封存", tmp_path / "钥匙")
    assert (opened.sha256, opened.images, sealed_classes) == (split.sha256, split.images, classes)


def test_a_file_sealed_for_other_classes_is_refused(sealed_file, key_file):
    with pytest.raises(UsageError, match="other classes"):
        open_sealed(sealed_file, key_file, CLASSES[:2])


def test_nothing_in_a_sealed_file_can_be_read_without_the_key(split, sealed_file):
    data = sealed_file.read_bytes()
    for image in split.images:
        assert image.name.encode() not in data
        assert image.encoded[:16] not in data
    assert b"Hats" not in data


def test_a_sealed_split_is_graded_like_its_folder(write_submission, split, sealed_file, key_file, assignment, monkeypatch):  # fmt: skip
    folder = write_submission(ORACLE)
    monkeypatch.setenv(KEY_VARIABLE, str(key_file))
    opened = choose_split(sealed_file, assignment, self_check=False)
    reports = [report_of(folder, each, assignment) for each in (split, opened)]
    assert reports[0].score.correct == 12
    assert reports[0].model_dump(exclude={"run"}) == reports[1].model_dump(exclude={"run"})


def test_a_key_that_a_submission_could_read_is_refused(write_submission, sealed_file, key_file, assignment):
    folder = write_submission(ORACLE)
    inside = folder / "split.key"
    shutil.copy(key_file, inside)
    with pytest.raises(UsageError, match="inside the submission"):
        grading_of(folder, open_sealed(sealed_file, inside, CLASSES), assignment)
    inside.unlink()
    visible = Path(sys.prefix) / f"test-{os.getpid()}.key"
    if not os.access(sys.prefix, os.W_OK):
        pytest.skip("this interpreter's folder cannot be written")
    try:
        shutil.copy(key_file, visible)
        # A link does not hide where it really lies.
        (sealed_file.parent / "link.key").symlink_to(visible)
        with pytest.raises(HarnessError, match="submissions can read"):
            grading_of(folder, open_sealed(sealed_file, sealed_file.parent / "link.key", CLASSES), assignment)
    finally:
        visible.unlink(missing_ok=True)


def test_a_split_inside_the_submission_is_refused_unless_it_is_a_students_own_check(
    write_submission, split_folder, assignment
):
    folder = write_submission(ORACLE)
    split = open_split(shutil.copytree(split_folder, folder / "datasets"), CLASSES)
    with pytest.raises(UsageError, match="inside the submission"):
        grading_of(folder, split, assignment)
    assert report_of(folder, split, assignment, self_check=True).score.correct == 12


AUDITED = """
import os, sys

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        print("WRITES", arguments[0], file=log, flush=True)

log = open(sys.argv.pop(1), "w", encoding="utf-8")
sys.addaudithook(watch)
from grader.cli import main
sys.exit(main())
"""


def test_grading_from_a_sealed_file_leaves_its_images_and_labels_encrypted(
    write_submission, sealed_file, split, key_file, assignment_file, cwd, tmp_path  # noqa: F811
):  # fmt: skip
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    submission = write_submission(ORACLE)
    done = subprocess.run(
        [sys.executable, "-c", AUDITED, tmp_path / "log", submission, "--split", sealed_file, "--assignment", assignment_file, "--out", "out"],
        cwd=cwd,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'student'}", "PATH": "/usr/bin:/bin", "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1", KEY_VARIABLE: str(key_file)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    log = (tmp_path / "log").read_text(encoding="utf-8")
    written = {Path(cwd, line.removeprefix("WRITES ")) for line in log.splitlines()}
    # The private copy of the submission, its user's name, its lock, and the one file by which Python finds out
    # whether the temporary folder can be written.
    inside = {path for path in written if path.is_relative_to(temporary)}
    assert len([path for path in inside if path.parent == temporary]) <= 1
    expected = {"main.py", "passwd", "group", ".in-use", ".in-use-soon"}
    assert {path.name for path in inside if path.parent != temporary} <= expected
    # The reports go by their names alone into a folder that is held.
    reports = {path for path in written if path.parent == cwd}
    names = {"report.json", "report.html", "answers.json", "report.instructor.html"}
    assert {path.name for path in reports} == names
    assert {path.name for path in (cwd / "out").rglob("*") if path.is_file()} == names
    assert not any(path.exists() for path in reports)
    # And the locks of other gradings' folders, to see whether somebody holds them.
    locks = {path for path in written if path.parent == Path("/proc/self/fd")}
    others = {str(path) for path in written - reports - locks if not path.is_relative_to(temporary)}
    assert others <= {"/dev/null"}
    assert list(temporary.iterdir()) == []


# --- the commands ----------------------------------------------------------------------------


def test_seal_and_open_give_the_same_folder_back(run, split_folder, assignment_file, cwd):  # noqa: F811
    done = run("split", "seal", split_folder, "--out", "a.sealed", "--key-file", "a.key", "--assignment", assignment_file, cwd=cwd)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert open_split(split_folder, CLASSES).sha256 in done.stdout
    assert stat.S_IMODE((cwd / "a.key").stat().st_mode) == 0o600
    key = (cwd / "a.key").read_bytes()
    again = run("split", "seal", split_folder, "--out", "b.sealed", "--key-file", "a.key", "--assignment", assignment_file, cwd=cwd)  # fmt: skip
    assert again.returncode == 0
    assert (cwd / "a.key").read_bytes() == key
    (cwd / "empty").mkdir()
    for file, out in (("a.sealed", "new"), ("b.sealed", "empty")):
        assert run("split", "open", file, "--out", out, "--key-file", "a.key", cwd=cwd).returncode == 0
        for path in split_folder.rglob("*.png"):
            assert (cwd / out / path.relative_to(split_folder)).read_bytes() == path.read_bytes()
    assert {path.name for path in cwd.iterdir()} == {"a.sealed", "b.sealed", "a.key", "new", "empty"}


def test_what_cannot_be_sealed_or_opened_is_one_line_and_leaves_nothing(run, split_folder, sealed_file, key_file, assignment_file, cwd, write_submission):  # noqa: F811  # fmt: skip
    data = sealed_file.read_bytes()
    (cwd / "cut").write_bytes(data[:-1])
    (cwd / "flipped").write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])
    (cwd / "full").mkdir()
    (cwd / "full" / "mine").touch()
    make_key(cwd / "other.key")
    submission = write_submission(ORACLE)
    before = sorted(cwd.rglob("*"))
    opening = ("split", "open")
    for arguments, reason in [
        ((*opening, sealed_file, "--out", "o", "--key-file", "other.key"), "another key"),
        ((*opening, "cut", "--out", "o", "--key-file", key_file), "cut off"),
        ((*opening, "flipped", "--out", "o", "--key-file", key_file), "damaged"),
        ((*opening, key_file, "--out", "o", "--key-file", key_file), "not a sealed split"),
        ((*opening, "nowhere", "--out", "o", "--key-file", key_file), "No such file"),
        ((*opening, split_folder, "--out", "o", "--key-file", key_file), "cannot read"),
        ((*opening, sealed_file, "--out", "o", "--key-file", "nowhere"), "cannot read the key file"),
        ((*opening, sealed_file, "--out", "o"), KEY_VARIABLE),
        ((*opening, sealed_file, "--out", "full", "--key-file", key_file), "not an empty folder"),
        ((*opening, sealed_file, "--out", "no/where", "--key-file", key_file), "cannot write"),
        (("split", "seal", "nowhere", "--out", "o", "--key-file", "new.key"), "does not exist"),
        (("split", "seal", split_folder, "--out", "cut", "--key-file", "new.key", "--assignment", assignment_file), "exists"),
        (("split", "seal", split_folder, "--out", "o", "--key-file", "cut", "--assignment", assignment_file), "not a key file"),
        (("split", "seal", split_folder, "--out", "no/where", "--key-file", "new.key", "--assignment", assignment_file), "no folder no;"),
        (("split", "seal", split_folder, "--out", "new", "--key-file", "./new", "--assignment", assignment_file), "two names"),
        ((submission, "--split", "cut", "--key-file", key_file, "--assignment", assignment_file), "cut off"),
        ((submission, "--split", sealed_file, "--assignment", assignment_file), KEY_VARIABLE),
        ((submission, "--split", sealed_file, "--key-file", key_file), "other classes"),
    ]:  # fmt: skip
        done = run(*arguments, cwd=cwd)
        assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, ""), done.stderr
        assert reason in done.stderr
    assert sorted(cwd.rglob("*")) == before


def test_a_key_file_that_others_can_read_is_warned_about_and_used(run, sealed_file, key_file, cwd):  # noqa: F811
    key_file.chmod(0o644)
    done = run("split", "open", sealed_file, "--out", "o", "--key-file", key_file, cwd=cwd)
    assert done.returncode == 0
    assert "others can read the key file" in done.stderr


def test_only_a_file_that_begins_so_is_a_sealed_split(sealed_file, split_folder, key_file):
    assert [is_sealed(path) for path in (sealed_file, split_folder, key_file, Path("nowhere"))] == [True, False, False, False]  # fmt: skip


def test_what_appears_while_a_split_is_sealed_is_not_replaced(tmp_path, split, monkeypatch):
    out = tmp_path / "hidden.sealed"

    def seal_while_somebody_writes(*_):
        out.write_bytes(b"somebody else's")
        return b"sealed"

    monkeypatch.setattr("grader.split.sealed.seal", seal_while_somebody_writes)
    with pytest.raises(UsageError, match="cannot write"):
        write_sealed(split, CLASSES, KEY, out)
    assert out.read_bytes() == b"somebody else's"


def test_a_sealed_file_and_its_key_are_each_looked_at_once(
    tmp_path, sealed_file, key_file, split, monkeypatch
):
    # Their names lead elsewhere as soon as they have been opened.
    opened = Held.open

    def open_and_swap(held):
        file = opened(held)
        if not held.place.is_symlink():
            place = held.place
            place.unlink()
            place.symlink_to("/dev/null")
        return file

    monkeypatch.setattr(Held, "open", open_and_swap)
    found = open_sealed(sealed_file, key_file, CLASSES)
    assert found.sha256 == split.sha256
