"""The documents: what they link to, the commands they show, and the findings they explain are all there."""

import configparser
import importlib.util
import io
import re
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from grader.cli import COMMANDS, main
from grader.model.verdict import Verdict
from grader.wording import codes, table

ROOT = Path(__file__).parents[1]
FOLDERS = ("docs", "benchmarks", "datasets", "grader")
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))]
)
PAGES = [path for path in DOCUMENTS if path.name != "ARCHITECTURE.md" and path.parent.name != "benchmarks"]
"""Whose paths in code are read from the root of the clone."""
LEFT_BY_RUNS = (
    "student/results/",
    "student/pretrained/",
    "datasets/drawn",
    "datasets/garbage_26x100",
    "datasets/flower_photos",
)
IN_CHINESE = [path for path in DOCUMENTS if path.parent.name == "zh" or ".zh-" in path.name]
TRANSLATED = sorted((ROOT / "docs" / "zh").glob("*.md"))
HAVE_ACTIONS = ("gradescope", "split")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def text_of(path):
    return path.read_text(encoding="utf-8")


def links(path):
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text_of(path)) if "://" not in link]


def anchors(path):
    """How GitHub names the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(path):
    """Every piece of code on a page: spans and indented lines, these without their comments."""
    text = text_of(path)
    spans = re.findall(r"`([^`\n]+)`", text)
    lines = re.findall(r"^ {4}(.+)$", text, re.MULTILINE)
    return [*spans, *(re.sub(r"\s#.*", "", line) for line in lines)]


def commands(path):
    """The words after each `python -m grader` on a page."""
    shown = [piece for whole in code(path) for piece in re.split(r"&&|\|| & ", whole)]
    found = [re.search(r"(?:python3? -m grader|lab-grader)(?: (.+))?$", piece.strip()) for piece in shown]
    return [(match[1] or "").split() for match in found if match]


@cache
def help_of(*command):
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit):
        main([*command, "--help"])
    return out.getvalue()


def explained(path):
    """What a page explains: of each table whose last heading is `code`, what the report says, and the codes."""
    found, is_inside = [], False
    for line in text_of(path).splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")] if line.startswith("| ") else []
        if cells[-1:] in (["code"], ["代码"]):
            is_inside = True
        elif is_inside and line.startswith("|"):
            found += [(cells[0], re.findall(r"`([^`]+)`", cells[-1]))] if "`" in line else []
        else:
            is_inside = False
    return found


def codes_of(path):
    return [code for _, codes_ in explained(path) for code in codes_]


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(path):
    for link in links(path):
        file, _, anchor = unquote(link).partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.is_relative_to(ROOT), f"{link} leads out of the clone"
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link} names no heading"


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_path_in_code_is_there(path):
    tops = ("grader", "student", "reference", "datasets", "tests", "tools", "docs", "benchmarks")
    for piece in code(path):
        for word in re.findall(rf"(?<![\w/.-])(?:{'|'.join(tops)})/[\w./-]*", piece):
            is_there = (ROOT / word.rstrip(".")).exists() or word.startswith(LEFT_BY_RUNS)
            assert is_there or word in ("datasets/README.md",), word


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_command_of_the_grader_is_one(path):
    for words in commands(path):
        # A submission is written as a path or as a word in capitals or in Chinese.
        command = [word for word in words[:1] if re.fullmatch(r"[a-z]+", word)]
        assert not command or command[0] in COMMANDS, words
        if command and command[0] in HAVE_ACTIONS and len(words) > 1:
            command.append(words[1])
            assert re.search(rf"^    {words[1]} ", help_of(command[0]), re.MULTILINE), words
        known = help_of(*command)
        for option in re.findall(r"(?<!\S)--?[a-z][a-z-]*", " ".join(words)):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", known), f"{words}: no option {option}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_other_command_is_there(path):
    environments = configparser.ConfigParser(interpolation=None)
    environments.read(ROOT / "tox.ini", encoding="utf-8")
    for piece in code(path):
        for module in re.findall(r"python3? -m ((?:reference|datasets|tests|tools|benchmarks)[\w.]*)", piece):
            assert importlib.util.find_spec(module), module
        for environment in re.findall(r"\btox -e (\w+)", piece):
            assert environments.has_section(f"testenv:{environment}"), environment


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_table_of_commands_lists_all(name):
    rows = [line for line in text_of(ROOT / name).splitlines() if line.startswith("| `python -m grader")]
    for command in COMMANDS:
        assert any(f"`python -m grader {command}" in row for row in rows), command


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_readme_names_the_two_commands_and_the_tests(name):
    for command in (
        "python -m grader submit/",
        "tox run-parallel -m submissions",
        "tox -e test",
        "tox -e demo",
    ):
        assert command in text_of(ROOT / name)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_finding_code_is_in_the_catalogue(path):
    assert set(codes_of(path)) <= set(codes())


def test_the_frequent_findings_are_explained_once():
    frequent = codes_of(ROOT / "docs" / "student.md")
    assert len(frequent) == len(set(frequent)) > 50


def test_what_the_report_says_is_quoted_from_its_titles():
    at_seams = [sentence["en"] for sentence in table("seams").values()]
    for said, codes_ in explained(ROOT / "docs" / "student.md"):
        if said == "several of these at once":
            continue
        titles = [*(table("messages")[code]["title"] for code in codes_), *at_seams]
        for piece in filter(None, re.split(r"[;\s]*\.\.\.\s*|;\s*", said)):
            assert any(piece in title for title in titles), f"{piece}: not in {titles}"


@pytest.mark.parametrize("path", TRANSLATED, ids=name_of)
def test_a_translation_explains_the_same_findings_with_the_same_commands(path):
    original = ROOT / "docs" / path.name
    assert codes_of(path) == codes_of(original)
    assert len(re.findall(r"^## ", text_of(path), re.MULTILINE)) == len(
        re.findall(r"^## ", text_of(original), re.MULTILINE)
    )


@pytest.mark.parametrize("name", ["docs/verdicts.md", "docs/zh/verdicts.md"])
def test_every_verdict_has_its_section_with_an_example(name):
    sections = re.split(r"^## ", text_of(ROOT / name), flags=re.MULTILINE)
    for verdict in Verdict:
        mine = [section for section in sections if section.startswith(f"`{verdict.value}`")]
        assert len(mine) == 1, verdict
        example = rf"^ {{4}}zhang(?:: |：\S+（){verdict.value}\b"
        assert re.search(example, mine[0], re.MULTILINE), verdict


@pytest.mark.parametrize("path", IN_CHINESE, ids=name_of)
def test_chinese_has_its_own_punctuation(path):
    prose = re.sub(r"`[^`\n]+`|^ {4}.+$|\]\([^)]*\)", "", text_of(path), flags=re.MULTILINE)
    assert not re.findall(r"[\u4e00-\u9fff][,;:!?]", prose)


def test_before_a_commit_runs_what_lint_runs():
    hooks = text_of(ROOT / ".pre-commit-config.yaml")
    project = text_of(ROOT / "pyproject.toml")
    group = re.search(r"^lint = \[\n(.+?)^\]", project, re.MULTILINE | re.DOTALL)
    for requirement in re.findall(r'^ {4}"(.+)",$', group[1], re.MULTILINE):
        assert f"- {requirement}\n" in hooks
    environments = configparser.ConfigParser(interpolation=None)
    environments.read(ROOT / "tox.ini", encoding="utf-8")
    for line in environments["testenv:lint"]["commands"].split("\n"):
        assert f"entry: {' '.join(line.split()[:2]).removesuffix(' .')}" in hooks
