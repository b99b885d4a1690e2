import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from reference.errors import InputError
from reference.run.run_folder import MANIFEST, RunFolder

NAMES = ("log.csv", "submission/main.py")


def finished_run(path: Path) -> RunFolder:
    run = RunFolder(path)
    run.check(False, NAMES)
    run.begin()
    for name in NAMES:
        run.write_text(name, f"made: {name}")
    return run


def test_a_new_or_empty_folder_will_do(tmp_path: Path) -> None:
    finished_run(tmp_path)
    finished_run(tmp_path / "deep" / "new")
    assert (tmp_path / "deep" / "new" / "submission" / "main.py").is_file()


def test_an_earlier_run_is_not_replaced_unasked(tmp_path: Path) -> None:
    finished_run(tmp_path)
    with pytest.raises(InputError, match="is not empty"):
        RunFolder(tmp_path).check(False, NAMES)


def test_overwriting_replaces_what_was_made_and_leaves_the_rest(tmp_path: Path) -> None:
    finished_run(tmp_path)
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    run = RunFolder(tmp_path)
    run.check(True, NAMES)
    run.begin()
    run.write_text("log.csv", "second")
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "log.csv").read_text(encoding="utf-8") == "second"
    assert not (tmp_path / "submission" / "main.py").exists()


def test_a_file_that_was_edited_since_is_not_replaced(tmp_path: Path) -> None:
    finished_run(tmp_path)
    (tmp_path / "submission" / "main.py").write_text("my own work", encoding="utf-8")
    with pytest.raises(InputError, match=r"main\.py: was changed since"):
        RunFolder(tmp_path).check(True, NAMES)


def test_a_users_file_of_the_same_name_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"log\.csv: is in the way"):
        RunFolder(tmp_path).check(True, NAMES)


def test_a_file_cut_short_by_a_killed_run_counts_as_made(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.begin()
    with pytest.raises(KeyboardInterrupt), run.making("log.csv") as path:
        path.write_text("hal", encoding="utf-8")
        raise KeyboardInterrupt
    again = RunFolder(tmp_path)
    again.check(True, NAMES)
    again.begin()
    assert not (tmp_path / "log.csv").exists()


def test_a_manifest_cannot_send_us_out_of_the_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine", encoding="utf-8")
    run = tmp_path / "run"
    finished_run(run)
    (run / MANIFEST).write_text(json.dumps({"files": {"../outside.txt": None}}), encoding="utf-8")
    with pytest.raises(InputError, match="damaged"):
        RunFolder(run).check(True, NAMES)
    assert outside.exists()


def test_a_file_in_place_of_the_submission_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "submission").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="submission: is in the way"):
        RunFolder(tmp_path).check(True, NAMES)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="is not a folder"):
        RunFolder(tmp_path / "run").check(True, NAMES)


def test_a_folder_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:  # not by chmod, which does not stop root
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        RunFolder(tmp_path).check(True, NAMES)


def test_a_disk_without_room_for_a_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=3_000_000))
    with pytest.raises(InputError, match="the disk has 3 MB free, a run needs 67 MB"):
        RunFolder(tmp_path / "new" / "run").check(False, ())


def test_a_claimed_file_is_ours_until_it_is_released(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.begin()
    run.claim("state").write_text("1")
    RunFolder(tmp_path / "run").check(False, ("state",), resume=True)
    again = RunFolder(tmp_path / "run")
    again.begin(keep=("state",))
    assert (tmp_path / "run" / "state").read_text() == "1"
    again.claim("state")
    again.release("state")
    assert [path.name for path in (tmp_path / "run").iterdir()] == [MANIFEST]


def test_only_a_complete_file_is_held(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    assert not run.holds("summary.json")
    run.begin()
    run.claim("summary.json").write_text("half")
    assert not run.holds("summary.json")
    run.write_text("summary.json", "whole")
    assert RunFolder(tmp_path / "run").holds("summary.json")
