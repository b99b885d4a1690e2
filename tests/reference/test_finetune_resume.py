"""Runs that are killed and resumed, as whole commands."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tests.ready_python import Program, ReadyPython, Running
from tests.reference.drawn_shapes import draw_set, untrained_backbone

pytestmark = pytest.mark.mindspore

STOPPED = "interrupted; the same command with --resume goes on"
# Long enough for snapshots in the middle, which are made this often only here.
OFTEN = ("--snapshot_seconds", "0.2")
HEAD = ("--epochs", "300", *OFTEN)
TAIL = ("--freeze_layer", "17", "--epochs", "12", *OFTEN)


class Runs:
    """The command on a small set, with weights that need no download and a cache of its own."""

    def __init__(self, root: Path, python: ReadyPython) -> None:
        from reference.weights import write_checkpoint

        write_checkpoint(untrained_backbone(), root / "untrained.ckpt")
        self.root = root
        self._python = python
        self.dataset = draw_set(root / "shapes", {"train": 8, "val": 3})
        self._undisturbed: dict[tuple[str, ...], Path] = {}

    def arguments(self, run: Path, *more: str) -> list[str]:
        inputs = ["--dataset_path", self.dataset, "--pretrained", self.root / "untrained.ckpt"]
        command = ["-m", "reference.finetune", *map(str, inputs), "--run_path", str(run)]
        options = ["--cache", str(self.root / "cache"), "--views", "2", "--batch_size", "8"]
        return [*command, *options, "--solver", "sgd", *more]

    def start(self, run: Path, *more: str) -> Running:
        return self._python.start(Program(self.arguments(run, *more)))

    def finish(self, run: Path, *more: str) -> str:
        process = self.start(run, *more)
        printed, errors = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, errors
        return printed

    def undisturbed(self, *more: str) -> Path:
        """The folder of a run that was started as a program and that nobody stopped: all tests leave it as it is."""
        if more not in self._undisturbed:
            run = self.root / f"undisturbed-{len(self._undisturbed)}"
            subprocess.run(
                [sys.executable, *self.arguments(run, *more)], stdout=subprocess.DEVNULL, check=True
            )
            self._undisturbed[more] = run
        return self._undisturbed[more]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, ready_python: ReadyPython) -> Runs:
    return Runs(tmp_path_factory.mktemp("resume"), ready_python)


def wait_for(condition, process: Running) -> None:
    begun = time.monotonic()
    while not condition() and process.poll() is None and time.monotonic() - begun < PATIENCE_SECONDS:
        time.sleep(0.01)
    assert process.poll() is None, "the run ended before it could be killed"


@pytest.mark.parametrize(("what", "kills"), [(HEAD, 5), (TAIL, 3)], ids=["head", "tail"])
def test_a_run_killed_again_and_again_ends_with_the_same_bytes(
    runs: Runs, tmp_path: Path, what: tuple[str, ...], kills: int
) -> None:
    whole = runs.undisturbed(*what)
    run = tmp_path / "killed"
    state = run / "resume.npz"

    def is_new(since: float) -> bool:
        return state.exists() and state.stat().st_mtime > since

    moments = (
        run.exists,  # training begins
        state.exists,  # a first snapshot
        lambda: is_new(now),
        lambda: is_new(now),
        (run / "log.csv").exists,  # the files are being written
    )
    for moment in moments[:kills]:
        now = time.time()
        process = runs.start(run, "--resume", *what)
        wait_for(moment, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    runs.finish(run, "--resume", *what)
    for name in ("mobilenetv2-best.ckpt", "mobilenetv2_final.ckpt", "submission/mobilenetv2-best.ckpt"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()
    logs = [(folder / "log.csv").read_text(encoding="utf-8") for folder in (run, whole)]
    assert _without_seconds(logs[0]) == _without_seconds(logs[1])
    assert not state.exists()
    assert "resume.npz" not in json.loads((run / "manifest.json").read_text(encoding="utf-8"))["files"]


def _without_seconds(log: str) -> list[str]:
    return [line.rpartition(",")[0] for line in log.splitlines()]


def test_a_finished_run_has_nothing_to_resume(runs: Runs) -> None:
    run = runs.undisturbed(*HEAD)
    before = (run / "summary.json").read_bytes()
    assert "nothing to resume" in runs.finish(run, *HEAD, "--resume")
    assert (run / "summary.json").read_bytes() == before


def test_a_run_with_other_settings_is_not_gone_on_with(runs: Runs, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = runs.start(run, "--epochs", "100000", "--snapshot_seconds", "0.2")
    wait_for((run / "resume.npz").exists, process)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE_SECONDS)[1].splitlines() == [STOPPED]
    assert process.returncode == 130
    (run / "log.csv").write_text("as a run leaves it that is stopped later on", encoding="utf-8")
    files = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["files"]
    manifest = json.dumps({"files": {**files, "log.csv": None}})
    (run / "manifest.json").write_text(manifest, encoding="utf-8")
    before = {path: path.read_bytes() for path in run.iterdir()}
    for other, said in (
        (["--seed", "3"], "another seed (0, now 3)"),
        (["--freeze_layer", "17"], "another freeze_layer"),
    ):
        process = runs.start(run, "--epochs", "100000", "--resume", *other)
        errors = process.communicate(timeout=PATIENCE_SECONDS)[1]
        assert process.returncode == 2
        assert f"is of a run with {said}" in errors
        assert len(errors.splitlines()) == 1
        assert {path: path.read_bytes() for path in run.iterdir()} == before, "nothing is lost"


def test_a_loss_that_is_no_number_ends_in_one_line(runs: Runs, tmp_path: Path) -> None:
    process = runs.start(tmp_path / "run", "--learning_rate", "1e30", "--freeze_layer", "18")
    errors = process.communicate(timeout=PATIENCE_SECONDS)[1]
    assert process.returncode == 1
    assert "error: the loss is" in errors
    assert "epoch 1, step " in errors
    assert len(errors.splitlines()) == 1


@pytest.mark.skipif(not shutil.which("mount") or os.geteuid() != 0, reason="only root can make a small disk")
def test_a_full_disk_ends_in_one_line_and_the_run_can_be_resumed(runs: Runs, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=70m", "tmpfs", str(disk)], check=True)
    try:
        # Full before it begins; full in the middle.
        for others, code, said in ((20, 2, "a run needs 67 MB"), (None, 1, "No space left on device")):
            options = ["--resume", "--epochs", "100", "--snapshot_seconds", "0"]
            if others:
                (disk / "others").write_bytes(bytes(others * 1024**2))
                process = runs.start(disk / "run", *options)
            else:
                (disk / "others").unlink()
                process = runs.start(disk / "run", *options)
                wait_for((disk / "run" / "resume.npz").exists, process)
                (disk / "others").write_bytes(bytes(66 * 1024**2))
            errors = process.communicate(timeout=PATIENCE_SECONDS)[1]
            assert process.returncode == code
            assert said in errors
            assert len(errors.splitlines()) == 1
        (disk / "others").unlink()
        runs.finish(disk / "run", *options)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
