"""Grading the class by the real command: once undisturbed, and once killed again and again."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.model.verdict import Verdict
from tests.submissions.ground import KEY_VARIABLE, Ground, assignment_text
from tests.submissions.run import environment_with
from tests.whole_class.members import Member, likenesses
from tests.whole_class.published import published

LIMITS: dict[str, float] = {"threads": 1, "import_seconds": 15, "first_prediction_seconds": 15}
"""Of the class's assignment, besides the corpus's own."""
_LAST_SECONDS = 3600.0


@dataclass(frozen=True)
class Run:
    """One batch, to its end."""

    out: Path
    seconds: float
    kills: int
    said: str


class ClassRoom:
    """The class on the disk, and how it is graded.

    Args:
        folder: for all of it.
        members: whose submissions lie in `folder / "class"`.
        ground: the images, and the key that lies about.
    """

    def __init__(self, folder: Path, members: Sequence[Member], ground: Ground) -> None:
        self._folder = folder
        self._ground = ground
        self.members = tuple(members)
        (folder / "assignment.toml").write_text(assignment_text(LIMITS), encoding="utf-8")
        (folder / "tmp").mkdir()

    @property
    def left(self) -> list[Path]:
        """What lies in the grader's folder for temporary files."""
        return [*(self._folder / "tmp").iterdir()]

    def grade(self, name: str) -> Run:
        """Grade the class into a folder of that name."""
        began = time.monotonic()
        process = self._start(name)
        said, errors = process.communicate(timeout=_LAST_SECONDS)
        if process.returncode:
            raise AssertionError(f"exit code {process.returncode}: {errors}")
        return Run(self._folder / name, time.monotonic() - began, 0, said)

    def grade_killed(self, name: str, kills: int, seconds: float, seed: int) -> Run:
        """Grade the class, but kill the grader so many times at random moments, each time starting it again.

        Every other time its whole process group is killed. Results that were there must stay as they are.

        Args:
            name: of the folder.
            kills: how many.
            seconds: what an undisturbed run takes; decides how long each attempt is let live.
            seed: of the moments.
        """
        chance = random.Random(seed)
        began = time.monotonic()
        records = self._folder / name / "records"
        kept: dict[Path, bytes] = {}
        done = 0
        while done < kills:
            process = self._start(name)
            try:
                # On average so long that the last kill comes about when the class would have been done.
                process.wait(chance.uniform(0.2, 2 * seconds / (kills + 1)))
            except subprocess.TimeoutExpired:
                done += 1
                if done % 2:
                    process.kill()
                else:
                    os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            now = {path: path.read_bytes() for path in records.glob("*.json")}
            assert kept.items() <= now.items(), "a result was lost or changed"
            kept = now
        last = self.grade(name)
        return Run(last.out, time.monotonic() - began, done, last.said)

    def _start(self, name: str) -> subprocess.Popen[str]:
        arguments = ["batch", self._folder / "class", "--split", self._ground.split("colours")]
        arguments += ["--assignment", self._folder / "assignment.toml", "--out", self._folder / name]
        return subprocess.Popen(
            [sys.executable, "-m", "grader", *map(str, arguments)],
            env=environment_with({"TMPDIR": str(self._folder / "tmp"), KEY_VARIABLE: self._ground.key}),
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )

    def problems(self, run: Run) -> Iterator[str]:
        """Yield everything in which a run's outcome is not what it must be."""
        with (run.out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = {row["id"]: row for row in csv.DictReader(file)}
        if rows.keys() != {member.id for member in self.members}:
            yield f"other students: {rows.keys() ^ {member.id for member in self.members}}"
            return
        for member in self.members:
            row = rows[member.id]
            if row["verdict"] != member.verdict.value:
                yield f"{member.id}: {row['verdict']}, not {member.verdict.value}"
            elif member.verdict is not Verdict.INTERNAL and int(row["correct"]) != member.correct:
                yield f"{member.id}: {row['correct']} right, not {member.correct}"
        yield from self._traces()
        yield from _unlike(run.out, likenesses(self.members))

    def _traces(self) -> Iterator[str]:
        if self.left:
            yield f"left behind: {[path.name for path in self.left][:5]}"
        commands = _commands()
        for member in self.members:
            if member.gone and member.gone in commands:
                yield f"{member.id}: a process {member.gone!r} lives on"

    def differences(self, one: Run, other: Run) -> list[str]:
        """Return the names of the published files that differ by more than the run."""
        first, second = published(one.out), published(other.out)
        return [name for name in sorted({*first, *second}) if first.get(name) != second.get(name)]


def _unlike(out: Path, wanted: Sequence[set[str]]) -> Iterator[str]:
    """Compare the groups of like heads that the page names with those that there are."""
    page = (out / "similarity.html").read_text(encoding="utf-8")
    groups = [set(ids.split(", ")) for ids in re.findall(r'scope="rowgroup">([^<]+?) <small>', page)]
    # Some cases of the corpus have a checkpoint in common, too.
    named = [group for group in groups if not all(re.match("[A-F][0-9][0-9]_", id_) for id_ in group)]
    if sorted(map(sorted, named)) != sorted(map(sorted, wanted)):
        yield f"the likenesses are {named}, not {[*wanted]}"


def _commands() -> str:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return "\n".join(lines)


def counted(run: Run) -> dict[str, int]:
    """Return how many students have which verdict."""
    lines = (run.out / "results.jsonl").read_text(encoding="utf-8").splitlines()
    verdicts = [json.loads(line)["verdict"] for line in lines]
    return {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}
