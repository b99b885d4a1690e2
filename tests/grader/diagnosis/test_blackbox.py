"""Asking the submission itself about altered images, in the sandbox."""

import cv2
import numpy as np
import pytest

from grader.diagnosis.evidence import fisher_greater
from grader.diagnosis.experiments import ALTERATIONS, _altered
from grader.model.assignment import Splits
from grader.model.dataset import SplitImage, split_of
from grader.model.grading import Checks, Exam
from grader.report import build_report
from grader.session import Session
from grader.split import decoded, open_split, public_split
from tests.grader.conftest import CLASSES
from tests.grader.gradings import grading_of

CHECKS = Checks(canary=False, replay=False)
IMAGES = 45


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
    outcome = grading_of(
        write_submission(ANSWER.format(row=row, channel=channel)), split, assignment, checks=CHECKS
    )
    assert not outcome.trace
    codes = [finding.code for finding in outcome.findings if finding.code != "demo-split"]
    assert codes == ([code] if code else [])
    assert (build_report(outcome).score.correct == IMAGES) == ((row, channel) == (0, 0))


@pytest.mark.parametrize(("kept", "is_found"), [("kept[0]", True), ("'Hats'", False), ("said", False)])
def test_an_answer_that_is_kept_is_told_from_one_that_is_always_the_same(
    kept, is_found, split, write_submission, assignment
):
    source = f"""
        NAMES, kept = ["Plastic Bottle", "Hats", "Newspaper"], []

        def predict(image):
            said = NAMES[int(image[0, 0, 0]) // 80]
            kept.append(said)
            return {kept}
    """
    outcome = grading_of(write_submission(source), split, assignment, checks=CHECKS)
    assert not outcome.trace
    codes = [finding.code for finding in outcome.findings]
    assert ("kept-answer" in codes) == is_found, codes


def public_folder(tmp_path):
    """Images of which every row tells the class."""
    for number in range(60):
        label = number % len(CLASSES)
        pixels = np.full((30 + number, 12, 3), 80 * label + 40, np.uint8)
        folder = tmp_path / "public" / CLASSES[label].folder
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{number:03d}.png"), pixels)
    return tmp_path / "public"


@pytest.mark.parametrize(("row", "channel", "is_found"), [(5, 1, True), (0, 0, False)])
def test_what_was_learnt_by_heart_shows_in_the_public_images(
    row, channel, is_found, split, write_submission, assignment, tmp_path
):
    """Green tells the class of a public image, of a hidden one nothing; blue of the first row tells it in both."""
    public = open_split(public_folder(tmp_path), CLASSES)
    session = Session(Exam(split, assignment, checks=CHECKS, public=public))
    outcome = session.grade(write_submission(ANSWER.format(row=row, channel=channel)))
    assert not outcome.trace
    found = {finding.code: finding for finding in outcome.findings}
    assert ("public-gap" in found) == is_found
    if is_found:
        assert "predict() gets 100.0 % of 45 public images right" in found["public-gap"].rationale


def test_an_assignments_own_public_images_are_asked_where_they_can_be_read(split, assignment, tmp_path):
    def rules(path):
        return assignment.model_copy(update={"splits": Splits(public=str(path))})

    folder = public_folder(tmp_path)
    assert len(public_split(rules(folder)).images) == 60
    assert public_split(rules(tmp_path / "absent")) is None
    assert public_split(rules(tmp_path)) is None
    assert public_split(assignment) is None


def test_fishers_exact_test_agrees_with_scipy():
    from scipy.stats import fisher_exact

    for table in ((60, 60, 20, 45), (5, 9, 4, 9), (0, 3, 2, 4), (3, 3, 0, 4)):
        right, total, other, others = table
        expected = fisher_exact([[right, total - right], [other, others - other]], alternative="greater")[1]
        assert fisher_greater(*table) == pytest.approx(expected)


def test_a_submission_that_fails_when_asked_again_keeps_its_score(split, write_submission, assignment):
    source = """
        import numpy as np

        def predict(image):
            if image.shape[0] < image.shape[1]:
                raise SystemExit("a picture on its side")
            return "Hats"
    """
    outcome = grading_of(write_submission(source), split, assignment, checks=CHECKS)
    assert (build_report(outcome).score.correct, outcome.trace) == (IMAGES // 3, "")
    assert build_report(outcome).checks.diagnosis == "done"


def test_an_altered_copy_of_a_decoded_image_shows_the_altered_picture(split):
    image = decoded(split, "bgr").images[0]
    for name, alter in ALTERATIONS.items():
        assert (_altered(image, name).pixels("bgr") == alter(image.pixels("bgr"))).all()
