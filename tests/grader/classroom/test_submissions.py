"""Which submissions a folder holds, and whose they are."""

import codecs
import os
import sys
import zipfile

import pytest

from grader.classroom import find_entries, read_roster
from grader.classroom.roster import likeness, owner_of
from grader.classroom.submissions import check_ids, gather_parts, open_class
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


@pytest.mark.parametrize(
    ("name", "id_", "file"),
    [
        ("王 小明_4711_assignsubmission_file_main.py", "4711", "main.py"),
        ("Ann_Lee_4711_assignsubmission_file_my_net.ckpt", "4711", "my_net.ckpt"),
        ("Li_4711_assignsubmission_file_x_999_assignsubmission_file_main.py", "4711", "x_999_assignsubmission_file_main.py"),
        ("wang_12345_67890_main.py", "12345", "main.py"),
        ("zhang", "zhang", ""),
    ],
)  # fmt: skip
def test_a_file_that_was_exported_by_itself_keeps_the_name_its_student_gave_it(name, id_, file):
    owner = owner_of(name)
    assert (owner.id, owner.file) == (id_, file)


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


def sources(folder, rows=None):
    return [(entry.id, entry.source and entry.source.name) for entry in find_entries(folder, rows).entries]


def test_folders_and_archives_are_submissions_and_hidden_ones_are_not(class_folder):
    folder = class_folder("b/", "a.zip", "c.rar", ".DS_Store", "__MACOSX/", "submission_metadata.yml")
    assert sources(folder) == [("a", "a.zip"), ("b", "b"), ("c.rar", "c.rar")]


def test_loose_files_are_nobodys_and_are_named(class_folder):
    folder = class_folder(
        "b/", "README.txt", "roster.csv", ".DS_Store", "Thumbs.db", "notes.docx", "Makefile"
    )
    assert sources(folder) == [("b", "b")]
    assert find_entries(folder).passed_over == ("Makefile", "README.txt", "notes.docx", "roster.csv")


def test_a_loose_file_is_a_submission_where_the_roster_says_so(tmp_path, class_folder):
    folder = class_folder("b/", "zhang.py")
    rows = read_roster(roster(tmp_path, "id,submission\n1,b\n2,zhang.py\n"))
    assert sources(folder, rows) == [("1", "b"), ("2", "zhang.py")]


def test_moodles_files_without_folders_are_put_together_by_student(class_folder, tmp_path):
    wang, li = "王 小明_11_assignsubmission_file_", "Li_12_assignsubmission_file_"
    folder = class_folder(
        f"{wang}main.py", f"{wang}net.ckpt", f"{li}work.zip", f"{li}report.pdf", "Zhao_13_assignsubmission_file_x.rar",
        "Sun_14_assignsubmission_onlinetext_onlinetext.html", "Qian_15_assignsubmission_file_/main.py",
    )  # fmt: skip
    found = find_entries(folder)
    entries = [*gather_parts(found.entries, tmp_path / "room")]
    assert [(entry.id, entry.name, entry.platform, entry.source.name) for entry in entries] == [
        ("11", "王 小明", "moodle", "11"),
        ("12", "Li", "moodle", f"{li}work.zip"),
        ("13", "Zhao", "moodle", "Zhao_13_assignsubmission_file_x.rar"),
        ("15", "Qian", "moodle", "Qian_15_assignsubmission_file_"),
    ]
    assert sorted(path.name for path in entries[0].source.iterdir()) == ["main.py", "net.ckpt"]
    assert found.passed_over == (f"{li}report.pdf", "Sun_14_assignsubmission_onlinetext_onlinetext.html")


@pytest.mark.parametrize("name", ["..", ".", "\n" * 150])
def test_a_file_whose_own_name_no_file_can_have_is_passed_over(class_folder, tmp_path, name):
    li = "Li_12_assignsubmission_file_"
    found = find_entries(class_folder(f"{li}main.py", f"{li}{name}"))
    (entry,) = gather_parts(found.entries, tmp_path / "room")
    assert [path.name for path in entry.source.iterdir()] == ["main.py"]
    assert len(found.passed_over) == 1


def test_canvas_files_are_put_together_too_and_main_py_gets_its_name_back(class_folder, tmp_path):
    folder = class_folder("wang_LATE_7_1_main-2.py", "wang_LATE_7_2_net-1.ckpt")
    (entry,) = gather_parts(find_entries(folder).entries, tmp_path / "room")
    assert (entry.id, entry.days_late) == ("7", 1.0)
    assert sorted(path.name for path in entry.source.iterdir()) == ["main.py", "net-1.ckpt"]


def test_what_is_put_together_follows_no_link_and_shares_no_file(class_folder, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the key", encoding="utf-8")
    folder = class_folder("a_1_assignsubmission_file_main.py")
    (folder / "a_1_assignsubmission_file_soft").symlink_to(secret)
    os.link(secret, folder / "a_1_assignsubmission_file_hard")
    (entry,) = gather_parts(find_entries(folder).entries, tmp_path / "room")
    assert {path.name: path.is_symlink() for path in entry.source.iterdir()} == {
        "main.py": False, "soft": True, "hard": True,
    }  # fmt: skip


def test_one_submission_is_refused_with_what_to_do(class_folder):
    folder = class_folder("main.py", "src_mindspore/", "net.ckpt")
    with pytest.raises(
        UsageError, match=rf"one submission and not a class: grade it with `python -m grader {folder}`"
    ):
        find_entries(folder)


def packed(tmp_path, *names):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return path


@pytest.mark.parametrize(
    "names",
    [
        ("Wang_11_assignsubmission_file_/main.py", "Li_12_assignsubmission_file_/main.py"),
        ("Wang_11_assignsubmission_file_main.py", "Li_12_assignsubmission_file_work.zip"),
        ("class/wang_11_1_submit.zip", "class/li_12_2_submit.zip", "__MACOSX/class/._x"),
    ],
)
def test_a_class_may_be_one_zip(tmp_path, names):
    folder = open_class(packed(tmp_path, *names), tmp_path / "room")
    entries = [*gather_parts(find_entries(folder).entries, tmp_path / "gathered")]
    assert [entry.id for entry in entries] == ["11", "12"]
    assert all(entry.source.exists() for entry in entries)


@pytest.mark.parametrize("names", [("main.py", "net.ckpt"), ("zhang/main.py", "zhang/net.ckpt")])
def test_a_zip_of_one_submission_is_no_class(tmp_path, names):
    with pytest.raises(UsageError, match=r"all\.zip has a main\.py, so it is one submission"):
        open_class(packed(tmp_path, *names), tmp_path / "room")


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


def test_no_folder_no_submissions_and_a_file_are_named(tmp_path, class_folder):
    (tmp_path / "empty").mkdir()
    for path, reason in [
        (tmp_path / "empty", "no submissions"),
        (tmp_path / "nowhere", "No such file"),
        (class_folder("all.rar") / "all.rar", "unpack it"),
    ]:
        with pytest.raises(UsageError, match=reason):
            find_entries(open_class(path, tmp_path / "room"))


def test_an_id_that_no_file_can_be_called_is_found_before_anything_is_graded(monkeypatch):
    monkeypatch.setattr(os, "fsencode", lambda name: name.encode("latin-1"))
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
    with pytest.raises(UsageError, match=r"row 2.*王小明.*iso8859-1.*PYTHONUTF8=1"):
        check_ids([("wang", "row 1"), ("王小明", "row 2")])


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
    entries = find_entries(folder, rows).entries
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
        ("id,name\n,x\n", "row 2: the id is empty"),
        ("id,days_late\nzhang,soon\n", "row 2: days_late is 'soon'"),
        ("id,days_late\nzhang,nan\n", "row 2: days_late is 'nan'"),
        ("id\nzhang\n\nZhang\n", "look alike, is used twice: row 2 of the roster and row 4"),
        ("id\nzhang\nzhang\n", "'zhang' is used twice: row 2 of the roster and row 3"),
        ("id\nli\n", "no student of the roster has this submission: zhang"),
        ("id,submission\nli,zhang\nwang,zhang.zip\n", "to two students"),
        ("学号,班级\nzhang,1\n", r"unknown column '班级': delete it, or rename it to one of id \(学号\)"),
        ("id,学号\nzhang,1\n", "two columns for 'id'"),
        ("2021,王小明\n", "no column 'id'.*is now: 2021, 王小明"),
        ("", "no column 'id'.*is now: nothing"),
        ("id,name\nzhang,Zhang, San\n", "row 2 has 3 cells, and the first line names 2"),
        ("id\n3.22E+09\n", "row 2: the id '3.22E\\+09' is a number that a spreadsheet has rewritten"),
        ("id\n2021.0\n", "row 2: the id '2021.0' is a number that a spreadsheet has rewritten"),
        ("id,name\nzhang,Hélène\n".encode("latin-1"), "neither UTF-8 nor GBK"),
        ("id\nzhang\n".encode("utf-16-le"), "without a byte-order mark"),
        (b"PK\x03\x04 and so on", "is a workbook"),
    ],
)  # fmt: skip
def test_a_roster_that_cannot_be_used_is_named(tmp_path, class_folder, text, reason):
    folder = class_folder("zhang/")
    with pytest.raises(UsageError, match=reason):
        find_entries(folder, read_roster(roster(tmp_path, text)))


LINES = "id,name,submission,days_late\r\n0012,王小明,0012,0\r\n0013,李四,0013,2\r\n"


@pytest.mark.parametrize(
    "content",
    [
        LINES.encode(),
        LINES.encode("utf-8-sig"),
        LINES.encode("gbk"),
        LINES.replace(",", ";").encode(),
        LINES.replace(",", "\t").encode(),
        LINES.replace(",", "\t").encode("utf-16"),
        codecs.BOM_UTF16_BE + LINES.encode("utf-16-be"),
        LINES.replace("id,name,submission,days_late", "ID, Name ,Submission,Days Late").encode(),
        LINES.replace("id,name,submission,days_late", "学号，姓名，提交，迟交天数")
        .replace(",", "，")
        .encode(),
        (LINES + ",,,\r\n\r\n").encode(),
        LINES.replace("\r\n", ",,\r\n").encode(),
        ("\r\n,,,\r\n" + LINES).encode(),
        ("sep=;\r\n" + LINES.replace(",", ";").replace(";2\r", ";2,0\r")).encode(),
        LINES.replace("\r\n", "\r").encode(),
    ],
)
def test_a_roster_is_read_as_spreadsheets_save_it(tmp_path, class_folder, content):
    folder = class_folder("0012/", "0013/")
    entries = find_entries(folder, read_roster(roster(tmp_path, content))).entries
    assert [(entry.id, entry.name, entry.days_late) for entry in entries] == [
        ("0012", "王小明", 0.0), ("0013", "李四", 2.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["id\n12\n13\n", "id,submission\n12,0012\n13,0013\n", "id,submission\na,12\nb,13\n"]
)
def test_ids_that_lost_their_zeros_are_noticed(tmp_path, class_folder, text):
    with pytest.raises(
        UsageError, match=r"row 2 of the roster has '12' where the submission has '0012'.*zeros"
    ):
        find_entries(class_folder("0012/", "0013/"), read_roster(roster(tmp_path, text)))


def test_several_that_are_nobodys_are_named_at_once(tmp_path, class_folder):
    with pytest.raises(
        UsageError, match="no student of the roster has this submission: 0013, 0014; add a row"
    ):
        find_entries(class_folder("0012/", "0013/", "0014/"), read_roster(roster(tmp_path, "id\n0012\n")))
