"""A worker that connects to us: what any system has takes the sandbox's place in a student's own check."""

import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from grader import Verdict
from grader.model.assignment import Limits
from grader.model.grading import NO_CHECKS
from grader.model.verdict import StopReason
from grader.sandbox import Child, ChildProcess, Launch, Namespaces
from grader.sandbox.policy import together
from grader.system import HAS_NAMESPACES, own_variables
from tests.grader.conftest import ORACLE
from tests.grader.gradings import grading_of, report_of
from tests.patience import PATIENCE_SECONDS, wait_until

ROOT = Path(__file__).parents[3]
TOTAL = 12


linux = pytest.mark.skipif(not HAS_NAMESPACES, reason="only Linux has the sandbox")
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


@pytest.fixture
def graded(write_submission, split, assignment):
    """Grade a program in a child process, under limits."""

    def run(source, name="zhang", **limits):
        rules = assignment.model_copy(update={"limits": assignment.limits.model_copy(update=limits)})
        folder = write_submission(source, name=name)
        return grading_of(folder, split, rules, checks=NO_CHECKS, self_check=True, isolation=ChildProcess())

    return run


@linux
def test_its_report_is_that_of_the_sandbox_and_says_that_it_was_none(write_submission, split, assignment):
    folder = write_submission(ORACLE.replace("// 80", "// 120"))
    child, inside = (
        report_of(folder, split, assignment, self_check=True, isolation=isolation)
        for isolation in (ChildProcess(), Namespaces())
    )
    assert (child.verdict, child.score, child.per_class) == (inside.verdict, inside.score, inside.per_class)
    assert 0 < child.score.correct < TOTAL
    assert child.identity == inside.identity
    assert [finding.code for finding in child.findings if finding.code != "no-isolation"] == [
        finding.code for finding in inside.findings
    ]
    assert (child.isolation.rung, inside.isolation.rung) == ("child", "bubblewrap")
    assert "no sandbox" in child.isolation.description and "没有沙箱" in child.isolation.description_zh
    assert "no-isolation" in [finding.code for finding in child.findings]


@pytest.mark.parametrize(
    ("source", "limits", "verdict", "reason"),
    [
        ("x = []\nwhile True: x.append(bytearray(b'x') * (1 << 20))", {"memory_mib": 300}, Verdict.MEMORY, StopReason.MEMORY_USED),
        ("import threading, time\nfor _ in range(60): threading.Thread(target=time.sleep, args=(9,)).start()\ntime.sleep(9)", {"processes": 32}, Verdict.PIDS, StopReason.TASKS),
        ("while True: pass", {"processor_seconds": 1.0}, Verdict.TIMEOUT, StopReason.PROCESSOR_TIME),
        ("while True: print('x' * 10000)", {}, Verdict.OUTPUT, None),
        ("import time\ntime.sleep(99)", {"import_seconds": 1.0}, Verdict.TIMEOUT, None),
        ("import os\nos._exit(3)", {}, Verdict.CRASH, StopReason.EXIT_CODE),
        pytest.param("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", {}, Verdict.CRASH, StopReason.SIGNAL, marks=posix),
    ],
    ids=["memory", "threads", "processor", "output", "sleep", "exit", "signal"],
)  # fmt: skip
def test_what_goes_past_a_limit_or_dies_has_the_verdict_of_the_sandbox(
    graded, source, limits, verdict, reason
):
    grading = graded(source, **limits)
    assert grading.verdict is verdict
    assert grading.answers.stops[0].reason is reason


def test_what_it_prints_is_kept_and_there_is_nothing_to_read(graded):
    grading = graded(
        """
        import os, subprocess, sys
        print("你好", flush=True)
        subprocess.run([sys.executable, "-c", "print('from below')"])
        try:
            input()
        except EOFError:
            print("nothing to read", os.read(0, 1))
        """
        + textwrap.indent(textwrap.dedent(ORACLE), "        ")
    )
    assert (grading.verdict, grading.tally.correct) == (Verdict.GRADED, TOTAL)
    assert [line.strip() for line in grading.answers.output.splitlines()] == [
        *("你好", "from below", "nothing to read b''"),
    ]


def test_what_was_seen_below_it_ends_with_it(graded, tmp_path):
    grading = graded(
        f"""
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(9999)"], start_new_session=True)
        open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
        time.sleep(1)
        """
        + textwrap.indent(textwrap.dedent(ORACLE), "        ")
    )
    assert grading.verdict is Verdict.GRADED
    pid = int((tmp_path / "pid").read_text(encoding="utf-8"))
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


GRADING = """
import sys
from pathlib import Path
from grader.model.assignment import load_assignment
from grader.model.grading import NO_CHECKS, Exam
from grader.sandbox import ChildProcess
from grader.session import Session
from grader.split.folder import demo_split
exam = Exam(demo_split(), load_assignment(None), "self-check", NO_CHECKS)
Session(exam, ChildProcess()).grade(Path(sys.argv[1]))
"""


def test_it_ends_with_the_grader_however_that_ends(write_submission, tmp_path):
    noted = tmp_path / "pid"
    folder = write_submission(
        f"import os, time\nopen({str(noted)!r}, 'w').write(str(os.getpid()))\ntime.sleep(9999)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", GRADING, str(folder)], env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as process:
        wait_until(lambda: noted.is_file() and noted.read_text(encoding="utf-8"))
        process.kill()
    wait_until(lambda: not psutil.pid_exists(int(noted.read_text(encoding="utf-8"))))


# -- the connection ------------------------------------------------------------------------------------------


@pytest.fixture
def start(tmp_path):
    """Start a program of Python's in a worker's place."""
    started = []

    def start(code):
        launch = Launch(
            command=(sys.executable, "-I", "-S", "-c", textwrap.dedent(code)),
            environment=own_variables(),
            writable=(tmp_path,),
            scratch_bytes=0,
            is_contained=False,
            together=together(Limits()),
            comes_by_itself=True,
        )
        started.append(Child(launch))
        return started[-1]

    yield start
    for child in started:
        child.end()
        child.channel.close()
        child.close()


def test_who_does_not_know_the_secret_is_sent_away(start):
    child = start(
        """
        import json, socket, sys
        port, secret = json.loads(sys.stdin.readline())
        for said in (b"", b"x" * len(secret), secret.encode() + b"hello"):
            stranger = socket.create_connection(("127.0.0.1", port))
            stranger.sendall(said)
            if not said.endswith(b"hello"):
                stranger.shutdown(socket.SHUT_WR)
                assert stranger.recv(1) == b""
        sys.stdin.read()
        """
    )
    child.channel.settimeout(PATIENCE_SECONDS)
    assert child.channel.recv(5) == b"hello"


def test_of_one_that_ends_before_it_connects_the_channel_is_at_its_end(start):
    child = start("print('no numpy here'); raise SystemExit(7)")
    assert child.channel.recv(1) == b""
    assert child.exit_code() == 7
    assert child.read().strip() == b"no numpy here"
    assert child.read() == b""


def test_nobody_beyond_this_machine_could_connect(monkeypatch, start):
    bound = []
    create = socket.create_server
    monkeypatch.setattr(
        socket, "create_server", lambda place, **rest: (bound.append(place), create(place, **rest))[1]
    )
    start("raise SystemExit")
    assert bound == [("127.0.0.1", 0)]


def test_output_that_outlives_the_worker_is_not_waited_for(start):
    child = start(
        """
        import subprocess, sys
        holds = "import time; time.sleep(9999)"
        print(subprocess.Popen([sys.executable, "-c", holds], start_new_session=True).pid, flush=True)
        """
    )
    pid = int(child.read())
    began = time.monotonic()
    child.end()
    child.close()
    assert time.monotonic() - began < PATIENCE_SECONDS
    psutil.Process(pid).kill()
