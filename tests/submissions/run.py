"""Running one case through the grader's own front door, and comparing what comes out."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from grader.cli import EXIT_DONE, EXIT_INTERNAL, EXIT_REFUSED
from grader.model.verdict import Verdict
from tests.patience import wait_until

from .corpus import MAKER, Case
from .doors import Door, Isolation, Maker, ReadyGraders, make, starting
from .ground import IMAGES_VARIABLE, KEY_VARIABLE, Ground, assignment_text

ROOT = Path(__file__).parents[2]
AT_ONCE = 2
"""Cases that run side by side."""
_MOST_PAGE = 500_000
"""Bytes of `report.html`, whatever was handed in."""
_LIKE = 40
"""Of 255, in each channel: colours that are no farther apart may be one, in a JPEG."""


@dataclass(frozen=True)
class Result:
    """What came of one case."""

    case: Case
    got: str
    """Verdict, score and findings in one line."""
    problems: tuple[str, ...]
    """What is not as it must be; empty if all is."""
    seconds: float


@dataclass(frozen=True)
class Grading:
    """Everything that one run of the grader left."""

    report: dict[str, Any]
    terminal: str
    page: str
    """`report.html`."""
    for_student: str
    """All that the student may see: terminal, `report.json` and `report.html`."""
    printed: str
    """What the submission printed, and its import error, from the instructor's file."""
    instructors_page: str
    exit_code: int
    errors: str
    """The grader's own standard error."""
    seconds: float


class GraderFailedError(Exception):
    """The grader left no report, or did not end."""


@contextlib.contextmanager
def started(
    cases: Sequence[Case], ground: Ground, isolation: Isolation = "usual"
) -> Iterator[dict[str, Future[Result]]]:
    """Run cases in the background, AT_ONCE side by side; yields the result to come of each id."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # The longest first: they would otherwise be waited for alone at the end.
        order = sorted(cases, key=lambda case: -case.seconds)
        try:
            yield {case.id: pool.submit(run, case, ground, isolation) for case in order}
        finally:
            pool.shutdown(cancel_futures=True)


def run(
    case: Case, ground: Ground, isolation: Isolation = "usual", *, graders: ReadyGraders | None = None
) -> Result:
    """Grade one case and compare everything with its description.

    Args:
        case: what is handed in, and what must come of it.
        ground: what it is graded on.
        isolation: how workers are kept apart, and started.
        graders: that are forked from a ready Python; without them `python -m grader` is started.
    """
    began = time.monotonic()
    with _workspace() as workspace:
        try:
            handed_in = hand_in(case, ground, workspace, graders.make if graders else make)
            before = _listing(workspace)
            door = starting(isolation) if graders is None or case.environment else graders.door(isolation)
            grading = _grade(case, ground, handed_in, workspace, door)
        except GraderFailedError as error:
            return Result(case, "no report", (str(error),), time.monotonic() - began)
        problems = [*_compare(case, grading, ground), *_traces(case, before, workspace)]
    if graders is not None and grading.report["checks"]["canary"] == "passed":
        graders.canary_passed(isolation)
    return Result(case, _summary(grading.report), tuple(problems), grading.seconds)


def run_without_walls(case: Case, ground: Ground) -> int:
    """Grade an attack on the lower isolation level, as a self-check; return how many images it had right."""
    with _workspace() as workspace:
        handed_in = hand_in(case, ground, workspace)
        grading = _grade(case, ground, handed_in, workspace, starting("without_walls"), ["--self-check"])
    return int(grading.report["score"]["correct"])


@contextlib.contextmanager
def _workspace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="case-", ignore_cleanup_errors=True) as name:
        (Path(name) / "tmp").mkdir()
        yield Path(name)


def hand_in(case: Case, ground: Ground, workspace: Path, maker: Maker = make) -> Path:
    """Write what is handed in; return its path.

    Args:
        case: what is handed in.
        ground: what it is graded on.
        workspace: the folder that it is written to.
        maker: runs its `make.py`.

    Raises:
        GraderFailedError: its `make.py` failed.
    """
    folder = workspace / case.name
    folder.mkdir()
    for path in case.files:
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        else:
            shutil.copyfile(path, folder / path.name)
    if (case.folder / MAKER).exists():
        environment = environment_with({IMAGES_VARIABLE: str(ground.split(case.images))})
        made = maker([str(case.folder / MAKER), str(folder)], environment)
        if made.returncode:
            raise GraderFailedError(f"make.py failed: {made.stderr}")
    archive = folder.with_name(f"{folder.name}.zip")
    return archive if archive.exists() else folder


def _grade(
    case: Case,
    ground: Ground,
    handed_in: Path,
    workspace: Path,
    door: Door,
    options: Sequence[str] = (),
) -> Grading:
    """Give the grader a command line as an instructor does, and read what it leaves.

    Raises:
        GraderFailedError: it does not end, or leaves no report.
    """
    rules, out = workspace / "assignment.toml", workspace / "out"
    rules.write_text(assignment_text(case.limits), encoding="utf-8")
    arguments = [str(handed_in), "--split", str(ground.split(case.images)), "--assignment", str(rules)]
    environment = {"TMPDIR": str(workspace / "tmp"), KEY_VARIABLE: ground.key, **case.environment}
    began = time.monotonic()
    try:
        done = door([*arguments, "--out", str(out), *options], environment_with(environment), workspace)
    except subprocess.TimeoutExpired as error:
        raise GraderFailedError(f"the grader had not ended after {error.timeout:g} s") from error
    errors = done.stderr
    try:
        files = [(out / name).read_text(encoding="utf-8") for name in ("report.json", "report.html")]
        instructor = json.loads((out / "instructor" / "answers.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GraderFailedError(f"exit code {done.returncode}, no report: {errors or error}") from error
    terminal = done.stdout
    return Grading(
        report=json.loads(files[0]),
        terminal=terminal,
        page=files[1],
        for_student="\n".join([terminal, *files]),
        printed="\n".join([instructor["output"], instructor["import_error"] or ""]),
        instructors_page=(out / "instructor" / "report.instructor.html").read_text(encoding="utf-8"),
        exit_code=done.returncode,
        errors=errors,
        seconds=time.monotonic() - began,
    )


def environment_with(more: dict[str, str]) -> dict[str, str]:
    """This process's environment, with the project to be found from anywhere."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "student")])
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **more}


def _compare(case: Case, grading: Grading, ground: Ground) -> Iterator[str]:
    """Yield everything in which a grading is not what the case says."""
    yield from _compare_score(case, grading)
    findings = {finding["code"]: finding["severity"] for finding in grading.report["findings"]}
    yield from (f"no finding {code}" for code in case.findings if code not in findings)
    if case.first and next(iter(findings), "") != case.first:
        yield f"{case.first} is not told first"
    yield from (f"a finding {code}" for code in case.never_findings if code in findings)
    yield from (
        f"an unexpected error {code}"
        for code, severity in findings.items()
        if severity == "error" and code not in case.findings
    )
    yield from _compare_texts("the student's report", grading.for_student, case.says, case.never_says)
    yield from _compare_texts("the printed output", grading.printed, case.printed, case.never_printed)
    yield from _compare_texts("the instructor's page", grading.instructors_page, case.tells, ())
    hidden = [ground.key, *(path.name for path in ground.split(case.images).rglob("*.png"))]
    if any(name in grading.for_student for name in hidden):
        yield "the student's report names a hidden image, or the key"
    if "Traceback" in grading.errors:
        yield f"a traceback of the grader: {grading.errors}"
    if any(not (char.isprintable() or char == "\n") for char in grading.terminal):
        yield "the terminal is steered"
    if case.never_shows and any(_has_colour(each, case.never_shows) for each in _pictures(grading)):
        yield f"a picture shows the colour {case.never_shows}"
    if len(grading.page.encode("utf-8")) > _MOST_PAGE:
        yield f"the student's page has {len(grading.page.encode('utf-8'))} bytes"
    if re.search(r"<script", grading.page, re.I):
        yield "a script is in the page"


def _compare_score(case: Case, grading: Grading) -> Iterator[str]:
    verdict, score = Verdict(grading.report["verdict"]), grading.report["score"]
    if verdict is not case.verdict:
        yield f"the verdict is {verdict.value}"
    if grading.exit_code != _exit_code(verdict):
        yield f"the exit code is {grading.exit_code}"
    if verdict is not Verdict.INTERNAL and grading.report["isolation"]["rung"] not in ("bubblewrap", "none"):
        yield f"it ran on the rung {grading.report['isolation']['rung']}"
    if score is None:
        return
    if case.correct not in (None, score["correct"]):
        yield f"{score['correct']} images are right, not {case.correct}"
    if case.at_most is not None and score["correct"] > case.at_most:
        yield f"{score['correct']} images are right, more than {case.at_most}"
    if case.unanswered not in (None, score["unanswered"]):
        yield f"{score['unanswered']} images are unanswered, not {case.unanswered}"


def _exit_code(verdict: Verdict) -> int:
    return {Verdict.GRADED: EXIT_DONE, Verdict.INTERNAL: EXIT_INTERNAL}.get(verdict, EXIT_REFUSED)


def _compare_texts(what: str, text: str, sought: Sequence[str], unwanted: Sequence[str]) -> Iterator[str]:
    yield from (f"{what} does not say {each!r}" for each in sought if not _is_in(text, each))
    yield from (f"{what} says {each!r}" for each in unwanted if _is_in(text, each))


def _is_in(text: str, sought: str) -> bool:
    if len(sought) > 2 and sought.startswith("/") and sought.endswith("/"):
        return re.search(sought[1:-1], text) is not None
    return sought in text


def _pictures(grading: Grading) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield every picture that the student may see, BGR: in the page, and in `report.json`."""
    parts = list(re.findall(r'data:image/[a-z]+;base64,([^"]+)', grading.page))
    parts += re.findall(r'"data": "([^"]+)"', grading.for_student)
    for part in parts:
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(part), np.uint8), cv2.IMREAD_COLOR)
        yield np.asarray(picture, np.uint8)


def _has_colour(picture: npt.NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    """Whether a pixel of a picture, BGR, has this colour, RGB, or nearly."""
    away = np.abs(picture.astype(np.int64) - colour[::-1]).max(axis=-1)
    return bool((away < _LIKE).any())


def _listing(workspace: Path) -> dict[str, tuple[int, int, int]]:
    """Everything below a folder, with kind, size and time of change; links are not followed."""
    found = {}
    for folder, folders, files in os.walk(workspace):
        for name in (*folders, *files):
            status = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - names may be no text
            found[os.path.join(folder, name)] = (status.st_mode, status.st_size, status.st_mtime_ns)  # noqa: PTH118
    return found


def _traces(case: Case, before: dict[str, tuple[int, int, int]], workspace: Path) -> Iterator[str]:
    """Yield what a grading left where nothing may be left, or changed where nothing may change."""
    ours = tuple(str(workspace / name) for name in ("out", "tmp", "assignment.toml"))
    after = _listing(workspace)
    left = [path for path in after if path not in before and not path.startswith(ours)]
    yield from (f"{path!r} appeared" for path in left)
    yield from (
        f"{path!r} changed"
        for path, state in before.items()
        if after.get(path) != state and not path.startswith(ours)
    )
    if any((workspace / "tmp").iterdir()):
        yield "something is left in the grader's temporary folder"
    # It is a matter of moments; a process that is still there when patience ends is an error of its own.
    wait_until(lambda: not case.gone or case.gone not in _commands())


def _commands() -> str:
    """The command lines of all processes of this machine, a line each."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return "\n".join(lines)


def _summary(report: dict[str, Any]) -> str:
    score = report["score"]
    right = f"{score['correct']}/{score['total']}" if score else "no score"
    codes = " ".join(finding["code"] for finding in report["findings"])
    return f"{report['verdict']} {right} {codes}".strip()
