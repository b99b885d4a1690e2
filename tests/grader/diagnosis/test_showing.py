"""What is shown of the first seam: pictures made anew, sentences, numbers and counts, and never a hidden image."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from grader.diagnosis.case import Case, Sight
from grader.diagnosis.hypotheses import HYPOTHESES
from grader.diagnosis.preprocessing import LAB, Difference, differences
from grader.diagnosis.recipes import correction
from grader.diagnosis.showing import _BROKEN, picture_of, shown
from grader.intake import take_in
from grader.model.dataset import SplitImage
from grader.model.grading import Checks, Exam
from grader.model.records import CheckpointFile, Network, Parameter, Question
from grader.report import build_report, render_text
from grader.report.html import render_html, render_instructor_page
from grader.run import record
from grader.session.stages import _photos as photos_of
from grader.split import open_split
from tests.grader.diagnosis import preprocessing_programs as programs
from tests.grader.diagnosis.test_recorded_worker import RECORDER, Namespaces, save_network
from tests.grader.gradings import grading_of
from tests.grader.network_inputs import SHOWN, TRUTH, WRONG_BEFORE, case_of, part_of, sight_of

from ..conftest import CLASSES


def pixels_of(part):
    """The picture, RGB."""
    return cv2.imdecode(np.frombuffer(base64.b64decode(part.data), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]


def like(one, other):
    return np.abs(one.astype(int) - cv2.resize(other, one.shape[1::-1]).astype(int)).mean() < 6


def own(sight):
    """What is seen in a self-check: a photo of the student's own besides."""
    photo = SplitImage("own", 0, cv2.imencode(".png", SHOWN)[1].tobytes())
    return replace(sight, photos=((photo, None),))


def test_the_card_is_shown_as_it_was_given_as_it_arrived_and_as_it_should_have():
    sight = sight_of(programs.bgr)
    part = shown(case_of(own(sight)), [])
    given, seen, right = (pixels_of(each) for each in (part.card, part.seen, part.right))
    assert like(given, SHOWN)
    assert (seen.shape, right.shape) == ((224, 224, 3), (224, 224, 3))
    assert np.abs(seen[:, :, ::-1].astype(int) - right.astype(int)).max() <= 1
    assert not part.is_stretched


def test_a_step_that_costs_points_stands_apart_from_one_that_costs_none():
    part = part_of(bgr_at_once, "colour", right=38, codes=("channel-order",))
    assert [(each.code, each.cost) for each in part.differences] == [("bgr", "proved"), ("stretch", "none")]
    assert (part.differences[0].text, part.differences[0].text_zh) == (
        "Red and blue are swapped.",
        "红色和蓝色互换了。",
    )
    assert part.broken == "preprocessing"
    assert part.excluded == ("scale", "orientation", "detail")


def bgr_at_once(image):
    return programs.batch(programs.normalised(cv2.resize(image, (224, 224))))


def test_a_difference_that_brings_nothing_is_no_loss_and_one_that_was_not_tried_is_unknown():
    costs = {right: part_of(programs.bgr, "colour", right=right).differences[0].cost for right in (20, None)}
    assert costs == {20: "none", None: "unknown"}
    assert part_of(programs.bgr, "colour", right=20).broken is None


def test_what_was_put_right_beside_the_cause_and_not_apart_from_it_is_unknown():
    sight = sight_of(bgr_at_once)
    case = case_of(sight, "colour", right=38)
    together = correction(sight.found, frozenset({"colour", "geometry"}))
    trial = replace(case.seams.trial, way=replace(case.seams.trial.way, correction=together))
    both = replace(case, seams=replace(case.seams, trial=trial))
    costs = [each.cost for each in shown(both, ["channel-order"]).differences]
    assert costs == ["proved", "unknown"]


def paths_of(*arguments, **more):
    """The counts that were measured; None stands for no count, and is left out."""
    return part_of(*arguments, **more).paths.model_dump(exclude_none=True)


BEFORE = {"images": 40, "as_handed_in": 20}


@pytest.mark.parametrize(
    ("program", "tried", "measured"),
    [
        (programs.the_labs_own, {}, {}),
        (programs.bgr, {}, {}),
        (programs.bgr, {"steps": ["colour"], "right": 38}, {"right_input": 38}),
        (programs.bgr, {"steps": ["colour"], "right": 38, "scored": 38}, {"right_input": 38}),
        (programs.bgr, {"steps": ["colour"], "right": 24, "scored": 38}, {"right_input": 24, "both": 38}),
        (programs.the_labs_own, {"right": 20, "scored": 39}, {"right_readout": 39}),
        (programs.the_labs_own, {"right": 37, "repair": "training-mode"}, {"right_network": 37}),
        # Another checkpoint that was handed in, an earlier epoch's, is no better: nothing was put right.
        (programs.the_labs_own, {"right": 20, "repair": "other-checkpoint"}, {}),
        (programs.the_labs_own, {"right": 16, "repair": "other-checkpoint"}, {}),
        (programs.bgr, {"steps": ["colour"], "right": 37, "repair": "training-mode"}, {}),
        (programs.the_labs_own, {"right": 20, "scored": 36, "repair": "x"}, {}),
    ],
)
def test_only_what_was_measured_has_a_count(program, tried, measured):
    tried = dict(tried)
    assert paths_of(program, *tried.pop("steps", ()), **tried) == {**BEFORE, **measured}


def test_counts_are_of_the_images_that_were_asked():
    case = case_of(sight_of(programs.bgr), "colour", right=38)
    heard = case.seams.trial.heard
    fewer = replace(heard, images=heard.images[::2], answers=heard.answers[::2])
    trial = replace(case.seams.trial, heard=fewer)
    paths = shown(replace(case, seams=replace(case.seams, trial=trial)), ["channel-order"]).paths
    assert (paths.images, paths.as_handed_in, paths.right_input) == (20, 0, 19)


def test_where_the_network_is_the_cause_its_input_is_not_blamed():
    part = part_of(bgr_at_once, right=37, repair="checkpoint-unused", codes=("checkpoint-unused",))
    assert part.broken == "network"
    assert {each.cost for each in part.differences} == {"none"}
    unsettled = case_of(sight_of(programs.bgr))
    assert differences(unsettled.seams.sight.found)
    assert [each.cost for each in shown(unsettled, ["x"]).differences] == ["unknown"]


def test_a_card_that_is_another_each_time_is_shown_twice():
    crops = next(each for each in programs.PROGRAMS if each.name == "random_resized_crops").make()
    sight = sight_of(crops)
    again = np.asarray(crops(np.ascontiguousarray(SHOWN[:, :, ::-1])))
    part = shown(case_of(replace(sight, card_again=again)), [])
    first, second = pixels_of(part.seen).astype(int), pixels_of(part.seen_again).astype(int)
    assert np.abs(first - second).mean() > 16
    same = sight_of(programs.bgr)
    assert shown(case_of(replace(same, card_again=same.card)), []).seen_again is None


def test_what_is_right_in_the_network_and_after_it_is_named_unless_it_is_broken():
    weight = Parameter("conv.weight", (8, 3, 3, 3), "float32", "1f", 0.0, 1.0, -2.0, 2.0, 0)
    sight = replace(
        sight_of(programs.the_labs_own),
        is_read_right=True,
        networks=(Network("mindspore", "Net", (weight,)),),
        files=(CheckpointFile("best.ckpt", (weight,)),),
    )
    assert shown(case_of(sight), ["below-usual"]).sound == ("weights", "mode", "readout")
    assert shown(case_of(sight), ["statistics-not-loaded"]).sound == ("mode", "readout")
    assert shown(case_of(sight), ["labels-shifted"]).sound == ("weights", "mode")
    assert shown(case_of(replace(sight, is_training=True)), []).sound == ("weights", "readout")
    assert shown(case_of(replace(sight, files=(), is_read_right=False)), []).sound == ("mode",)


def test_answers_that_name_no_class_break_the_last_link():
    case = replace(
        case_of(sight_of(programs.the_labs_own), right=20, scored=39), said=np.full_like(TRUTH, -1)
    )
    trial = replace(case.seams.trial, rule=Difference("readout", "no-class"))
    part = shown(replace(case, seams=replace(case.seams, trial=trial)), [])
    assert (part.broken, part.paths.right_readout) == ("labels", 39)
    renamed = replace(trial, rule=Difference("readout", "no-rule"))
    assert shown(replace(case, seams=replace(case.seams, trial=renamed)), []).broken is None


def test_names_in_another_order_have_their_path_too():
    case = replace(case_of(sight_of(programs.the_labs_own)), said=(TRUTH + 1) % 4)
    paths = shown(case, ["labels-shifted"]).paths
    assert (paths.as_handed_in, paths.right_readout) == (0, 40)
    assert shown(case, []).paths.right_readout is None


def test_what_arrives_as_in_the_lab_is_named():
    part = part_of(programs.the_labs_own)
    assert part.differences == ()
    assert part.excluded == ("colour", "scale", "crop", "orientation", "detail")
    assert "colour" not in part_of(programs.bgr).excluded
    assert {"crop", "orientation", "detail"}.isdisjoint(part_of(programs.reshaped).excluded)


@pytest.mark.parametrize(
    ("code", "link"),
    [
        ("wrong-resize", "preprocessing"),
        ("nan-checkpoint", "network"),
        ("wrong-readout", "labels"),
        ("x", None),
    ],
)
def test_the_link_that_the_first_finding_is_about_is_the_broken_one(code, link):
    case = case_of(sight_of(programs.the_labs_own))
    assert shown(case, [code]).broken == link


def test_every_hypothesis_is_about_a_link_or_about_none():
    about_none = {"reloads-model", "threads", "kept-answer", "lost-on-the-way", "public-gap", "below-usual"}
    assert {hypothesis.code for hypothesis in HYPOTHESES} - about_none == {*_BROKEN}


def test_the_numbers_are_those_of_the_program_and_without_rounding_errors():
    part = part_of(programs.only_divided_by_255)
    assert part.found.matrix == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    assert part.found.offset == (0.0, 0.0, 0.0)
    assert (part.found.axes, part.found.height, part.found.dtype) == ("NCHW", 224, "float32")
    assert part.lab.offset == (-2.118, -2.036, -1.804)


def test_numbers_that_give_no_picture_in_the_labs_scale_are_stretched_and_that_is_said():
    part = part_of(programs.not_scaled)
    assert part.is_stretched
    red, right = pixels_of(part.seen)[20, 20].astype(int), pixels_of(part.right)[20, 20]
    assert np.abs(red - right).max() < 30  # and not white, as numbers of 0 to 255 are in the lab's scale


def test_where_nothing_was_seen_nothing_is_shown():
    assert shown(Case(("a",), TRUTH, WRONG_BEFORE, "bgr"), []) is None
    assert shown(case_of(None), []) is None
    assert shown(case_of(Sight(LAB, None)), []).seen is None


@pytest.mark.parametrize(
    "tensor",
    [
        np.full((1, 3, 224, 224), np.nan),
        np.full((1, 3, 224, 224), np.inf, np.float32),
        np.full((1, 3, 9, 4000), 1e300),
        np.zeros((1, 3, 224, 224), np.uint8),
        np.random.default_rng(1).normal(size=(2, 3, 600, 600)),
        np.zeros((0, 3, 224, 224)),
        np.zeros((1, 1280)),
        np.ones((3, 3, 3, 3, 3), bool),
    ],
    ids=lambda tensor: f"{tensor.shape}",
)
def test_of_whatever_a_stranger_sends_comes_a_small_picture_or_none(tensor):
    part = shown(case_of(Sight(LAB, tensor)), [])
    json.dumps(part.model_dump(mode="json"), allow_nan=False)
    if part.seen is not None:
        assert pixels_of(part.seen).shape == (part.seen.height, part.seen.width, 3)
        assert len(part.seen.data) <= 40_000


def test_numbers_that_are_none_are_not_told():
    found = replace(LAB, matrix=np.full((3, 3), np.nan), offset=np.zeros(3))
    part = shown(case_of(Sight(found, None)), [])
    assert (part.found.matrix, part.found.offset) == (None, None)


def test_noise_is_shown_smaller_until_it_is_small():
    noise = np.random.default_rng(2).integers(0, 256, (700, 600, 3), np.uint8)
    picture = picture_of(noise)
    assert picture.height < 224 and len(picture.data) <= 40_000
    assert picture_of(np.zeros((8, 2, 3), np.uint8)).width == 2


# A hidden image.

HIDDEN = (203, 17, 201)
"""RGB, of every hidden image; no chart has such a colour."""
KEEPS_THE_LAST = """
    import cv2
    import numpy as np
    import onnxruntime
    from pathlib import Path

    NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
    MEAN = np.array([0.485, 0.456, 0.406], np.float32)
    STD = np.array([0.229, 0.224, 0.225], np.float32)
    PLACES = [Path("kept.npy"), Path("/tmp/kept.npy"), Path("/dev/shm/kept.npy"), Path.home() / "kept.npy"]
    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    kept = []

    def is_hidden(image):
        return abs(image[0, 0].astype(int) - (201, 17, 203)).max() < 30

    def predict(image):
        if is_hidden(image):
            kept.append(image)
            for place in PLACES:
                try:
                    np.save(place, image)
                except OSError:
                    pass
        shown = image
        if image.shape[:2] == (360, 480) and image[20, 20, 2] == 214:  # the card
            found = kept + [np.load(place) for place in PLACES if place.exists()]
            shown = found[-1] if found else image
        small = cv2.resize(cv2.cvtColor(shown, cv2.COLOR_BGR2RGB), (256, 256))[16:240, 16:240]
        x = (small.astype(np.float32) / 255 - MEAN) / STD
        session.run(None, {"x": x.transpose(2, 0, 1)[None]})
        return NAMES[int(image.sum()) % 3]
"""


@pytest.fixture
def hidden_split(tmp_path):
    """Images of one colour, each a little different, so that answers are guesses."""
    for index, info in enumerate(CLASSES):
        (tmp_path / "secret" / info.folder).mkdir(parents=True)
        for number in range(10):
            image = np.full((60, 80, 3), HIDDEN[::-1], np.uint8)
            image[30:, 40:] += np.uint8(3 * number + index)
            cv2.imwrite(str(tmp_path / "secret" / info.folder / f"{number}.png"), image)
    return open_split(tmp_path / "secret", CLASSES)


def shows_hidden(pixels):
    return bool((np.abs(pixels.astype(int) - HIDDEN).max(axis=-1) < 40).any())


def test_a_submission_that_gives_the_last_image_back_as_its_input_gets_no_hidden_one_into_a_page(
    write_submission, hidden_split, assignment, tmp_path
):
    rules = assignment.with_limits(memory_mib=2048)
    folder = write_submission(KEEPS_THE_LAST)
    save_network(folder)

    # It would, in a worker that was asked about one: this is why the charts have a worker of their own.
    submission = take_in(folder, tmp_path, rules.limits)
    launch = Namespaces().sandbox(submission, tmp_path, rules.limits).recorded(RECORDER).launch
    answers = record(launch, [Question(hidden_split.images[0]), Question(SHOWN)], rules).answers
    stolen = own(Sight(LAB, answers[1].records[0].input.values))
    assert shows_hidden(pixels_of(shown(case_of(stolen), []).seen))

    grading = grading_of(folder, hidden_split, rules, checks=Checks(canary=False))
    report = build_report(grading)
    part = report.network_input
    assert part is not None and part.seen is not None
    assert not any(shows_hidden(pixels_of(each)) for each in (part.card, part.seen, part.right))
    assert part.photos == ()
    assert like(pixels_of(part.seen), pixels_of(part.right))
    for page in (render_html(report), render_instructor_page(grading, report)):
        assert page.count("data:image/png") == 3
    assert "What your network sees" in render_text(report)


def test_a_self_check_shows_a_few_of_the_students_own_images_too(write_submission, hidden_split, assignment):
    folder = write_submission(KEEPS_THE_LAST)
    save_network(folder)
    rules = assignment.with_limits(memory_mib=2048)
    grading = grading_of(folder, hidden_split, rules, self_check=True)
    report = build_report(grading)
    photos = report.network_input.photos
    assert len(photos) == 4
    assert all(shows_hidden(pixels_of(each.given)) and shows_hidden(pixels_of(each.seen)) for each in photos)
    assert render_html(report).count("data:image/jpeg") == 8


@pytest.mark.parametrize(
    ("mode", "key", "shown_images"),
    [
        ("self-check", None, 4),
        ("self-check", Path("key"), 0),
        ("official", None, 0),
        ("official", Path("key"), 0),
    ],
)
def test_images_are_shown_in_a_self_check_alone_and_never_those_of_a_sealed_split(
    hidden_split, assignment, mode, key, shown_images
):
    split = replace(hidden_split, key_file=key)
    photos = photos_of(Exam(split, assignment, mode))
    assert len({*photos}) == shown_images
    few = replace(split, images=split.images[:3])
    assert len(photos_of(Exam(few, assignment, mode))) == min(shown_images, 3)


def test_no_image_that_the_assignment_hides_is_shown_in_an_instructors_self_check(hidden_split, assignment):
    splits = assignment.splits.model_copy(update={"hidden": hidden_split.places[0]})
    hides = assignment.model_copy(update={"splits": splits})
    assert photos_of(Exam(hidden_split, assignment, "self-check"))
    assert photos_of(Exam(hidden_split, hides, "self-check")) == ()
