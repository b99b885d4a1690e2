"""A correction gives what the mended program gives, and only what can be put right by itself has one."""

import cv2
import numpy as np
import pytest

from grader.diagnosis.identify import identify
from grader.diagnosis.preprocessing import LAB, PIXELS, Difference, differences
from grader.diagnosis.recipes import STEPS, correction, corrections, other_standards, steps_that_differ
from tests.grader.diagnosis import preprocessing_programs as programs
from tests.grader.diagnosis.preprocessing_programs import (
    MEAN,
    PROGRAMS,
    STD,
    batch,
    centre,
    lab,
    normalised,
    normalised_bgr,
    pixels,
    rgb_of,
    squash,
)
from tests.grader.diagnosis.test_identify import asked

GREY = np.array([0.299, 0.587, 0.114])
BY_NAME = {program.name: program for program in PROGRAMS}


@pytest.fixture(scope="module")
def photo():
    """A smooth picture of many colours, BGR."""
    noise = np.random.default_rng(1).integers(0, 256, (15, 20, 3), dtype=np.uint8)
    return cv2.resize(noise, (480, 360), interpolation=cv2.INTER_CUBIC)


def applied(made, tensor, photo):
    """What the network gets: the student's tensor, or the lab's picture, by matrix and offset."""
    colours = pixels(photo) if made.recipe.source == "image" else tensor[0].transpose(1, 2, 0)
    return (colours.astype(np.float64) @ np.array(made.recipe.matrix).T + made.recipe.offset).transpose(
        2, 0, 1
    )[None]


MENDED = {
    # name: {steps that are put right: the program as it would be then}
    "bgr": {"colour": lab},
    "bgr_with_its_own_mean_and_std": {"colour": lab},
    "channels_rolled": {"colour": lab},
    "negative": {"colour": lab},
    "half_the_saturation": {"colour": lab},
    "only_divided_by_255": {"scale": lab},
    "std_and_mean_exchanged": {"scale": lab},
    "divided_by_255_twice": {"scale": lab},
    "not_scaled": {"scale": lab},
    "stretched": {"geometry": lab},
    "upside_down": {"geometry": lab},
    "reshaped": {"geometry": lab},
    "blurred": {"geometry": lab},
    "transposed_backwards": {"geometry": lab},
    "clipped_after_mean_and_std": {"scale": lab},
    "own_mean_and_std": {"scale": lab},
    "divided_as_integers_bgr": {"scale": programs.bgr, "colour scale": lab},
    "grey_three_times": {"colour": lab},
    "hsv": {"colour scale geometry": lab},
    "bgr_stretched": {
        "colour": programs.stretched,
        "geometry": programs.bgr,
        "colour geometry": lab,
    },
    "bgr_without_std": {
        "colour": lambda image: batch(pixels(image) / 255.0 - MEAN),
        "scale": programs.bgr,
        "colour scale": lab,
    },
    "bgr_upside_down": {
        "colour": programs.upside_down,
        "geometry": programs.bgr,
        "colour geometry": lab,
    },
    "bgr_stretched_unit": {
        "colour": lambda image: batch(squash(rgb_of(image), 224) / 255.0),
        "scale": programs.bgr_stretched,
        "geometry": lambda image: batch(centre(squash(image)) / 255.0),
        "colour scale": programs.stretched,
        "colour geometry": lambda image: batch(pixels(image) / 255.0),
        "scale geometry": programs.bgr,
        "colour scale geometry": lab,
    },
    "bgr_negative_unit": {
        "colour": programs.only_divided_by_255,
        "scale": lambda image: batch(normalised(255 - centre(squash(image)))),
        "colour scale": lab,
    },
    "grey_stretched": {  # the colours are not in the tensor any more
        "geometry": lambda image: batch(normalised((pixels(image) @ GREY)[:, :, None].repeat(3, axis=2))),
        "colour geometry": lab,
    },
    "reshaped_bgr_stretched": {
        "geometry": programs.bgr,
        "colour geometry": lab,
    },
    "mirrored_stretched_without_mean": {
        "scale": lambda image: batch(normalised(squash(rgb_of(image)[:, ::-1], 224))),
        "geometry": lambda image: batch(pixels(image) / 255.0 / STD),
        "scale geometry": lab,
    },
}


@pytest.mark.parametrize("name", MENDED)
def test_a_correction_gives_what_the_mended_program_gives(name, photo):
    prepare = BY_NAME[name].make()
    made = {frozenset(each.steps): each for each in corrections(identify(asked(prepare)))}
    expected = {frozenset(steps.split()): mended for steps, mended in MENDED[name].items()}
    assert set(made) == set(expected)
    for steps, mended in expected.items():
        right = mended(photo)
        # Rounding to bytes on the way, as of a grey picture, is half a level.
        level = np.ptp(right) / 255
        assert np.abs(applied(made[steps], prepare(photo), photo) - right).max() < 2.1 * level, steps
        assert np.abs(applied(made[steps], prepare(photo), photo) - right).mean() < 0.3 * level, steps


def test_mean_and_std_that_go_with_their_colours_stay_with_them(photo):
    def stretched_bgr(image):
        return batch(normalised_bgr(squash(image, 224)))

    found = identify(asked(stretched_bgr))
    made = correction(found, frozenset({"colour"}))
    assert applied(made, stretched_bgr(photo), photo) == pytest.approx(programs.stretched(photo), abs=1e-4)


def test_the_fewest_steps_come_first():
    found = identify(asked(programs.bgr_stretched_unit))
    counts = [len(each.steps) for each in corrections(found)]
    assert counts == sorted(counts) and len(counts) == 7


def test_the_labs_own_way_has_nothing_to_put_right():
    assert corrections(identify(asked(lab))) == ()


def test_what_a_network_of_one_channel_is_given_cannot_be_put_right():
    assert corrections(identify(asked(programs.one_grey_channel))) == ()


def test_every_kind_of_difference_is_about_a_step():
    kinds = ["colour", "scale", "linearity", "by-image", "geometry", "layout", "sharpness", "random", "state"]
    assert {step for kind in kinds for step in steps_that_differ([Difference(kind, "")])} == set(STEPS)


@pytest.mark.parametrize("name", ["channels_last", "only_divided_by_255_channels_last"])
def test_a_network_that_changes_the_axes_may_be_given_pixels(name, photo):
    prepare = BY_NAME[name].make()
    found = identify(asked(prepare))
    (made,) = [each for each in corrections(found) if each.standard is PIXELS]
    assert made.steps == {"scale"}
    given = prepare(photo)[0] @ np.array(made.recipe.matrix).T + made.recipe.offset
    assert given == pytest.approx(pixels(photo).astype(np.float64), abs=0.01)
    assert [each.code for each in differences(found, made.standard)] == ["scaled-before"]


def test_a_network_that_is_given_pixels_is_not_given_them_twice():
    found = identify(asked(programs.bytes_channels_last))
    assert [each.standard for each in corrections(found)] == [LAB]


OTHERWISE = {
    # (colour, scale): a program that prepares photos so, in the lab's place and size
    ("bgr", "standard"): programs.bgr,
    ("rgb", "signed"): lambda image: batch(pixels(image) / 127.5 - 1),
    ("rgb", "unit"): lambda image: batch(pixels(image) / 255.0),
    ("rgb", "raw"): lambda image: batch(pixels(image)),
    ("bgr", "unit"): lambda image: batch(pixels(image)[..., ::-1] / 255.0),
    ("bgr", "raw"): lambda image: batch(pixels(image)[..., ::-1]),
    ("bgr", "signed"): lambda image: batch(pixels(image)[..., ::-1] / 127.5 - 1),
}


@pytest.mark.parametrize("program", [lab, programs.stretched, OTHERWISE["bgr", "signed"]])
def test_what_a_network_may_have_been_trained_with_instead_is_given_to_it(program, photo):
    found = identify(asked(program))
    made = {(each.standard.colour, each.standard.scale): each for each in other_standards(found)}
    assert made.keys() == OTHERWISE.keys() - {(found.colour, found.scale)}
    assert all(each.is_another_standard for each in made.values())
    if program is programs.stretched:
        return  # the place of the pixels stays, which these programs change
    for standard, each in made.items():
        wanted = OTHERWISE[standard](photo)
        assert np.abs(applied(each, program(photo), photo) - wanted).max() < 0.01 * np.abs(wanted).max()


def test_colours_that_are_lost_were_not_trained_with():
    assert other_standards(identify(asked(BY_NAME["grey_three_times"].make()))) == ()


@pytest.mark.parametrize("program", [lab, programs.bgr_stretched])
def test_the_labs_own_corrections_are_no_other_standard(program):
    assert not any(each.is_another_standard for each in corrections(identify(asked(program))))
