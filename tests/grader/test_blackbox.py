"""Asking the submission itself about altered images, in the sandbox."""

import cv2
import numpy as np
import pytest

from grader.diagnosis import diagnosis
from grader.grading import Checks, run_grading
from grader.split import SplitImage, split_of

from .conftest import CLASSES

CHECKS = Checks(canary=False, replay=False)
IMAGES = 45


@pytest.fixture(autouse=True)
def time_enough(monkeypatch):
    monkeypatch.setattr(diagnosis, "BUDGET", 100.0)


@pytest.fixture
def split():
    """The class is told by the blue of the first row; red and the last row tell nothing."""
    images = []
    for number in range(IMAGES):
        label = number % len(CLASSES)
        other = int(np.random.default_rng(number).integers(3))
        pixels = np.full((20 + number % 5, 12, 3), 80 * other + 40, np.uint8)
        pixels[0, :, 0] = 80 * label + 40
        images.append(SplitImage(f"{label}/{number}.png", label, cv2.imencode(".png", pixels)[1].tobytes()))
    return split_of(images, places=())


ANSWER = """
    NAMES = ["Plastic Bottle", "Hats", "Newspaper"]

    def predict(image):
        return NAMES[int(image[{row}, 0, {channel}]) // 80]
"""


@pytest.mark.parametrize(
    ("row", "channel", "code"), [(0, 2, "channel-order"), (-1, 0, "turned"), (0, 0, None), (5, 1, None)]
)
def test_an_alteration_that_undoes_the_mistake_names_it(
    row, channel, code, split, write_submission, assignment
):
    outcome = run_grading(
        write_submission(ANSWER.format(row=row, channel=channel)), split, assignment, checks=CHECKS
    )
    assert not outcome.failure
    codes = [finding.code for finding in outcome.report.findings if finding.code != "demo-split"]
    assert codes == ([code] if code else [])
    assert (outcome.report.score.correct == IMAGES) == ((row, channel) == (0, 0))


def test_a_submission_that_fails_when_asked_again_keeps_its_score(split, write_submission, assignment):
    source = """
        import numpy as np

        def predict(image):
            if image.shape[0] < image.shape[1]:
                raise SystemExit("a picture on its side")
            return "Hats"
    """
    outcome = run_grading(write_submission(source), split, assignment, checks=CHECKS)
    assert (outcome.report.score.correct, outcome.failure) == (IMAGES // 3, "")
    assert outcome.report.checks.diagnosis == "done"
