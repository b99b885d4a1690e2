import errno
import io
import os
import shutil
import socket
import stat
import subprocess
import sys
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.files import Held, NoRoomError
from grader.formats.zips import entry_name
from grader.intake import IntakeRefusedError, Receiver, name_of, take_in
from grader.intake import receiving as archive
from grader.intake.receiving import checked_path
from grader.model.assignment import Limits

from ...zip_bytes import Entry, field, packed, unicode_path
from ..accounts import as_ordinary_user, home_of_ordinary_user
from .test_checkpoint_file import zip_entries

ROOT = Path(__file__).parents[3]
LIMITS = Limits(submission_mib=2, submission_files=20)
MAIN = b"def predict(image): return 'Hats'\n"
SECRET = b"a hidden image"


def refused(source: Path, tmp_path: Path) -> str:
    workspace = tmp_path / "workspace"
    shutil.rmtree(workspace, ignore_errors=True)
    with pytest.raises(IntakeRefusedError) as error:
        take_in(source, workspace, LIMITS)
    return error.value.code


def taken(source: Path, tmp_path: Path):
    workspace = tmp_path / "workspace"
    shutil.rmtree(workspace, ignore_errors=True)
    return take_in(source, workspace, LIMITS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "张三"
    folder.mkdir()
    (folder / "main.py").write_bytes(MAIN)
    (folder / "results").mkdir()
    (folder / "results" / "net.ckpt").write_bytes(b"weights")
    return folder


def zip_of(tmp_path: Path, entries: dict[str, bytes], name: str = "submission.zip") -> Path:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for entry, data in entries.items():
            zipped.writestr(entry, data)
    return path


def test_a_folder_is_copied_and_hashed(folder, tmp_path):
    submission = taken(folder, tmp_path)
    assert submission.name == "张三"
    assert [str(file.path) for file in submission.files] == ["main.py", "results/net.ckpt"]
    assert [str(file.path) for file in submission.checkpoints] == ["results/net.ckpt"]
    assert (submission.folder / "main.py").read_bytes() == MAIN


def test_the_copy_does_not_follow_later_changes(folder, tmp_path):
    submission = taken(folder, tmp_path)
    (folder / "main.py").write_bytes(b"changed")
    assert (submission.folder / "main.py").read_bytes() == MAIN


def test_the_digest_is_of_paths_and_contents_alone(folder, tmp_path):
    first = taken(folder, tmp_path).sha256
    renamed = folder.rename(tmp_path / "li")
    (renamed / "__pycache__").mkdir()
    (renamed / "__pycache__" / "main.cpython-311.pyc").write_bytes(b"x")
    assert taken(renamed, tmp_path).sha256 == first
    zipped = zip_of(tmp_path, {"main.py": MAIN, "results/net.ckpt": b"weights"})
    assert taken(zipped, tmp_path).sha256 == first
    (renamed / "results" / "net.ckpt").rename(renamed / "net.ckpt")
    assert taken(renamed, tmp_path).sha256 != first


def test_one_folder_deeper_is_accepted_with_a_note(tmp_path):
    zipped = zip_of(
        tmp_path, {"zhang/main.py": MAIN, "zhang/net.ckpt": b"w", "readme.txt": b"x"}, "zhang.zip"
    )
    submission = taken(zipped, tmp_path)
    assert submission.name == "zhang"
    assert [str(file.path) for file in submission.files] == ["main.py", "net.ckpt"]
    assert (submission.folder / "main.py").is_file()
    assert "zhang/" in submission.notes[0]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([], "empty"),
        (["model.py"], "no-main"),
        (["Main.py"], "misnamed-main"),
        (["predict.py"], "misnamed-main"),
        (["main.ipynb"], "notebook-unreadable"),
        (["work.ipynb"], "notebook-unreadable"),
        (["a.ipynb", "b.ipynb"], "no-main"),
        (["predict.py", "main.ipynb"], "misnamed-main"),
        (["a/b/main.ipynb"], "misnamed-main"),
        (["a/main.py", "b/main.py"], "several-mains"),
        (["a/b/main.py"], "deep-main"),
    ],
)
def test_without_one_main_py_the_student_is_told_what_to_do(tmp_path, files, code):
    folder = tmp_path / "s"
    folder.mkdir()
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(MAIN)
    assert refused(folder, tmp_path) == code


def test_links_and_special_files_are_refused_without_being_opened(folder, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"label")
    special = folder / "results" / "special"
    for make, code in [
        (lambda: special.symlink_to(secret), "link"),
        (lambda: special.symlink_to(tmp_path, target_is_directory=True), "link"),
        (lambda: os.mkfifo(special), "not-a-file"),
        (lambda: os.link(secret, special), "hard-link"),
        (lambda: socket.socket(socket.AF_UNIX).bind(str(special)[:100]), "not-a-file"),
    ]:
        make()
        assert refused(folder, tmp_path) == code
        special.unlink()


def swap(place: Path, target: Path) -> None:
    """Move a folder away and put a link in its place, as a student can who sees that it is being read."""
    place.rename(place.with_name(f"{place.name}-aside"))
    place.symlink_to(target, target_is_directory=True)


@pytest.fixture
def hidden(tmp_path: Path) -> Path:
    """What the student may not read, and the grader may; its names are known."""
    hidden = tmp_path / "hidden"
    (hidden / "00_00").mkdir(parents=True)
    (hidden / "00_00" / "1.jpg").write_bytes(SECRET)
    return hidden


@pytest.fixture
def trap(folder: Path) -> Path:
    """A folder that mirrors the hidden one, with a file that is read first."""
    trap = folder / "data"
    (trap / "00_00").mkdir(parents=True)
    (trap / "00_00" / "1.jpg").write_bytes(b"mine")
    (trap / "0.bin").write_bytes(b"read first")
    return trap


@pytest.mark.parametrize(
    ("when", "what"),
    [
        ("data/0.bin", "data"),  # while it is gone through
        ("data/0.bin", "data/00_00"),  # listed, and not yet looked at
        ("data/00_00/1.jpg", "data/00_00"),
        ("data/0.bin", "."),  # the whole of what was handed in
    ],
)
def test_a_link_put_in_place_while_copying_leads_nowhere(
    folder, trap, hidden, tmp_path, monkeypatch, when, what
):
    copy = Receiver.accept
    swapped = []

    def accept(receiver, path, chunks):
        if str(path) == when:
            target = {"data": hidden, "data/00_00": hidden / "00_00", ".": hidden.parent}[what]
            swap(folder / what if what != "." else folder, target)
            swapped.append(path)
        copy(receiver, path, chunks)

    monkeypatch.setattr(Receiver, "accept", accept)
    try:
        files = taken(folder, tmp_path).files
    except IntakeRefusedError as refusal:
        assert (refusal.code, refusal.detail) == ("link", what)
    else:
        assert {str(file.path): file.size for file in files}["data/00_00/1.jpg"] == len(b"mine")
    assert swapped
    assert SECRET not in {path.read_bytes() for path in (tmp_path / "workspace").rglob("*") if path.is_file()}


def test_a_file_put_in_place_while_copying_is_not_read(folder, trap, hidden, tmp_path, monkeypatch):
    # Between the look at a file and its opening there is nothing that a name could change.
    look = Held.open

    def open_after_swap(held, *access):
        if held.place == trap / "00_00" / "1.jpg":
            held.place.unlink()
            (trap / "00_00" / "1.jpg").symlink_to(hidden / "00_00" / "1.jpg")
        return look(held, *access)

    monkeypatch.setattr(Held, "open", open_after_swap)
    submission = taken(folder, tmp_path)
    assert (submission.folder / "data" / "00_00" / "1.jpg").read_bytes() == b"mine"
    assert (trap / "00_00" / "1.jpg").is_symlink()


RACER = """
import ctypes, os, sys
trap, hidden = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
watch = libc.inotify_init()
IN_OPEN = 0x20
assert libc.inotify_add_watch(watch, (trap + "/0.bin").encode(), IN_OPEN) >= 0
print("ready", flush=True)
os.read(watch, 4096)
os.rename(trap, trap + "-aside")
os.symlink(hidden, trap)
print("swapped", flush=True)
"""


def test_a_student_who_races_the_copy_gains_nothing(folder, trap, hidden, tmp_path):
    # Whoever is first: what is read is the student's own, or nothing is taken in.
    (trap / "0.bin").write_bytes(bytes(60 << 20))
    command = [sys.executable, "-c", RACER, str(trap), str(hidden)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as racer:
        assert racer.stdout.readline() == "ready\n"
        try:
            submission = take_in(folder, tmp_path / "workspace", Limits())
        except IntakeRefusedError as refusal:
            assert refusal.code == "link"
        else:
            assert (submission.folder / "data" / "00_00" / "1.jpg").read_bytes() == b"mine"
        assert racer.stdout.readline() == "swapped\n"
    assert not any(
        path.read_bytes() == SECRET for path in (tmp_path / "workspace").rglob("1.jpg") if path.is_file()
    )


def test_an_archive_is_opened_once(tmp_path, monkeypatch):
    path = zip_of(tmp_path, {"main.py": MAIN})
    other = zip_of(tmp_path, {"main.py": b"other"}, "other.zip")
    listed = archive.read_entries

    def read_after_swap(file, end):
        path.unlink()
        path.symlink_to(other)
        return listed(file, end)

    monkeypatch.setattr(archive, "read_entries", read_after_swap)
    submission = taken(path, tmp_path)
    assert (submission.folder / "main.py").read_bytes() == MAIN


def test_the_archive_in_a_folder_of_its_own_is_the_submission(tmp_path):
    folder = tmp_path / "Wang_11_assignsubmission_file_"
    folder.mkdir()
    work = zip_of(folder, {"main.py": MAIN}, "work.ZIP")
    (folder / ".DS_Store").touch()
    submission = taken(folder, tmp_path)
    assert (submission.name, [str(file.path) for file in submission.files]) == (folder.name, ["main.py"])
    # Two archives are none, and a link is none.
    zip_of(folder, {"main.py": MAIN}, "other.zip")
    assert refused(folder, tmp_path) == "no-main"
    work.unlink()
    (folder / "other.zip").rename(tmp_path / "elsewhere.zip")
    (folder / "other.zip").symlink_to(tmp_path / "elsewhere.zip")
    assert refused(folder, tmp_path) == "link"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_students_own_link_to_what_is_anothers_is_no_submission(folder, tmp_path, kind):
    target = folder if kind == "folder" else zip_of(tmp_path, {"main.py": MAIN})
    link = tmp_path / "handed-in.zip"
    link.symlink_to(target)
    assert taken(link, tmp_path).files  # the instructor's link
    os.chown(link, 1234, 1234, follow_symlinks=False)
    assert refused(link, tmp_path) == "link"


def test_a_file_that_nobody_may_read_is_refused_for_root_too(folder, tmp_path):
    (folder / "main.py").chmod(0)
    assert refused(folder, tmp_path) == "unreadable"


def test_a_folder_that_nobody_may_enter_is_refused_for_root_too(folder, tmp_path):
    (folder / "results").chmod(0o644)
    try:
        assert refused(folder, tmp_path) == "unreadable"
    finally:
        (folder / "results").chmod(0o755)


def test_a_folder_that_may_be_listed_and_not_entered_is_refused(tmp_path):
    # Root may enter any folder.
    script = """
import sys
from pathlib import Path
from grader.model.assignment import Limits
from grader.intake import IntakeRefusedError, take_in
home = Path(sys.argv[1])
(home / "submission").mkdir()
(home / "submission" / "main.py").touch()
(home / "submission").chmod(0o644)
try:
    take_in(home / "submission", home / "workspace", Limits())
except IntakeRefusedError as refusal:
    print(refusal.code, refusal.detail)
finally:
    (home / "submission").chmod(0o755)
"""
    is_root = os.geteuid() == 0
    with home_of_ordinary_user() if is_root else nullcontext(tmp_path) as home:
        command = [sys.executable, "-c", script, str(home)]
        done = subprocess.run(
            as_ordinary_user(command, home) if is_root else command, capture_output=True, text=True, cwd=ROOT
        )
    assert (done.stdout, done.stderr) == ("unreadable main.py\n", "")


def test_a_read_only_checkpoint_as_mindspore_leaves_it_is_accepted(folder, tmp_path):
    (folder / "results" / "net.ckpt").chmod(0o400)
    submission = taken(folder, tmp_path)
    mode = (submission.folder / "results" / "net.ckpt").stat().st_mode
    assert mode & stat.S_IROTH


def test_a_file_that_is_too_large_is_refused_unopened(folder, tmp_path, monkeypatch):
    with (folder / "a.bin").open("wb") as file:
        file.truncate(1 << 40)
    monkeypatch.setattr(Held, "open", lambda held: pytest.fail(f"{held.place} was opened"))
    assert refused(folder, tmp_path) == "too-large"


def test_a_file_that_fails_while_it_is_read_is_refused_and_is_no_lack_of_room(folder, tmp_path, monkeypatch):
    def chunks(file):
        yield b"x"
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(archive, "_chunks", chunks)
    assert refused(folder, tmp_path) == "unreadable"


@pytest.mark.parametrize("call", ["mkdir", "open"])
def test_a_copy_that_cannot_be_written_is_no_fault_of_the_submission(folder, tmp_path, monkeypatch, call):
    real = getattr(os, call)

    def full(path, *arguments, **named):
        if Path(path).is_relative_to(tmp_path / "workspace" / "submission") and Path(path).suffix != ".zip":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, call, full)
    with pytest.raises(NoRoomError, match=r"workspace/submission \(No space left on device\): make room"):
        take_in(folder, tmp_path / "workspace", Limits())


def test_caps_on_bytes_and_files_bind_while_copying(folder, tmp_path):
    with (folder / "big.bin").open("wb") as file:
        file.truncate(5 << 20)
    assert refused(folder, tmp_path) == "too-large"
    (folder / "big.bin").unlink()
    for number in range(20):
        (folder / f"{number}.txt").touch()
    assert refused(folder, tmp_path) == "too-many-files"


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("../main.py", "unsafe-path"),
        ("/etc/passwd", "unsafe-path"),
        ("a/../../x", "unsafe-path"),
        ("C:\\x\\main.py", "unsafe-path"),
        ("..\\x", "unsafe-path"),
        ("/".join("d" * 40), "bad-path"),
        ("x" * 300, "bad-path"),
        ("/".join(["long" * 50] * 8), "bad-path"),
    ],
)
def test_unsafe_paths_in_a_zip_are_refused_and_nothing_is_written_outside(tmp_path, entry, code):
    before = sorted(tmp_path.iterdir())
    zipped = zip_of(tmp_path, {"main.py": MAIN, entry: b"x"})
    assert refused(zipped, tmp_path) == code
    assert {path.name for path in tmp_path.iterdir()} - {p.name for p in before} <= {
        "submission.zip",
        "workspace",
    }


def test_a_symbolic_link_in_a_zip_is_refused(tmp_path):
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("main.py", MAIN)
        link = zipfile.ZipInfo("net.ckpt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(link, "/etc/passwd")
    assert refused(path, tmp_path) == "link"


def test_two_entries_with_one_path_are_refused(tmp_path):
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w") as zipped, pytest.warns(UserWarning, match="Duplicate"):
        zipped.writestr("main.py", MAIN)
        zipped.writestr("main.py", b"other")
    assert refused(path, tmp_path) == "duplicate-path"
    # The same name, once composed and once decomposed, is one path too.
    assert (
        refused(zip_of(tmp_path, {"main.py": MAIN, "\u00e9": b"1", "e\u0301": b"2"}), tmp_path)
        == "duplicate-path"
    )
    assert refused(zip_of(tmp_path, {"main.py": MAIN, "a": b"1", "a/b": b"2"}), tmp_path) == "duplicate-path"


def test_a_zip_that_swells_is_refused_on_what_comes_out(tmp_path):
    bomb = zip_of(tmp_path, {"main.py": MAIN, "zeros": bytes(40 << 20)})
    with pytest.raises(IntakeRefusedError) as error:
        take_in(bomb, tmp_path / "roomy", Limits(submission_mib=1000))
    assert error.value.code == "bomb"
    assert refused(bomb, tmp_path) == "too-large"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bound_are_refused(tmp_path, method):
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w", method) as zipped:
        zipped.writestr("main.py", MAIN)
        zipped.writestr("net.ckpt", bytes(1 << 20))
    assert refused(path, tmp_path) == "bad-zip"


def test_an_archive_of_a_million_entries_is_refused_before_they_are_listed(tmp_path, monkeypatch):
    path = zip_of(tmp_path, {"main.py": MAIN, **{f"{n:05d}/": b"" for n in range(2000)}})
    monkeypatch.setattr(archive, "read_entries", lambda *_: pytest.fail("listed"))
    with pytest.raises(IntakeRefusedError) as error:
        take_in(path, tmp_path / "w", Limits(submission_files=10))
    assert error.value.code == "too-many-files"


def test_an_archive_with_a_hidden_second_directory_is_refused(tmp_path):
    path = zip_of(tmp_path, {"main.py": MAIN})
    data = path.read_bytes()
    path.write_bytes(data[:-22] + b"PK\x06\x07" + bytes(16) + data[-22:])
    assert refused(path, tmp_path) == "bad-zip"


def test_folders_without_end_are_refused(folder, tmp_path):
    for number in range(100):
        (folder / f"d{number}").mkdir()
    assert refused(folder, tmp_path) == "too-many-files"


def test_names_in_another_encoding_are_refused_as_files_and_replaced_as_submissions(folder, tmp_path):
    broken = os.fsdecode(b"na\xffme")
    (folder / broken).touch()
    assert refused(folder, tmp_path) == "bad-path"
    (folder / broken).unlink()
    renamed = folder.rename(tmp_path / broken)
    assert taken(renamed, tmp_path).name == "na\ufffdme"


def test_checkpoints_that_are_none_are_told_by_their_first_bytes(folder, tmp_path):
    (folder / "a.ckpt").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (folder / "b.ckpt").write_bytes(b"\n<!DOCTYPE html><html>")
    files = {str(file.path): file for file in taken(folder, tmp_path).files}
    assert files["a.ckpt"].is_lfs_pointer
    assert files["b.ckpt"].is_web_page
    assert not files["results/net.ckpt"].is_lfs_pointer
    assert not files["main.py"].is_web_page


def test_windows_archives_with_gbk_names_and_back_slashes_are_recovered(tmp_path):
    gbk = "模型\\权重.ckpt".encode("gbk")
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("main.py", MAIN)
        zipped.writestr("X" * len(gbk), b"w")
    path.write_bytes(path.read_bytes().replace(b"X" * len(gbk), gbk))
    assert [str(file.path) for file in taken(path, tmp_path).files] == ["main.py", "模型/权重.ckpt"]


GBK = "模型.ckpt".encode("gbk")
TRUE_NAME = "模型.ckpt"


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        (Entry(b"net.ckpt"), "net.ckpt"),
        (Entry(TRUE_NAME.encode("utf-8"), flags=0x800), TRUE_NAME),
        (Entry(TRUE_NAME.encode("utf-8")), TRUE_NAME),
        (Entry(GBK), TRUE_NAME),
        (Entry(b"caf\x82\xff.ckpt"), "caf\u00e9\u00a0.ckpt"),
        (Entry(GBK, extra=unicode_path(TRUE_NAME.encode("utf-8"), GBK)), TRUE_NAME),
        # A name that an older writer could not write, and the true one.
        (Entry(b"##.ckpt", extra=unicode_path(TRUE_NAME.encode("utf-8"), b"##.ckpt")), TRUE_NAME),
        # The field is of a name that the entry no longer has, of a later version, or empty.
        (Entry(b"net.ckpt", extra=unicode_path(b"other.ckpt", b"old.ckpt")), "net.ckpt"),
        (Entry(b"net.ckpt", extra=unicode_path(b"other.ckpt", b"net.ckpt", version=2)), "net.ckpt"),
        (Entry(b"net.ckpt", extra=unicode_path(b"", b"net.ckpt")), "net.ckpt"),
        (Entry(b"net.ckpt", extra=b"\x75\x70\x02\0\1\0"), "net.ckpt"),
        # Padding, and fields that say nothing of the name.
        (Entry(b"net.ckpt", extra=b"\0\0\0"), "net.ckpt"),
        (Entry(b"net.ckpt", extra=field(0x5455, b"\1abcd")), "net.ckpt"),
    ],
)
def test_a_name_in_a_zip_is_read_by_rules_of_our_own(tmp_path, entry, name):
    # And not by those of this or that version of Python, which knows the Unicode path field, or does not.
    path = tmp_path / "s.zip"
    path.write_bytes(packed([Entry(b"main.py", MAIN), entry]))
    assert {str(file.path) for file in taken(path, tmp_path).files} == {"main.py", name}


@pytest.mark.parametrize(
    ("entry", "code", "detail"),
    [
        (Entry(b"\xff", flags=0x800), "bad-zip", "zip-name"),
        (Entry(b"x", extra=unicode_path(b"\xff\xfe", b"x")), "bad-zip", "zip-name"),
        (Entry(b"x", extra=unicode_path(b"../x", b"x")), "unsafe-path", "'../x'"),
        (Entry(b"x", extra=unicode_path(b"main.py", b"x")), "duplicate-path", "main.py"),
        (Entry(b"x", extra=unicode_path(b"a\0b", b"x")), "bad-path", "'a\\x00b'"),
        (Entry(b"x", local_name=b"y"), "bad-zip", "zip-two-names"),
        (Entry(b"x", flags=0x20), "bad-zip", "zip-method"),
        (Entry(b"x", flags=0x1), "encrypted-zip", "x"),
    ],
)
def test_a_name_that_is_no_sound_one_is_refused(tmp_path, entry, code, detail):
    path = tmp_path / "s.zip"
    path.write_bytes(packed([Entry(b"main.py", MAIN), entry]))
    with pytest.raises(IntakeRefusedError) as error:
        take_in(path, tmp_path / "w", LIMITS)
    assert (error.value.code, error.value.detail) == (code, detail)


@pytest.mark.parametrize("before", [b"", b"#!/bin/sh unpacks itself\n"])
@pytest.mark.parametrize("sizes_elsewhere", [False, True])
def test_a_small_zip_in_the_format_for_large_ones_is_taken_in(tmp_path, sizes_elsewhere, before):
    path = tmp_path / "s.zip"
    entries = [Entry(b"main.py", MAIN, deflated=True), Entry(b"net.ckpt", b"weights")]
    path.write_bytes(packed(entries, zip64=True, sizes_elsewhere=sizes_elsewhere, before=before))
    submission = taken(path, tmp_path)
    assert [str(file.path) for file in submission.files] == ["main.py", "net.ckpt"]
    assert (submission.folder / "main.py").read_bytes() == MAIN


def test_a_zip_whose_two_directories_differ_is_refused(tmp_path):
    sound = packed([Entry(b"main.py", MAIN)], zip64=True)
    path = tmp_path / "s.zip"
    # The number of entries, first in the one record and then in the other.
    for at in (len(sound) - 22 - 20 - 56 + 32, len(sound) - 22 + 10):
        data = bytearray(sound)
        data[at] += 1
        path.write_bytes(data)
        with pytest.raises(IntakeRefusedError) as error:
            take_in(path, tmp_path / str(at), LIMITS)
        assert (error.value.code, error.value.detail) == ("bad-zip", "zip-two-directories")


def test_a_zip_of_more_than_65535_files_has_too_many_and_is_not_damaged(tmp_path):
    path = tmp_path / "s.zip"
    entries = [Entry(b"main.py", MAIN), *(Entry(b"%d" % number) for number in range(65_600))]
    path.write_bytes(packed(entries, zip64=True))
    assert refused(path, tmp_path) == "too-many-files"
    # Without the record that holds so large a number, the number is one modulo 65,536.
    path.write_bytes(packed(entries))
    assert refused(path, tmp_path) == "too-many-files"
    path.write_bytes(packed(entries[:300], zip64=True))
    assert len(take_in(path, tmp_path / "w", Limits(submission_files=300)).files) == 300


def test_one_part_of_several_is_named_as_such(tmp_path):
    data = bytearray(packed([Entry(b"main.py", MAIN)]))
    data[-18] = 1
    path = tmp_path / "s.zip"
    path.write_bytes(data)
    with pytest.raises(IntakeRefusedError) as error:
        take_in(path, tmp_path / "w", LIMITS)
    assert error.value.detail == "zip-part"


def test_a_zip_is_unpacked_as_the_standard_library_does(tmp_path):
    # Whatever both take has the same names and contents.
    contents = {"main.py": MAIN, "数据/a": os.urandom(3 << 20), "b": bytes(5 << 20), "c/": b"", "d": b""}
    path = zip_of(tmp_path, contents)
    submission = take_in(path, tmp_path / "w", Limits())
    with zipfile.ZipFile(path) as zipped:
        for file in submission.files:
            assert (submission.folder / file.path).read_bytes() == zipped.read(str(file.path))
    assert {str(file.path) for file in submission.files} == {name for name in contents if name != "c/"}


def test_other_files_and_damaged_zips_are_refused(tmp_path):
    (tmp_path / "s.rar").write_bytes(b"Rar!")
    (tmp_path / "s.zip").write_bytes(b"PK\x03\x04 not really")
    assert refused(tmp_path / "s.rar", tmp_path) == "not-a-submission"
    assert refused(tmp_path / "s.zip", tmp_path) == "bad-zip"
    with pytest.raises(UsageError, match="does not exist"):
        take_in(tmp_path / "none", tmp_path / "w", LIMITS)


@given(
    st.integers(0, 500),
    st.integers(0, 255),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
)
def test_a_zip_with_any_byte_changed_is_taken_in_or_refused(tmp_path_factory, position, byte, method):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as zipped:
        zipped.writestr("main.py", MAIN)
        zipped.writestr("数据/net.ckpt", b"w" * 100)
    data = bytearray(buffer.getvalue())
    data[position % len(data)] = byte
    folder = tmp_path_factory.mktemp("mutated")
    (folder / "s.zip").write_bytes(data)
    try:
        submission = take_in(folder / "s.zip", folder / "w", LIMITS)
    except IntakeRefusedError:
        pass
    else:
        assert (submission.folder / "main.py").is_file()


@given(st.text(max_size=60))
def test_a_checked_path_never_leaves_its_folder(name):
    try:
        path = checked_path(name)
    except IntakeRefusedError:
        return
    assert not path.is_absolute()
    assert ".." not in path.parts
    root = Path("/root/of/all")
    assert Path(os.path.normpath(root / path)).is_relative_to(root)


@given(st.text(st.characters(codec="gbk", categories=["Lo"]), min_size=1, max_size=20))
def test_entry_names_flagged_as_utf8_are_left_alone(name):
    assert entry_name(name.encode("utf-8"), 0x800) == name


def test_the_name_is_the_folders_or_the_archives(tmp_path, monkeypatch):
    (tmp_path / "wang.v2").mkdir()
    monkeypatch.chdir(tmp_path / "wang.v2")
    assert name_of(Path()) == "wang.v2"
    assert name_of(Path("李四.zip")) == "李四"
    (tmp_path / "zhao").symlink_to(tmp_path / "wang.v2")
    assert name_of(tmp_path / "zhao") == "zhao"


def test_a_zip_whose_entries_share_one_long_nothing_is_not_unpacked(tmp_path):
    nothing = b"\0\0\0\xff\xff" * 100_000
    path = tmp_path / "shared.zip"
    path.write_bytes(zip_entries(zipfile.ZIP_DEFLATED, nothing, size=1, count=70))
    with pytest.raises(IntakeRefusedError) as error:
        take_in(path, tmp_path / "workspace", LIMITS)
    assert (error.value.code, error.value.detail) == ("bad-zip", "zip-overlap")
