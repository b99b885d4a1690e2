"""Errors say what is the matter in both languages, each from one table."""

import ast
import errno
import pickle
from itertools import pairwise
from pathlib import Path
from string import Formatter

import pytest

import grader
from grader.cli import COMMANDS, exchange, main, split
from grader.errors import (
    HarnessError,
    Line,
    LineError,
    UsageError,
    in_short,
    language_of,
    line,
    lines,
    usual_language,
)
from grader.model.assignment import load_assignment
from grader.wording import finding

ROOM = Path(grader.__file__).parent
OURS = {"UsageError", "ContentError", "HarnessError", "UnsealError", "ContainerError"}
BUILT_BY_NAME = ("image-", "system-", "value-")
"""Codes that are put together of a prefix and a value."""


def calls() -> list[tuple[str, ast.Call]]:
    """Return every call in the grader that makes a line or an error, with where it is."""
    found = []
    for path in sorted(ROOM.rglob("*.py")):
        where = path.relative_to(ROOM).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if is_call and where != "errors.py" and node.func.id in {*OURS, "line"}:
                found.append((f"{where}:{node.lineno}", node))
    return found


def codes_of(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return [*codes_of(node.body), *codes_of(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", sorted(lines()))
def test_every_line_is_whole_in_both_languages_with_the_same_details(code):
    texts = lines()[code]
    assert set(texts) == {"en", "zh"}
    assert fields(texts["en"]) == fields(texts["zh"])
    assert "\n" not in texts["en"] + texts["zh"]


def test_a_chinese_line_has_chinese_in_it_and_full_width_punctuation():
    for code, texts in lines().items():
        bare = "".join(text for text, *_ in Formatter().parse(texts["zh"]))
        is_frame = not any(char.isalpha() for char in bare)
        assert is_frame or any("\u4e00" <= char <= "\u9fff" for char in bare), code
        for before, mark in pairwise(bare):
            assert not ("\u4e00" <= before <= "\u9fff" and mark in ",;:?!()"), code


def test_no_error_is_raised_with_a_bare_text_and_each_gives_the_details_that_its_text_needs():
    for where, call in calls():
        (code,) = call.args
        known = codes_of(code)
        if not known:  # put together, or handed on
            assert isinstance(code, ast.JoinedStr | ast.Name | ast.Subscript), where
            assert not isinstance(code, ast.JoinedStr) or ast.unparse(code)[2:].startswith(BUILT_BY_NAME), (
                where
            )
        for name in known:
            assert name in lines(), where
            given = {keyword.arg for keyword in call.keywords}
            assert given == fields(lines()[name]["en"]), where


def test_every_line_is_used():
    constants = {
        node.value
        for path in ROOM.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert [code for code in lines() if not code.startswith(BUILT_BY_NAME) and code not in constants] == []


def test_the_details_of_a_line_are_told_in_its_language():
    missing = FileNotFoundError(errno.ENOENT, "No such file or directory")
    error = UsageError("cannot-read", path="a", reason=missing)
    assert str(error) == "cannot read a: No such file or directory"
    assert error.text("zh") == "无法读取 a：没有该文件或文件夹"
    strange = UsageError("cannot-read", path="a", reason=OSError(9999, "Odd"))
    assert strange.text("zh") == "无法读取 a：Odd"
    nested = line("only-others", names=in_short(["a", "b", "c"], most=2))
    assert (str(nested), nested.text("zh")) == (", only a, b and 1 more", "（只有 a, b 等，另有 1 个）")
    assert in_short(["a", "b"]) == "a, b"


def test_what_a_user_named_is_never_a_format_string():
    assert (
        str(UsageError("cannot-use", path="{0.__class__}", reason="{x}")) == "cannot use {0.__class__}: {x}"
    )


@pytest.mark.parametrize("kind", [UsageError, HarnessError])
def test_an_error_survives_the_way_to_another_process(kind):
    again = pickle.loads(pickle.dumps(kind("worker-says", worker="w", reason=line("no-reason"))))
    assert type(again) is kind
    assert isinstance(again, LineError)
    assert again.line == Line("worker-says", {"worker": "w", "reason": line("no-reason")})
    assert again.text("zh") == "工作节点 w：没有给出原因"


@pytest.mark.parametrize(
    ("arguments", "language"),
    [
        (["a", "--lang", "zh"], "zh"),
        (["--lang=zh", "--nonsense"], "zh"),
        (["--la", "zh"], "zh"),
        (["--lang", "zh", "--lang", "en"], "en"),
        (["--lang"], "en"),
        (["--lang", "fr"], "en"),
        (["--", "--lang", "zh"], "en"),
        (["--l", "--lang=zh"], "zh"),
        (["-l", "zh"], "en"),
        ([], "en"),
    ],
)
def test_the_language_is_found_on_a_command_line_that_is_wrong_otherwise(arguments, language, monkeypatch):
    monkeypatch.delenv("GRADER_LANG", raising=False)
    assert language_of(arguments) == language


def test_without_an_option_the_environment_names_the_language():
    assert usual_language({"GRADER_LANG": "zh"}) == "zh"
    assert usual_language({"GRADER_LANG": "zh_CN.UTF-8"}) == "zh"
    assert usual_language({"GRADER_LANG": "fr"}) == "en"
    assert usual_language({}) == "en"


@pytest.mark.parametrize(
    "command",
    [
        *(name for name in COMMANDS if name not in ("gradescope", "split")),
        *(f"gradescope {action}" for action in exchange.GRADESCOPE_ACTIONS),
        *(f"split {action}" for action in split.ACTIONS),
    ],
)
def test_every_command_has_the_option(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([*command.split(), "--help"])
    assert "--lang {en,zh}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "提交 nowhere 不存在：请给出文件夹或 .zip"),
        (["docter"], "没有 'docter' 这个命令，也没有这份提交：是否想输入 'doctor'？"),
        (
            ["split", "seel"],
            "参数 ACTION：'seel' 无效（可选：{choices}）：是否想输入 seal？（全部用法见 `python -m grader split --help`）",
        ),
        (["batch", "a", "--out", "o", "--jobs", "0"], "参数 --jobs：'0' 不是 1 到 1024 之间的整数"),
        (
            ["canary", "--assignment"],
            "无法识别的参数：--assignment（全部用法见 `python -m grader canary --help`）",
        ),
        (
            ["doctor", "--assignment"],
            "参数 --assignment：缺少它的值（全部用法见 `python -m grader doctor --help`）",
        ),
        (["batch"], "缺少必需的参数：submissions, --out（全部用法见 `python -m grader batch --help`）"),
        (
            ["nowhere", "--self-chek"],
            "无法识别的参数：--self-chek：是否想输入 --self-check？（全部用法见 `python -m grader --help`）",
        ),
    ],
)
def test_a_usage_error_is_told_in_the_language_that_was_asked_for(
    arguments, told, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    assert main(["--lang=zh", *arguments] if arguments[0] == "nowhere" else [*arguments, "--lang=zh"]) == 2
    said = capsys.readouterr().err
    told = told.replace("{choices}", said[said.find("：", said.find("可选")) + 1 : said.find("）")])
    assert said == f"grader: {told}\n"
    monkeypatch.setenv("GRADER_LANG", "zh")
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"grader: {told}\n"
    monkeypatch.setenv("GRADER_LANG", "")
    assert main(arguments) == 2
    assert capsys.readouterr().err.isascii()


def test_an_assignment_s_mistakes_are_told_in_chinese(tmp_path):
    path = tmp_path / "assignment.toml"
    row = '[[classes]]\nfolder = "a"\nname = "A"\n'
    for text, told in [
        (f'title = "t"\ncolour = 1\n{row}', "colour：没有这个键（现为 1）"),
        (row, "title：缺少这个键"),
        (f'title = "t"\n{row}[limits]\nimage_seconds = -1', "limits.image_seconds：应大于 0（现为 -1.0）"),
        (f'title = "t"\n{row}[limits]\nx = 1\ny = 2', "limits.x：没有这个键（现为 1）；另有 1 处"),
        (
            'title = "t"\nclasses = 3',
            "classes（类别）：请给出类别表的路径，或含 folder 和 name 的 [[classes]] 表",
        ),
    ]:
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError) as raised:
            load_assignment(path)
        assert raised.value.text("zh") == f"{path}：{told}"


def test_a_failure_of_the_harness_is_told_in_both_languages_in_the_report():
    found = finding("harness-failed", detail=HarnessError("sandbox-not-up", reason="{x}").line)
    assert found.title == "The harness failed: the sandbox did not come up: {x}"
    assert found.title_zh == "评测系统故障：沙箱未能启动：{x}"
