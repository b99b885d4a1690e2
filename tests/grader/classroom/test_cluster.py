"""A class graded by the workers of a dask cluster: processes of their own, started as an administrator does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from grader.errors import HarnessError
from grader.intake import take_in
from grader.model.assignment import Limits
from tests.grader.classroom.conftest import GOOD, ROOT, VERDICTS
from tests.grader.classroom.test_batch import rows_of, without_run
from tests.grader.conftest import without_progress
from tests.patience import PATIENCE_SECONDS, wait_until

distributed = pytest.importorskip("distributed", reason="the extra is not installed: cluster")


class Cluster:
    """A scheduler, and workers that can be added and looked into."""

    def __init__(self, folder, **environment):
        folder.mkdir()
        self._folder, self._processes = folder, []
        self._start("scheduler", "--port", "0", "--host", "127.0.0.1", **environment)
        contact = folder / "scheduler.json"
        while not (contact.exists() and contact.stat().st_size):
            time.sleep(0.05)
        address = json.loads(contact.read_text(encoding="utf-8"))["address"]
        self.executor = address.replace("tcp://", "dask://")
        self.client = distributed.Client(address, set_as_default=False)

    def add_worker(self, threads=1, **environment):
        """Start one more process that grades as many submissions at a time."""
        before = len(self.client.nthreads())
        self._start("worker", "--nthreads", str(threads), "--memory-limit", "0", **environment)
        self.client.wait_for_workers(before + 1, timeout=PATIENCE_SECONDS)

    def grading(self):
        """Return by worker whose submissions it is grading."""
        return {
            worker: [key[1] for key in keys if key[0] == "grading"]
            for worker, keys in self.client.processing().items()
        }

    def kill(self, worker):
        """As the kernel does when memory runs out; its nanny starts another."""
        os.kill(self.client.run(os.getpid, workers=[worker])[worker], signal.SIGKILL)

    def wait_until_idle(self):
        """Until no batch's split is on any worker, and nothing is under way."""

        def busy(dask_worker):
            return (
                sum("lab-grader" in name for name in dask_worker.plugins) + dask_worker.state.executing_count
            )

        wait_until(lambda: not any(self.client.run(busy).values()))

    def close(self):
        self.client.close()
        for process in self._processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE_SECONDS)

    def _start(self, what, *arguments, **environment):
        with (self._folder / f"{what}-{len(self._processes)}.log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "dask", what, *arguments, "--no-dashboard"),
                    *("--scheduler-file", str(self._folder / "scheduler.json")),
                ],
                cwd=self._folder,
                env={"PYTHONPATH": f"{ROOT}:{ROOT / 'student'}", "PATH": "/usr/bin:/bin", **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)


@pytest.fixture
def cluster(tmp_path):
    started = []

    def start(**environment):
        started.append(Cluster(tmp_path / "dask", **environment))
        return started[0]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def command(class_folder, split_folder, assignment_file, tmp_path):
    def of(out, *more):
        return ("batch", class_folder, "--split", split_folder, "--assignment", assignment_file,
                "--out", tmp_path / out, *more)  # fmt: skip

    return of


def reports_of(out):
    """Everything that students get, and the records, but for the section of the run."""
    found = {}
    for path in sorted(out.rglob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        content.pop("run", None)
        content.pop("shuffle_seed", None)
        found[str(path.relative_to(out))] = content
    return found


def first_line(process):
    """Wait for what a command writes to standard error first, beside its progress."""
    while not without_progress(line := process.stderr.readline()) and line:
        pass
    return line


def test_two_workers_give_the_gradebook_that_this_machine_gives(grader, command, cluster, tmp_path):
    cluster = cluster()
    cluster.add_worker()
    cluster.add_worker()
    here = grader(*command("here"))
    assert here.returncode == 0, here.stderr
    done = grader(*command("there", "--executor", cluster.executor))
    assert (done.returncode, without_progress(done.stderr)) == (0, "")
    assert done.stdout.replace("there", "here") == here.stdout
    assert without_run(tmp_path / "there" / "gradebook.csv") == without_run(
        tmp_path / "here" / "gradebook.csv"
    )
    assert reports_of(tmp_path / "there") == reports_of(tmp_path / "here")
    cluster.wait_until_idle()  # the split has left with the client
    assert "20 students, 0 graded now" in grader(*command("here", "--executor", cluster.executor)).stdout


@pytest.fixture
def slow_class(class_folder):
    """Six submissions that take a second each, in place of the class."""
    shutil.rmtree(class_folder)
    for name in "abcdef":
        (class_folder / name).mkdir(parents=True)
        main = GOOD + f"import time\ntime.sleep(1)\n# {name}\n"
        (class_folder / name / "main.py").write_text(main, encoding="utf-8")


def killing(cluster, name, times):
    """Kill whichever worker grades a submission, as often as asked; in a thread, until that is done."""

    def look():
        killed = set()
        while len(killed) < times:
            for worker in {worker for worker, names in cluster.grading().items() if name in names} - killed:
                killed.add(worker)
                cluster.kill(worker)
            time.sleep(0.02)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    return thread


def test_workers_may_come_late_and_be_killed_and_nobody_loses_anything(
    grader, command, cluster, slow_class, tmp_path
):
    cluster = cluster()
    process = grader.start(*command("out", "--executor", cluster.executor))
    assert first_line(process) == "grader: the cluster has no worker yet; waiting for one\n"
    killed = killing(cluster, "c", times=1)
    cluster.add_worker()
    cluster.add_worker()
    said, errors = process.communicate(timeout=PATIENCE_SECONDS)
    killed.join(PATIENCE_SECONDS)
    assert not killed.is_alive()
    assert (process.returncode, without_progress(errors)) == (0, "")
    assert "6 students, 6 graded now: 6 GRADED" in said


def test_one_that_kills_its_worker_each_time_has_no_score_and_the_others_have_theirs(
    grader, command, cluster, slow_class, tmp_path
):
    cluster = cluster(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1")
    cluster.add_worker()
    killed = killing(cluster, "c", times=2)
    done = grader(*command("out", "--executor", cluster.executor))
    killed.join(PATIENCE_SECONDS)
    assert not killed.is_alive()
    assert (done.returncode, without_progress(done.stderr)) == (3, "")
    assert "5 GRADED, 1 INTERNAL" in done.stdout
    assert rows_of(tmp_path / "out")["c"]["points"] == ""
    report = (tmp_path / "out" / "students" / "c" / "report.json").read_text(encoding="utf-8")
    assert "2 workers died while they graded this submission" in report
    # The same command tries again.
    assert (
        "6 students, 1 graded now: 6 GRADED" in grader(*command("out", "--executor", cluster.executor)).stdout
    )


def test_a_batch_that_is_stopped_or_killed_leaves_the_cluster_and_goes_on(
    grader, command, cluster, slow_class, class_folder, tmp_path
):
    for name in "abcdef":  # until the signal has come, nobody but the next in turn is done
        (class_folder / name / "main.py").write_text(
            f"import time\ntime.sleep(10)\n# {name}", encoding="utf-8"
        )
    cluster = cluster()
    cluster.add_worker(threads=2)
    for name, how, code in (("a", signal.SIGINT, 130), ("b", signal.SIGKILL, -signal.SIGKILL)):
        (class_folder / name / "main.py").write_text(f"{GOOD}# {name}\n", encoding="utf-8")
        before = len([*tmp_path.glob("out/records/*.json")])
        process = grader.start(*command("out", "--executor", cluster.executor))
        wait_until(lambda before=before: len([*tmp_path.glob("out/records/*.json")]) > before)
        process.send_signal(how)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == code
        assert "Traceback" not in errors
        assert len([*tmp_path.glob("out/records/*.json")]) < 6
        cluster.wait_until_idle()
    for name in "cdef":
        (class_folder / name / "main.py").write_text(f"{GOOD}# {name}\n", encoding="utf-8")
    done = grader(*command("out", "--executor", cluster.executor))
    assert (done.returncode, without_progress(done.stderr)) == (0, "")
    assert "6 students, 4 graded now" in done.stdout
    assert "6 GRADED" in done.stdout


@pytest.mark.parametrize("is_late", [False, True])
def test_a_worker_with_another_harness_is_refused_in_one_line(grader, command, cluster, tmp_path, is_late):
    other = tmp_path / "other"
    for name in ("grader", "datasets", "student/src_mindspore"):
        shutil.copytree(ROOT / name, other / name, ignore=shutil.ignore_patterns("__pycache__", "drawn"))
    with (other / "grader" / "verdict.py").open("a", encoding="utf-8") as file:
        file.write("# of another version\n")
    cluster = cluster()
    if is_late:
        process = grader.start(*command("out", "--executor", cluster.executor))
        assert "no worker yet" in first_line(process)
    cluster.add_worker(PYTHONPATH=f"{other}:{other / 'student'}")
    if not is_late:
        process = grader.start(*command("out", "--executor", cluster.executor))
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 3
    assert "another harness than this machine (the same version, but another source)" in errors
    assert without_progress(errors).count("\n") == 1
    kept = [path.stem for path in tmp_path.glob("out/records/*.json")]
    assert not [id_ for id_ in kept if VERDICTS[id_] != "FORMAT"]  # which no worker has to do with


@pytest.mark.parametrize(
    ("executor", "reason"),
    [
        ("dask://127.0.0.1:9", "no dask scheduler answers at tcp://127.0.0.1:9"),
        ("dask://nothing", "give dask://HOST:PORT"),
        ("slurm://127.0.0.1:9", "is not of the form dask://HOST:PORT"),
    ],
)
def test_without_a_scheduler_it_is_one_line(grader, command, executor, reason):
    done = grader(*command("out", "--executor", executor))
    assert done.returncode == 2
    assert reason in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_packed_submission_is_the_one_that_was_taken_in(tmp_path):
    from grader.classroom.cluster import pack, unpack

    source = tmp_path / "zhang" / "deeper"
    (source / "results").mkdir(parents=True)
    (source / "main.py").write_text(GOOD, encoding="utf-8")
    (source / "results" / "weights.ckpt").write_bytes(bytes(range(256)))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    submission = take_in(tmp_path / "zhang", tmp_path / "one", Limits())
    packed = pack(submission)
    arrived = unpack(packed, tmp_path / "two")
    assert arrived == replace(submission, folder=arrived.folder)
    for file in submission.files:
        assert (arrived.folder / file.path).read_bytes() == (submission.folder / file.path).read_bytes()
    (tmp_path / "three").mkdir()
    with pytest.raises(HarnessError, match="damaged in transfer"):
        unpack(replace(packed, contents=(b"", *packed.contents[1:])), tmp_path / "three")
