"""What systems do differently: names of files, ends of processes, locks; and files held by their path."""

import os
import signal
import stat
from functools import partial
from pathlib import PureWindowsPath

import pytest

from grader import system
from grader.files import holding
from grader.findings.exceptions import code_of_missing
from grader.intake import IntakeRefusedError, receiving
from grader.run.watch import named_in
from grader.sandbox.inside import worker


@pytest.mark.parametrize(
    ("name", "can"),
    [
        *(
            (name, True)
            for name in ("main.py", "console.py", "com10", ".gitignore", "模型.ckpt", "a b", "nul1")
        ),
        *((name, False) for name in ("NUL", "nul.txt", "Aux.py", "com1", "LPT9.ckpt", "con .x", "conin$")),
        *(
            (name, False)
            for name in ("C:x", "a:b", "a\\b", "..\\x", "a/b", "what?", "a*", "a|b", "a\nb", 'a"b')
        ),
        *((name, False) for name in ("main.py.", "main.py ", "..", "...")),
    ],
)
def test_a_name_that_means_something_else_on_windows_is_none_there(name, can):
    assert system.can_be_named(name, as_on_windows=True) is can
    assert system.can_be_named(name, as_on_windows=False)


@pytest.mark.parametrize("path", ["weights/nul", "src/a:b.py", "src./main.py", "a/..\\..\\x"])
def test_intake_on_windows_refuses_what_no_file_there_can_be_called(path, monkeypatch):
    assert str(receiving.checked_path(path)) == path
    monkeypatch.setattr(receiving, "can_be_named", partial(system.can_be_named, as_on_windows=True))
    with pytest.raises(IntakeRefusedError, match="unnameable-path"):
        receiving.checked_path(path)
    assert str(receiving.checked_path("results/网络.ckpt")) == "results/网络.ckpt"


def test_windows_ways_to_say_that_a_process_crashed_are_told_as_signals():
    assert system.signal_of(0xC0000005) == system.signal_of(0xC00000FD) == "SIGSEGV"
    assert all(hasattr(signal, system.signal_of(code)) for code in (0xC000001D, 0xC0000094, 0xC0000409))
    assert {system.signal_of(code) for code in (0, 1, 3, -11, 139)} == {""}


def test_a_console_of_windows_is_sent_no_sequence_that_it_would_show():
    assert system.clear_line(4, as_on_windows=True) == "\r    \r"
    assert system.clear_line(4, as_on_windows=False) == "\r\x1b[K"


def test_only_what_windows_needs_is_taken_from_its_environment():
    given = {"SYSTEMROOT": "C:\\Windows", "PATHEXT": ".EXE", "SECRET": "x", "HOME": "/root"}
    assert system.own_variables(given) == {"SYSTEMROOT": "C:\\Windows", "PATHEXT": ".EXE"}
    assert (system.own_variables() == {}) is (os.name != "nt")


def test_a_lock_is_held_as_long_as_its_file_is_open(tmp_path):
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open("w") as second:
        system.lock(first.fileno())
        with pytest.raises(OSError):
            system.lock(second.fileno())
        first.close()
        system.lock(second.fileno(), wait=True)


def test_a_new_name_is_given_to_a_file_and_taken_from_none(tmp_path):
    (tmp_path / "written").write_text("new", encoding="utf-8")
    system.give_new_name(tmp_path / "written", tmp_path / "place")
    assert (tmp_path / "place").read_text(encoding="utf-8") == "new"
    with pytest.raises(FileExistsError):
        system.give_new_name(tmp_path / "written", tmp_path / "place")


def test_libraries_are_known_by_paths_of_every_system():
    assert named_in([r"C:\Python\Lib\site-packages\MindSpore\lib\core.dll"]) == {"mindspore"}
    assert named_in(["/Users/x/lib/python3.11/site-packages/torch/lib/libtorch.dylib"]) == {"torch"}
    assert named_in([r"C:\Users\torch\main.py", "/usr/lib/libc.so"]) == set()


# -- what is held by its path --------------------------------------------------------------------------------

WAYS = [holding.hold_by_path]
if system.HAS_DESCRIPTORS_FOR_LOOKING:
    WAYS.append(holding.hold_by_descriptor)
HOLDING = pytest.mark.parametrize("hold", WAYS, ids=["by_path", "by_descriptor"][: len(WAYS)])


@HOLDING
def test_a_folder_is_listed_and_its_links_are_not_followed(hold, tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "way").symlink_to(tmp_path)
    with hold(tmp_path / "way") as folder:
        assert folder.place == tmp_path
        assert sorted(folder.names()) == ["file", "link", "way"]
        with folder.entry("file") as file, file.open() as opened:
            assert (opened.read(), file.is_file, file.place) == (b"mine", True, tmp_path / "file")
        with folder.entry("link") as link:
            assert (link.is_link, link.is_folder, link.is_file) == (True, False, False)
            with pytest.raises(OSError, match="not a plain file"):
                link.open()
            with pytest.raises(OSError):
                next(link.names())


@HOLDING
def test_what_is_not_there_is_an_error(hold, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nothing")
    for name in ("none", "loop", "dangling"):
        with pytest.raises(OSError):
            hold(tmp_path / name)
    with hold(tmp_path) as folder, pytest.raises(FileNotFoundError):
        folder.entry("none")


@HOLDING
def test_files_are_written_moved_and_removed_below_a_folder(hold, tmp_path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "file").touch()
    with hold(tmp_path) as folder:
        with folder.folder("new") as new, folder.folder("old") as old:
            new.write("a", b"first")
            with pytest.raises(FileExistsError):
                new.write("a", b"second")
            old.write("a", b"earlier")
            new.move("a", old)
            assert (tmp_path / "old" / "a").read_bytes() == b"first"
        (tmp_path / "old" / "link").symlink_to(tmp_path / "others")
        (tmp_path / "old" / "a").chmod(stat.S_IREAD)
        with pytest.raises(OSError):
            folder.remove_empty("old")
        folder.remove("old")
        folder.remove_empty("new")
        (tmp_path / "to").symlink_to(tmp_path / "others")
        with pytest.raises(NotADirectoryError):
            folder.folder("to")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["others", "to"]
    assert (tmp_path / "others" / "file").exists()


# -- paths of Windows' kind ----------------------------------------------------------------------------------


def test_a_message_names_a_file_of_windows_as_it_lies_in_the_submission(monkeypatch):
    folder = PureWindowsPath(r"C:\Users\张三\AppData\Local\Temp\home-1\submission")
    monkeypatch.setattr(worker.os, "sep", "\\")
    missing = FileNotFoundError(2, "No such file or directory", str(folder / "results" / "net.ckpt"))
    assert worker._below(folder, str(missing)).endswith(r"'results\\net.ckpt'")
    assert worker._below(folder, f"{folder}\\main.py:7") == "main.py:7"
    assert worker._is_inside(str(folder / "main.py"), folder)
    assert code_of_missing(worker._below(folder, str(missing)), ["net.ckpt"]) == (
        "misplaced-file",
        "net.ckpt",
    )
