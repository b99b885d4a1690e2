"""`python -m grader doctor`: this machine, and the same machine with less allowed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import grader.doctor as probes
from grader.cli import main
from grader.doctor import Result, State, result
from grader.model.assignment import Limits
from grader.printable import columns, wrapped
from grader.sandbox import Namespaces, PlainProcess, find_bwrap
from grader.wording import table
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
PYTHONPATH = os.pathsep.join([str(ROOT), str(ROOT / "student")])
WITHOUT_USER_NAMESPACES = ["--unshare-user", "--disable-userns", "--uid", "1500", "--gid", "1500", "--dev-bind", "/", "/"]  # fmt: skip
UNDER_A_CONTAINERS_FILTER = """
    import base64, os, runpy, sys
    from grader.sandbox.inside import worker
    from grader.sandbox.system_calls import Refuse, RefuseAnyFlag, for_worker
    filter = for_worker([Refuse(("unshare",)), Refuse(("clone3",), 38), RefuseAnyFlag("clone", 0, 0x10000000)])
    worker.refuse_calls(**filter)
    sys.argv[0] = "grader"
    runpy.run_module("grader", run_name="__main__")
"""


def run(command, *arguments):
    return subprocess.run(
        [*command, *arguments],
        env={**os.environ, "PYTHONPATH": PYTHONPATH},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def without_user_namespaces() -> list[str]:
    return [str(find_bwrap()), *WITHOUT_USER_NAMESPACES, "--", sys.executable, "-m", "grader"]


def under_a_containers_filter() -> list[str]:
    lines = [line[4:] for line in UNDER_A_CONTAINERS_FILTER.splitlines()]
    return [sys.executable, "-c", "\n".join(lines)]


def by_name(text: str) -> dict:
    return {probe["name"]: probe for probe in json.loads(text)["probes"]}


def test_here_the_top_rung_works(capsys):
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rung"], told["is_top"]) == ("bubblewrap", True)
    assert {probe["state"] for probe in told["probes"]} <= {"ok", "warning"}
    assert all(probe["found"] for probe in told["probes"])


@pytest.mark.parametrize(
    ("command", "cause", "remedy"),
    [
        (without_user_namespaces, "ENOSPC", "sysctl user.max_user_namespaces"),
        (under_a_containers_filter, "a container's", "seccomp=unconfined"),
    ],
    ids=["none allowed", "filtered"],
)
def test_without_user_namespaces_it_names_the_rung_the_cause_and_the_remedy(command, cause, remedy):
    done = run(command(), "doctor", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    told = json.loads(done.stdout)
    assert (told["rung"], told["is_top"]) == ("process", False)
    probe = by_name(done.stdout)["user namespaces"]
    assert probe["state"] == "problem"
    assert cause in probe["found"]
    assert remedy in probe["remedy"]


@pytest.mark.parametrize("command", [without_user_namespaces, under_a_containers_filter])
def test_without_user_namespaces_official_grading_refuses_and_a_self_check_runs(
    command, write_submission, split_folder, tmp_path
):
    arguments = [str(write_submission()), "--split", str(split_folder), "--out", str(tmp_path / "out")]
    done = run(command(), *arguments)
    assert done.returncode == 3
    assert done.stderr.startswith("grader: official grading needs the bubblewrap sandbox")
    assert "grader doctor" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out" / "report.json").exists()
    done = run(command(), *arguments, "--self-check")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert (report["verdict"], report["isolation"]["rung"]) == ("GRADED", "process")


def test_the_table_says_the_rung_and_every_remedy_as_it_can_be_typed():
    results = [
        result("sandbox-works"),
        result("userns-no-more", error="ENOSPC"),
    ]
    text = probes.render(PlainProcess.NAME, results, 60)
    assert "FAIL" in text
    assert "  sudo sysctl user.max_user_namespaces=15000" in text.splitlines()
    assert "refused here" in text
    assert max(map(len, text.splitlines())) <= 60
    assert "works here, on the highest isolation level" in " ".join(
        probes.render(Namespaces.NAME, results, 60).split()
    )


def test_a_switch_that_forbids_user_namespaces_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(probes, "_NEW_USER_AND_MOUNTS", "raise SystemExit('mount 13')")
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "apparmor_restrict_unprivileged_userns").write_text("1\n", encoding="ascii")
    result = probes.user_namespaces(tmp_path)
    assert "EACCES" in result.found
    assert "AppArmor" in result.remedy


def test_a_masked_proc_is_a_containers():
    code = probes._code_of("bwrap: Can't mount proc on /newroot/proc: Operation not permitted")
    assert "systempaths" in result(code, obstacle="bwrap").remedy


def test_control_groups_are_described_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (tmp_path / "cgroup.controllers").write_text("cpu pids\n", encoding="ascii")
    assert "without memory" in probes.control_groups(tmp_path).found
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n", encoding="ascii")
    assert "Delegate=yes" in probes.control_groups(tmp_path).found
    (tmp_path / "cgroup.procs").touch()
    assert "belongs to the grader" in probes.control_groups(tmp_path).found
    monkeypatch.setattr(probes, "own_group", lambda: None)
    assert "no version 2" in probes.control_groups().found


def test_what_is_scarce_or_missing_is_a_warning_with_a_remedy(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    1048576 kB\n", encoding="ascii")
    (tmp_path / "cpuinfo").write_text("processor: 0\nflags\t: sse4_2 avx\n", encoding="ascii")
    results = [
        probes.memory(Limits(), tmp_path / "meminfo"),
        probes.cores(Limits(threads=4096)),
        probes.shared_memory(tmp_path / "nowhere"),
        probes.processor(tmp_path / "cpuinfo"),
        probes.library("no-such-library"),
    ]
    assert all(result.state is State.WARNING and result.remedy for result in results)
    assert "1024 MiB" in results[0].found


def test_nothing_that_computes_is_imported_to_find_out():
    code = "import sys\nfrom grader.cli import main\nmain(['doctor'])\nassert not {'mindspore', 'onnxruntime'} & set(sys.modules)"
    assert run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("code", sorted(table("doctor")["results"]))
def test_every_result_is_whole_in_both_languages_with_the_same_details(code):
    row = table("doctor")["results"][code]
    texts = {part: row.get(part, "") for part in ("found", "found_zh", "remedy", "remedy_zh")}
    assert set(row) <= {"state", *texts}
    assert bool(texts["remedy"]) == bool(texts["remedy_zh"]) == (row["state"] != "ok")
    for part in ("found", "remedy"):
        fields = [set(re.findall(r"{(\w+)}", texts[name])) for name in (part, f"{part}_zh")]
        assert fields[0] == fields[1]
    told = result(code, **dict.fromkeys(["name", *re.findall(r"{(\w+)}", "".join(texts.values()))], "?"))
    assert isinstance(told, Result)
    assert all((told.name, told.name_zh, told.found, told.found_zh))


def test_every_result_is_some_probe_s():
    source = Path(probes.__file__).read_text(encoding="utf-8")
    assert [code for code in table("doctor")["results"] if f'"{code}"' not in source] == []


def test_the_table_is_chinese_for_whom_that_was_asked(capsys):
    assert main(["doctor", "--lang", "zh"]) == 0
    said = capsys.readouterr().out
    assert "检查项" in said
    assert "沙箱" in said
    assert "本机可以进行正式评测" in "".join(said.split())
    shown = probes.render(
        PlainProcess.NAME, [result("userns-apparmor", error="E", switch="s", value="1")], 60, "zh"
    )
    assert max(map(columns, shown.splitlines())) <= 75
    assert "不能进行正式评测" in "".join(shown.split())


def test_chinese_is_wrapped_by_columns_and_no_line_begins_with_a_comma():
    text = "本机不能进行正式评测，请用 --self-check 自测（此时没有沙箱）。"
    for width in range(14, 70):
        lines = wrapped(text, width, "  ").splitlines()
        assert max(map(columns, lines)) <= width + 2
        assert not any(line.strip()[0] in "，）。" or line[-1] == "（" for line in lines)
        assert "".join("".join(lines).split()) == "".join(text.split())
    assert wrapped("one two three", 8) == "one two\nthree"
