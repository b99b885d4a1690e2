"""What is held by a descriptor stays what it is, and no link of a stranger's leads to what is not theirs."""

import os
import stat
from pathlib import Path

import pytest

from grader.files import ForeignLinkError, hold, place_of, read_whole
from grader.intake import name_of


@pytest.fixture
def swapped(tmp_path, monkeypatch):
    """A link that becomes a folder as soon as somebody has looked at its name."""
    place = tmp_path / "own"
    place.symlink_to(tmp_path / "others")
    look = os.lstat

    def look_and_swap(path, **options):
        status = look(path, **options)
        if str(path) == str(place) and stat.S_ISLNK(status.st_mode):
            place.unlink()
            place.mkdir()
        return status

    monkeypatch.setattr(os, "lstat", look_and_swap)
    return place


@pytest.mark.parametrize("ask", [name_of, place_of])
def test_what_is_swapped_while_it_is_looked_at_is_no_failure(swapped, ask):
    assert Path(ask(swapped)).name == "own"


def test_the_place_is_where_links_lead(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert place_of(tmp_path / "link") == tmp_path.resolve()
    assert place_of(tmp_path / "link" / "none") == tmp_path / "link" / "none"


def test_a_folder_that_is_replaced_by_a_link_is_still_the_folder(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "file").write_text("secret", encoding="utf-8")
    with hold(tmp_path / "own") as own:
        (tmp_path / "own").rename(tmp_path / "moved")
        (tmp_path / "own").symlink_to(tmp_path / "others")
        assert [*own.names()] == ["file"]
        with own.entry("file") as entry, entry.open() as file:
            assert file.read() == b"mine"
        assert own.place == tmp_path / "moved"


def test_a_file_that_is_replaced_by_a_link_is_still_the_file(tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    with hold(tmp_path / "file") as held:
        (tmp_path / "file").unlink()
        (tmp_path / "file").symlink_to(tmp_path / "secret")
        with held.open() as file:
            assert file.read() == b"mine"


def test_of_a_link_in_a_folder_the_link_is_held(tmp_path):
    (tmp_path / "link").symlink_to("/etc")
    with hold(tmp_path) as folder, folder.entry("link") as link:
        assert (link.is_link, link.is_folder, link.is_file) == (True, False, False)
        with pytest.raises(OSError, match="not a plain file"):
            link.open()
        with pytest.raises(OSError):
            next(link.names())


def test_a_pipe_is_looked_at_without_waiting_for_who_writes_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with hold(tmp_path / "pipe") as pipe, pytest.raises(OSError, match="not a plain file"):
        pipe.open()


def test_paths_lead_where_the_kernel_would_go(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").touch()
    (tmp_path / "up").symlink_to("a/b/..")
    (tmp_path / "far").symlink_to(tmp_path / "up")
    monkeypatch.chdir(tmp_path / "a")
    for path in (
        tmp_path / "up" / "file",
        tmp_path / "far" / "file",
        Path("file"),
        Path("../far/b/../file"),
        Path("/", *tmp_path.parts[1:], "a", "file"),
    ):
        with hold(path) as held:
            assert os.path.samestat(held.status, (tmp_path / "a" / "file").stat()), path
    with hold(Path()) as here:
        assert here.place == tmp_path / "a"


def test_paths_without_an_end_are_errors_and_leave_no_descriptor_open(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "file").touch()
    before = len(os.listdir("/proc/self/fd"))
    for name in ("none", "loop", "dangling", "file/below"):
        with pytest.raises(OSError):
            hold(tmp_path / name)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_link_of_somebody_leads_only_to_what_is_theirs(tmp_path, below):
    for owner in (1234, 4321):
        (tmp_path / str(owner) / "deeper").mkdir(parents=True)
        os.chown(tmp_path / str(owner), owner, owner)
        os.chown(tmp_path / str(owner) / "deeper", owner, owner)
    link = tmp_path / "link"
    for owner, target, follows in [
        (1234, "1234", True),
        (1234, "4321", False),
        (1234, "/etc", False),
        (0, "4321", True),
    ]:
        link.symlink_to(target)
        os.chown(link, owner, owner, follow_symlinks=False)
        if follows:
            with hold(link / below, foreign_links=False) as held:
                assert held.is_folder
        elif below == "" or target != "/etc":
            with pytest.raises(ForeignLinkError):
                hold(link / below, foreign_links=False)
            with hold(link / below) as held:
                assert held.is_folder
        link.unlink()


def test_a_file_is_read_as_a_whole_with_the_place_where_it_lies(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_whole(tmp_path / "link", 5) == (b"12345", tmp_path / "file")
    with pytest.raises(OSError, match="too large"):
        read_whole(tmp_path / "file", 4)
    with pytest.raises(OSError, match="not a plain file"):
        read_whole(tmp_path, 5)


def test_what_is_held_is_closed_by_its_context(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    with hold(tmp_path) as held:
        assert len(os.listdir("/proc/self/fd")) == before + 1
        with held.folder("new"), pytest.raises(FileNotFoundError):
            held.entry("none")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_folder_is_made_or_held_and_a_link_is_none(tmp_path):
    (tmp_path / "link").symlink_to("/etc")
    with hold(tmp_path) as held:
        for _ in range(2):
            with held.folder("new") as new:
                assert new.place == tmp_path / "new"
        with pytest.raises(NotADirectoryError):
            held.folder("link")


def test_a_file_is_written_where_the_folder_is_and_over_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    with hold(tmp_path / "folder") as held:
        (tmp_path / "folder").rename(tmp_path / "moved")
        (tmp_path / "folder").symlink_to("/etc")
        held.write("file", b"content")
        (tmp_path / "moved" / "link").symlink_to("elsewhere")
        for taken in ("file", "link"):
            with pytest.raises(FileExistsError):
                held.write(taken, b"other")
    assert (tmp_path / "moved" / "file").read_bytes() == b"content"


def test_what_is_removed_is_what_is_there_and_not_what_a_link_leads_to(tmp_path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "file").touch()
    (tmp_path / "folder" / "deeper").mkdir(parents=True)
    (tmp_path / "folder" / "deeper" / "link").symlink_to(tmp_path / "others")
    (tmp_path / "link").symlink_to(tmp_path / "others")
    with hold(tmp_path) as held:
        held.remove("folder")
        held.remove("link")
    assert [path.name for path in tmp_path.iterdir()] == ["others"]
    assert (tmp_path / "others" / "file").exists()
