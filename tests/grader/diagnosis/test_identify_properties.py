"""Whatever a preprocessing is made of is recovered, and whatever a stranger sends does not stop the grader."""

import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grader.diagnosis.charts import CHARTS
from grader.diagnosis.geometry import ORIENTATIONS
from grader.diagnosis.identify import identify
from grader.diagnosis.preprocessing import LAB, differences, seen_picture
from grader.diagnosis.recipes import corrections

NAMES = sorted({chart.name for chart in CHARTS})
TIMES = {name: [chart.name for chart in CHARTS].count(name) for name in NAMES}


def asked(prepare):
    seen = {}
    for chart in CHARTS:
        seen.setdefault(chart.name, []).append(prepare(chart.pixels))
    return seen


def usual(rgb):
    return np.float64(cv2.resize(rgb, (128, 128))[8:120, 8:120])


three = st.tuples(*[st.floats(0.02, 50)] * 3)


@settings(max_examples=15, deadline=None)
@given(
    gains=three,
    signs=st.sampled_from([1, -1]),
    blacks=st.tuples(*[st.floats(-300, 300)] * 3),
    order=st.permutations(range(3)),
)
def test_matrix_and_offset_are_recovered_to_three_digits(gains, signs, blacks, order):
    gains = signs * np.array(gains)

    def prepare(rgb):
        return (usual(rgb)[:, :, order] * gains + blacks).transpose(2, 0, 1)[None]

    found = identify(asked(prepare))
    expected = gains[:, None] * np.eye(3)[order]
    assert found.matrix == pytest.approx(expected, rel=1e-3, abs=1e-3 * np.abs(gains).min())
    assert found.offset == pytest.approx(np.array(blacks), abs=0.25 * np.abs(gains).max())
    assert found.colour == {"012": "rgb", "210": "bgr"}.get("".join(map(str, order)), "permuted")
    assert found.orientation == "upright"


@settings(max_examples=15, deadline=None)
@given(
    left=st.floats(0, 0.5),
    top=st.floats(0, 0.5),
    width=st.floats(0.3, 0.5),
    height=st.floats(0.3, 0.5),
    orientation=st.sampled_from(sorted(ORIENTATIONS)),
    negative=st.booleans(),
)
def test_the_part_of_the_photo_and_its_orientation_are_recovered(
    left, top, width, height, orientation, negative
):
    signs = ORIENTATIONS[orientation]

    def prepare(rgb):
        rows, columns = rgb.shape[:2]
        part = rgb[round(top * rows) : round((top + height) * rows), round(left * columns) :][
            :, : round(width * columns)
        ]
        if signs[0].sum() < 0:
            part = part[:, ::-1]
        if signs[1].sum() < 0:
            part = part[::-1]
        if signs[0, 0] == 0:
            part = part.transpose(1, 0, 2)
        seen = np.float64(cv2.resize(np.ascontiguousarray(part), (112, 112)))
        return (255 - seen if negative else seen).transpose(2, 0, 1)[None] / 255

    found = identify(asked(prepare))
    assert found.orientation == orientation
    assert found.negative == negative
    edges = [found.box.left, found.box.top, found.box.right, found.box.bottom]
    assert edges == pytest.approx([left, top, left + width, top + height], abs=0.012)


shapes = st.one_of(
    st.sampled_from(
        [(1, 3, 16, 16), (16, 16, 3), (3, 9, 8), (1, 1, 32, 32), (2, 3, 64, 64), (8, 8), (1, 768)]
    ),
    st.lists(st.integers(0, 9), max_size=6).map(tuple),
)
kinds = st.sampled_from(["float32", "float64", "float16", "uint8", "int64", "bool", "int8"])
fillings = st.sampled_from(
    [0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 1e38, -1e300, 255.0, 5e-324, "noise", "huge", "holes", "chart"]
)


def filled(shape, kind, filling, name, number):
    rng = np.random.default_rng([NAMES.index(name), number])
    if filling == "chart":
        pixels = next(chart.pixels for chart in CHARTS if chart.name == name)
        values = np.resize(pixels, shape).astype(np.float64)
    elif isinstance(filling, str):
        values = rng.normal(0, {"noise": 1, "huge": 1e200, "holes": 1}[filling], shape)
        if filling == "holes":
            values = np.where(rng.random(shape) < 0.3, np.nan, values)
    else:
        values = np.full(shape, filling)
    with np.errstate(all="ignore"):
        return values.astype(kind)


@settings(max_examples=150, deadline=None)
@given(
    usual_=st.tuples(shapes, kinds, fillings),
    other=st.tuples(shapes, kinds, fillings),
    odd=st.sets(st.sampled_from(NAMES), max_size=12),
    missing=st.sets(st.sampled_from(NAMES), max_size=3),
)
@example(((1, 3, 16, 16), "float32", "chart"), ((3, 9, 8), "float32", 1e38), {"card-wide"}, set())
@example(((1, 3, 16, 16), "float32", np.nan), ((16, 16, 3), "uint8", "chart"), set(), {"ramp-wide-x"})
def test_whatever_a_stranger_sends_is_read_or_refused(usual_, other, odd, missing):
    seen = {
        name: [filled(*(other if name in odd else usual_), name, number) for number in range(TIMES[name])]
        for name in NAMES
        if name not in missing
    }
    found = identify(seen)
    if found is not None:
        for difference in differences(found):
            assert all(difference.sentence(language) for language in ("en", "zh"))
        for made in corrections(found):
            assert np.isfinite(made.recipe.matrix).all() and np.isfinite(made.recipe.offset).all()
    for arrays in seen.values():
        picture = seen_picture(found or LAB, arrays[0])
        assert picture is None or (picture.dtype == np.uint8 and picture.shape[2] == 3)


@pytest.mark.parametrize("array", [None, np.array("a picture"), np.array([object()]), np.zeros(3, complex)])
def test_what_holds_no_numbers_is_refused(array):
    assert identify({name: [array] * TIMES[name] for name in NAMES}) is None


def test_a_chart_with_other_channels_than_all_the_rest_is_no_reason_to_fail():
    def prepare(rgb):
        x = np.ascontiguousarray(cv2.resize(rgb, (64, 64)), np.float32).reshape(3, 64, 64)
        return x if rgb.min() < 255 else np.full((4, 64, 64), 255.0)

    assert identify(asked(prepare)).layout.reshaped


def test_as_much_as_comes_through_is_read_in_little_memory():
    """At this side nothing is thinned out yet, and each byte becomes eight."""
    seen = asked(lambda rgb: cv2.resize(rgb, (640, 640)).transpose(2, 0, 1)[None])
    tracemalloc.start()
    try:
        found = identify(seen)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.size, found.colour) == ((640, 640), "rgb")
    assert peak < 160 << 20


def test_nothing_at_all_is_refused():
    assert identify({}) is None
    assert identify({name: [] for name in NAMES}) is None


@pytest.mark.parametrize("dead", [[0], [0, 1]])
def test_a_channel_without_a_picture_is_no_reason_to_fail(dead):
    def prepare(rgb):
        x = usual(rgb).transpose(2, 0, 1)[None] / 255
        x[:, dead] = 0
        return x

    found = identify(asked(prepare))
    assert {each.recipe.source for each in corrections(found)} <= {"image"}
