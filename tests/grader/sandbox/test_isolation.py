"""What a student's process finds when it looks for the split, the grader and the report: nothing."""

import json
import os
from pathlib import Path

import pytest

from tests.grader.gradings import STARTED, grading_of, report_of

PROBE = """
    import json, os, sys
    found = {}

    def probe():
        %s

    try:
        probe()
    except BaseException as error:
        found["error"] = repr(error)
    # The import error is the one channel that reaches the report in full.
    raise RuntimeError("PROBE" + json.dumps(found))
"""


@pytest.fixture
def probe(write_submission, split, assignment):
    """Run statements inside the sandbox that fill the dict `found`; return it."""

    def run(statements: str) -> dict:
        source = PROBE % statements.strip().replace("\n", "\n        ")
        outcome = grading_of(write_submission(source), split, assignment, isolation=STARTED)
        message = outcome.answers.not_ready.error.message
        assert message.startswith("PROBE"), message
        return json.loads(message.removeprefix("PROBE"))

    return run


def test_no_file_of_the_split_and_no_report_is_there(probe, split_folder, tmp_path):
    (tmp_path / "reports").mkdir()
    found = probe(f"""
found["exists"] = os.path.exists({str(split_folder)!r})
found["reports"] = os.path.exists({str(tmp_path)!r})
names = {{name for folder, _, names in os.walk("/") for name in names if not folder.startswith(("/proc", "/sys", "/usr"))}}
found["images"] = [name for name in names if name in {[f"{n:05d}.png" for n in range(4)]!r}]
found["home"] = os.listdir(os.path.expanduser("~"))
found["root"] = sorted(os.listdir("/"))
""")
    assert found["exists"] is False
    assert found["reports"] is False
    assert found["images"] == []
    assert sorted(found["home"]) == ["submission", "tmp"]
    assert "work" not in found["root"] or Path("/work") in [
        Path("/", p.parts[1]) for p in _interpreter_paths()
    ]


def _interpreter_paths():
    import sys

    return [Path(sys.prefix), Path(sys.base_prefix)]


def test_the_harness_itself_is_not_there(probe):
    found = probe("""
for name in ("grader", "reference", "datasets"):
    try:
        __import__(name)
        found[name] = True
    except ImportError:
        found[name] = False
found["modules"] = [name for name in sys.modules if name.split(".")[0] in ("grader", "reference", "datasets")]
""")
    assert found == {"grader": False, "reference": False, "datasets": False, "modules": []}


def test_no_process_of_the_machine_can_be_seen_or_reached(probe):
    found = probe(f"""
pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
found["pids"] = len(pids)
found["ppid"] = os.getppid()
commands = "".join(open(f"/proc/{{pid}}/cmdline").read() for pid in pids)
found["seen"] = [word for word in ("pytest", "hidden", "report", "--split") if word in commands]
try:
    os.kill({os.getpid()}, 0)
    found["kill"] = True
except OSError:
    found["kill"] = False
try:
    open("/proc/1/mem", "rb")
    found["mem"] = True
except OSError:
    found["mem"] = False
""")
    assert found["pids"] == 2
    assert found["ppid"] == 1
    assert found["kill"] is False or os.getpid() <= 2
    assert found["seen"] == []


def test_the_answer_channel_is_the_only_inherited_descriptor(probe):
    found = probe("""
found["fds"] = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}") or os.path.islink(f"/proc/self/fd/{fd}")}
""")
    kinds = sorted(target.split(":")[0] for target in found["fds"].values())
    assert [kind for kind in kinds if kind.startswith(("socket", "pipe", "/dev/null"))] == ["/dev/null", "pipe", "pipe", "socket"]  # fmt: skip
    assert all(
        target.startswith(("socket", "pipe", "/dev/null", "/proc")) for target in found["fds"].values()
    )


def test_the_environment_is_an_allow_list(probe, monkeypatch):
    monkeypatch.setenv("GRADER_SECRET", "labels")
    found = probe('found["environ"] = dict(os.environ)\nfound["raw"] = open("/proc/self/environ").read()')
    assert "labels" not in json.dumps(found)
    assert found["environ"]["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert found["environ"]["ORT_DISABLE_TELEMETRY"] == "1"
    assert found["environ"]["HOME"] == "/home/student"


def test_there_is_no_network_and_no_privilege(probe):
    found = probe("""
import socket
found["interfaces"] = [name for _, name in socket.if_nameindex()]
found["uid"] = os.getuid()
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
found["caps"] = [status[key].strip() for key in ("CapEff", "CapPrm", "CapBnd")]
found["no_new_privs"] = status["NoNewPrivs"].strip()
found["unshare"] = os.system("unshare --user true 2>/dev/null")
found["mount"] = os.system("mount -t tmpfs none /tmp 2>/dev/null")
""")
    assert found["interfaces"] == ["lo"]
    assert found["uid"] == 1000
    assert set(found["caps"]) == {"0" * 16}
    assert found["no_new_privs"] == "1"
    assert found["unshare"] != 0
    assert found["mount"] != 0


def test_the_workers_memory_holds_no_label_and_no_seed_while_it_answers(write_submission, split, assignment):
    source = """
        import gc, json, sys

        def predict(image):
            frame, names, numbers = sys._getframe(1), set(), set()
            while frame:
                names |= set(frame.f_locals)
                if frame.f_locals is frame.f_globals: break
                numbers |= {value for value in frame.f_locals.values() if type(value) is int}
                frame = frame.f_back
            texts = [text for text in gc.get_objects() if isinstance(text, (dict, list, tuple))]
            labels = any(len(text) >= 12 and "".join(["News", "paper"]) in str(text)[:4000] for text in texts if text is not texts)
            small = any(0 <= number < 12 for number in numbers)
            return "PROBE" + json.dumps({"names": sorted(names), "labels": labels, "small": small})
    """
    answers = grading_of(write_submission(source), split, assignment, isolation=STARTED).answers.predictions
    found = [json.loads(answer.text.removeprefix("PROBE")) for answer in answers]
    assert len(found) == 12
    assert not any(
        {"label", "labels", "seed", "order", "split", "index"} & set(each["names"]) for each in found
    )
    assert not any(each["labels"] for each in found)
    assert not any(each["small"] for each in found)


def test_the_system_cannot_be_written(probe):
    found = probe("""
for path in ("/x", "/dev/x", "/etc/x", "/usr/x", "/submission/x", "/course/x", "/harness/x", "/proc/sys/kernel/x"):
    try:
        open(path, "w").close()
        found[path] = "written"
    except OSError as error:
        found[path] = "no"
""")
    assert set(found.values()) == {"no"}


def test_a_closed_umask_closes_nothing_to_the_worker(write_submission, split, assignment):
    source = """
        import pathlib
        names = ["Plastic Bottle", "Hats", "Newspaper"]
        assert pathlib.Path("folder", "data.txt").read_text() == "x"

        def predict(image):
            return names[int(image[0, 0, 0]) // 80]
    """
    folder = write_submission(source, **{"folder/data.txt": "x"})
    before = os.umask(0o077)
    try:
        report = report_of(folder, split, assignment, isolation=STARTED)
    finally:
        os.umask(before)
    assert report.verdict.value == "GRADED", report.findings
