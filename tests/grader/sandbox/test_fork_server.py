"""Workers that are forked: they stand where started ones stand, and nothing hangs on their having been forked."""

import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grader import Verdict
from grader.model.grading import NO_CHECKS
from grader.model.verdict import StopReason
from grader.places import course_library
from grader.report import build_report
from grader.sandbox import Namespaces, fork_server, fork_server_for, policy, system_calls
from grader.sandbox.forkable import MINDSPORE_RULE
from tests.grader.gradings import grading_of
from tests.isolation import QUICK_IMPORTS, WHATEVER_IT_IMPORTS, WHATEVER_IT_SAYS
from tests.patience import wait_until

ROOT = Path(__file__).parents[3]
WHERE_IT_STANDS = """
import json, os, platform, random, resource, socket, sys, tempfile
import numpy as np

def shown(path, names):
    lines = (line.partition(":") for line in open(path))
    return {name: value.split() for name, _, value in lines if name in names}

def may(do):
    try:
        do()
    except OSError:
        return False
    return True

print(json.dumps({
    "status": shown("/proc/self/status", (
        "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
        "NSpid", "SigBlk", "SigIgn", "SigCgt", "Umask")),
    "mounts": sorted(line.split()[4:6] for line in open("/proc/self/mountinfo")),
    "descriptors": sorted(
        os.readlink(f"/proc/self/fd/{number}").partition(":")[0]
        for number in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{number}")),
    "environment": {name: os.environ.get(name) for name in (
        "HOME", "PATH", "PWD", "TMPDIR", "PYTHONHASHSEED", "OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA")},
    "python": [sys.path, sys.argv, sys.flags, os.getcwd(), __file__, sys.modules["__main__"].__file__],
    "frames": [sys._getframe(depth).f_code.co_name for depth in range(6)],
    "limits": {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if "RLIMIT" in name},
    "out of memory": open("/proc/self/oom_score_adj").read(),
    "users": open("/proc/self/uid_map").read().split()[::2],
    "seen": [os.getpid(), sorted(os.listdir("/proc")), os.listdir("/dev"), socket.gethostname()],
    "cores": len(os.sched_getaffinity(0)),
    "chance": [random.random(), float(np.random.rand()), hash("seed")],
    "temporary": tempfile.gettempdir(),
    "session": os.getsid(0) == os.getsid(1),
    "may change its interpreter": may(lambda: os.fchmod(os.open("/proc/self/exe", os.O_RDONLY), 0o755)),
    "may change processes": [
        may(lambda: open(path, "r+b"))
        for path in ("/proc/self/oom_score_adj", "/proc/self/mem", "/proc/1/oom_score_adj", "/proc/1/mem")],
    "host": platform.node(),
    "interpreter": sys.orig_argv[:-1],
    "main": [vars(sys.modules["__main__"])[name] for name in ("__name__", "__spec__", "__package__")],
}))

def predict(image):
    return "Hats"
"""


@pytest.fixture
def server(assignment):
    """A server for all, whatever they import."""
    with fork_server_for(assignment.limits, QUICK_IMPORTS, WHATEVER_IT_IMPORTS) as server:
        yield server


@pytest.fixture
def graded(write_submission, split, assignment):
    numbers = itertools.count()

    def run(source, server=None, rules=assignment, **files):
        folder = write_submission(source, name=f"zhang{next(numbers)}")
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        return grading_of(folder, split, rules, checks=NO_CHECKS, isolation=Namespaces(server))

    return run


@pytest.fixture
def forks(monkeypatch):
    """The namespaces of each worker that was forked, and of who held its sandbox open."""
    seen = []
    fork = fork_server.ForkServer.fork

    def noted(self, request, descriptors, group):
        forked = fork(self, request, descriptors, group)
        about = Path(f"/proc/self/fdinfo/{descriptors[0]}").read_text(encoding="ascii").split()
        try:
            seen.append((namespaces(forked.pid), namespaces(int(about[about.index("Pid:") + 1]))))
        except OSError:  # it has ended already; an error here would be taken for a fork that failed
            seen.append(None)
        return forked

    monkeypatch.setattr(fork_server.ForkServer, "fork", noted)
    return seen


def namespaces(pid):
    # By their names: the folder of a process that nobody may look into is not listed.
    names = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
    return {name: Path(f"/proc/{pid}/ns/{name}").readlink() for name in names}


def test_a_forked_worker_stands_where_a_started_one_stands(graded, assignment, forks):
    started = json.loads(graded(WHERE_IT_STANDS).answers.output)
    with fork_server_for(assignment.limits, QUICK_IMPORTS, WHATEVER_IT_SAYS) as server:
        forked = json.loads(graded(WHERE_IT_STANDS, server).answers.output)
    assert len(forks) == 1
    # Of a session of its own, which is all the difference; and its parent is outside.
    assert (started.pop("session"), forked.pop("session")) == (True, False)
    assert forked == started
    assert forked["status"]["CapBnd"] == ["0" * 16]
    assert forked["may change processes"] == [False] * 4
    assert forked["out of memory"] == "1000\n"
    (worker, holder), *_ = forks
    assert worker == holder


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos._exit(3)",
        "import os\ndef predict(image): os._exit(3)",
        "import os\ndef predict(image): os.kill(os.getpid(), 11)",
        "import sys\nsys.exit(4)",
        "raise ValueError('no')",
        "import os, time\nfor _ in range(66):\n    if os.fork() == 0: os.setsid(); time.sleep(60)\ntime.sleep(9)",
        "x = bytearray(b'x') * (3 << 30)",
        "def predict(image): print('x' * 10_000_000); return 'Hats'",
        "import os\nos.kill(1, 9)\nos.kill(-1, 15)\ndef predict(image): return 'Hats'",
    ],
    ids=lambda source: source.splitlines()[-1][:40],
)
def test_a_forked_worker_ends_as_a_started_one_does(graded, server, forks, assignment, source):
    started, forked = build_report(graded(source)), build_report(graded(source, server))
    assert forks
    assert forked.verdict is started.verdict
    assert forked.score == started.score
    assert [finding.code for finding in forked.findings] == [finding.code for finding in started.findings]
    assert [finding.title for finding in forked.findings] == [finding.title for finding in started.findings]


def test_the_end_of_the_grading_is_the_end_of_all_that_a_forked_worker_started(graded, server):
    marker = f"{os.getpid()}.7771"
    source = f"import subprocess\nsubprocess.Popen(['setsid', 'sleep', '{marker}'])\ndef predict(image): return 'Hats'"
    assert graded(source, server).verdict is Verdict.GRADED
    # The kernel ends them one after the other.
    wait_until(
        lambda: (
            not [
                pid
                for pid in os.listdir("/proc")
                if pid.isdigit() and marker.encode() in _command(pid).split(b"\0")
            ]
        )
    )


def test_orphans_are_buried_so_that_they_do_not_count_for_ever(graded, server):
    source = """
import os, time
def left(): return sum(name.isdigit() for name in os.listdir("/proc"))
for _ in range(300):
    if os.fork() == 0:
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    os.wait()
    while left() > 20: time.sleep(.01)  # on a busy machine the burials take a while
while left() > 2: time.sleep(.01)
print("left:", left())
def predict(image): return "Hats"
"""
    outcome = graded(source, server)
    assert outcome.verdict is Verdict.GRADED
    assert "left: 2" in outcome.answers.output


def test_processor_time_of_orphans_counts(graded, server, forks, assignment):
    source = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        if os.fork() == 0:
            end = time.process_time() + .8
            while time.process_time() < end: pass
        os._exit(0)
    os.wait()
time.sleep(99)
def predict(image): return "Hats"
"""
    limits = assignment.limits.model_copy(update={"processor_seconds": 2})
    rules = assignment.model_copy(update={"limits": limits})
    outcome = graded(source, server, rules=rules)
    assert outcome.verdict is Verdict.TIMEOUT
    assert outcome.answers.stops[0].reason is StopReason.PROCESSOR_TIME
    assert forks


AS_SIBLINGS = """
import ctypes, os, platform, signal, time
CLONE_PARENT, clone = 0x8000, {"x86_64": 56, "aarch64": 220}[platform.machine()]
def sibling():
    return ctypes.CDLL(None, use_errno=True).syscall(clone, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
"""
SIBLINGS = {
    "memory": ("if sibling() == 0: x = bytearray(b'x') * (600 << 20)", Verdict.MEMORY),
    "number": ("for _ in range(66): sibling() or time.sleep(60)", Verdict.PIDS),
    "processor time": ("if sibling() == 0:\n    while True: pass", Verdict.TIMEOUT),
}


@pytest.mark.parametrize(("source", "verdict"), SIBLINGS.values(), ids=SIBLINGS)
def test_all_that_stand_in_the_sandbox_count_whosever_children_they_are(
    graded, server, forks, assignment, monkeypatch, source, verdict
):
    # The filter refuses siblings; this is about a way that it would not know.
    without = [refusal for refusal in policy.REFUSALS if getattr(refusal, "call", "") != "clone"]
    monkeypatch.setattr(policy, "REFUSALS", tuple(without))
    rules = assignment.model_copy(
        update={"limits": assignment.limits.model_copy(update={"processor_seconds": 2})}
    )
    source = AS_SIBLINGS + source + "\ntime.sleep(99)\ndef predict(image): return 'Hats'"
    outcome = graded(source, server, rules=rules)
    assert forks
    assert outcome.verdict is verdict
    if verdict is Verdict.TIMEOUT:
        assert outcome.answers.stops[0].reason is StopReason.PROCESSOR_TIME


def test_siblings_are_refused(graded, server, forks):
    source = AS_SIBLINGS + "print('sibling:', sibling())\ndef predict(image): return 'Hats'"
    assert "sibling: -1" in graded(source, server).answers.output
    assert forks


def test_processor_time_of_children_that_nobody_waits_for_counts(graded, server, assignment):
    source = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(5):
    if os.fork() == 0:
        while time.process_time() < .8: pass
        os._exit(0)
    try: os.wait()
    except ChildProcessError: pass
time.sleep(99)
def predict(image): return "Hats"
"""
    limits = assignment.limits.model_copy(update={"processor_seconds": 2})
    outcome = graded(source, server, rules=assignment.model_copy(update={"limits": limits}))
    assert outcome.verdict is Verdict.TIMEOUT
    assert outcome.answers.stops[0].reason is StopReason.PROCESSOR_TIME


def test_nothing_is_left_of_a_sandbox(graded, server, forks):
    graded("def predict(image): return 'Hats'", server)
    (inside, _), *_ = forks
    wait_until(
        lambda: not any(in_namespace(pid, inside["pid"]) for pid in os.listdir("/proc") if pid.isdigit())
    )


def in_namespace(pid, namespace):
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink() == namespace
    except OSError:
        return False


def test_a_filter_that_the_kernel_does_not_take_is_no_filter(graded, server, forks, monkeypatch):
    for_worker = system_calls.for_worker
    monkeypatch.setattr(system_calls, "for_worker", lambda refusals: {**for_worker(refusals), "call": 10_000})
    source = "print([line for line in open('/proc/self/status') if line.startswith('Seccomp:')])"
    outcome = graded(source + "\ndef predict(image): return 'Hats'", server)
    assert not forks
    assert "2" in outcome.answers.output


def test_a_forked_worker_can_start_processes_by_multiprocessings_every_way(graded, server, forks):
    source = """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
for method in ("fork", "spawn", "forkserver"):
    with ProcessPoolExecutor(1, mp_context=get_context(method)) as pool:
        print(method, pool.submit(abs, -3).result())
def predict(image): return "Hats"
"""
    outcome = graded(source, server)
    assert forks
    assert [line.split() for line in outcome.answers.output.splitlines() if line.endswith(" 3")] == [
        ["fork", "3"],
        ["spawn", "3"],
        ["forkserver", "3"],
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root's submissions are somebody else")
def test_a_users_own_interpreter_is_out_of_reach(server):
    server.imported()
    running = os.statvfs(f"/proc/{server._running.process.pid}/exe")
    assert running.f_flag & os.ST_RDONLY


def test_one_server_serves_many_and_ends_with_its_context(graded, assignment, forks):
    with fork_server_for(assignment.limits, QUICK_IMPORTS, WHATEVER_IT_IMPORTS) as server:
        for _ in range(3):
            assert graded("def predict(image): return 'Hats'", server).verdict is Verdict.GRADED
        pid = server._running.process.pid
        assert pathlib.Path(f"/proc/{pid}").exists()
    assert len(forks) == 3
    assert not pathlib.Path(f"/proc/{pid}").exists()


def test_a_server_that_dies_costs_nothing_but_time(graded, server, forks):
    source = "def predict(image): return 'Hats'"
    graded(source, server)
    server._running.process.send_signal(signal.SIGKILL)
    server._running.process.wait()
    assert graded(source, server).verdict is Verdict.GRADED
    assert graded(source, server).verdict is Verdict.GRADED
    assert len(forks) == 1


def test_where_the_imports_fail_workers_are_started(graded, assignment, forks):
    with fork_server_for(assignment.limits, ("no_such_library",), WHATEVER_IT_IMPORTS) as server:
        assert graded("def predict(image): return 'Hats'", server).verdict is Verdict.GRADED
    assert not forks


def test_a_module_of_ones_own_is_imported_in_place_of_a_library_that_was(graded, server, forks):
    source = "import mindspore\nimport cv2\ndef predict(image): return cv2.ANSWER"
    outcome = graded(source, server, cv2="ANSWER = 'Hats'", mindspore="")
    assert (
        build_report(outcome).score.correct
        == build_report(graded(source, cv2="ANSWER = 'Hats'", mindspore="")).score.correct
    )
    assert outcome.verdict is Verdict.GRADED
    assert not forks


@pytest.mark.parametrize(
    ("path", "does"),
    [
        ("cv2.py", True),
        ("lib/cv2/__init__.py", True),
        ("cv2.cpython-311-x86_64-linux-gnu.so", "so"),
        ("cv2.txt", False),
        ("libs.zip", True),
        ("a.py/readme.txt", False),
        ("mycv2.py", False),
    ],
)
def test_what_may_be_meant_in_place_of_a_library_is_seen_by_its_name(tmp_path, path, does):
    from importlib.machinery import all_suffixes

    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_bytes(b"")
    expected = any(path.endswith(suffix) for suffix in all_suffixes()) if does == "so" else does
    assert MINDSPORE_RULE.makes_no_difference(tmp_path, frozenset({"cv2", "numpy"})) is not expected


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("import mindspore as ms", True),
        ("\nfrom mindspore import nn", True),
        ("from src_mindspore.mobilenetv2 import MobileNetV2", True),
        ("from src_mindspore import cpu, mobilenetv2", True),
        ("from src_mindspore.transforms import evaluation_transform", False),
        ("import mindspore.nn as nn", True),
        ("import os, \\\n    mindspore", True),
        ("x = 'a'  # \\\nimport mindspore", True),
        ("x = 'it\\'s'\nimport mindspore", True),
        ("import numpy  # like mindspore", False),
        ("import mindspore_lite", False),
        ("import numpy.mindspore", False),
        ("if False:\n    import mindspore", False),
        ("def load(): import mindspore", False),
        ('"""How it is done:\n\nimport mindspore\n"""', False),
        ("text = '''\nimport mindspore\n'''\nimport numpy", False),
        ("text = r'''\n\"\"\"\n'''\nimport mindspore", True),
        ('#  """\nimport mindspore', True),
        ("\xff\xfe", False),
    ],
)
def test_whether_a_submission_imports_mindspore_is_read_from_its_text(tmp_path, text, does):
    (tmp_path / "main.py").write_text(text, encoding="latin-1")
    assert MINDSPORE_RULE.is_worth_while(tmp_path) is does


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("import os, cv2\nos.environ['OMP_NUM_THREADS'] = '4'", True),
        ("from pathlib import Path\nPath('cv2.py').write_text('')", True),
        ("from pathlib import Path\nname = 'cv2'\nPath(f'{name}.py').write_text('')", True),
        ("raise SystemExit('there is no checkpoint: run train_main.py')", False),
        ("import helper", True),
        ("from lib import helper", True),
        ("import other", False),
        ("import numpy as np, cv2", False),
    ],
)
def test_what_is_done_before_the_import_is_found_in_all_that_main_imports(tmp_path, text, does):
    (tmp_path / "main.py").write_text(f"import mindspore\n{text}", encoding="utf-8")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "helper.py").write_text("import sys\nsys.modules['cv2'] = None", encoding="utf-8")
    (tmp_path / "train.py").write_text("import os\nos.environ['GLOG_v'] = '3'", encoding="utf-8")
    (tmp_path / "other.py").write_text("x = 1", encoding="utf-8")
    assert MINDSPORE_RULE.is_worth_while(tmp_path)
    assert MINDSPORE_RULE.makes_no_difference(tmp_path, frozenset({"numpy", "cv2"})) is not does


@pytest.mark.parametrize(
    ("files", "does"),
    [
        ({"main.py": "import helper", "helper.py": "import mindspore"}, True),
        ({"main.py": "import lib.helper", "lib/helper.py": "import mindspore"}, True),
        ({"main.py": "import lib.helper", "lib/__init__.py": "import mindspore", "lib/helper.py": ""}, True),
        ({"main.py": "import lib", "lib/helper.py": "import mindspore"}, False),
        ({"main.py": "import src_mindspore.own", "src_mindspore/own.py": "import numpy"}, False),
        ({"main.py": "import src_mindspore.mobilenetv2", "src_mindspore/mobilenetv2.py": ""}, False),
        ({"main.py": "import mindspore", "mindspore.py": ""}, False),
        ({"main.py": "import main", "main/__init__.py": "import mindspore"}, True),
    ],
    ids=str,
)
def test_mindspore_is_looked_for_in_the_files_that_are_imported(tmp_path, files, does):
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert MINDSPORE_RULE.is_worth_while(tmp_path) is does


HUGE = {
    "letters": b"import mindspore\n# " + b"a" * 1_000_000,
    "words": b"import mindspore\n" + b"a b " * 100_000,
    "a constant": b"import mindspore\nkey = '" + b"0123456789abcdef" * 30_000 + b"'\n",
    "one name many times": b"import " + b", ".join([b"aa"] * 30_000),
    "many names": b"import " + b", ".join(b"a%d" % number for number in range(30_000)),
    "names with dots": b"import a" + b".b" * 200_000,
    "names of files": b"import mindspore\n" + b"'x.py'" * 80_000,
    "half a name": b"import mindspore\n'" + b"a.py" * 120_000,
    "quotes": b"import mindspore\n" + b"'" * 500_000,
    "backslashes": b"import mindspore\n" + b"\\" * 500_000,
    "lines": b"\n" * 500_000,
    "colons": b"import " + b":" * 500_000,
    "from": b"from " * 100_000,
    "spaces": b"import" + b" " * 500_000 + b"\nfrom" + b"\t" * 10_000,
    "bytes": bytes(range(256)) * 2000,
}
LOOK = """
import resource, sys
from pathlib import Path
from grader.sandbox.forkable import MINDSPORE_RULE
# Of processor time, not of the clock: a look of a number of steps that grows with the square takes hours.
used = resource.getrusage(resource.RUSAGE_SELF)
resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 20,) * 2)
resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
for folder in sorted(Path(sys.argv[1]).iterdir()):
    MINDSPORE_RULE.is_worth_while(folder)
    MINDSPORE_RULE.makes_no_difference(folder, frozenset({"mindspore", "numpy"}))
    print(folder.name)
"""


def test_a_look_takes_no_more_steps_than_there_is_text(tmp_path):
    for name, text in HUGE.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.py").write_bytes(text)
        (tmp_path / name / "aa.py").write_bytes(text)
    done = subprocess.run(
        [sys.executable, "-c", LOOK, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == sorted(HUGE), done.stderr


def test_what_is_read_of_one_submission_has_a_limit(tmp_path, monkeypatch):
    for number in range(5000):
        (tmp_path / f"a{number}.py").write_text(f"import a{number + 1}, a{number // 2}", encoding="utf-8")
    (tmp_path / "main.py").write_text("import a0", encoding="utf-8")
    opened = []
    original = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *given: (opened.append(path), original(path, *given))[1])
    assert not MINDSPORE_RULE.is_worth_while(tmp_path)
    assert not MINDSPORE_RULE.makes_no_difference(tmp_path, frozenset({"numpy"}))
    assert len(opened) < 500


def test_what_is_longer_than_is_read_is_started_as_a_program(tmp_path):
    (tmp_path / "main.py").write_bytes(b"import mindspore\n#" + b"a" * (1 << 20))
    assert not MINDSPORE_RULE.is_worth_while(tmp_path)
    assert not MINDSPORE_RULE.makes_no_difference(tmp_path, frozenset({"numpy"}))


def test_what_is_handed_out_may_be_forked(tmp_path):
    for path in ("main.py", "train_main.py"):
        shutil.copyfile(course_library().parent / path, tmp_path / path)
    shutil.copytree(course_library(), tmp_path / "src_mindspore")
    assert MINDSPORE_RULE.is_worth_while(tmp_path)
    assert MINDSPORE_RULE.makes_no_difference(tmp_path, frozenset({"numpy", "cv2", "mindspore"}))


def test_the_course_librarys_own_copy_is_known(tmp_path):
    shutil.copytree(course_library(), tmp_path / "src_mindspore")
    (tmp_path / "main.py").write_text("from src_mindspore import cpu", encoding="utf-8")
    assert MINDSPORE_RULE.makes_no_difference(tmp_path, frozenset({"numpy"}))
    with (tmp_path / "src_mindspore" / "cpu.py").open("a") as file:
        file.write("# mine\n")
    assert not MINDSPORE_RULE.makes_no_difference(tmp_path, frozenset({"numpy"}))


def test_the_course_library_as_it_was_handed_out_before_is_known(tmp_path):
    shutil.copytree(course_library(), tmp_path / "src_mindspore")
    (tmp_path / "main.py").write_text(
        "from src_mindspore import cpu\nfrom src_mindspore.engine import live", encoding="utf-8"
    )
    for place, name in (("cpu.py", "cpu.txt"), ("engine/live.py", "live.txt")):
        shutil.copyfile(Path(__file__).parent / "earlier_handouts" / name, tmp_path / "src_mindspore" / place)
        assert MINDSPORE_RULE.makes_no_difference(tmp_path, frozenset({"numpy"}))
    with (tmp_path / "src_mindspore" / "engine" / "live.py").open("a") as file:
        file.write("# mine\n")
    assert not MINDSPORE_RULE.makes_no_difference(tmp_path, frozenset({"numpy"}))


def _command(pid):
    try:
        with pathlib.Path(f"/proc/{pid}/cmdline").open("rb") as file:
            return file.read()
    except OSError:
        return b""
