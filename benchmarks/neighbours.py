"""What some submissions cost the others of their class, and the harness: time, and the harness's own memory.

    python -m tests.whole_class.neighbours FOLDER
    python -m benchmarks.neighbours FOLDER --rounds 3

Grades `FOLDER/alone` and `FOLDER/beside`, which has the same submissions and others beside them, in turns. A
batch should have at most 1.2 times as long for the latter, and the harness less than 500 MB in both.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.plan import environment, python

CLASSES = ("alone", "beside")
_LOOK_SECONDS = 0.05
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class ClassRun:
    """One batch."""

    seconds: float
    peak_mib: float
    """The most memory that the harness's own process ever had."""


def main() -> None:
    """Grade both classes so many times, and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.neighbours", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    runs: dict[str, list[ClassRun]] = {name: [] for name in CLASSES}
    for _ in range(options.rounds):
        for name in CLASSES:
            runs[name].append(_grade(options.folder, name))
    for name, found in runs.items():
        seconds, peak = median(run.seconds for run in found), max(run.peak_mib for run in found)
        print(f"{name}: {seconds:.1f} s, the harness at most {peak:.0f} MiB")
    ratio = median(run.seconds for run in runs["beside"]) / median(run.seconds for run in runs["alone"])
    print(f"beside the others {ratio:.2f} times as long")


def _grade(folder: Path, name: str) -> ClassRun:
    with tempfile.TemporaryDirectory(prefix="neighbours-") as out:
        arguments = [folder / name / "class", "--split", folder / "images", "--out", out]
        command = python("grader", "batch", *arguments, "--assignment", folder / "assignment.toml")
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment(capped=False, engine=False), stderr=subprocess.DEVNULL
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, _peak(process.pid))
            time.sleep(_LOOK_SECONDS)
        if process.returncode:
            raise SystemExit(f"the batch over {folder / name} ended with {process.returncode}")
        return ClassRun(time.perf_counter() - begun, peak / 1024)


def _peak(pid: int) -> int:
    """Return the most memory that a process ever had, KiB; 0 if it is gone."""
    try:
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    except OSError:
        return 0
    return int(found[1]) if found else 0


if __name__ == "__main__":
    main()
