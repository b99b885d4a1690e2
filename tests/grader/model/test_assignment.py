import re
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.model.assignment import BUILT_IN, load_assignment

MINIMAL = 'title = "t"\nclasses = [{folder = "a", name = "A"}, {folder = "b", name = "B"}]\n'


def load(tmp_path: Path, text: str):
    path = tmp_path / "assignment.toml"
    path.write_text(text, encoding="utf-8")
    return load_assignment(path)


def test_the_default_is_the_garbage_lab_with_the_documented_limits():
    assignment = load_assignment()
    assert len(assignment.classes) == 26
    assert assignment.channel_order == "bgr"
    limits = assignment.limits
    assert (limits.import_seconds, limits.first_prediction_seconds) == (60, 60)
    assert (limits.image_seconds, limits.total_seconds) == (5, 300)
    assert (limits.memory_mib, limits.scratch_mib, limits.output_kib, limits.processes) == (
        4096,
        512,
        1024,
        64,
    )


@pytest.mark.parametrize("path", sorted(BUILT_IN.glob("*.toml")), ids=lambda path: path.name)
def test_every_built_in_assignment_loads(path):
    assert load_assignment(path).classes


def test_the_commented_example_shows_the_defaults():
    written = load_assignment(BUILT_IN / "garbage26.toml")
    assert written.limits == type(written.limits)()
    assert written.points == type(written.points)()
    assert written.late == type(written.late)()
    assert written.attempts == type(written.attempts)()


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("classes = []", "classes", "class"),
        ('title = "t"', "classes", "path of a class list"),
        (MINIMAL.replace('"t"', '""'), "title", "at least 1"),
        (MINIMAL + "colour = 1", "colour", "unknown key"),
        (MINIMAL + 'channel_order = "rbg"', "channel_order", "'bgr' or 'rgb'"),
        (MINIMAL + "[limits]\nimage_seconds = -1", "limits.image_seconds", "greater than 0"),
        (MINIMAL + "[limits]\nimage_seconds = true", "limits.image_seconds", "valid number"),
        (MINIMAL + '[limits]\nmemory_mib = "4G"', "limits.memory_mib", "valid integer"),
        (MINIMAL + "[limits]\nprocesses = 0", "limits.processes", "greater than 0"),
        (MINIMAL + "[limits]\nmemory = 3", "limits.memory", "unknown key"),
        (MINIMAL + "[points]\ncurve = [[0.5, 0], [0.5, 9]]", "points", "must rise"),
        (MINIMAL + "[points]\ncurve = [[0.5, 0]]\ntable = [[0.5, 0]]", "points", "not both"),
        (MINIMAL + "[points]\ntable = [[50, 1]]", "points.table.0.0", "less than or equal to 1"),
        (MINIMAL + "[points]\ntable = [[0.5]]", "points.table.0.1", "required"),
        (MINIMAL + "[late]\npercent_per_day = 101", "late.percent_per_day", "less than or equal to 100"),
        (MINIMAL + "[attempts]\nmost = 0", "attempts.most", "greater than 0"),
        (MINIMAL + "splits = 3", "splits", "should be a table"),
        ('title = "t"\nclasses = "nowhere.toml"', "classes", "nowhere.toml"),
        ("title = ", "", "not valid TOML"),
    ],
)
def test_a_broken_assignment_names_the_key_and_the_reason(tmp_path, text, key, reason):
    with pytest.raises(UsageError) as error:
        load(tmp_path, text)
    message = str(error.value)
    assert key in message
    assert reason in message
    assert "\n" not in message.strip()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINIMAL.replace('"t"', '""'), "title：至少应有 1 个字符（现为 ''）"),
        (MINIMAL + 'channel_order = "rbg"', "channel_order：应为以下之一：'bgr' or 'rgb'（现为 'rbg'）"),
        (MINIMAL + "splits = 3", "splits：应为表：单独一节，其中写键和值（现为 3）"),
        (MINIMAL + "[points]\ncurve = 3", "points.curve：应为 [ ] 中的列表（现为 3）"),
        (MINIMAL + "[points]\nfull = 10\nboundaries = [60]", "points：有的等级线高于全部答对时的 10 分"),
        (
            MINIMAL + "[points]\nwrong_bin = 2",
            "文件：使用 points.wrong_class 和 points.wrong_bin 时，每个类别都须",
        ),
        ("classes = [3]", "classes（类别）：第 1 个类别：应为由键组成的表，而不是 int"),
        ('[[classes]]\nfolder = "a"', "classes（类别）：第 1 个类别：缺少“name”"),
    ],
)
def test_in_chinese_no_reason_is_said_in_english(tmp_path, text, said):
    with pytest.raises(UsageError) as error:
        load(tmp_path, text)
    message = error.value.text("zh")
    assert said in message
    assert not re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", message.replace(str(tmp_path), "")), message


def test_an_assignment_that_is_not_text_is_one_clear_line(tmp_path):
    path = tmp_path / "assignment.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        load_assignment(path)
    with pytest.raises(UsageError, match="cannot read"):
        load_assignment(tmp_path / "missing.toml")


def test_split_paths_are_relative_to_the_file_and_not_part_of_the_identity(tmp_path):
    with_split = load(tmp_path, MINIMAL + '[splits]\nhidden = "images"')
    without = load(tmp_path, MINIMAL)
    assert with_split.splits.hidden == str(tmp_path / "images")
    assert with_split.sha256 == without.sha256


def test_a_changed_limit_or_class_changes_the_identity(tmp_path):
    digests = {
        load(tmp_path, text).sha256
        for text in (
            MINIMAL,
            MINIMAL + "[limits]\nimage_seconds = 6",
            MINIMAL.replace('"B"', '"C"'),
            MINIMAL + 'channel_order = "rgb"',
        )
    }
    assert len(digests) == 4
