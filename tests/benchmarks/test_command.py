import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.command import command_line, main
from reference.images import ImageFolder

ROOT = Path(__file__).parents[2]


def test_where_the_data_set_lies_is_not_published() -> None:
    typed = ["--dataset_path", "/home/me/sets/garbage", "--only", "head"]
    assert command_line(typed, Path("/home/me/sets/garbage")) == (
        "python -m benchmarks --dataset_path garbage --only head"
    )
    typed = ["--dataset_path=/home/me/sets/garbage"]
    assert command_line(typed, Path("/home/me/sets/garbage")) == "python -m benchmarks --dataset_path=garbage"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset_path", "nowhere"], "nowhere: no such folder"),
        (["--dataset_path", "SET", "--only", "grading"], "no assignment"),
        (["--dataset_path", "SET", "--only", "head", "--images", "2"], "one of each of the 3 classes"),
        (["--dataset_path", "SET", "--out", "nowhere/RESULTS.md"], "nowhere is not a folder"),
        (["--dataset_path", "SET", "--pretrained", "nowhere.ckpt"], "nowhere.ckpt: no such file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_input_is_said_in_one_line(
    arguments: list[str],
    message: str,
    shapes: ImageFolder,
    untrained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if "--pretrained" not in arguments:
        arguments = [*arguments, "--pretrained", str(untrained)]
    assert main([str(shapes.root) if argument == "SET" else argument for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("wrong", [["--images", "none"], ["--repeats", "0"], ["--only", "everything"]])
def test_options_that_make_no_sense_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--dataset_path", "D", *wrong])
    assert stopped.value.code == 2


@pytest.mark.mindspore
def test_a_small_run_measures_every_program_and_all_of_them_agree(
    shapes: ImageFolder, untrained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "RESULTS.md"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks", "--dataset_path", str(shapes.root), "--out", str(out)),
            *("--pretrained", str(untrained), "--only", "head", "inference"),
            *("--images", "6", "--repeats", "1"),
        ],
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "RESULTS.json").read_text(encoding="utf-8"))
    head, inference = content["tables"]
    assert all(row["samples"] and not row["failed"] for row in head["rows"] + inference["rows"])
    assert {row["program"] for row in head["rows"]} == {"the original recipe", "the reference"}
    assert len({row["program"] for row in inference["rows"]}) == 4
    assert inference["notes"] == ["Answers of 4 programs compared on 6 images: 0 differ."]
    learnt = [row["median"] for row in head["rows"] if row["unit"] == "of 3"]
    assert learnt == [3.0, 3.0], "either recipe tells a red disc from a green square"
    assert done.stdout.count("\n## ") == 2
    assert out.read_text(encoding="utf-8").count("\n## ") == 2
