"""Whose a submission is, by its name as students and learning platforms write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.classroom import find_entries, read_roster
from grader.classroom.roster import owner_of
from grader.classroom.submissions import open_class
from grader.errors import UsageError
from tests.grader.classroom.test_submissions import packed

AS_WRITTEN = [
    # what students write
    ("3210104593_李四", "3210104593", "李四"),
    ("李四_3210104593", "3210104593", "李四"),
    ("3210104593 李四", "3210104593", "李四"),
    ("李四 3210104593", "3210104593", "李四"),
    ("3210104593-李四-第5次作业", "3210104593", "李四"),
    ("第5次作业-3210104593-李四", "3210104593", "李四"),
    ("第五次作业_李四_3210104593_最终版", "3210104593", "李四"),
    ("3210104593李四", "3210104593", "李四"),
    ("李四3210104593", "3210104593", "李四"),
    ("３２１０１０４５９３＿李四", "3210104593", "李四"),
    ("李四（3210104593）", "3210104593", "李四"),
    ("【3210104593】李四 垃圾分类", "3210104593", "李四"),
    ("3210104593+李四+实验五", "3210104593", "李四"),
    ("机器学习2班-李四-3210104593", "3210104593", "李四"),
    ("3210104593_欧阳娜娜_lab5", "3210104593", "欧阳娜娜"),
    ("3210104593_买买提·艾力", "3210104593", "买买提·艾力"),
    ("3210104593_Li Si_hw5", "3210104593", "Li Si"),
    ("lab5_3210104593", "3210104593", "3210104593"),
    ("3210104593_1_2_lab", "3210104593", "3210104593"),
    ("PB21000001-张三", "PB21000001", "张三"),
    ("U202112345_王五", "U202112345", "王五"),
    ("3210104593_李四_20261120", "3210104593", "李四"),
    ("李四-3210104593-20261120153000", "3210104593", "李四"),
    ("3210104593_李四(1)", "3210104593", "李四"),
    ("3210104593_李四.rar", "3210104593", "李四"),
    ("3210104593_李四的副本", "3210104593", "李四"),
    ("3210104593 copy 2", "3210104593", "3210104593"),
    ("学号：3210104593，姓名：李四", "3210104593", "李四"),
    # what names no number is an id by itself, and so is a single word
    ("李四", "李四", "李四"),
    ("3210104593", "3210104593", "3210104593"),
    ("20210315", "20210315", "20210315"),
    ("lab5_zhang", "lab5_zhang", "lab5_zhang"),
    ("李四_第5次作业", "李四_第5次作业", "李四_第5次作业"),
    ("a1b2c3d4e5f60718", "a1b2c3d4e5f60718", "a1b2c3d4e5f60718"),
    # what platforms export
    ("lisi_123456_7890123_lab5", "123456", "lisi"),
    ("lisi_LATE_123456_7890123_lab5", "123456", "lisi"),
    ("lisi_123456_789012345_3210104593", "123456", "lisi"),
    ("labelle_7_1_x", "7", "labelle"),
    ("李四_123456_7890123_3210104593李四", "123456", "李四"),
    ("李四 3210104593_4711_assignsubmission_file_", "4711", "李四 3210104593"),
    ("李四_4711_assignsubmission_file_3210104593_李四_第5次作业", "4711", "李四"),
    ("submission_98765432", "98765432", "98765432"),
    # 学在浙大: a folder for each student, with number and name
    ("3210104593-李四", "3210104593", "李四"),
    ("李四-3210104593-垃圾分类实验", "3210104593", "李四"),
]
UNCLEAR = [
    "李四_3210104593_5_lab",  # the shape of Canvas's names, with a student's number
    "lisi_3210104593_5_lab",
    "lisi_3210104593_67890123_lab",
    "李四_2_5_lab",
    "李四_12345_5_lab",
    "lab_5_3210104593_李四",  # the shape, with a class, a group or a seat before the student's number
    "AI_2101_3210104593_李四",
    "软工_202101_3210104593_李四",
    "王五_20_32101045_lab5",
    "lisi_05_67890_lab",
    "lisi_2_15_3210104593",
    "lab_12345_67890_x",
    "第3组_12345_67890_x",
    "3210104593_3210104594",
    "李四3210104593王五3210104594",
    "李四_20261120",  # a date, or the number of who began in 2026
    "20210315-李四",
    "3210104593v2_李四",
    "李四_321010459312345",
    "李四_3210104593_13812345678",
]


@pytest.mark.parametrize(("name", "id_", "student"), AS_WRITTEN)
def test_a_name_as_it_is_written_tells_whose_it_is(name, id_, student):
    owner = owner_of(name)
    assert (owner.id, owner.name, owner.is_unclear) == (id_, student, False)


@pytest.mark.parametrize("name", UNCLEAR)
def test_nobody_is_guessed_from_a_name_that_could_be_read_in_two_ways(name):
    owner = owner_of(name)
    assert (owner.id, owner.is_unclear, owner.platform) == (name, True, None)


NUMBERS = st.from_regex(r"[A-Z]{0,2}3[0-9]{9}", fullmatch=True)
NAMES = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=2, max_size=3).filter(
    lambda name: owner_of(f"3210104593_{name}").name == name
)
BETWEEN = st.sampled_from(["_", " ", "-", "+", "—", "·", "（", "__", " - ", "，"])
WORK = st.sampled_from(["", "第5次作业", "lab5", "实验五", "hw_5", "final", "第2班", "20261120"])


@given(NUMBERS, NAMES, WORK, st.lists(BETWEEN, min_size=2, max_size=2), st.permutations([0, 1, 2]))
def test_the_one_number_is_the_id_wherever_it_stands(number, name, work, between, order):
    parts = [(number, name, work)[at] for at in order]
    whole = f"{parts[0]}{between[0]}{parts[1]}{between[1]}{parts[2]}".strip()
    owner = owner_of(whole)
    assert owner.is_unclear or owner.id == number
    assert not owner.is_unclear or "20261120" in whole or "_5" in whole


@given(NUMBERS, NUMBERS, NAMES, BETWEEN)
def test_of_two_numbers_none_is_chosen(one, other, name, between):
    if one != other:
        owner = owner_of(f"{one}{between}{name}{between}{other}")
        assert owner.is_unclear
        assert owner.numbers == (one, other)


@given(st.text())
def test_any_name_has_an_owner_and_the_id_is_in_the_name(name):
    import unicodedata

    owner = owner_of(name)
    assert owner.id == owner_of(unicodedata.normalize("NFD", name)).id
    if owner.is_unclear:
        assert owner.platform is None
        assert owner.id == owner.name
    elif owner.numbers:
        assert owner.id in unicodedata.normalize("NFKC", name)


@given(st.text(st.sampled_from("李四王20261 _-A5.3v"), max_size=40))
def test_an_id_that_is_a_number_is_the_only_one_that_could_be(name):
    owner = owner_of(name)
    if owner.numbers and not owner.is_unclear:
        assert owner.numbers == (owner.id,)
        assert 8 <= sum(char.isdigit() for char in owner.id) <= 12


def folders(tmp_path, *names):
    for name in names:
        (tmp_path / "class" / name).mkdir(parents=True)
    return tmp_path / "class"


def roster(tmp_path, text):
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8")
    return read_roster(path)


def test_names_that_are_unclear_ask_for_a_roster(tmp_path):
    folder = folders(tmp_path, "3210104590_张三", "李四_3210104593_5_lab", "王五_20261120")
    with pytest.raises(UsageError, match=r"李四_3210104593_5_lab, 王五_20261120; give --roster"):
        find_entries(folder)


def test_the_roster_says_whose_an_unclear_name_is_by_the_number_in_it_or_by_the_whole_name(tmp_path):
    folder = folders(tmp_path, "3210104590_张三", "李四_3210104593_5_lab", "王五_20261120")
    rows = roster(
        tmp_path, "学号,姓名,提交\n3210104590,张三,\n3210104593,李四,\n3210104599,王五,王五_20261120\n"
    )
    entries = find_entries(folder, rows).entries
    assert [(entry.id, entry.name, entry.source.name) for entry in entries] == [
        ("3210104590", "张三", "3210104590_张三"),
        ("3210104593", "李四", "李四_3210104593_5_lab"),
        ("3210104599", "王五", "王五_20261120"),
    ]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("AI_2101_3210104593_李四", "3210104593"),
        ("lab_5_12_3210104593", "3210104593"),
        ("2021E8012345678_李四", "2021E8012345678"),
        ("202128013229021_李四", "202128013229021"),
    ],
)
def test_a_roster_finds_its_ids_in_names_that_are_not_guessed(tmp_path, name, number):
    rows = roster(tmp_path, f"学号\n{number}\n20210315\n")
    entries = find_entries(folders(tmp_path, name), rows).entries
    assert [entry.id for entry in entries if entry.source is not None] == [number]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("李四_123456", "123456"),
        ("12345-李四-第5次作业", "12345"),
        ("李四 7654321 202611", "7654321"),
        ("lab5_A12345", "a12345"),
    ],
)
def test_a_shorter_number_is_an_id_where_the_roster_has_it(tmp_path, name, number):
    assert owner_of(name).id == name
    rows = roster(tmp_path, f"学号\n{number}\n1234567\n")
    entries = find_entries(folders(tmp_path, name), rows).entries
    assert [entry.id for entry in entries if entry.source is not None] == [number]


@pytest.mark.parametrize(
    "name", ["李四_12345_123456", "李四_123456789_12345", "李四_1234567", "教室12345x_李四"]
)
def test_a_shorter_number_of_two_students_or_of_none_is_nobodys(tmp_path, name):
    rows = roster(tmp_path, "学号\n12345\n123456\n")
    with pytest.raises(UsageError, match="no student of the roster has this submission"):
        find_entries(folders(tmp_path, name), rows)


def test_the_name_of_a_file_behind_an_upload_does_not_hand_in_for_another(tmp_path):
    rows = roster(tmp_path, "学号\n3210104593\n3210104594\n")
    with pytest.raises(UsageError, match="no student of the roster has this submission"):
        find_entries(folders(tmp_path, "lisi_2101_87654321_3210104594"), rows)


def test_a_submission_of_two_students_is_nobodys_by_its_numbers(tmp_path):
    rows = roster(tmp_path, "学号\n3210104593\n3210104594\n")
    with pytest.raises(UsageError, match="no student of the roster has this submission"):
        find_entries(folders(tmp_path, "3210104593_3210104594"), rows)


def test_in_a_canvas_name_the_number_that_a_student_wrote_is_not_asked(tmp_path):
    """Otherwise a student could hand in as another, by the name of their file."""
    rows = roster(tmp_path, "学号,提交\n3210104593,\n3210104594,123456\n")
    folder = folders(tmp_path, "lisi_123456_7890123_3210104593")
    entries = find_entries(folder, rows).entries
    assert [(entry.id, entry.source is not None) for entry in entries] == [
        ("3210104593", False),
        ("3210104594", True),
    ]


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (("3210104593-李四/main.ipynb",), ["3210104593"]),
        (("第5次作业/3210104593-李四/main.py", "第5次作业/3210104594-王五/work.zip"), ["3210104593", "3210104594"]),
        (("3210104593_李四.zip", "3210104594_王五.zip"), ["3210104593", "3210104594"]),
        (("作业_20261120/3210104593_李四.zip",), ["3210104593"]),
    ],
)  # fmt: skip
def test_a_class_in_one_zip_keeps_each_students_folder(tmp_path, names, ids):
    folder = open_class(packed(tmp_path, *names), tmp_path / "room")
    assert [entry.id for entry in find_entries(folder).entries] == ids
