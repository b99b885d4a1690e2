"""Many at a time: which cores each gets, and what is left when it ends early."""

import os
import threading
import time

import pytest

from grader.checks.replay import altered
from grader.classroom.executor import (
    LocalExecutor,
    bind_to_next,
    bound_pool,
    core_groups,
    default_jobs,
    run_all,
)
from grader.model.verdict import Verdict
from grader.progress import silent
from grader.session import station
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
    monkeypatch, split, assignment, tmp_path
):
    asked = []
    monkeypatch.setattr(station, "grade_question", lambda *_, public, **__: asked.append(public))
    for public in (None, split):
        conditions = station.Conditions(split, assignment, public=public)
        station.Station(conditions, isolation=None).grade(None, tmp_path, None)
    assert asked == [None, split]


def test_public_images_that_are_given_may_be_handed_in(monkeypatch, split, assignment, write_submission):
    graded = object()
    monkeypatch.setattr(station, "grade_question", lambda *_, **__: graded)
    folder = write_submission("def predict(image): return ''")
    (folder / "given.png").write_bytes(split.images[0].encoded)

    def outcome(public):
        ready = station.Station(station.Conditions(split, assignment, public=public), isolation=None)
        return LocalExecutor(ready, jobs=1).grade("a", folder, silent)

    assert outcome(None).report.verdict is Verdict.FORMAT
    assert outcome(split) is graded
