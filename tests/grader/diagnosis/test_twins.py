"""Programs that answer as the lab's way does with a mistake in it."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from src_mindspore.engine.graph import INPUT_NAME, OUTPUT_NAME, build_graph
from src_mindspore.transforms import evaluation_transform

from grader.diagnosis.case import FileTrial, Seams, Sight, Trial, Twin
from grader.diagnosis.experiments import PROGRAM
from grader.diagnosis.hypotheses import HYPOTHESES, After
from grader.diagnosis.twins import OF_THE_NETWORK, WAYS, Way, choose, run_twins
from grader.wording import table
from tests.grader.diagnosis.test_checkpoint import random_backbone
from tests.grader.diagnosis.test_diagnosis import CLASSES, TRUTH, case_of, every_code, mostly_right

ALL = np.arange(len(TRUTH))
PICTURE = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
LAB, STRETCHED = Way(), Way({"stretch"})
PREPARE = """
import json, sys, numpy
sys.path.insert(0, sys.argv[1])
from twins import prepared
image = numpy.load(sys.argv[2])
print(json.dumps([prepared(image, way)[:, ::37, ::41].tolist() for way in json.loads(sys.argv[3])]))
"""


def test_every_mistake_has_words_in_both_languages():
    mistakes = {mistake for way in WAYS for mistake in way} - {"stretch"}
    assert {*table("twins")} == mistakes
    assert {*OF_THE_NETWORK} <= mistakes
    assert len({*WAYS}) == len(WAYS)
    assert all(Way(way - {"stretch"}) in WAYS for way in WAYS)


# What a twin is given and computes.


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twins")
    np.save(folder / "image.npy", PICTURE)
    ways = [sorted(way) for way in WAYS]
    command = [
        sys.executable,
        "-c",
        PREPARE,
        str(PROGRAM.parent),
        str(folder / "image.npy"),
        json.dumps(ways),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(zip(WAYS, np.array(json.loads(done.stdout)), strict=True))


def pixels(resized=256):
    scaled = evaluation_transform(PICTURE, resized)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return (scaled * std[:, None, None] + mean[:, None, None])[:, ::37, ::41]


@pytest.mark.parametrize(
    ("mistakes", "expected"),
    [
        ((), lambda x: (x - M) / S),
        (("raw",), lambda x: x * 255),
        (("unit",), lambda x: x),
        (("signed",), lambda x: 2 * x - 1),
        (("unscaled",), lambda x: (255 * x - M) / S),
        (("twice",), lambda x: (x / 255 - M) / S),
        (("no-std",), lambda x: x - M),
        (("no-mean",), lambda x: x / S),
        (("std-mean",), lambda x: (x - S) / M),
        (("bgr",), lambda x: (x[::-1] - M) / S),
        (("bgr", "unit"), lambda x: x[::-1]),
    ],
)
def test_a_picture_is_prepared_with_the_mistake(inputs, mistakes, expected):
    for place, resized in (((), 256), (("stretch",), 224)):
        given = inputs[Way((*mistakes, *place))]
        np.testing.assert_allclose(given, expected(pixels(resized)), rtol=1e-3, atol=2e-3)


M, S = np.array([0.485, 0.456, 0.406])[:, None, None], np.array([0.229, 0.224, 0.225])[:, None, None]


def test_what_a_mistake_of_the_network_computes(tmp_path):
    """Each changes the answer, and three are checked by a forward pass of their own."""
    rng = np.random.default_rng(1)
    network = random_backbone(rng)
    sys.path.insert(0, str(PROGRAM.parent))
    try:
        import twins
    finally:
        sys.path.remove(str(PROGRAM.parent))
    image = evaluation_transform(PICTURE)[None]

    def maps(*mistakes, parameters=network):
        model = twins.rewired(build_graph(twins.changed(parameters, mistakes), pooled=False), mistakes)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run([OUTPUT_NAME], {INPUT_NAME: image})[0]

    whole = maps()
    of_the_backbone = {*OF_THE_NETWORK} - {"no-bias", "head-reshaped", "max-pooled"}
    for mistake in sorted(of_the_backbone):
        assert not np.allclose(maps(mistake), whole, rtol=1e-2), mistake
    by_hand = {name: array * (0 if name.endswith("beta") else 1) for name, array in network.items()}
    np.testing.assert_allclose(maps("no-beta"), maps(parameters=by_hand), rtol=1e-4, atol=1e-5)
    by_hand = {
        name: (array + np.float32(1e-5)) ** 2 - np.float32(1e-5)
        if name.endswith("moving_variance")
        else array
        for name, array in network.items()
    }
    assert np.abs(maps("no-sqrt") - maps(parameters=by_hand)).max() < 0.01  # of 0 to 6
    assert maps("no-relu6").min() < 0 <= maps("relu").min()
    assert maps("relu").max() > 6 >= maps("relu6-everywhere").max()

    weight, bias = rng.normal(size=(5, 8)), rng.normal(size=5)
    features = rng.normal(size=8)
    other, same = twins.with_head((weight, bias), ["head-reshaped"])
    np.testing.assert_allclose(other @ features, features @ weight.reshape(8, 5))
    assert (same == bias).all()
    assert not twins.with_head((weight, bias), ["no-bias"])[1].any()
    assert (twins.pooled(features.reshape(2, 2, 2), ["max-pooled"]) == features.reshape(2, 4).max(1)).all()


# Which twin a program has.


def lost(said):
    right = mostly_right(5)
    return case_of(said, files=(FileTrial("weights.npz", Trial(ALL, right)),)), right


def answers(*columns):
    return np.stack(columns, axis=1)


def said_otherwise(seed):
    return np.random.default_rng(seed).integers(0, CLASSES, len(TRUTH))


def test_the_twin_that_answers_as_the_program_does_names_the_mistake():
    case, right = lost(said_otherwise(1))
    ways = [LAB, STRETCHED, Way({"no-sqrt"}), Way({"raw"})]
    twin = choose(case, ALL, answers(right, right, case.said, said_otherwise(2)), ways)
    assert (twin.mistakes, twin.alike) == ({"no-sqrt"}, len(TRUTH))
    assert (twin.mended.answers == right).all()
    told = replace(case, twin=twin)
    assert every_code(case) == ["lost-on-the-way"]
    assert every_code(told) == ["wrong-forward-pass"]
    (found,) = [row.explain(told).finding for row in HYPOTHESES if row.code == "wrong-forward-pass"]
    assert found.rationale.startswith(
        "If batch normalisation divides by the variance, not by its square root, your checkpoint answers as "
        f"your program does for {len(TRUTH)} of {len(TRUTH)} images"
    )
    assert "96.2 % right instead of" in found.rationale
    assert "如果批归一化除以的是方差" in found.rationale_zh


@pytest.mark.parametrize(
    ("mistakes", "code"),
    [
        ({"bgr"}, "channel-order"),
        ({"unit"}, "wrong-scale"),
        ({"scrambled"}, "wrong-layout"),
        ({"bgr", "raw"}, "wrong-preprocessing"),
        ({"statistics-not-loaded"}, "statistics-not-loaded"),
        ({"no-shortcut"}, "wrong-forward-pass"),
    ],
)
def test_each_mistake_has_a_finding(mistakes, code):
    case, right = lost(said_otherwise(1))
    twin = Twin(frozenset(mistakes), 120, 10, Trial(ALL, right), len(WAYS))
    assert every_code(replace(case, twin=twin)) == [code]


def test_of_two_that_answer_alike_the_simpler_is_told_and_of_equals_none():
    case, right = lost(said_otherwise(1))
    same = answers(right, right, case.said, case.said)
    both = choose(case, ALL, same, [LAB, STRETCHED, Way({"raw", "bgr"}), Way({"raw"})])
    assert both.mistakes == {"raw"}
    assert choose(case, ALL, same, [LAB, STRETCHED, Way({"raw"}), Way({"unit"})]) is None


def test_to_resize_at_once_is_no_mistake_and_what_is_promised_keeps_it():
    case, right = lost(said_otherwise(1))
    ways = [LAB, STRETCHED, Way({"raw", "stretch"}), Way({"raw"})]
    stretched = mostly_right(9)
    twin = choose(case, ALL, answers(right, stretched, case.said, said_otherwise(2)), ways)
    assert (twin.mistakes, twin.mended.answers.tolist()) == ({"raw"}, stretched.tolist())
    own = case_of(stretched)
    assert choose(own, ALL, answers(right, stretched, said_otherwise(2), said_otherwise(3)), ways) is None


def test_a_twin_that_gives_hardly_more_of_the_answers_is_none():
    case, right = lost(said_otherwise(1))
    ways = [LAB, STRETCHED, Way({"raw"})]
    half = np.where(ALL % 2, case.said, said_otherwise(2))
    assert choose(case, ALL, answers(right, right, half), ways) is None


class Unasked:
    """A graded run whose checkpoint must not be run again."""

    def __getattr__(self, name):
        pytest.fail(f"asked for {name}")


def test_no_twin_is_looked_for_where_a_network_was_seen_or_nothing_is_lost_or_all_answers_are_one():
    case, right = lost(said_otherwise(1))
    assert run_twins(Unasked(), replace(case, seams=Seams(Sight(None)))) is None
    assert run_twins(Unasked(), replace(case, said=right)) is None
    assert run_twins(Unasked(), replace(case, said=np.full_like(right, 3))) is None
    assert {row.after for row in HYPOTHESES if row.code == "lost-on-the-way"} == {After.TWINS}
