from pathlib import Path

import pytest

from grader.model.dataset import FLOWERS5, GARBAGE26, ClassInfo, load_classes, parse_classes

# Golden: what the lab's own label file and the grading platform say, letter for letter.
GARBAGE = [
    ("00_00", "Plastic Bottle", "塑料瓶"),
    ("00_01", "Hats", "帽子"),
    ("00_02", "Newspaper", "报纸"),
    ("00_03", "Cans", "易拉罐"),
    ("00_04", "Glassware", "玻璃制品"),
    ("00_05", "Glass Bottle", "玻璃瓶"),
    ("00_06", "Cardboard", "硬纸板"),
    ("00_07", "Basketball", "篮球"),
    ("00_08", "Paper", "纸张"),
    ("00_09", "Metalware", "金属制品"),
    ("01_00", "Disposable Chopsticks", "一次性筷子"),
    ("01_01", "Lighter", "打火机"),
    ("01_02", "Broom", "扫把"),
    ("01_03", "Old Mirror", "旧镜子"),
    ("01_04", "Toothbrush", "牙刷"),
    ("01_05", "Dirty Cloth", "脏污衣服"),
    ("01_06", "Seashell", "贝壳"),
    ("01_07", "Ceramic Bowl", "陶瓷碗"),
    ("02_00", "Paint bucket", "油漆桶"),
    ("02_01", "Battery", "电池"),
    ("02_02", "Fluorescent lamp", "荧光灯"),
    ("02_03", "Tablet capsules", "药片胶囊"),
    ("03_00", "Orange Peel", "橙皮"),
    ("03_01", "Vegetable Leaf", "菜叶"),
    ("03_02", "Eggshell", "蛋壳"),
    ("03_03", "Banana Peel", "香蕉皮"),
]
GROUPS = {
    "00": ("recyclable", "可回收物"),
    "01": ("dry", "干垃圾"),
    "02": ("hazardous", "有害垃圾"),
    "03": ("wet", "湿垃圾"),
}
FLOWERS = [
    ("daisy", "雏菊"),
    ("dandelion", "蒲公英"),
    ("roses", "玫瑰"),
    ("sunflowers", "向日葵"),
    ("tulips", "郁金香"),
]
GOOD = {"folder": "a", "name": "A"}


def test_the_garbage_classes_have_their_names_in_order() -> None:
    assert [(info.folder, info.name, info.zh) for info in load_classes(GARBAGE26)] == GARBAGE


def test_the_garbage_folders_tell_the_group() -> None:
    for info in load_classes(GARBAGE26):
        assert (info.group, info.group_zh) == GROUPS[info.folder[:2]]


def test_the_flower_classes_are_their_folders_in_order() -> None:
    expected = [ClassInfo(folder=name, name=name, zh=zh) for name, zh in FLOWERS]
    assert list(load_classes(FLOWERS5)) == expected


def test_the_index_is_the_place_in_sorted_folder_order_however_the_entries_are_written() -> None:
    table = [{"folder": "b", "name": "B"}, {"folder": "a", "name": "Z"}]
    assert [info.name for info in parse_classes(table)] == ["Z", "B"]


def test_what_is_optional_may_be_left_out() -> None:
    assert parse_classes([GOOD]) == (ClassInfo("a", "A", "", "", ""),)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([], "there are no classes; write at least one [[classes]] entry"),
        ([GOOD, {"name": "B"}], "class 2: 'folder' is missing"),
        ([GOOD, {"folder": "b"}], "class 2: 'name' is missing"),
        (
            [{**GOOD, "label": 3}],
            "class 1: unknown key 'label'; known keys are folder, name, zh, group, group_zh",
        ),
        ([{**GOOD, "name": 3}], "class 1: 'name' must be a string, not int"),
        ([{**GOOD, "zh": ["甲"]}], "class 1: 'zh' must be a string, not list"),
        ([{**GOOD, "name": ""}], "class 1: 'name' is empty"),
        ([{**GOOD, "folder": "  "}], "class 1: 'folder' is empty"),
        ([GOOD, {"folder": "a", "name": "B"}], "class 2: 'folder' repeats 'a' of class 1"),
        ([GOOD, {"folder": "b", "name": "A"}], "class 2: 'name' repeats 'A' of class 1"),
        ([{**GOOD, "folder": ".."}], "class 1: 'folder' must be a single folder name, not '..'"),
        ([{**GOOD, "folder": "."}], "class 1: 'folder' must be a single folder name, not '.'"),
        ([{**GOOD, "folder": "a/b"}], "class 1: 'folder' must be a single folder name, not 'a/b'"),
        ([{**GOOD, "folder": "/etc"}], "class 1: 'folder' must be a single folder name, not '/etc'"),
        ([{**GOOD, "folder": "a\\b"}], "class 1: 'folder' must be a single folder name, not 'a\\b'"),
        (["a"], "class 1: must be a table of keys, not str"),
    ],
)
def test_a_wrong_entry_is_refused_by_number_and_key(table: list[dict[str, object]], message: str) -> None:
    with pytest.raises(ValueError, match=r"^.+$") as refused:
        parse_classes(table)
    assert str(refused.value) == message


@pytest.mark.parametrize("name", [" A", "A ", "A\nB", "A\0"])
def test_a_name_that_nobody_could_return_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="'name' has blanks round it or characters that cannot be printed"):
        parse_classes([{**GOOD, "name": name}])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "there are no classes"),
        ("[[classes]\n", "is not TOML"),
        ("classes = 3\n", "'classes' must be written as [[classes]] entries"),
        ('title = "x"\n', "unknown key 'title'"),
        ('[[classes]]\nfolder = "a"\n', "class 1: 'name' is missing"),
        ('[[classes]]\nfolder = "甲"\nname = "乙"\n'.encode("gbk"), "is not UTF-8"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = tmp_path / "classes.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with pytest.raises(ValueError) as refused:
        load_classes(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.toml: cannot be read: No such file"):
        load_classes(tmp_path / "nowhere.toml")
