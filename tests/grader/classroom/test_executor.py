"""Many at a time: which cores each gets, and what is left when it ends early."""

import os
import threading
import time

import pytest

from grader.classroom import ClassPass, find_entries, local_executor, open_store
from grader.classroom.class_pass import (
    LocalExecutor,
    bind_to_next,
    bound_pool,
    core_groups,
    default_jobs,
    run_all,
)
from grader.files import NoRoomError
from grader.intake import take_in
from grader.model.grading import NO_CHECKS, NO_DIAGNOSIS, Checks, Exam
from grader.model.verdict import Verdict
from grader.progress import silent
from grader.run.replay import altered
from grader.session import Session, stages
from grader.split import DecodedImage, decoded
from tests.patience import PATIENCE_SECONDS, wait_until


def test_no_more_threads_are_at_work_than_there_are_cores():
    cores = len(os.sched_getaffinity(0))
    for threads in (1, 2, 3, 64):
        assert default_jobs(threads) * threads <= max(cores, threads)


def test_every_job_has_cores_of_its_own_where_there_are_enough():
    groups = core_groups([3, 5, 7, 9], jobs=2, threads=2)
    assert [groups.get(), groups.get()] == [[3, 5], [7, 9]]
    groups = core_groups([3, 5], jobs=2, threads=2)
    assert [groups.get(), groups.get()] == [[3, 5], [3, 5]]


def test_work_is_bound_to_its_cores_and_the_caller_is_not():
    before = os.sched_getaffinity(0)
    seen = dict(run_all(lambda _: os.sched_getaffinity(0), range(4), bound_pool(1, 1), lambda: 1))
    assert list(seen.values()) == [{min(before)}] * 4
    assert os.sched_getaffinity(0) == before


def test_a_thread_more_than_there_are_jobs_is_not_bound():
    before = os.sched_getaffinity(0)
    bind_to_next(core_groups(sorted(before), jobs=0, threads=1))
    assert os.sched_getaffinity(0) == before


def test_as_many_are_under_way_as_there_is_room_for_at_the_moment():
    room, most, under_way = iter([1, 1, 3, 3, 3, 3, 3, 3, 3]), [], []

    def work(task):
        under_way.append(task)
        time.sleep(0.05)
        most.append(len(under_way))
        under_way.remove(task)

    done = list(run_all(work, range(7), bound_pool(3, 1), lambda: next(room, 3)))
    assert sorted(task for task, _ in done) == list(range(7))
    assert 1 < max(most) <= 3


def test_an_error_ends_the_pass_without_beginning_the_rest():
    begun, is_over = [], threading.Event()

    def work(task):
        begun.append(task)
        if task == 0:
            raise ValueError("first")
        is_over.wait(PATIENCE_SECONDS)

    with pytest.raises(ValueError, match="first"):
        list(run_all(work, range(100), bound_pool(1, 1), lambda: 1))
    is_over.set()
    wait_until(lambda: not any(thread.name.startswith("grading") for thread in threading.enumerate()))
    assert len(begun) < 10


def test_a_decoded_split_is_the_same_split(split):
    ready = decoded(split, "rgb")
    assert ready.sha256 == split.sha256
    for image, kept in zip(split.images, ready.images, strict=True):
        assert isinstance(kept, DecodedImage)
        for order in ("rgb", "bgr"):
            assert (kept.pixels(order) == image.pixels(order)).all()
        assert kept.pixels("rgb") is kept.pixels("rgb")


def test_what_does_not_fit_is_decoded_anew(split):
    first = split.images[0].pixels("bgr").nbytes
    kinds = [isinstance(image, DecodedImage) for image in decoded(split, "bgr", most_bytes=first).images]
    assert kinds == [True] + [False] * (len(split.images) - 1)


def test_an_altered_copy_of_a_decoded_image_shows_the_altered_picture(split):
    image = decoded(split, "bgr").images[-1]
    copy = altered(image)
    assert (copy.pixels("bgr") == altered(split.images[-1]).pixels("bgr")).all()
    assert copy.encoded != image.encoded


def test_public_images_that_are_given_are_what_the_diagnosis_compares_with(
    monkeypatch, split, assignment, write_submission
):
    asked = []
    monkeypatch.setattr(
        "grader.session.stages.diagnose", lambda subject: asked.append(subject.public()) or NO_DIAGNOSIS
    )
    folder, checks = write_submission("def predict(image): return ''"), Checks(canary=False, replay=False)
    for public in (None, split):
        Session(Exam(split, assignment, checks=checks, public=public)).grade(folder)
    assert asked == [None, split]


def test_public_images_that_are_given_may_be_handed_in(split, assignment, write_submission):
    folder = write_submission("def predict(image): return ''")
    (folder / "given.png").write_bytes(split.images[0].encoded)

    def verdict(public):
        session = Session(Exam(split, assignment, checks=NO_CHECKS, public=public))
        with session.taking_in(folder, name="a") as taken:
            return LocalExecutor(session, jobs=1).grade(taken, silent).verdict

    assert verdict(None) is Verdict.FORMAT
    assert verdict(split) is Verdict.GRADED


def test_a_submission_is_taken_in_once_whether_a_result_is_kept_or_not(
    split, assignment, write_submission, tmp_path, monkeypatch
):
    taken = []
    monkeypatch.setattr(stages, "take_in", lambda *given: taken.append(given[0]) or take_in(*given))
    folder = write_submission("def predict(image): return 'Hats'")
    session = Session(Exam(split, assignment, checks=NO_CHECKS))
    done = []
    with open_store(tmp_path / "out", folder.parent) as store, local_executor(session, jobs=1) as executor:
        entries = find_entries(folder.parent).entries
        for regrade in (False, False, True):
            ClassPass(session, executor, store, regrade).run(entries, done.append)
    assert [(step.result.report.verdict, step.is_new) for step in done] == [
        (Verdict.GRADED, True),
        (Verdict.GRADED, False),
        (Verdict.GRADED, False),
    ]
    assert taken == [folder] * 3


def test_a_submission_without_room_for_its_copy_is_no_trouble_for_the_others(
    split, assignment, write_submission, tmp_path, monkeypatch
):
    def take(source, workspace, limits):
        if source.name == "big":
            raise NoRoomError("copy-unwritten", folder=workspace, reason="full")
        return take_in(source, workspace, limits)

    monkeypatch.setattr(stages, "take_in", take)
    class_folder = write_submission("def predict(image): return 'Hats'", name="big").parent
    write_submission("def predict(image): return 'Hats'", name="small")
    session = Session(Exam(split, assignment, checks=NO_CHECKS))
    done = []
    with open_store(tmp_path / "out", class_folder) as store, local_executor(session, jobs=1) as executor:
        ClassPass(session, executor, store).run(find_entries(class_folder).entries, done.append)
    assert sorted(step.result.report.verdict for step in done) == [Verdict.GRADED, Verdict.INTERNAL]
