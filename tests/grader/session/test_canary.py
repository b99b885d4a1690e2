"""The canary sings on a sound machine, and is silent on none of the faults that it is there for."""

import contextlib
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from grader import Verdict
from grader.errors import HarnessError
from grader.model.grading import NO_CHECKS, Checks, Exam
from grader.report import build_report
from grader.sandbox import ForkRule, Namespaces, PlainProcess, fork_server, fork_server_for, namespaces
from grader.scoring import LabelReader
from grader.session import Session
from grader.session.harness import ATTACK, HONEST, canary_split, check_attack, check_canary
from tests.grader.cli.test_cli import ROOT, cwd, run  # noqa: F401 - fixtures
from tests.grader.conftest import ORACLE
from tests.grader.gradings import grading_of


def grade(source, split, assignment):
    return grading_of(source, split, assignment, checks=NO_CHECKS)


def test_on_this_machine_both_have_their_known_outcome(run, cwd):  # noqa: F811
    check_canary(grade)
    done = run("canary", cwd=cwd)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gained nothing" in done.stdout
    assert "内置的作弊提交一无所获" in run("canary", "--lang", "zh", cwd=cwd).stdout


def test_a_grader_with_many_open_files_has_the_same_canary():
    with contextlib.ExitStack() as files:
        for _ in range(300):
            files.enter_context(Path(os.devnull).open("rb"))
        check_canary(grade)


def test_the_sum_of_an_images_pixels_says_its_class():
    assert [int(image.pixels("bgr").sum()) % 3 for image in canary_split().images] == [0, 1, 2]


@pytest.mark.parametrize(
    ("dropped", "hole"),
    [
        ("--unshare-net", "built-in attack got .*hole: there is a network"),
        # Whatever stands in the sandbox counts: here the machine's processes do, which may be too many.
        ("--unshare-pid", "honest submission got PIDS|attack got .*hole: other processes can be seen"),
        ("--remount-ro /", "built-in attack got .*hole: / can be written"),
        ("--seccomp {refusals}", "built-in attack got .*hole: system calls are not filtered"),
    ],
)
def test_a_sandbox_with_a_hole_is_noticed_and_the_hole_named(monkeypatch, dropped, hole):
    inner = namespaces._inner

    def without(rules, refusals):
        arguments = list(inner(rules, refusals))
        everything = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
        arguments[arguments.index("--unshare-all") : arguments.index("--unshare-all") + 2] = everything
        words = dropped.format(refusals=refusals).split()
        at = next(n for n in range(len(arguments)) if arguments[n : n + len(words)] == words)
        del arguments[at : at + len(words)]
        return iter(arguments)

    monkeypatch.setattr(namespaces, "_inner", without)
    with pytest.raises(HarnessError, match=hole):
        check_canary(grade)


def test_without_a_sandbox_the_attack_finds_its_way():
    with pytest.raises(HarnessError, match="built-in attack got"):
        check_canary(
            lambda source, split, assignment: grading_of(
                source, split, assignment, self_check=True, checks=NO_CHECKS, isolation=PlainProcess()
            )
        )


@pytest.mark.parametrize("fault", ["pixels", "labels", "count"])
def test_a_harness_that_counts_wrongly_is_noticed(monkeypatch, fault):
    if fault == "pixels":
        decode = cv2.imdecode
        monkeypatch.setattr(cv2, "imdecode", lambda *a: decode(*a) ^ np.uint8(1))
    elif fault == "labels":
        monkeypatch.setattr(LabelReader, "read", lambda self, text: 0)
    else:
        monkeypatch.setattr("grader.scoring.Tally.correct", property(lambda self: self.total))
    with pytest.raises(HarnessError, match="but the known result is"):
        check_canary(grade)


def test_where_the_canary_fails_no_submission_is_asked_and_there_is_no_score(
    write_submission, split, assignment, monkeypatch
):
    session = Session(Exam(split, assignment))
    monkeypatch.setattr(LabelReader, "read", lambda self, text: 0)
    failed = session.grade(write_submission(ORACLE))
    assert (failed.verdict, build_report(failed).score, failed.answers) == (Verdict.INTERNAL, None, None)
    assert "built-in" in failed.findings[0].title
    monkeypatch.undo()
    # A failure is not kept.
    assert session.grade(write_submission(ORACLE, name="b")).canary == "passed"


def test_the_canary_is_tried_once_for_many_and_the_report_says_if_it_was_not(
    write_submission, split, assignment, monkeypatch
):
    folder = write_submission(ORACLE)
    tried = []
    monkeypatch.setattr(
        "grader.session.session.check_canary", lambda grade: tried.append(check_canary(grade))
    )

    def graded(session):
        return build_report(session.grade(folder)).checks.canary

    session = Session(Exam(split, assignment))
    assert [graded(session) for _ in range(2)] == ["passed", "passed"]
    assert len(tried) == 1
    tried.clear()
    ready = Session(Exam(split, assignment))
    ready.make_ready()
    assert (graded(ready), len(tried)) == ("passed", 1)
    tried.clear()
    assert graded(Session(Exam(split, assignment, checks=Checks(canary=False)))) == "skipped"
    assert graded(Session(Exam(split, assignment, "self-check"))) == "not-needed"
    assert tried == []


FORKABLE = """
import cv2

def predict(image):
    return "Hats"
"""


@pytest.fixture
def session(split, assignment):
    """A session that forks workers, those of submissions that import OpenCV."""
    with fork_server_for(assignment.limits, ("cv2",), ForkRule("cv2")) as server:
        yield Session(
            Exam(split, assignment, checks=Checks(replay=False, diagnosis=False)), Namespaces(server)
        )


@pytest.fixture
def forks(monkeypatch):
    """What the forked workers run: the settings of each."""
    seen = []
    fork = fork_server.ForkServer.fork

    def noted(self, request, descriptors, group):
        seen.append(request)
        return fork(self, request, descriptors, group)

    monkeypatch.setattr(fork_server.ForkServer, "fork", noted)
    return seen


def test_the_attack_goes_the_way_of_forked_workers_before_the_first_of_them(
    session, forks, write_submission, monkeypatch
):
    attacked = []
    monkeypatch.setattr(
        "grader.session.session.check_attack",
        lambda grade: attacked.append((check_attack(grade), len(forks))),
    )
    assert session.grade(write_submission(ORACLE)).canary == "passed"
    assert (attacked, forks) == ([], [])
    for number in range(2):
        graded = session.grade(write_submission(FORKABLE, name=f"li{number}"))
        assert (graded.verdict, graded.canary) == (Verdict.GRADED, "passed")
    # Once, in a worker that was forked; then the two that are graded.
    assert attacked == [(None, 1)]
    assert len(forks) == 3


def test_tight_limits_of_an_assignment_are_not_the_canarys(split, assignment, write_submission, forks):
    tight = assignment.with_limits(total_seconds=0.001)
    sleeping = FORKABLE.replace("import cv2\n", "import cv2\nimport time\n").replace(
        "    return", "    time.sleep(10)\n    return"
    )
    with fork_server_for(tight.limits, ("cv2",), ForkRule("cv2")) as server:
        graded = Session(Exam(split, tight), Namespaces(server)).grade(write_submission(sleeping))
    assert (graded.verdict, graded.canary) == (Verdict.TIMEOUT, "passed")
    assert forks


@pytest.mark.parametrize(
    ("broken", "hole"),
    [
        # Each is made only by what enters a sandbox; a worker that is started has no part in it.
        ("    _check(_libc.capset(header, none))\n", "hole: it has capabilities"),
        ('        worker.refuse_calls(**request["filter"])\n', "hole: system calls are not filtered"),
        ('    for name in os.listdir("/proc/self/fd"):\n', "the built-in attack got"),
    ],
    ids=["capabilities", "filter", "descriptors"],
)
def test_a_hole_that_only_forked_workers_have_is_noticed(
    session, write_submission, tmp_path, monkeypatch, broken, hole
):
    source = fork_server._SERVER.read_text(encoding="utf-8")
    assert source.count(broken) == 1
    indent = broken[: len(broken) - len(broken.lstrip())]
    replacement = f"{indent}for name in ():\n" if broken.endswith(":\n") else f"{indent}pass\n"
    shutil.copytree(fork_server._SERVER.parent, tmp_path / "inside")
    (tmp_path / "inside" / "fork_server.py").write_text(source.replace(broken, replacement), encoding="utf-8")
    monkeypatch.setattr(fork_server, "_SERVER", tmp_path / "inside" / "fork_server.py")

    assert session.grade(write_submission(ORACLE)).canary == "passed"
    failed = session.grade(write_submission(FORKABLE, name="li"))

    assert (failed.verdict, failed.answers) == (Verdict.INTERNAL, None)
    assert hole in failed.findings[0].title


def test_the_built_in_submissions_are_installed_with_the_grader():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for folder in (HONEST, ATTACK):
        for file in folder.rglob("*.py"):
            assert f'"{file.relative_to(folder.parents[1]).as_posix()}"' in project
