"""The card is drawn anew as it was given to a network, and what else a submission draws there is not."""

from dataclasses import replace

import numpy as np
import pytest

from grader.diagnosis.charts import CARD, PIXELS
from grader.diagnosis.drawing import redrawn
from grader.diagnosis.geometry import Box, map_of, sampled
from grader.diagnosis.preprocessing import LAB, seen_picture
from tests.grader.diagnosis.preprocessing_programs import PROGRAMS, lab
from tests.grader.diagnosis.test_identify import seen_of
from tests.grader.network_inputs import SHOWN

NOT_DRAWN = {
    *("dots_of_black_and_white", "dots_of_black_and_white_unscaled"),
    *("middle_black", "circle_alone", "turned_by_thirty_degrees_on_black"),
    *("numpy_resize", "shuffled", "reshaped_before_it_is_resized"),
    "drops_pixels",
}
"""What is lost there is in no picture of few numbers."""
RANDOM = ("crops_at_random", "random_resized_crops", "crops_at_random_bgr")
SOME = [
    program
    for number, program in enumerate(PROGRAMS)
    if number % 4 == 0 or program.name in {*NOT_DRAWN, *RANDOM}
]


def like(one, other):
    return np.abs(one.astype(int) - other.astype(int)).mean()


@pytest.mark.parametrize("program", SOME, ids=lambda program: program.name)
def test_the_card_is_drawn_as_a_program_gives_it_to_its_network(program):
    found, card = seen_of(program)
    seen = seen_picture(found, card)
    drawn = redrawn(found, seen)
    if program.name in NOT_DRAWN:
        assert drawn is None
    else:
        assert drawn.shape == seen.shape
        assert like(drawn, seen) < 12


@pytest.mark.parametrize(
    "box", [Box(0.2, 0.1, 0.8, 0.7), Box(0.3, 0.4, 0.9, 0.95), Box(0.05, 0.0, 0.75, 0.6)], ids=str
)
@pytest.mark.parametrize("orientation", ["upright", "mirrored"])
def test_a_part_that_is_another_each_time_is_found_by_its_look(box, orientation):
    crop = sampled(PIXELS[CARD], map_of(orientation, box), (224, 224))
    seen = np.clip(crop, 0, 255).transpose(1, 2, 0).astype(np.uint8)
    assert like(redrawn(replace(LAB, is_random=True), seen), seen) < 8


@pytest.fixture
def card():
    """As the lab's preprocessing gives it to a network."""
    return seen_picture(LAB, lab(SHOWN[:, :, ::-1]))


def test_nothing_is_left_of_what_is_hidden_in_the_last_bits_of_the_card(card):
    hidden = np.random.default_rng(3).integers(0, 2, card.shape, np.uint8)
    clean, drawn = redrawn(LAB, card & 0xFE), redrawn(LAB, (card & 0xFE) | hidden)
    changed = drawn.astype(int) - clean
    assert np.abs(np.corrcoef(changed.ravel(), hidden.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("side", [24, 60, 224])
def test_a_picture_within_the_card_is_not_drawn(card, side):
    stolen = np.random.default_rng(4).integers(0, 256, (side // 4, side // 4, 3), np.uint8)
    stolen = np.repeat(np.repeat(stolen, 4, 0), 4, 1)
    given = card.copy()
    given[-side:, -side:] = stolen
    drawn = redrawn(LAB, given)
    if drawn is not None:
        part = drawn[-side:, -side:]
        assert like(part, card[-side:, -side:]) < like(part, stolen) / 3
