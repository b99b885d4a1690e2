"""A machine that is out of memory: nobody gets a score for that."""

import pytest

from grader import Verdict
from grader.model.grading import NO_CHECKS
from grader.report import build_report
from grader.run import usage
from tests.grader.conftest import ORACLE
from tests.grader.gradings import grading_of, report_of

PLENTY = "MemTotal: 8000000 kB\nMemFree: 9 kB\nMemAvailable: 130000 kB\nSwapFree: 0 kB\n"
SHORT = "MemTotal: 8000000 kB\nMemFree: 9 kB\nMemAvailable: 120000 kB\nSwapFree: 0 kB\n"
KILLED = "import os\ndef predict(image): os.kill(os.getpid(), 9)"


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """Has the machine say this of its memory."""

    def say(text):
        (tmp_path / "meminfo").write_text(text, encoding="ascii")
        monkeypatch.setattr(usage, "_MACHINE_MEMORY", tmp_path / "meminfo")

    return say


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (PLENTY, Verdict.GRADED),
        (SHORT, Verdict.INTERNAL),
        (SHORT.replace("SwapFree: 0", "SwapFree: 10000"), Verdict.GRADED),
        ("of another kind", Verdict.GRADED),
    ],
    ids=["plenty", "short", "swapped", "unknown"],
)
def test_a_machine_that_is_short_of_memory_grades_nobody(
    memory, write_submission, split, assignment, text, verdict
):
    memory(text)
    outcome = grading_of(write_submission(ORACLE), split, assignment, checks=NO_CHECKS)
    assert outcome.verdict is verdict
    assert (build_report(outcome).score is None) == (verdict is Verdict.INTERNAL)
    assert ("the machine is out of memory" in outcome.trace) == (verdict is Verdict.INTERNAL)


def test_who_is_ended_by_the_kernel_for_everybodys_memory_has_not_crashed(
    monkeypatch, write_submission, split, assignment
):
    folder = write_submission(KILLED)
    assert report_of(folder, split, assignment, checks=NO_CHECKS).verdict is Verdict.CRASH
    ended = iter(range(99))
    monkeypatch.setattr(usage, "processes_ended_for_memory", lambda: next(ended))
    outcome = grading_of(folder, split, assignment, checks=NO_CHECKS)
    assert (outcome.verdict, build_report(outcome).score) == (Verdict.INTERNAL, None)
    assert "ran out of memory" in outcome.trace


def test_how_many_the_kernel_has_ended_is_read_from_its_own_count(tmp_path, monkeypatch):
    (tmp_path / "vmstat").write_text("pgfault 7\noom_kill 3\n", encoding="ascii")
    monkeypatch.setattr(usage, "_EVENTS", tmp_path / "vmstat")
    assert usage.processes_ended_for_memory() == 3
    monkeypatch.setattr(usage, "_EVENTS", tmp_path / "nowhere")
    assert usage.processes_ended_for_memory() == 0
