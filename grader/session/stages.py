"""The stages of a grading, each of which takes its record and gives it back richer.

First `taken_in`, then `interviewed`, `scored`, `replayed`, `diagnosed`, and at last `explained`. What fails
is recorded by `attempt`: what costs the score or the verdict costs the whole grading (INTERNAL), all else the
stage alone.

No submission reaches or holds what is kept for grading, hidden images or the key of a split: `check_apart`,
`find_hidden_files` and `check_out_of_reach` see to that.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from grader.diagnosis import RECORDER, Subject, diagnose
from grader.errors import HarnessError, LineError, UsageError
from grader.files import place_of
from grader.findings import findings_of, verdict_of
from grader.intake import IntakeRefusedError, digests_in_zips, name_of, take_in
from grader.model.dataset import Split, SplitImage
from grader.model.grading import KEY, Diagnosis, Exam, Failure, Grading, HiddenFile, Job, Refusal, Stage
from grader.model.predictions import Replay
from grader.model.submission import Submission, SubmittedFile
from grader.progress import Progress
from grader.run import Start, ask_again, interview
from grader.sandbox import Sandbox, is_visible_inside
from grader.scoring import count_predictions
from grader.session.harness import circumstances_now, this_harness
from grader.split import public_split

_SEED_BITS = 53
_FEWEST_IMAGES = 25
"""Of each worker that is asked: to start one takes as long as so many answers of the lab's network."""
_PHOTOS = 4
"""Shown in a self-check."""
_RunStage = Callable[[Grading], Grading]


@dataclass(frozen=True)
class Setup:
    """Where one submission that has been taken in is asked."""

    exam: Exam
    submission: Submission
    workspace: Path
    """A private folder, in which nothing stands in the way but the submission's copy."""
    sandbox: Sandbox
    progress: Progress
    jobs: int = 1
    """Workers that are asked at a time, at most."""

    def fresh(self, folder: Path) -> Sandbox:
        """Return workers over a copy of the submission that is as new as the first one was.

        From the date of its files a submission could tell otherwise that it is being asked again.
        """
        copy = shutil.copytree(self.submission.folder, folder / "submission")
        return self.sandbox.over(replace(self.submission, folder=copy), folder)

    def over(self, folder: Path) -> Sandbox:
        """Return workers over another folder, which holds a program of ours, with room for the files in it.

        In a sandbox the program may use all cores of this machine that the grader may; a submission, and the
        program in a plain process, are given those of the assignment. Its processor time is its own.
        """
        size = sum(file.stat().st_size for file in folder.iterdir())
        files = (SubmittedFile(PurePosixPath("all"), size, ""),)
        program = replace(self.submission, folder=folder, files=files)
        return self.sandbox.over_our_own(program, folder.parent)


def begun(exam: Exam, name: str, submission: Submission | None = None) -> Grading:
    """Return the record of a grading that begins now, here."""
    job = Job(name, submission, exam.split, exam.assignment, exam.mode, this_harness())
    return Grading(job, circumstances_now())


def taken_in(exam: Exam, source: Path, workspace: Path, name: str | None = None) -> Grading:
    """Take a submission in, and look for what only the instructor should have.

    Raises:
        UsageError: there is no such submission.
    """
    try:
        submission = take_in(source, workspace, exam.assignment.limits)
    except IntakeRefusedError as refusal:
        grading = begun(exam, name or name_of(source))
        return replace(grading, refusal=Refusal(refusal.code, refusal.detail))
    submission = replace(submission, name=name or submission.name)
    grading = begun(exam, submission.name, submission)
    return replace(grading, hidden_files=find_hidden_files(submission, exam))


def interviewed(grading: Grading, setup: Setup) -> Grading:
    """Ask about every image.

    Raises:
        HarnessError: a sandbox did not come up.
    """
    setup.progress("import")
    seed, total = secrets.randbits(_SEED_BITS), len(setup.exam.split.images)
    answers = interview(
        _starts(_side_by_side(setup, setup.sandbox, total, setup.workspace)),
        setup.exam.split,
        setup.exam.assignment,
        seed,
        lambda asked: setup.progress("predict", asked, total),
    )
    return replace(grading, isolation=setup.sandbox.isolation, shuffle_seed=seed, answers=answers)


def scored(grading: Grading) -> Grading:
    """Count the answers."""
    if grading.answers is None:
        return grading
    job = grading.job
    counted = count_predictions(grading.answers.predictions, job.split, len(job.assignment.classes))
    return replace(grading, tally=counted)


def replayed(grading: Grading, setup: Setup) -> Grading:
    """Ask about a part of the images again."""
    if grading.answers is None or not (setup.exam.checks.replay and setup.exam.is_official):
        return grading
    setup.progress("replay")
    folder = setup.workspace / "again"
    again = ask_again(
        lambda count: _starts(_side_by_side(setup, setup.fresh(folder), count, folder)),
        setup.exam.split,
        setup.exam.assignment,
        grading.answers,
        grading.job.identity,
        secrets.randbits(_SEED_BITS),
    )
    return replace(grading, replay=again)


def diagnosed(grading: Grading, setup: Setup) -> Grading:
    """Find out why the score is not better."""
    exam = setup.exam
    if grading.answers is None or not exam.checks.diagnosis:
        return grading
    setup.progress("diagnosis")
    folder = setup.workspace / "diagnosis"
    subject = Subject(
        submission=setup.submission,
        split=exam.split,
        assignment=exam.assignment,
        answers=grading.answers,
        again=grading.replay,
        start=lambda program: setup.over(program).launch,
        fresh=lambda name: setup.fresh(folder / name).launch,
        recorded=lambda name, images: _recorded(setup, folder / name, images),
        folder=folder,
        seed=secrets.randbits(_SEED_BITS),
        photos=_photos(exam),
        public=lambda: (exam.public or public_split(exam.assignment)) if exam.is_official else None,
    )
    found = diagnose(subject)
    failures = [Failure("diagnose", trace.splitlines()[-1], trace) for trace in found.traces]
    return replace(grading, diagnosis=found, failures=(*grading.failures, *failures))


def explained(grading: Grading) -> Grading:
    """Say how the grading ended, and what there is to say about it; where that fails, say so.

    A score that stands is kept without its findings; where the verdict cannot be told, there is no score.
    """
    before = grading.failures
    grading = attempt(grading, "judge", _judged)
    grading = attempt(grading, "explain", _with_findings)
    is_done = grading.verdict is not None and grading.failures == before
    return grading if is_done else _with_findings(_judged(grading))


def attempt(grading: Grading, stage: Stage, run: _RunStage) -> Grading:
    """Run a stage, unless the grading is lost already; a failure is recorded and ends nothing else."""
    if grading.is_lost:
        return grading
    try:
        return run(grading)
    except Exception as error:
        return failed(grading, stage, error, traceback.format_exc())


def failed(grading: Grading, stage: Stage, error: Exception, trace: str) -> Grading:
    """Return the record of a grading in which a stage failed; see :func:`lost` for the arguments."""
    said = error.line if isinstance(error, LineError) else str(error)
    failures = (*grading.failures, Failure(stage, said, trace))
    if stage == "replay":
        return replace(grading, failures=failures, replay=Replay("failed"))
    if stage == "diagnose":
        return replace(grading, failures=failures, diagnosis=Diagnosis("failed"))
    return replace(grading, failures=failures)


def lost(grading: Grading, stage: Stage, error: Exception, trace: str) -> Grading:
    """Return the record, explained, of a grading that the harness failed over: no score.

    Args:
        grading: as far as it came.
        stage: which one failed.
        error: what went wrong.
        trace: all that is known of it, a traceback for example.
    """
    return explained(failed(grading, stage, error, trace))


def check_apart(source: Path, exam: Exam) -> None:
    """Refuse a submission that has the split or its key in it; a student's own public images may lie there.

    Raises:
        UsageError: naming what lies there.
    """
    if not exam.is_official and exam.split.key_file is None:
        return
    place = place_of(source)
    for path in _hidden_places(exam.split):
        if path.is_relative_to(place):
            raise UsageError("split-inside-submission", path=path)


def check_out_of_reach(sandbox: Sandbox, split: Split) -> None:
    """Refuse to ask about images that the sandbox would show.

    Raises:
        HarnessError: an image of the split, or the key of a sealed one, lies where submissions can read.
    """
    if not sandbox.isolation.is_top:
        if split.key_file is not None:
            raise HarnessError("sealed-without-sandbox")
        return
    for path in _hidden_places(split):
        if is_visible_inside(path):
            raise HarnessError("split-visible", path=path)


def find_hidden_files(submission: Submission, exam: Exam) -> tuple[HiddenFile, ...]:
    """Return every file of a submission that only the instructor should have, in the order of the paths.

    Images that students were given are none, nor are the drawn demo images; and in a student's own check with
    a folder of images, all images are the student's own.
    """
    split = exam.split
    if split.is_demo or (not exam.is_official and split.key_file is None):
        return ()
    secrets = {**split.names, split.key_sha256: KEY}
    digests = [(file.path, file.sha256) for file in submission.files]
    digests += digests_in_zips(submission, frozenset(_sizes(split)))
    found = [(path, digest) for path, digest in digests if digest in secrets]
    if not found:
        return ()
    public = exam.public or public_split(exam.assignment)
    given = public.names.keys() if public else frozenset()
    return tuple(
        HiddenFile(path, secrets[digest])
        for path, digest in found
        if secrets[digest] == KEY or digest not in given
    )


def _recorded(setup: Setup, folder: Path, images: int) -> Sequence[Start]:
    """Return how to start workers of the diagnosis, over fresh copies of the submission below a folder."""
    sandboxes = _side_by_side(setup, setup.fresh(folder), images, folder)
    return _starts(sandbox.recorded(RECORDER) for sandbox in sandboxes)


def _starts(sandboxes: Iterable[Sandbox]) -> Sequence[Start]:
    return [sandbox.launch for sandbox in sandboxes]


def _side_by_side(setup: Setup, first: Sandbox, images: int, folder: Path) -> Sequence[Sandbox]:
    """Return the sandboxes of the workers that are asked at a time, with cores and files of their own.

    What two of them shared, they could pass each other notes by.
    """
    cores = _cores_apart(setup, images)
    sandboxes = [first, *_more(setup, folder, len(cores) - 1)]
    return [sandbox.on(own) for own, sandbox in zip(cores, sandboxes, strict=False)]


def _more(setup: Setup, folder: Path, count: int) -> Iterator[Sandbox]:
    """Yield so many sandboxes over copies of a submission, or as many as there is room for."""
    for number in range(count):
        own = folder / f"beside-{number}"
        try:
            yield setup.fresh(own)
        except OSError:
            shutil.rmtree(own, ignore_errors=True)
            return


def _cores_apart(setup: Setup, images: int) -> Sequence[Sequence[int]]:
    """Return the cores of each worker that is asked at a time; none are chosen for one alone."""
    threads = setup.exam.assignment.limits.threads
    count = min(setup.jobs, images // _FEWEST_IMAGES)
    if count <= 1 or not setup.sandbox.isolation.is_top:
        return [()]
    ours = sorted(os.sched_getaffinity(0))
    chosen = random.sample(ours, len(ours))
    apart = [chosen[at : at + threads] for at in range(0, len(chosen) - threads + 1, threads)]
    return apart[:count] if len(apart) > 1 else [()]


def _photos(exam: Exam) -> tuple[SplitImage, ...]:
    """Return a few images to be shown: in a self-check alone, whose images are the student's own."""
    images = exam.split.images
    hidden = exam.assignment.splits.hidden
    is_hidden = hidden is not None and place_of(Path(hidden)) in map(place_of, exam.split.places)
    if exam.is_official or exam.split.key_file is not None or is_hidden:
        return ()
    return images[:: max(1, len(images) // _PHOTOS)][:_PHOTOS]


def _judged(grading: Grading) -> Grading:
    return replace(grading, verdict=verdict_of(grading))


def _with_findings(grading: Grading) -> Grading:
    return replace(grading, findings=findings_of(grading))


def _hidden_places(split: Split) -> tuple[Path, ...]:
    return (*split.places, split.key_file) if split.key_file else split.places


def _sizes(split: Split) -> Iterator[int]:
    """Yield the sizes of all files that are kept for grading."""
    yield from (len(image.encoded) for image in split.images)
    if split.key_file is not None:
        with suppress(OSError):
            yield split.key_file.stat().st_size
