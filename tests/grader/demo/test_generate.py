import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import pytest

from grader.demo import FOLDERS, DemoError, generate, write_demo
from grader.demo.generate import Plan, already_there

Files = dict[str, bytes]


def files(folder: Path) -> Files:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest set, drawn once; tests only look at it."""
    out = tmp_path_factory.mktemp("demo") / "set"
    assert write_demo(out, train=1, val=1)
    return out


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tiny stand-ins for the images, where the test is about folders."""

    def encoded(image: tuple[str, str, int], seed: int) -> bytes:
        return f"{image} {seed}".encode()

    monkeypatch.setattr(generate, "encoded", encoded)
    yield


def test_a_set_is_an_image_folder_of_26_classes_in_two_splits(made: Path) -> None:
    names = {f"{split}/{folder}/00001.jpg" for split in ("train", "val") for folder in FOLDERS}
    assert set(files(made)) == names | {"demo.json"}


def test_every_file_is_a_jpeg_of_224_by_224(made: Path) -> None:
    for path in made.rglob("*.jpg"):
        image = cv2.imread(str(path))
        assert image is not None
        assert image.shape == (224, 224, 3)


def test_no_image_is_there_twice_in_a_split_or_across_both(made: Path) -> None:
    images = [data for name, data in files(made).items() if name.endswith(".jpg")]
    assert len(set(images)) == len(images) == 52


def test_the_manifest_says_what_was_drawn(made: Path) -> None:
    manifest = json.loads((made / "demo.json").read_text(encoding="utf-8"))
    assert manifest.pop("sha256")
    assert manifest == {"drawing": 1, "classes": 26, "seed": 0, "train": 1, "val": 1}


def test_the_same_seed_gives_the_same_bytes_however_many_workers_draw(made: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        write_demo(tmp_path / "again", train=1, val=1, pool=pool)
    assert files(tmp_path / "again") == files(made)


def test_an_image_does_not_depend_on_how_many_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "FOLDERS", FOLDERS[::9])
    write_demo(tmp_path / "few", train=1, val=2)
    write_demo(tmp_path / "more", train=3, val=1)
    few, more = files(tmp_path / "few"), files(tmp_path / "more")
    shared = {name for name in few.keys() & more.keys() if name.endswith(".jpg")}
    assert len(shared) == 6
    assert all(few[name] == more[name] for name in shared)


def test_another_seed_gives_other_images(made: Path) -> None:
    image = ("train", "00_07", 1)
    assert generate.encoded(image, 0) == (made / "train/00_07/00001.jpg").read_bytes()
    assert generate.encoded(image, 1) != generate.encoded(image, 0)


def test_a_set_that_is_there_already_is_left_alone(made: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    assert not write_demo(made, train=1, val=1)
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*")} == before


@pytest.mark.usefixtures("quick")
def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    out = tmp_path / "new"
    out.mkdir()
    assert write_demo(out, train=1, val=1)
    assert (out / "demo.json").is_file()


@pytest.mark.usefixtures("quick")
def test_missing_parents_are_made(tmp_path: Path) -> None:
    assert write_demo(tmp_path / "a/b/c", train=1, val=1)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("other", ["notes.txt", "demo.json", "train/00_00/00001.jpg"])
def test_a_folder_with_anything_else_is_refused_and_not_touched(tmp_path: Path, other: str) -> None:
    out = tmp_path / "mine"
    (out / other).parent.mkdir(parents=True)
    (out / other).write_bytes(b"mine")
    with pytest.raises(DemoError, match="is not empty and no demo set; it was left as it is"):
        write_demo(out, train=1, val=1)
    assert files(tmp_path) == {f"mine/{other}": b"mine"}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("wanted", [Plan(1, 1, 1), Plan(0, 2, 1), Plan(0, 1, 2)])
def test_another_demo_set_is_refused_and_not_touched(tmp_path: Path, wanted: Plan) -> None:
    write_demo(tmp_path / "set", train=1, val=1)
    before = files(tmp_path)
    with pytest.raises(DemoError, match="holds another demo set"):
        write_demo(tmp_path / "set", seed=wanted.seed, train=wanted.train, val=wanted.val)
    assert files(tmp_path) == before


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("change", ["altered", "removed", "added"])
def test_a_demo_set_that_was_changed_is_refused_and_not_touched(tmp_path: Path, change: str) -> None:
    out = tmp_path / "set"
    write_demo(out, train=1, val=1)
    image = out / "val/01_02/00001.jpg"
    if change == "removed":
        image.unlink()
    else:
        (image if change == "altered" else image.with_name("mine.jpg")).write_bytes(b"x")
    before = files(tmp_path)
    with pytest.raises(DemoError, match="holds this demo set, but changed"):
        write_demo(out, train=1, val=1)
    assert files(tmp_path) == before


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set").write_bytes(b"mine")
    with pytest.raises(DemoError, match="is a file"):
        write_demo(tmp_path / "set")
    assert files(tmp_path) == {"set": b"mine"}


def test_a_run_that_is_stopped_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def encoded(image: tuple[str, str, int], seed: int) -> bytes:
        if image == ("val", "00_00", 1):
            raise KeyboardInterrupt
        return b"x"

    monkeypatch.setattr(generate, "encoded", encoded)
    with pytest.raises(KeyboardInterrupt):
        write_demo(tmp_path / "set", train=1, val=1)
    assert list(tmp_path.iterdir()) == []


def test_a_set_that_somebody_else_finished_first_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "set"

    def encoded(image: tuple[str, str, int], seed: int) -> bytes:
        out.mkdir(exist_ok=True)
        (out / "theirs").write_bytes(b"theirs")
        return b"x"

    monkeypatch.setattr(generate, "encoded", encoded)
    with pytest.raises(DemoError, match="left as it is"):
        write_demo(out, train=1, val=1)
    assert files(tmp_path) == {"set/theirs": b"theirs"}


def test_looking_for_a_set_where_there_is_none_finds_none(tmp_path: Path) -> None:
    assert not already_there(tmp_path / "nothing", Plan())


@pytest.mark.parametrize("plan", [Plan(train=0), Plan(val=0), Plan(seed=-1), Plan(train=100_000)])
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, plan: Plan) -> None:
    with pytest.raises(DemoError, match=r"^.+$"):
        write_demo(tmp_path / "set", seed=plan.seed, train=plan.train, val=plan.val)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_the_command_says_drawn_and_then_already_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--out", str(tmp_path / "set"), "--train", "1", "--val", "1"]
    assert generate.main(arguments) == 0
    printed = capsys.readouterr()
    assert "52 images of 26 classes drawn in" in printed.out
    assert printed.err == "", "a progress bar does not belong in a log"
    assert generate.main(arguments) == 0
    assert "52 images of 26 classes already there" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--out", "{}/set", "--train", "0"],
        ["--out", "{}/set", "--seed", "-1"],
        ["--out", "{}"],
        ["--out", "{}/taken.png"],
        ["--sheet", "{}/a.jpg"],
        ["--sheet", "{}/taken.png"],
    ],
)
def test_the_command_refuses_in_one_line_with_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr("grader.demo.generate.PER_CLASS", 0)
    (tmp_path / "taken.png").write_bytes(b"mine")
    assert generate.main([argument.format(tmp_path) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert files(tmp_path) == {"taken.png": b"mine"}


def test_the_contact_sheet_is_written_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.demo.generate.PER_CLASS", 1)
    path = tmp_path / "sheet.png"
    assert generate.main(["--sheet", str(path)]) == 0
    assert "contact sheet drawn" in capsys.readouterr().out
    assert cv2.imread(str(path)).shape == (13 * 112, 2 * (150 + 112), 3)
    assert generate.main(["--sheet", str(path)]) == 0
    assert "already there" in capsys.readouterr().out


def test_ctrl_c_stops_with_exit_code_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def encoded(image: tuple[str, str, int], seed: int) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(generate, "encoded", encoded)
    assert generate.main(["--out", str(tmp_path / "set"), "--train", "1", "--val", "1"]) == 130
    assert list(tmp_path.iterdir()) == []
