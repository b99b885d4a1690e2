"""Gradings through the front door, in the real sandbox, with submissions in plain numpy."""

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from grader import HarnessError, Verdict, grade
from grader.findings import stop_in_words
from grader.model.grading import NO_CHECKS
from grader.model.submission import CHECKPOINT_SUFFIXES
from grader.places import course_library
from grader.report import build_report
from grader.report.files import render_instructor
from grader.run import asking, usage
from grader.sandbox import FirstThatWorks, Namespaces, PlainProcess, policy
from grader.sandbox.inside.worker import _WEIGHTS
from grader.session import this_harness
from tests.grader.gradings import grading_of, report_of
from tests.patience import wait_until

from ..conftest import ORACLE

TOTAL = 12


def with_limits(assignment, **limits):
    return assignment.model_copy(update={"limits": assignment.limits.model_copy(update=limits)})


@pytest.fixture
def graded(write_submission, split, assignment):
    """Grade a main.py given as text."""

    def run(source, name="zhang", **limits):
        return report_of(write_submission(source, name=name), split, with_limits(assignment, **limits))

    return run


def codes(report):
    return [finding.code for finding in report.findings]


def test_an_honest_submission_gets_its_exact_score(graded):
    report = graded(ORACLE)
    assert report.verdict is Verdict.GRADED
    assert (report.score.correct, report.score.total, report.score.points) == (TOTAL, TOTAL, 100.0)
    assert report.isolation.rung == "bubblewrap"
    assert report.findings == ()
    assert report.run.import_seconds is not None


def test_grade_is_the_whole_in_one_call(write_submission, split_folder, assignment):
    report = grade(write_submission(ORACLE), split_folder, assignment)
    assert report.score.correct == TOTAL


def test_the_same_grading_twice_differs_in_run_alone(write_submission, split, assignment):
    folder = write_submission(ORACLE.replace("// 80", "// 100"))
    first, second = (grading_of(folder, split, assignment) for _ in range(2))
    assert build_report(first).model_dump(exclude={"run"}) == build_report(second).model_dump(exclude={"run"})
    assert first.shuffle_seed != second.shuffle_seed


def test_a_zip_and_a_chinese_folder_are_the_same_submission(write_submission, split, assignment, tmp_path):
    folder = write_submission(ORACLE, name="第三组 张三")
    archive = tmp_path / "第三组.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.write(folder / "main.py", "main.py")
    reports = [report_of(source, split, assignment) for source in (folder, archive)]
    assert [report.submission.name for report in reports] == ["第三组 张三", "第三组"]
    assert reports[0].submission.sha256 == reports[1].submission.sha256
    assert reports[0].identity == reports[1].identity
    assert all(report.score.correct == TOTAL for report in reports)


def test_printing_probing_and_writing_do_no_harm(write_submission, split, assignment):
    folder = write_submission(
        """
        import os, warnings
        print("loading", flush=True)
        os.system("nvidia-smi")
        warnings.warn("careful")
        os.makedirs("results", exist_ok=True)
        open("results/log.txt", "w").write("here")
        open("/tmp/x", "w").write("there")
        open(os.path.expanduser("~/y"), "w").write("home")
        open("main.py", "a").write("# changed")
        NAMES = ["Plastic Bottle", "Hats", "Newspaper"]

        def predict(image):
            print(image.mean())
            name = NAMES[int(image[0, 0, 0]) // 80]
            image[:] = 0
            return name
        """
    )
    before = (folder / "main.py").read_bytes()
    report = report_of(folder, split, assignment)
    assert report.verdict is Verdict.GRADED
    assert report.score.correct == TOTAL
    assert (folder / "main.py").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["main.py"]


def test_every_image_is_an_array_of_its_own(graded):
    report = graded(
        """
        import numpy as np
        seen = []

        def predict(image):
            assert type(image) is np.ndarray and image.dtype == np.uint8 and image.ndim == 3
            assert image.base is None and image.flags.owndata and image.flags.c_contiguous
            assert image.flags.writeable
            assert all(image is not other for other in seen)
            seen.append(image)
            return "Hats"
        """
    )
    assert report.verdict is Verdict.GRADED


@pytest.mark.parametrize(
    ("source", "verdict", "code"),
    [
        ("x = 1", Verdict.CONTRACT, "no-predict"),
        ("if __name__ == '__main__':\n    def predict(image): return 'Hats'", Verdict.CONTRACT, "no-predict"),
        ("def predict(image, size): return 'Hats'", Verdict.CONTRACT, "predict-unusable"),
        ("class predict: pass", Verdict.CONTRACT, "predict-unusable"),
        ("async def predict(image): return 'Hats'", Verdict.CONTRACT, "predict-unusable"),
        ("predict = 'Hats'", Verdict.CONTRACT, "predict-unusable"),
        ("def predict(image): return 1", Verdict.CONTRACT, "wrong-type"),
        ("def predict(image): return ['Hats']", Verdict.CONTRACT, "wrong-type"),
        ("def predict(image): return float('nan')", Verdict.CONTRACT, "wrong-type"),
        ("def predict(image)\n    return 1", Verdict.CRASH, "syntax-error"),
        ("open('results/net.ckpt')\ndef predict(image): return 'Hats'", Verdict.CRASH, "missing-file"),
        ("import timm_of_nowhere", Verdict.CRASH, "missing-module"),
        ("import urllib.request as u; u.urlopen('http://example.com')", Verdict.CRASH, "no-network"),
        ("import socket; socket.create_connection(('127.0.0.1', 22))", Verdict.CRASH, "no-network"),
        ("input('path: ')", Verdict.CRASH, "asks-keyboard"),
        ("import argparse; p = argparse.ArgumentParser(); p.add_argument('x'); p.parse_args()",
         Verdict.CRASH, "asks-keyboard"),
        ("1 / 0", Verdict.CRASH, "import-failed"),
        ("import sys; sys.exit(0)", Verdict.CRASH, "ends-itself"),
        ("open('datasets/val/00_00/1.jpg')", Verdict.CRASH, "missing-data"),
        ("import cv2\ndef predict(image): return cv2.imread(image)", Verdict.CRASH, "wants-a-path"),
        ("def predict(image): raise ValueError('dark')", Verdict.CRASH, "predict-raised"),
        ("def predict(image): exit(0)", Verdict.CRASH, "predict-raised"),
        ("import os; os._exit(0)", Verdict.CRASH, "died-importing"),
        ("import os\ndef predict(image): os.abort()", Verdict.CRASH, "died"),
        ("def predict(image): return 'cat'", Verdict.GRADED, "unknown-label"),
        ("def predict(image): return 'Hats'", Verdict.GRADED, "constant-answer"),
    ],
)  # fmt: skip
def test_what_a_student_did_gets_its_verdict_and_its_message(graded, source, verdict, code):
    report = graded(source)
    assert report.verdict is verdict
    assert code in codes(report)
    assert report.score.total == TOTAL


@pytest.mark.parametrize(
    ("source", "phase", "asked"),
    [
        ("while True: pass", "import", None),
        ("import time; time.sleep(99)", "import", None),
        ("def predict(image):\n    while True: pass", "first prediction", 1),
        (
            "n = 0\ndef predict(image):\n    global n; n += 1\n    while n == 5: pass\n    return 'Hats'",
            "prediction",
            5,
        ),
        (
            "import signal\nfor s in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM): signal.signal(s, signal.SIG_IGN)\n"
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
            "import",
            None,
        ),
    ],
)
def test_endless_code_is_stopped_and_the_phase_is_named(graded, source, phase, asked):
    report = graded(source, import_seconds=1.5, first_prediction_seconds=1.0, image_seconds=1.0)
    assert report.verdict is Verdict.TIMEOUT
    assert (report.run.stops[0].phase, report.run.stops[0].image) == (phase, asked)
    assert f"during {phase}" in report.findings[0].title


def test_the_total_time_binds_however_short_each_image(graded):
    source = "import time\ndef predict(image):\n    time.sleep(.3)\n    return 'Hats'"
    report = graded(source, total_seconds=2.0)
    assert report.verdict is Verdict.TIMEOUT
    assert "within 2 s" in report.findings[0].title
    assert 0 < report.score.unanswered < TOTAL


def test_a_slow_first_call_has_its_own_budget(graded):
    source = ORACLE.replace(
        "    def predict(image):",
        "    import time\n    n = 0\n\n    def predict(image):\n        global n; n += 1; time.sleep(4 * (n == 1))",
    )
    report = graded(source, image_seconds=3.0)
    assert (report.verdict, report.score.correct) == (Verdict.GRADED, TOTAL)


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", Verdict.PIDS),
        (
            "import threading, time\nwhile True:\n    try: threading.Thread(target=time.sleep, args=(99,)).start()\n"
            "    except RuntimeError: pass",
            Verdict.PIDS,
        ),
        ("import numpy as np, time\nx = np.ones(10**8)\ntime.sleep(9)", Verdict.MEMORY),
        (
            "import numpy as np, os, time\nfor _ in range(5): os.fork() or (np.ones(10**7), time.sleep(9))\ntime.sleep(9)",
            Verdict.MEMORY,
        ),
        ("import time\ntry:\n    f = open('/tmp/x', 'wb')\n    while True: f.write(bytes(10**6))\nexcept OSError: time.sleep(9)", Verdict.DISK),
        ("import time\nfor n in range(10**6): open(f'/tmp/{n}', 'w').close()\ntime.sleep(9)", Verdict.DISK),
        ("import time\ntry:\n    f = open('/dev/shm/x', 'wb')\n    while True: f.write(bytes(10**6))\nexcept OSError: time.sleep(9)", Verdict.DISK),
        ("import time\nfor folder in ('/tmp', '.'): open(folder + '/x', 'wb').write(bytes(10 << 20))\ntime.sleep(99)", Verdict.DISK),
        ("while True: print('x' * 1000)", Verdict.OUTPUT),
        ("import sys\nwhile True: sys.stderr.write('x' * 1000)", Verdict.OUTPUT),
    ],
    ids=["forks", "threads", "one array", "many children", "a file", "empty files", "shared memory", "two folders", "stdout", "stderr"],
)  # fmt: skip
def test_what_uses_everything_up_is_stopped_by_name(graded, source, verdict):
    report = graded(source, memory_mib=300, scratch_mib=16, processes=32)
    assert report.verdict is verdict


def test_one_file_cannot_outgrow_the_scratch_folder_by_any_name(graded):
    report = graded(
        """
        import os
        def room(path):
            try:
                with open(path, "wb") as file:
                    for _ in range(200): file.write(bytes(1 << 20))
            except OSError as error:
                return error.strerror
            return "unlimited"
        for path in ("/tmp/a", "a", "/dev/shm/a", "/a", "/dev/a", "/usr/a", "/submission/a", "/course/a"):
            assert room(path) != "unlimited", path
            if os.path.exists(path): os.unlink(path)
        def predict(image): return "Hats"
        """,
        scratch_mib=64,
    )
    # Filling the scratch folder may be seen while it is full; not being able to go past it is what counts.
    assert report.verdict in (Verdict.GRADED, Verdict.DISK)


def test_a_death_costs_its_image_and_the_rest_is_asked_of_a_new_process(graded):
    report = graded(
        """
        import os
        NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
        asked = 0

        def predict(image):
            global asked
            asked += 1
            if asked == 5:
                os._exit(0)
            return NAMES[int(image[0, 0, 0]) // 80]
        """
    )
    assert report.verdict is Verdict.CRASH
    # Four answered and one lost, twice; then two answered by a third process.
    assert (report.score.correct, report.score.unanswered) == (10, 2)
    # Where it was stopped again is for the instructor alone.
    assert [stop.image for stop in report.run.stops] == [5]


@pytest.mark.parametrize("fate", ["os.abort()", "os._exit(3)", "time.sleep(99)", "1 / 0"])
def test_a_submission_that_fails_at_certain_images_has_the_same_report_in_every_order(
    write_submission, split, assignment, fate
):
    source = f"""
        import os, time
        NAMES = ["Plastic Bottle", "Hats", "Newspaper"]

        def predict(image):
            if int(image[0, 0, 0]) in (81, 163):
                {fate}
            return NAMES[int(image[0, 0, 0]) // 80]
    """
    folder = write_submission(source)
    rules = with_limits(assignment, image_seconds=1.5, first_prediction_seconds=6.0)
    reports = [report_of(folder, split, rules) for _ in range(3)]
    if "sleep" in fate:  # by the first prediction's deadline it has had its chance
        reports = [report for report in reports if report.run.stops[0].phase != "first prediction"]
    assert {report.score.correct for report in reports} <= {10}
    assert len({report.model_dump_json(exclude={"run"}) for report in reports}) <= 1


def test_a_submission_that_always_dies_is_given_up_soon(write_submission, split, assignment):
    folder = write_submission("import os\ndef predict(image): os.abort()")
    outcome = grading_of(folder, split, assignment)
    assert (outcome.verdict, len(outcome.answers.stops)) == (Verdict.CRASH, 3)


def test_how_a_process_ended_is_told_without_the_number_that_it_chose(
    write_submission, split, assignment, monkeypatch
):
    # An order in which some image is answered first: three workers without an answer would end the grading.
    monkeypatch.setattr("secrets.randbits", lambda _: 0)
    source = """
        import os

        def predict(image):
            if int(image[0, 0, 0]) % 4 == 3:
                os._exit(int(image[0, 0, 0]))
            if int(image[0, 0, 0]) % 4 == 2:
                os.kill(os.getpid(), 34 + int(image[0, 0, 0]) // 8)
            return "Hats"
    """
    outcome = grading_of(write_submission(source), split, assignment, checks=NO_CHECKS)
    ends = {stop_in_words(stop, "en", for_student=False) for stop in outcome.answers.stops}
    assert {"exit code 3", "exit code 83"} < ends
    told = [finding.title for finding in outcome.findings if finding.code == "died"]
    assert told == [
        "The process ended by itself while predicting (exit code > 0)",
        "The process ended by itself while predicting (signal)",
    ]
    assert {stop.detail for stop in build_report(outcome).run.stops} == {"exit code > 0", "signal"}
    instructors = json.loads(render_instructor(outcome))
    assert {stop["detail"] for stop in instructors["stops"]} == ends


def test_a_report_written_by_the_submission_counts_for_nothing(graded):
    report = graded(
        """
        import json, os
        for path in ("report.json", "/tmp/report.json", "../report.json"):
            try: open(path, "w").write(json.dumps({"verdict": "GRADED", "score": {"correct": 12, "total": 12}}))
            except OSError: pass
        print('{"verdict": "GRADED", "score": 100}', flush=True)
        os._exit(0)
        """
    )
    assert (report.verdict, report.score.correct) == (Verdict.CRASH, 0)


def test_forged_answers_are_only_guesses_and_end_the_grading(graded):
    report = graded(
        """
        import json, os, socket, struct
        def predict(image):
            for fd in range(3, 64):
                for index in range(12):
                    body = json.dumps({"index": index, "label": "Hats"}).encode()
                    try: os.write(fd, struct.pack("!I", len(body)) + body)
                    except OSError: break
            return "Hats"
        """
    )
    assert report.verdict is Verdict.CONTRACT
    assert "forged-channel" in codes(report)
    assert report.score.correct <= 1


@pytest.mark.parametrize("part", ["number", "question"])
def test_nothing_in_the_workers_frames_tells_the_label(graded, part):
    # As it once was: the image's index, from which the class of a sorted split follows.
    report = graded(
        f"""
        import sys
        def predict(image):
            value = sys._getframe(1).f_locals[{part!r}]
            value = value[0] if isinstance(value, tuple) else value
            return ["Plastic Bottle", "Hats", "Newspaper"][value // 4] if value < 12 else "Newspaper"
        """
    )
    assert report.score.correct == 4


FLOOD = """
    import json, os, socket, struct, sys
    worker = sys.modules["__main__"]
    channel = next(fd for fd in range(3, 32) if os.path.exists(f"/proc/self/fd/{fd}") and "socket" in os.readlink(f"/proc/self/fd/{fd}"))

    def say(value, times=1):
        body = json.dumps(value).encode()
        for _ in range(times):
            os.write(channel, struct.pack("!I", len(body)) + body)
"""


@pytest.mark.parametrize(
    "attack",
    [
        "while True: say({'number': 1, 'label': 'x' * 2000})",
        "def predict(image):\n    while True: say({'number': 1, 'label': 'x' * 2000})",
        "def predict(image): say({'number': 5, 'label': 'y' + '\u0301\u0316' * 20000}); return 'Hats'",
        "say({'ready': True}); say({'ready': True})\nwhile True: say({'number': 1, 'label': 'x'})",
        "os.write(channel, b'\\xff' * 100)\ndef predict(image): return 'Hats'",
    ],
    ids=["at import", "in predict", "one huge label", "instead of reading", "noise"],
)
def test_floods_of_the_channel_end_the_grading_at_once(graded, attack):
    report = graded(textwrap.dedent(FLOOD) + attack)
    assert report.verdict is Verdict.CONTRACT


def test_a_closed_channel_buys_neither_time_nor_memory(graded):
    report = graded(
        textwrap.dedent(FLOOD)
        + "import numpy, time\ndef predict(image):\n    os.close(channel)\n    worker = numpy.ones(10**8)\n    time.sleep(9)",
        memory_mib=300,
    )
    assert report.verdict in (Verdict.MEMORY, Verdict.CRASH)


def test_dying_at_the_very_end_is_not_the_harness_fault(graded):
    source = "import os, time\ndef predict(image):\n    time.sleep(1.8)\n    os._exit(0)"
    report = graded(source, total_seconds=2.0)
    assert report.verdict in (Verdict.CRASH, Verdict.TIMEOUT)
    assert report.score.total == TOTAL


def test_as_many_threads_as_allowed_are_allowed(graded):
    source = """
        import threading, time
        for _ in range({count}): threading.Thread(target=time.sleep, args=(99,), daemon=True).start()
        time.sleep(0.3)
        def predict(image): return "Hats"
    """
    own = 1 + 2  # the worker's first thread, and what numpy's BLAS may start
    assert graded(source.format(count=32 - own), name="a", processes=32).verdict is Verdict.GRADED
    assert graded(source.format(count=32 + 1), name="b", processes=32).verdict is Verdict.PIDS


def test_an_engine_is_not_faked_by_a_file_of_its_name(graded):
    report = graded(
        """
        import mmap, os
        os.makedirs("mindspore", exist_ok=True)
        open("mindspore/x.so", "wb").write(bytes(4096))
        mapped = mmap.mmap(os.open("mindspore/x.so", os.O_RDONLY), 4096, prot=mmap.PROT_READ)
        def predict(image): return "Hats"
        """
    )
    assert report.engine.frameworks == {"mindspore": "brought along by the submission"}


def test_main_py_itself_is_graded_whatever_else_is_called_main(write_submission, split, assignment):
    folder = write_submission(ORACLE, **{"main/__init__.py": "def predict(image): return 'Hats'"})
    assert report_of(folder, split, assignment).score.correct == TOTAL


def test_odd_exceptions_and_signatures_are_described_or_survived(graded):
    for number, source in enumerate(
        [
            "class E(Exception):\n    def __str__(self): raise self\ndef predict(image): raise E()",
            "class M(type):\n    @property\n    def __name__(cls): raise ValueError\nclass E(Exception, metaclass=M): pass\ndef predict(image): raise E()",
            "class P:\n    @property\n    def __signature__(self): raise ValueError\n    def __call__(self, image): return 1 / 0\npredict = P()",
        ]
    ):
        report = graded(source, name=f"s{number}")
        assert (report.verdict, codes(report)[0]) == (Verdict.CRASH, "predict-raised")


def test_scoring_cannot_be_patched_from_inside(graded):
    report = graded(
        """
        import builtins, json, numpy
        class Everything(str):
            def __eq__(self, other): return True
            def __hash__(self): return 0
            def __str__(self): return "Newspaper"
        json.dumps_ = json.dumps
        numpy.trace = lambda *a: 10**9
        builtins.sum = lambda *a: 10**9
        def predict(image): return Everything("Hats")
        """
    )
    assert report.verdict is Verdict.GRADED
    assert report.score.correct == 4


def test_files_of_the_submission_cannot_shadow_the_worker(write_submission, split, assignment):
    shadows = dict.fromkeys(("json.py", "numpy.py", "struct.py", "grader.py", "sitecustomize.py", "usercustomize.py"), "raise SystemExit('shadowed')")  # fmt: skip
    report = report_of(write_submission(ORACLE, **shadows), split, assignment)
    assert (report.verdict, report.score.correct) == (Verdict.GRADED, TOTAL)


def test_without_namespaces_official_grading_refuses_and_a_self_check_says_so(
    write_submission, split, assignment, tmp_path
):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho user namespaces are off >&2\nexit 1\n", encoding="ascii")
    broken.chmod(0o755)
    namespaces = Namespaces(bwrap=broken)
    folder = write_submission(ORACLE)
    with pytest.raises(HarnessError, match=r"user namespaces are off.*--self-check"):
        grading_of(folder, split, assignment, isolation=namespaces)
    either = FirstThatWorks((namespaces, PlainProcess()))
    report = report_of(folder, split, assignment, self_check=True, isolation=either)
    assert (report.verdict, report.score.correct) == (Verdict.GRADED, TOTAL)
    assert report.isolation.rung == "process"
    assert "lower-isolation" in codes(report)


@pytest.mark.parametrize(
    "isolation", [PlainProcess(), FirstThatWorks((Namespaces(bwrap=None), PlainProcess()))]
)
def test_official_grading_takes_no_less_than_namespaces_whatever_is_handed_in(
    write_submission, split, assignment, isolation
):
    with pytest.raises(HarnessError, match="official grading needs the bubblewrap sandbox"):
        grading_of(write_submission(ORACLE), split, assignment, isolation=isolation)


def test_a_plain_process_ends_what_it_started_and_starts_afresh(write_submission, split, assignment):
    source = (
        ORACLE
        + "\nimport os\nasked = 0\nanswer = predict\ndef predict(image):\n    global asked; asked += 1\n    return os.abort() if asked == 5 else answer(image)"
    )
    report = report_of(
        write_submission(textwrap.dedent(ORACLE) + source.removeprefix(ORACLE)),
        split,
        assignment,
        self_check=True,
        isolation=PlainProcess(),
    )
    assert (report.verdict, report.score.correct) == (Verdict.CRASH, 10)
    marker = f"sleep {os.getpid()}.25"
    source = f"import subprocess, os\nsubprocess.Popen({marker.split()!r}, start_new_session=True)\nwhile True: pass"
    report = report_of(
        write_submission(source, name="li"),
        split,
        with_limits(assignment, import_seconds=1.0),
        self_check=True,
        isolation=PlainProcess(),
    )
    assert report.verdict is Verdict.TIMEOUT
    wait_until(lambda: marker not in commands())


def test_a_split_that_submissions_could_read_is_refused(
    write_submission, split_folder, below_tmp, assignment, monkeypatch
):
    split = shutil.copytree(split_folder, below_tmp / "split")
    mounted = policy.ReadOnly(below_tmp, below_tmp)
    interpreter = policy._interpreter
    monkeypatch.setattr(policy, "_interpreter", lambda: iter([*interpreter(), mounted]))
    with pytest.raises(HarnessError, match="can read"):
        grade(write_submission(ORACLE), split, assignment)


class WorksWhenTried(Namespaces):
    """Whose sandboxes do not come up once they are needed."""

    def sandbox(self, submission, workspace, limits):
        sandbox = super().sandbox(submission, workspace, limits)
        without_python = [rule for rule in sandbox.policy.rules if not _holds_python(rule)]
        return dataclasses.replace(
            sandbox, policy=dataclasses.replace(sandbox.policy, rules=tuple(without_python))
        )


def _holds_python(rule):
    return isinstance(rule, policy.ReadOnly) and Path(sys.executable).is_relative_to(rule.at)


def test_a_sandbox_that_does_not_come_up_is_the_harness_fault_and_no_score(
    write_submission, split, assignment
):
    report = report_of(write_submission(ORACLE), split, assignment, isolation=WorksWhenTried())
    assert (report.verdict, report.score) == (Verdict.INTERNAL, None)
    assert "did not come up" in report.findings[0].title


def test_nothing_is_left_behind(write_submission, split, assignment, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    marker = f"sleep {os.getpid()}.5"
    source = f"import subprocess\nsubprocess.Popen({marker.split()!r}, start_new_session=True)\nopen('/tmp/x', 'w').write('x')\nwhile True: pass"
    grading_of(write_submission(source), split, with_limits(assignment, import_seconds=1.0))
    assert list((tmp_path / "temp").iterdir()) == []
    wait_until(lambda: marker not in commands())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
@pytest.mark.parametrize("level", ["Namespaces", "PlainProcess"])
def test_a_grader_that_is_killed_takes_its_submission_with_it(
    write_submission, split_folder, tmp_path, number, level
):
    marker = f"sleep {os.getpid()}.{int(number)}"
    folder = write_submission(f"import os\nos.execvp('sleep', {marker.split()!r})")
    code = f"""
        import sys
        from contextlib import nullcontext
        from grader.cli import main
        from grader.sandbox import Namespaces
        from grader.sandbox import PlainProcess
        arguments = [{str(folder)!r}, "--self-check", "--out", {str(tmp_path / "out")!r}]
        sys.exit(main(arguments, lambda limits, official: nullcontext({level}())))
    """
    grader = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
    )
    try:
        wait_until(lambda: marker in commands())
    finally:
        grader.send_signal(number)
    error = grader.communicate()[1].decode()
    wait_until(lambda: marker not in commands())
    if number == signal.SIGTERM:
        assert grader.returncode == 130
        assert error == "grader: interrupted; no report was written\n"
        assert not [path for path in tmp_path.iterdir() if path.name.startswith("lab-grader-")]


def test_a_fault_of_the_harness_is_internal_and_has_no_score(
    write_submission, split, assignment, monkeypatch
):
    monkeypatch.setattr(asking, "encode_question", lambda *_: 1 / 0)
    # Without the canary, which would find the fault first.
    outcome = grading_of(write_submission(ORACLE), split, assignment, checks=NO_CHECKS)
    assert outcome.verdict is Verdict.INTERNAL
    assert build_report(outcome).score is None
    assert codes(build_report(outcome)) == ["harness-failed"]
    assert "ZeroDivisionError" in outcome.trace


@pytest.mark.parametrize("part", ["sandbox_for", "decoded"])
def test_what_fails_before_a_submission_is_asked_is_recorded_like_any_stage(
    write_submission, split, assignment, monkeypatch, part
):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"grader.session.session.{part}", fail)
    outcome = grading_of(write_submission(ORACLE), split, assignment, checks=NO_CHECKS)
    assert (outcome.verdict, build_report(outcome).score) == (Verdict.INTERNAL, None)
    assert codes(build_report(outcome)) == ["harness-failed"]
    assert outcome.trace.startswith("stage set up:\n") and "No space left on device" in outcome.trace


def test_another_harness_is_another_identity(write_submission, split, assignment, monkeypatch):
    folder = write_submission(ORACLE)
    first = report_of(folder, split, assignment)
    other = dataclasses.replace(this_harness(), source_sha256="another")
    monkeypatch.setattr("grader.session.stages.this_harness", lambda: other)
    assert report_of(folder, split, assignment).identity != first.identity


def commands() -> str:
    """The command lines of all processes of this machine, a line each."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return "\n".join(lines)


def test_an_answer_in_time_is_not_lost_when_the_grader_is_held_up(
    write_submission, split, assignment, monkeypatch
):
    measure = usage.measure
    # As on a machine that stands still: every look at the worker takes longer than an image may.
    monkeypatch.setattr(usage, "measure", lambda processes: (time.sleep(0.3), measure(processes))[1])
    rules = with_limits(assignment, image_seconds=0.2, first_prediction_seconds=0.2)
    report = report_of(write_submission(ORACLE), split, rules)
    assert (report.verdict, report.score.correct) == (Verdict.GRADED, TOTAL)


OPENS = """
    import contextlib
    import os
    from pathlib import Path

    import numpy as np

    NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
    network = None

    def load():
        return Path("Net.CKPT").read_bytes()

    def predict(image):
        {each}
        return NAMES[int(image[0, 0, 0]) // 80]
"""


@pytest.mark.parametrize(
    ("each", "is_found"),
    [
        ("network = load()", True),
        ("os.close(os.open(b'Net.CKPT', os.O_RDONLY))", True),
        ("np.fromfile(Path('Net.CKPT'), np.uint8)", True),
        ("globals()['network'] = network or load()", False),
        ("open('Net.CKPT', 'wb').close()", False),
        ("with contextlib.suppress(OSError): open('Other.ckpt')", False),
        ("open('labels.txt').read(), np.load('mean.npy')", False),
        ("assert image.shape[0] < 11 or load()", True),  # not for the smallest ones
        ("load()\n        raise ValueError", False),  # whatever else is wrong is told
        ("import sys; sys.audit('open'); sys.audit('open', 1, 2, 3)", False),
    ],
)
def test_a_checkpoint_that_is_opened_for_every_image_is_named(
    write_submission, split, assignment, each, is_found
):
    files = {"Net.CKPT": "weights", "labels.txt": "Hats"}
    folder = write_submission(OPENS.format(each=each), **files)
    np.save(folder / "mean.npy", np.zeros(3))
    found = codes(report_of(folder, split, assignment))
    assert ("reloads-model" in found) == is_found, found


def test_a_hook_of_the_submissions_may_refuse_the_workers(graded):
    report = graded(
        ORACLE
        + """
    import sys

    def hook(event, _):
        if event == "sys.addaudithook":
            raise ValueError("no more of them")

    sys.addaudithook(hook)
    """
    )
    assert report.score.points == 100


def test_the_worker_takes_for_checkpoints_only_what_intake_does():
    assert set(_WEIGHTS) < CHECKPOINT_SUFFIXES


def test_images_in_the_course_library_could_be_read_and_are_not_asked_about(
    write_submission, split, assignment
):
    images = course_library() / "val"
    within = dataclasses.replace(split, places=(images,))
    with pytest.raises(HarnessError, match=re.escape(f"{images}, which submissions can read")):
        report_of(write_submission(ORACLE), within, assignment, checks=NO_CHECKS)


def test_a_score_that_stands_is_kept_where_explaining_fails(write_submission, split, assignment, monkeypatch):
    monkeypatch.setattr("grader.findings.collect.in_order", lambda *_: 1 / 0)
    outcome = grading_of(write_submission(ORACLE), split, assignment, checks=NO_CHECKS)
    report = build_report(outcome)
    assert (report.verdict, report.score.correct, codes(report)) == (Verdict.GRADED, TOTAL, ["not-explained"])
    assert "ZeroDivisionError" in outcome.trace


def test_there_is_no_score_where_the_verdict_cannot_be_told(write_submission, split, assignment, monkeypatch):
    monkeypatch.setattr("grader.findings.collect.worst", lambda *_: 1 / 0)
    outcome = grading_of(write_submission(ORACLE), split, assignment, checks=NO_CHECKS)
    report = build_report(outcome)
    assert (report.verdict, report.score, codes(report)) == (Verdict.INTERNAL, None, ["harness-failed"])
    assert outcome.trace.startswith("stage judge:")


def test_a_refusal_that_cannot_be_explained_is_no_verdict(write_submission, split, assignment, monkeypatch):
    monkeypatch.setattr("grader.findings.collect.finding_of_refusal", lambda *_: 1 / 0)
    outcome = grading_of(write_submission(None), split, assignment, checks=NO_CHECKS)
    report = build_report(outcome)
    assert (report.verdict, report.score, codes(report)) == (Verdict.INTERNAL, None, ["harness-failed"])
