"""What an interview says of itself: whether it ended early, and by whose limits it was held."""

import pytest

from grader import Verdict
from grader.intake import take_in
from grader.model.verdict import StopReason
from grader.run import interview
from grader.sandbox import Namespaces, PlainProcess

TOTAL = 12
AT_THE_THIRD = """
asked = 0
def predict(image):
    global asked
    asked += 1
    if asked == 3:
        {does}
    return "Hats"
"""
WORKS = """
import time
while time.process_time() < 1.5: pass
def predict(image): return "Hats"
"""


@pytest.fixture
def sandbox(write_submission, assignment, tmp_path):
    def make(source, isolation, **limits):
        rules = assignment.with_limits(**limits)
        (tmp_path / "workspace").mkdir()
        submission = take_in(write_submission(source), tmp_path / "workspace", rules.limits)
        return isolation.sandbox(submission, tmp_path / "workspace", rules.limits), submission, rules

    return make


@pytest.mark.parametrize(
    ("source", "unasked", "verdicts"),
    [
        (AT_THE_THIRD.format(does="pass"), 0, []),
        # Other workers are asked the rest, each two images before it dies at its third.
        (AT_THE_THIRD.format(does="__import__('os')._exit(3)"), 0, [Verdict.CRASH] * (TOTAL // 3)),
        (AT_THE_THIRD.format(does="x = bytearray(b'x') * (3 << 30)"), TOTAL - 3, [Verdict.MEMORY]),
        (AT_THE_THIRD.format(does="print('x' * 10_000_000); import time; time.sleep(99)"), TOTAL - 3, [Verdict.OUTPUT]),
        ("def predict(image): __import__('os')._exit(3)", TOTAL - 3, [Verdict.CRASH] * 3),
        ("1 / 0", TOTAL, []),
        ("__import__('os')._exit(3)", TOTAL, [Verdict.CRASH]),
    ],
    ids=["whole", "crashes", "memory", "output", "crashes at once", "no import", "crash in the import"],
)  # fmt: skip
def test_the_images_that_nobody_was_asked_about_are_counted(sandbox, split, source, unasked, verdicts):
    place, _, rules = sandbox(source, Namespaces())
    answers = interview([place.launch], split, rules, seed=0)
    assert answers.unasked == unasked
    assert [stop.verdict for stop in answers.stops] == verdicts


@pytest.mark.parametrize("isolation", [Namespaces, PlainProcess])
def test_a_program_of_ours_is_not_held_to_the_students_processor_time(sandbox, split, tmp_path, isolation):
    place, submission, rules = sandbox(WORKS, isolation(), processor_seconds=0.5)
    (tmp_path / "own").mkdir()

    student = interview([place.launch], split, rules, seed=0)
    own = interview([place.over_our_own(submission, tmp_path / "own").launch], split, rules, seed=0)

    assert [stop.reason for stop in student.stops] == [StopReason.PROCESSOR_TIME]
    assert (own.stops, own.unasked) == ((), 0)
