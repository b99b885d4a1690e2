"""What uses everything up, in ways that are not in a first attempt; by whom it is graded; and who else suffers."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from grader import Verdict
from grader.sandbox import policy
from tests.grader.accounts import as_ordinary_user, home_of_ordinary_user
from tests.grader.conftest import ORACLE
from tests.grader.gradings import STARTED, grading_of, report_of
from tests.patience import PATIENCE_SECONDS, wait_until

ROOT = Path(__file__).parents[3]
TOTAL = 12
TIGHT = {
    "memory_mib": 300,
    "scratch_mib": 16,
    "processes": 32,
    "import_seconds": 10.0,
    "processor_seconds": 30.0,
}

FORK_BOMB = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
MEMORY_BOMB = "import os\nos.fork()\nx = []\nwhile True: x.append(bytearray(b'x') * (1 << 20))"
DISK_BOMB = "import time\ntry:\n    f = open('/tmp/x', 'wb')\n    while True: f.write(bytes(10**6))\nexcept OSError: time.sleep(9)"
FLOOD = "while True: print('x' * 10000)"
SLEEP = "import time\ntime.sleep(99)"
BOMBS = {
    "forks": (FORK_BOMB, Verdict.PIDS),
    "memory": (MEMORY_BOMB, Verdict.MEMORY),
    "disk": (DISK_BOMB, Verdict.DISK),
    "output": (FLOOD, Verdict.OUTPUT),
    "sleep": (SLEEP, Verdict.TIMEOUT),
}


def with_limits(assignment, **limits):
    return assignment.model_copy(update={"limits": assignment.limits.model_copy(update=limits)})


@pytest.fixture
def graded(write_submission, split, assignment):
    def run(source, **limits):
        rules = with_limits(assignment, **{**TIGHT, **limits})
        return report_of(write_submission(source), split, rules, isolation=STARTED)

    return run


PAGE_TABLES = """
    import mmap
    kept = []
    while True:
        # Not writable: only its page tables take memory, 4 KiB for each place that is looked at.
        kept.append(mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot=mmap.PROT_READ))
        for place in range(0, 1 << 40, 1 << 21):
            kept[-1][place]
"""
SOCKETS = """
    import socket
    kept = []
    while True:
        kept += socket.socketpair()
        kept[-1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
        kept[-1].setblocking(False)
        try:
            while True: kept[-1].send(bytes(1 << 20))
        except BlockingIOError:
            pass
"""
COPIES = """
    import os, time
    x = bytearray(100 << 20)
    for _ in range(8):
        if os.fork() == 0:
            for place in range(0, len(x), 4096): x[place] = 1
            time.sleep(60)
    time.sleep(60)
"""
NAME = """
    import ctypes, time
    # What /proc says of a process begins with its name, in which a carriage return stays one.
    ctypes.CDLL(None).prctl(15, b"\\rVmRSS:-9999999")
    x = bytearray(b"x") * (500 << 20)
    time.sleep(60)
"""
FIRST_THREAD = """
    import ctypes, os, platform, threading, time
    def hold():
        time.sleep(0.5)
        x = bytearray(b"x") * (500 << 20)
        time.sleep(60)
    if os.fork() == 0:
        threading.Thread(target=hold).start()
        # What has ended shows no memory; the thread goes on with it.
        ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
    time.sleep(60)
"""
MISSED = {
    "page tables": PAGE_TABLES,
    "sockets": SOCKETS,
    "copies": COPIES,
    "name": NAME,
    "first thread": FIRST_THREAD,
}


@pytest.mark.parametrize("source", MISSED.values(), ids=MISSED)
def test_memory_that_a_plain_count_would_miss_is_counted(graded, source):
    report = graded(source, import_seconds=60.0)
    assert report.verdict is Verdict.MEMORY


def test_pages_that_processes_share_are_counted_once(graded):
    source = """
        import os, time
        x = bytearray(b"x") * (150 << 20)
        if os.fork() == 0:
            time.sleep(1.5)
            os._exit(0)
        time.sleep(0.5)

        def predict(image):
            return "Hats"
    """
    report = graded(source)
    assert report.verdict is Verdict.GRADED
    assert 150 < report.run.peak_memory_mib < 300


def test_processor_time_is_limited_for_all_processes_together(graded):
    report = graded("import os\nos.fork()\nwhile True: pass", import_seconds=60.0, processor_seconds=2.0)
    assert report.verdict is Verdict.TIMEOUT
    assert "processor time" in report.findings[0].title


def test_the_kernels_limits_stand_behind_and_cannot_be_raised(write_submission, split, assignment):
    source = """
        import json, os, resource
        found = {}
        for name in ("CORE", "NOFILE", "FSIZE", "DATA", "CPU", "NPROC"):
            number = getattr(resource, "RLIMIT_" + name)
            soft, hard = resource.getrlimit(number)
            found[name] = hard
            try:
                resource.setrlimit(number, (hard + 1, hard + 1))
                found[name] = "raised"
            except (OSError, ValueError):
                pass
        try:
            found["descriptors"] = [os.open("/dev/null", os.O_RDONLY) for _ in range(5000)] and "no end"
        except OSError as error:
            found["descriptors"] = error.strerror
        found["cores"] = len(os.sched_getaffinity(0))
        raise RuntimeError("PROBE" + json.dumps(found))
    """
    rules = with_limits(assignment, processes=20, open_files=64, scratch_mib=32, threads=1)
    message = grading_of(
        write_submission(source), split, rules, isolation=STARTED
    ).answers.not_ready.error.message
    found = json.loads(message.removeprefix("PROBE"))
    assert found == {
        "CORE": 1,
        "NOFILE": 64,
        "FSIZE": 33 << 20,
        "DATA": (512 + 4096) << 20,
        "CPU": 605,
        "NPROC": 28,
        "descriptors": "Too many open files",
        "cores": 1,
    }


def test_an_interpreter_below_tmp_is_seen_and_temporary_files_still_have_a_limit(
    graded, below_tmp, monkeypatch
):
    there = below_tmp / "environment"
    there.mkdir()
    (there / "file.txt").write_text("here", encoding="utf-8")
    interpreter = policy._interpreter
    monkeypatch.setattr(policy, "_interpreter", lambda: iter([*interpreter(), policy.ReadOnly(there, there)]))
    source = f"""
        import os, time
        assert open({str(there / "file.txt")!r}).read() == "here"
        assert os.listdir({str(below_tmp)!r}) == ["environment"]
        try: open({str(there / "new")!r}, "w")
        except OSError: pass
        else: raise RuntimeError("written")
        try:
            file = open("/tmp/x", "wb")
            while True: file.write(bytes(1 << 20))
        except OSError:
            time.sleep(9)
    """
    assert graded(source).verdict is Verdict.DISK


GRADE_ALL = """
    import sys
    from pathlib import Path
    from grader.model.assignment import Assignment
    from tests.grader.gradings import STARTED, grading_of, report_of
    from grader.split import open_split
    home = Path(sys.argv[1])
    rules = Assignment.model_validate_json((home / "rules.json").read_text(encoding="utf-8"))
    split = open_split(home / "split", rules.classes)
    for folder in sorted((home / "submissions").iterdir()):
        print(report_of(folder, split, rules, isolation=STARTED).model_dump_json(exclude={"run"}), flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can also be somebody else")
def test_root_and_an_ordinary_user_come_to_the_same_report(write_submission, split_folder, assignment):
    expected = {name: verdict for name, (_, verdict) in BOMBS.items()} | {"oracle": Verdict.GRADED}
    for name in expected:
        folder = write_submission(BOMBS[name][0] if name in BOMBS else ORACLE, name=name)
    with home_of_ordinary_user() as home:
        rules = with_limits(assignment, **TIGHT)
        (home / "rules.json").write_text(rules.model_dump_json(), encoding="utf-8")
        shutil.copytree(split_folder, home / "split")
        shutil.copytree(folder.parent, home / "submissions")
        as_root = [sys.executable, "-c", textwrap.dedent(GRADE_ALL), str(home)]
        runs = [
            subprocess.Popen(
                command,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "student")])},
                stdout=subprocess.PIPE,
            )
            for command in (as_root, as_ordinary_user(as_root, home))
        ]
        by_root, by_user = (
            run.communicate(timeout=PATIENCE_SECONDS)[0].decode().splitlines() for run in runs
        )
    assert by_root == by_user
    verdicts = {report["submission"]["name"]: report["verdict"] for report in map(json.loads, by_user)}
    assert verdicts == {name: verdict.value for name, verdict in expected.items()}


def workers_and_free_memory() -> tuple[int, int]:
    """Count the processes that this environment's sandboxes hold; in MiB, what memory is free."""
    workers = 0
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            command = (process / "cmdline").read_bytes() if process.name.isdigit() else b""
            workers += sys.executable.encode() in command and bytes(policy.WORKER) in command
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    return workers, free // 1024


def test_beside_bombs_an_honest_submission_gets_its_score_and_the_machine_is_whole_afterwards(
    write_submission, split, assignment
):
    bombs = [write_submission(source, name=name) for name, (source, _) in BOMBS.items() if name != "sleep"]
    bystander = write_submission(ORACLE, name="bystander")
    rules = with_limits(assignment, **{**TIGHT, "import_seconds": 60.0})
    workers, free = workers_and_free_memory()
    going = threading.Event()
    scores, verdicts = [], []

    def explode(folder):
        while not going.is_set():
            verdicts.append((folder.name, report_of(folder, split, rules, isolation=STARTED).verdict))

    with ThreadPoolExecutor(len(bombs)) as pool:
        explosions = [pool.submit(explode, folder) for folder in bombs]
        try:
            for _ in range(3):
                report = report_of(bystander, split, rules, isolation=STARTED)
                scores.append((report.verdict, report.score.correct))
        finally:
            going.set()
        for explosion in explosions:
            explosion.result()
    assert scores == [(Verdict.GRADED, TOTAL)] * 3
    assert {(name, BOMBS[name][1]) for name in BOMBS if name != "sleep"} == set(verdicts)
    # Other programs come and go as well: what is asked of memory is that nothing of the bombs' size stays.
    wait_until(lambda: whole(workers, free, *workers_and_free_memory()))


def whole(workers, free, workers_now, free_now):
    return workers_now <= workers and free_now >= free - 200
