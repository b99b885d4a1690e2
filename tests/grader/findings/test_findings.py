import re
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

import grader
from grader.findings import answers as checkpoints
from grader.findings import answers as wrong_names
from grader.findings import collect, exceptions
from grader.findings import exceptions as packages
from grader.findings.collect import in_order
from grader.findings.exceptions import code_of, some
from grader.findings.exceptions import finding_of_exception as told_of
from grader.model.assignment import load_assignment
from grader.model.dataset import ClassInfo
from grader.model.predictions import Raised, Tally
from grader.model.submission import Submission, SubmittedFile
from grader.model.verdict import Stop, StopReason, Verdict
from grader.printable import narrow, short
from grader.wording import catalogue

BUILT_BY_NAME = {
    "aside",
    "input",
    "progress",
    "verdict",
    "status",
    "severity",
    "set",
    "audit",
    "isolation",
    "phase",
    "column",
    "cause",
    "changed",
    "flip",
}
"""Words whose names are put together of a prefix and a value."""
FIELDS = [
    "file_zh",
    *("detail", "detail_zh", "type", "message", "where", "file", "found", "checkpoints", "checkpoints_zh"),
    *("count", "total", "meant", "meant_zh"),
    *("phase", "phase_zh", "seconds", "limit"),
    *("evidence", "evidence_zh", "order", "best_file", "now", "then", "p", "map", "map_zh"),
    *("detail_zh", "packages", "installed", "instead", "instead_zh", "format", "expected"),
    *("public", "asked", "hidden", "wanted", "given", "change", "change_zh", "step"),
    *("usual", "public_zh", "where_zh", "unstable", "first", "second"),
]


def found(code, images=None):
    return catalogue.finding(code, images, **dict.fromkeys(FIELDS, "X"))


def told(*findings, images=10):
    return [(part.code, part.severity) for part in in_order(findings, images)]


def test_errors_come_before_warnings_and_warnings_before_notes():
    assert told(found("demo-split"), found("channel-order"), found("timeout")) == [
        ("timeout", "error"),
        ("channel-order", "warning"),
        ("demo-split", "note"),
    ]


def test_answers_that_were_never_valid_are_not_blamed_on_the_checkpoint():
    assert told(found("checkpoint-unused"), found("wrong-type", 10)) == [("wrong-type", "error")]
    assert told(found("checkpoint-unused"), found("more-than-a-name", 10), found("constant-answer")) == [
        ("more-than-a-name", "warning")
    ]


def test_a_lost_comma_is_told_and_not_the_order_of_names_that_follows_from_it():
    texts = Counter({"LighterBroom": 2, "no class": 1})
    tally = Tally(np.full((2, 3), 2, np.int64), 0, 0, Counter(), texts)
    comma, unknown = wrong_names.findings_of_names([], tally, load_assignment().classes)
    assert comma.title == "A comma is missing between 'Lighter' and 'Broom' in your list of class names"
    assert comma.rationale.startswith("2 of 12 answers are two names in one ('LighterBroom' x 2)")
    assert told(comma, unknown, found("labels-permuted")) == [
        ("comma-missing", "warning"),
        ("unknown-label", "warning"),
    ]


def test_what_concerns_few_images_explains_nothing():
    assert told(found("checkpoint-unused"), found("wrong-type", 4)) == [
        ("wrong-type", "error"),
        ("checkpoint-unused", "warning"),
    ]


@pytest.mark.parametrize("cause", ["wrong-scale", "training-mode", "parameters-not-loaded"])
def test_a_constant_answer_is_no_cause_of_its_own_where_one_is_known(cause):
    assert told(found("constant-answer"), found(cause)) == [(cause, "warning")]


@pytest.mark.parametrize("cause", ["random-network", "answer-from-elsewhere", "checkpoint-unused"])
def test_that_answers_change_is_not_told_beside_what_makes_them_change(cause):
    assert told(found("unstable-answers"), found(cause)) == [(cause, "warning")]


def test_an_error_is_told_after_what_explains_it_which_counts_as_an_error_then():
    parts = [found("predict-raised", 10), found("checkpoint-unreadable"), found("lfs-pointer")]
    assert told(*parts) == [
        ("lfs-pointer", "error"),
        ("checkpoint-unreadable", "error"),
        ("predict-raised", "error"),
    ]
    assert told(found("lfs-pointer")) == [("lfs-pointer", "warning")]
    assert told(found("import-failed"), found("lfs-pointer")) == [
        ("import-failed", "error"),
        ("lfs-pointer", "warning"),
    ]


def test_the_same_is_told_once():
    assert told(found("died"), found("died")) == [("died", "error")]


def test_the_table_of_causes_knows_only_codes_of_the_catalogue_and_leads_in_no_circle():
    table = {code: catalogue.explained_by(code) for code in catalogue.codes()}
    assert {code for row in catalogue.table("causes")["cause"] for code in row["codes"]} <= set(table)
    assert set().union(*table.values()) <= set(table)
    assert list(TopologicalSorter(table).static_order())


@pytest.mark.parametrize("code", sorted(catalogue.codes()))
def test_every_message_is_whole_in_both_languages(code):
    message = found(code)
    for text in (
        message.title,
        message.rationale,
        message.help,
        message.title_zh,
        message.rationale_zh,
        message.help_zh,
    ):
        assert text
        assert "{" not in text
    assert any("\u4e00" <= char <= "\u9fff" for char in message.help_zh)


def test_every_word_of_the_pages_is_there_in_both_languages_with_the_same_details():
    table = catalogue.table("words")
    for name, texts in table.items():
        assert {"en", "zh"} <= set(texts) <= {"en", "zh", "en_one"}, name
        fields = {language: sorted(set(re.findall(r"{(\w+)}", text))) for language, text in texts.items()}
        assert fields["en"] == fields["zh"], name
        assert not set("<>&") & set(texts["en"] + texts["zh"]), name
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in Path(grader.__file__).parent.rglob("*")
        if path.suffix in {".py", ".html"}
    )
    used = re.findall(r"[\"'](?:audit-)?([a-z0-9]+(?:-[a-z0-9]+)*)-?[\"']", source)
    unused = [
        name
        for name in table
        if name.removeprefix("audit-") not in used and name.partition("-")[0] not in BUILT_BY_NAME
    ]
    assert not unused


def test_what_a_student_wrote_is_never_a_format_string():
    assert catalogue.finding("no-main", detail="{0.__class__} {x}").title.endswith("{0.__class__} {x})")


@pytest.mark.parametrize(
    ("type_", "message", "code"),
    [
        ("SyntaxError", "expected ':' (main.py, line 3)", "syntax-error"),
        ("SyntaxError", "(unicode error) 'utf-8' codec can't decode byte 0xc4", "not-utf8"),
        ("ModuleNotFoundError", "No module named 'timm'", "missing-module"),
        ("FileNotFoundError", "[Errno 2] No such file or directory: 'a.ckpt'", "missing-file"),
        (
            "ValueError",
            "For 'load_checkpoint', the checkpoint file: results/a.ckpt does not exist",
            "missing-file",
        ),
        ("URLError", "<urlopen error [Errno -3] Temporary failure in name resolution>", "no-network"),
        ("ConnectionRefusedError", "[Errno 111] Connection refused", "no-network"),
        ("EOFError", "EOF when reading a line", "asks-keyboard"),
        ("SystemExit", "2", "asks-keyboard"),
        ("RuntimeError", "Attempting to deserialize object on a CUDA device", "no-device"),
        ("ValueError", "device_target must be CPU", "no-device"),
        (
            "ImportError",
            "libGL.so.1: cannot open shared object file: No such file or directory",
            "missing-library",
        ),
        (
            "CalledProcessError",
            "Command '['python', '-m', 'pip', 'install', 'timm']' returned non-zero exit status 1.",
            "no-network",
        ),
        ("SystemExit", "the checkpoint is too old", "ends-itself"),
        ("SystemExit", "0", "ends-itself"),
        (
            "RuntimeError",
            "For 'load_param_into_net', head.1.weight in the argument 'net' should have the same shape as in the checkpoint",
            "other-shape",
        ),
        ("RuntimeError", "size mismatch for classifier.1.weight", "other-shape"),
        ("error", "OpenCV(4.11.0) :-1: error: (-5:Bad argument) in function 'imread'", "wants-a-path"),
        ("ValueError", "bins must be in ascending order", "import-failed"),
        ("_ArrayMemoryError", "Unable to allocate 100. GiB for an array", "memory-refused"),
        ("OSError", "[Errno 12] Cannot allocate memory", "memory-refused"),
        ("EOFError", "Ran out of input", "checkpoint-unreadable"),
        ("UnicodeDecodeError", "'utf-8' codec can't decode byte 0xcb in position 0", "not-utf8-data"),
        (
            "error",
            "OpenCV(4.11.0) window.cpp:1295: error: (-2:Unspecified error) The function is not implemented. Rebuild the library with Windows, GTK+ 2.x or Cocoa support",
            "needs-a-screen",
        ),
        ("TclError", "no display name and no $DISPLAY environment variable", "needs-a-screen"),
        (
            "RuntimeError",
            "Unsupported device target GPU. libcuda.so: cannot open shared object file",
            "no-device",
        ),
        (
            "RuntimeError",
            "Create send message by key: 3538994 failed. Errno: 38\n\n- C++ Call Stack: (For framework developers)\n"
            "mindspore/ccsrc/minddata/dataset/core/message_queue.cc:34 MessageQueue\n",
            "worker-processes",
        ),
        ("ZeroDivisionError", "division by zero", "import-failed"),
        ("ValueError", "source code string cannot contain null bytes", "syntax-error"),
        ("UnpicklingError", "invalid load key, 'v'.", "checkpoint-unreadable"),
        (
            "ValueError",
            "Failed to read the checkpoint file net.ckpt. The file may be corrupted, and the content cannot be parsed.",
            "checkpoint-unreadable",
        ),
        ("InvalidProtobuf", "[ONNXRuntimeError] : 7 : INVALID_PROTOBUF", "checkpoint-unreadable"),
        ("RuntimeError", "PytorchStreamReader failed reading zip archive", "checkpoint-unreadable"),
    ],
)
def test_an_exception_is_recognised_for_what_it_means(type_, message, code):
    assert code_of(Raised(type_, message, "main.py:1", "")) == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("[Errno 2] No such file or directory: 'net.ckpt'", "misplaced-file"),
        (
            "[Errno 2] No such file or directory: '/home/student/submission/D:\\labs\\net.ckpt'",
            "misplaced-file",
        ),
        (
            "[Errno 2] No such file or directory: '/home/student/submission/D:\\labs\\other.ckpt'",
            "windows-path",
        ),
        ("[Errno 2] No such file or directory: 'datasets/val/00_00/1.jpg'", "missing-data"),
        ("[Errno 2] No such file or directory: 'results/other.ckpt'", "missing-file"),
        ("[Errno 2] No such file or directory: 'Results/net.ckpt'", "other-capitals"),
        ("[Errno 2] No such file or directory: 'results\\\\Net.ckpt'", "other-capitals"),
        ("[Errno 2] No such file or directory: 'NET.CKPT'", "other-capitals"),
        ("[Errno 2] No such file or directory: 'a/labels.txt'", "misplaced-file"),
    ],
)
def test_a_missing_file_is_told_apart_by_what_was_handed_in(message, code):
    assert exceptions.code_of_missing(message, ["results/net.ckpt", "labels.txt"])[0] == code


def test_a_list_of_names_ends_in_the_language_of_its_sentence():
    names = [f"{number}.ckpt" for number in range(7)]
    assert some(names, "en") == "0.ckpt, 1.ckpt, 2.ckpt, 3.ckpt, 4.ckpt and 2 more"
    assert some(names, "zh") == "0.ckpt, 1.ckpt, 2.ckpt, 3.ckpt, 4.ckpt 等，另有 2 个"
    assert some([], "zh") == ""


def test_a_name_that_was_perhaps_meant_is_told_in_either_language():
    classes = (ClassInfo("a", "Hats", "帽子"), ClassInfo("b", "Plastic Bottle", "塑料瓶"))
    tally = Tally(np.zeros((2, 3), np.int64), 0, 0, Counter(), Counter({"Plastic Botle": 3}))
    (part,) = wrong_names.findings_of_names([], tally, classes)
    assert part.help.endswith(" Perhaps meant: 'Plastic Botle' is 'Plastic Bottle'.")
    assert part.help_zh.endswith("可能是指：“Plastic Botle”应为“Plastic Bottle”。")


@pytest.mark.parametrize(
    ("reason", "value", "en", "zh"),
    [
        (StopReason.EXIT_CODE, "3", "(exit code > 0)", "（退出码 > 0）"),
        (StopReason.SIGNAL, "SIGSEGV", "(signal SIGSEGV)", "（信号 SIGSEGV）"),
        (StopReason.SIGNAL, "SIGUSR1", "(signal)", "（信号）"),
        (StopReason.CHANNEL_CLOSED, "", "(it closed the answer channel)", "（进程关闭了应答通道）"),
    ],
)
def test_how_a_process_ended_is_told_in_either_language(reason, value, en, zh):
    part = collect._stop(Stop(Verdict.CRASH, "prediction", reason, value, 3), load_assignment(None))
    assert part.title.endswith(en)
    assert part.title_zh.endswith(zh)


def test_an_exception_without_a_line_of_the_students_comes_from_native_code(tmp_path):
    part = told_of(
        "missing-library",
        Raised("ImportError", "libGL.so.1", "", ""),
        Submission("zhang", tmp_path, (), ""),
        {},
    )
    assert ("native code" in part.rationale, "原生代码" in part.rationale_zh) == (True, True)
    assert "native code" not in part.rationale_zh


def test_short_text_is_one_line_and_bounded():
    assert short("a\nb\t c") == "a b c"
    assert len(short("x" * 1000)) == 300


def test_addresses_which_change_with_every_run_are_left_out():
    assert short("<main.Net object at 0x7fd61234abcd>") == "<main.Net object at 0x...>"


def test_what_is_told_over_a_hidden_image_is_little_and_ascii():
    assert narrow("图像" * 100, 60) == "?" * 57 + "..."


def test_the_catalogue_and_the_code_know_the_same_codes():
    source = "".join(path.read_text(encoding="utf-8") for path in Path(grader.__file__).parent.rglob("*.py"))
    used = set(re.findall(r'(?:finding|IntakeRefusedError|Hypothesis)\(\s*"([a-z0-9-]+)"', source))
    for module in (exceptions, wrong_names, checkpoints):
        text = Path(module.__file__).read_text(encoding="utf-8")
        used |= set(re.findall(r'(?:return|else) \(?"([a-z0-9]+-[a-z0-9-]+)"', text))
    assert used | {code for code, _ in exceptions._KINDS} == catalogue.codes()


def test_the_shared_phrases_are_used_and_are_there_in_both_languages():
    source = "".join(path.read_text(encoding="utf-8") for path in Path(grader.__file__).parent.rglob("*.py"))
    used = set(re.findall(r'phrase\(\s*(?:"(?:en|zh)"|language),\s*"([a-z-]+)"', source))
    used |= set(re.findall(r'ZipError\("([a-z0-9-]+)"\)', source))
    used |= {"unusable", *(f"unusable-{kind}" for kind in collect._UNUSABLE)}
    used |= {*(reason.value for reason in StopReason), collect._OTHER_REPLY}
    phrases = catalogue.table("phrases")
    assert used == set(phrases)
    assert all(set(phrase) == {"en", "zh"} for phrase in phrases.values())


def test_all_that_can_come_instead_of_a_reply_is_said_in_both_languages_and_without_a_number():
    source = "".join(
        path.read_text(encoding="utf-8") for path in Path(grader.__file__).parent.glob("run/*.py")
    )
    used = {StopReason[name] for name in re.findall(r"StopReason\.([A-Z_]+)\b", source)}
    assert used == set(StopReason)
    for reason in (each for each in StopReason if each.value.startswith("reply-")):
        part = collect._stop(Stop(Verdict.CONTRACT, "prediction", reason, asked=3), load_assignment(None))
        detail = catalogue.phrase("en", reason.value)
        assert f"({detail})" in part.title
        assert not re.search(r"\d", detail)
        assert re.search(r"（.*[\u4e00-\u9fff].*）", part.title_zh)
        assert detail not in part.title_zh


def test_a_reply_without_a_known_reason_is_said_in_a_general_word():
    part = collect._stop(Stop(Verdict.CONTRACT, "prediction", asked=3), load_assignment(None))
    assert "(data that are no reply)" in part.title


def test_missing_packages_are_known_not_installed_and_not_handed_in(tmp_path):
    files = {
        "main.py": "import cv2, paddle\n    import moxing as mox\nfrom tensorboardX.x import y\nimport mine\n",
        "train.py": "import mindvision\n",
        "tensorboardX/x.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    handed_in = tuple(SubmittedFile(PurePosixPath(name), len(text), "") for name, text in files.items())
    submission = Submission("zhang", tmp_path, handed_in, "")
    assert packages.missing_packages("paddle", "main.py", submission) == ("paddle", "moxing")
    assert packages.missing_packages("paddle", "train.py", submission) == ("paddle", "mindvision", "moxing")


def test_what_is_missing_in_a_package_that_is_installed_is_no_missing_package(tmp_path):
    error = Raised("ModuleNotFoundError", "No module named 'cv2.nothing'", "main.py:1", "")
    part = told_of("missing-module", error, Submission("zhang", tmp_path, (), ""), {"numpy": "1.26.4"})
    assert (part.code, part.about) == ("missing-module", ())
    assert "Installed here: numpy 1.26.4." in part.rationale


@pytest.mark.parametrize(
    ("head", "is_utf16"),
    [
        ("import a".encode("utf-16"), True),
        ("import a".encode("utf-16-le"), True),
        ("import a".encode("utf-16-be"), True),
        ("图".encode("utf-16"), True),
        (b"import a", False),
        ("# 图像".encode("gbk"), False),
        (b"", False),
    ],
)
def test_text_in_two_bytes_a_letter_is_known(head, is_utf16):
    assert SubmittedFile(PurePosixPath("main.py"), len(head), "", head).is_utf16 is is_utf16


def test_a_reason_is_cut_before_the_figures_of_its_test_and_nowhere_else():
    told = (
        "2 weights (1 of them dense) are others. You get 96 % (5 gained; exact McNemar test, p = 1e-9). More."
    )
    assert catalogue.before_figures(told) == "2 weights (1 of them dense) are others. You get 96 %."
    told = "predict() 运行时，网络（或其中一部分）处于训练模式。改正后为 96 %（多对 5 张，p = 1e-9）。"
    assert (
        catalogue.before_figures(told)
        == "predict() 运行时，网络（或其中一部分）处于训练模式。改正后为 96 %。"
    )
    assert catalogue.before_figures("One of two (the first).") == "One of two (the first)."


def test_what_a_title_says_is_not_said_again():
    said = "The pixels are divided by 255 twice: white arrives as -1.99. With that put right, you get 96 %."
    assert catalogue.beyond(said, "The pixels are divided by 255 twice") == (
        "White arrives as -1.99. With that put right, you get 96 %."
    )
    assert catalogue.beyond("红色和蓝色互换了。改正后为 96 %。", "红色和蓝色互换了") == "改正后为 96 %。"
    assert catalogue.beyond("Something else.", "The title") == "Something else."
