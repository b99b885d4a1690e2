"""A `label.txt`, as the garbage lab's data set has one."""

import pytest

from grader.errors import UsageError
from grader.model.assignment import load_assignment
from grader.model.dataset import GARBAGE26, load_classes
from grader.model.labels import read_labels

GIVEN = "可回收物: 00\r\r\n塑料瓶: 00_00\n帽子: 00_01\n\n干垃圾: 01\n打火机：01_01\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_names_and_bins_are_read_in_either_encoding_and_with_any_line_ends(tmp_path, encoding):
    (tmp_path / "label.txt").write_bytes(GIVEN.encode(encoding))
    labels = read_labels(tmp_path / "label.txt")
    assert labels.names == {"00_00": "塑料瓶", "00_01": "帽子", "01_01": "打火机"}
    assert labels.bins == {"00": "可回收物", "01": "干垃圾"}
    assert labels.bin_of("01_01") == "干垃圾"
    assert labels.bin_of("02_00") == ""


def test_the_labs_file_says_of_every_class_what_the_class_list_says(tmp_path):
    classes = load_classes(GARBAGE26)
    lines = [f"{info.zh}: {info.folder}" for info in classes]
    lines += {f"{info.group_zh}: {info.folder[:2]}": 0 for info in classes}
    (tmp_path / "label.txt").write_bytes("\n".join(lines).encode("gbk"))
    listed = "../label.txt"
    (tmp_path / "lab").mkdir()
    given = f'title = "t"\nclasses = "{GARBAGE26}"\nlabels = "{listed}"\n'
    (tmp_path / "lab" / "a.toml").write_text(given, encoding="utf-8")
    assert load_assignment(tmp_path / "lab" / "a.toml").classes == classes


def written(tmp_path, toml, text=GIVEN):
    (tmp_path / "label.txt").write_bytes(text.encode("gbk"))
    (tmp_path / "a.toml").write_text(f'title = "t"\n{toml}', encoding="utf-8")
    return load_assignment(tmp_path / "a.toml")


def test_a_label_file_can_be_the_class_list_itself(tmp_path):
    classes = written(tmp_path, 'classes = "label.txt"\n').classes
    assert [(info.folder, info.name, info.zh, info.group_zh) for info in classes] == [
        ("00_00", "塑料瓶", "塑料瓶", "可回收物"),
        ("00_01", "帽子", "帽子", "可回收物"),
        ("01_01", "打火机", "打火机", "干垃圾"),
    ]


def test_a_label_file_gives_a_class_list_its_bins_and_leaves_the_english_names(tmp_path):
    toml = 'labels = "label.txt"\n[[classes]]\nfolder = "00_00"\nname = "Bottle"\n'
    toml += '[[classes]]\nfolder = "00_01"\nname = "Hats"\n[[classes]]\nfolder = "01_01"\nname = "Lighter"\n'
    classes = written(tmp_path, toml).classes
    assert [(info.name, info.zh, info.group_zh) for info in classes] == [
        ("Bottle", "塑料瓶", "可回收物"),
        ("Hats", "帽子", "可回收物"),
        ("Lighter", "打火机", "干垃圾"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("塑料瓶 是 00_00\n帽子\n", "line 1 must say `name: folder`"),
        ("塑料瓶: 00_00\n帽子: 00_00\n", "line 2: the folder 00_00 is there twice"),
        ("塑料瓶: 09_09\n", "it names the folder 09_09, which no class has"),
    ],
)
def test_a_label_file_that_cannot_be_used_is_named_with_its_line(tmp_path, text, reason):
    toml = 'labels = "label.txt"\n[[classes]]\nfolder = "00_00"\nname = "Bottle"\n'
    with pytest.raises(UsageError, match=rf"label\.txt.*{reason}"):
        written(tmp_path, toml, text)


def test_a_label_file_in_another_encoding_or_absent_is_named(tmp_path):
    toml = 'labels = "label.txt"\n[[classes]]\nfolder = "00_00"\nname = "Bottle"\n'
    with pytest.raises(UsageError, match=r"label\.txt"):
        written(tmp_path, toml.replace("label.txt", "nowhere/label.txt"))
    (tmp_path / "label.txt").write_bytes(b"\xff\xff\x00")
    (tmp_path / "a.toml").write_text(f'title = "t"\n{toml}', encoding="utf-8")
    (tmp_path / "label.txt").write_bytes(b"\xff\xff\x00")
    with pytest.raises(UsageError, match="neither UTF-8 nor GBK"):
        load_assignment(tmp_path / "a.toml")
