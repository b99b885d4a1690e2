"""Which submissions a folder holds, and whose they are."""

import pytest

from grader.batch.ids import likeness, owner_of
from grader.batch.roster import read_roster
from grader.batch.submissions import find_entries
from grader.errors import UsageError


@pytest.mark.parametrize(
    ("name", "id_", "student", "is_late"),
    [
        ("zhang", "zhang", "zhang", False),
        ("王小明", "王小明", "王小明", False),
        ("wangxiaoming_12345_67890_submit-1", "12345", "wangxiaoming", False),
        ("wangxiaoming_LATE_12345_67890_submit", "12345", "wangxiaoming", True),
        ("王 小明_4711_assignsubmission_file_", "4711", "王 小明", False),
        ("Ann_Lee_4711_assignsubmission_file", "4711", "Ann_Lee", False),
        ("submission_987", "987", "987", False),
        ("group_1", "group_1", "group_1", False),
        ("a\x1b[31m\nb", "a\ufffd[31m\ufffdb", "a\ufffd[31m\ufffdb", False),
    ],
)
def test_an_id_is_read_from_the_names_that_platforms_give(name, id_, student, is_late):
    owner = owner_of(name)
    assert (owner.id, owner.name, owner.is_late) == (id_, student, is_late)


def test_a_name_that_macos_keeps_decomposed_is_the_same_id():
    assert owner_of("Jose\u0301").id == owner_of("Jos\u00e9").id == "Jos\u00e9"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("zhang", "ZHANG"),
        ("zhang", "zh\u0430ng"),  # Cyrillic a
        ("zhang", "\uff5ahang"),  # full width
        ("zhang", "zha\u200bng"),  # zero width
        ("office", "o\ufb03ce"),
        ("a b", "a\u00a0b"),
    ],
)
def test_ids_that_look_alike_are_likened(one, other):
    assert likeness(one) == likeness(other)


@pytest.mark.parametrize(
    ("one", "other"), [("10", "1o"), ("王小明", "王晓明"), ("s1", "s2"), ("José", "Jose")]
)
def test_ids_that_differ_are_told_apart(one, other):
    assert likeness(one) != likeness(other)


@pytest.fixture
def class_folder(tmp_path):
    def make(*names):
        folder = tmp_path / "class"
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("/"):
                path.mkdir()
            else:
                path.write_bytes(b"")
        return folder

    return make


def test_folders_zips_and_other_files_are_submissions_and_hidden_ones_are_not(class_folder):
    folder = class_folder("b/", "a.zip", "c.rar", ".DS_Store", "__MACOSX/", "submission_metadata.yml")
    assert [(entry.id, entry.source.name) for entry in find_entries(folder)] == [
        ("a", "a.zip"), ("b", "b"), ("c.rar", "c.rar"),
    ]  # fmt: skip


def test_the_archive_in_a_folder_of_its_own_is_the_submission(class_folder):
    folder = class_folder("Wang_11_assignsubmission_file_/work.zip", "two/a.zip", "two/b.zip")
    assert [(entry.id, entry.name, entry.source.name) for entry in find_entries(folder)] == [
        ("11", "Wang", "work.zip"), ("two", "two", "two"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["zhang/", "zhang.zip"], "the id 'zhang' is used twice"),
        (["zhang/", "zh\u0430ng/"], "which look alike, is used twice"),
        (["wang_7_1_a.zip", "wang_7_2_b.zip"], "the id '7' is used twice"),
        (["x" * 201 + "/"], "cannot be an id"),
    ],
)
def test_ids_that_could_be_mistaken_stop_the_batch(class_folder, names, reason):
    with pytest.raises(UsageError, match=reason):
        find_entries(class_folder(*names))


def test_no_folder_no_submissions_and_an_archive_of_all_are_named(tmp_path, class_folder):
    (tmp_path / "empty").mkdir()
    for path, reason in [
        (tmp_path / "empty", "no submissions"),
        (tmp_path / "nowhere", "No such file"),
        (class_folder("all.zip") / "all.zip", "unpack it"),
    ]:
        with pytest.raises(UsageError, match=reason):
            find_entries(path)


def roster(tmp_path, text):
    path = tmp_path / "roster.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8-sig"))
    return path


def test_the_roster_names_students_days_late_and_who_handed_nothing_in(tmp_path, class_folder):
    folder = class_folder("x_LATE_12_1_a.zip", "work/", "y_LATE_13_1_a.zip")
    rows = read_roster(
        roster(
            tmp_path,
            "id,name,submission,days_late\n2021,王小明,12,2.5\n2022,李,work,\n2023,赵,,\n2024,钱,13,\n",
        )
    )
    entries = find_entries(folder, rows)
    assert [(entry.id, entry.name, entry.days_late) for entry in entries] == [
        ("2021", "王小明", 2.5), ("2022", "李", 0.0), ("2023", "赵", 0.0), ("2024", "钱", 1.0),
    ]  # fmt: skip
    assert [entry.source and entry.source.name for entry in entries] == [
        "x_LATE_12_1_a.zip", "work", None, "y_LATE_13_1_a.zip",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name\nzhang\n", "no column 'id'"),
        ("id,mark\na,1\n", "unknown column 'mark'"),
        ("id\n\"\"\n", "row 2: the id is empty"),
        ("id,days_late\nzhang,soon\n", "row 2: days_late is 'soon'"),
        ("id,days_late\nzhang,nan\n", "row 2: days_late is 'nan'"),
        ("id\nzhang\nZhang\n", "look alike"),
        ("id\nli\n", "nobody's in the roster"),
        ("id,submission\nli,zhang\nwang,zhang.zip\n", "to two students"),
        ("id\n张\n".encode("gbk"), "not UTF-8"),
    ],
)  # fmt: skip
def test_a_roster_that_cannot_be_used_is_named(tmp_path, class_folder, text, reason):
    folder = class_folder("zhang/")
    with pytest.raises(UsageError, match=reason):
        find_entries(folder, read_roster(roster(tmp_path, text)))
