"""Each difference has its sentence in both languages, and a person can look at what the network sees."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from grader.diagnosis.charts import CARD, CHARTS, SHAPES
from grader.diagnosis.identify import identify
from grader.diagnosis.planes import Layout
from grader.diagnosis.preprocessing import LAB, Difference, differences, seen_picture
from grader.wording import table
from tests.grader.diagnosis import preprocessing_programs as programs
from tests.grader.diagnosis.test_identify import asked

SHOWN = next(chart.pixels for chart in CHARTS if chart.name == CARD)
BGR = np.ascontiguousarray(SHOWN[:, :, ::-1])


def looked_at(prepare):
    found = identify(asked(prepare))
    return seen_picture(found, np.asarray(prepare(BGR)))


def like(one, other):
    return np.abs(one.astype(int) - other.astype(int)).mean() < 3


def test_every_sentence_is_there_in_both_languages():
    for code, texts in table("seams").items():
        assert set(texts) in ({"en", "zh"}, {"en", "zh", "help", "help_zh"}), code
        told = {language: set(re.findall(r"{(\w+)}", text)) for language, text in texts.items()}
        assert told["en"] == {name.removesuffix("_zh") for name in told["zh"]}, code
        assert told.get("help", set()) == told.get("help_zh", set()) <= told["en"], code
        assert texts["en"].endswith(".") and texts["zh"].endswith("。")


def test_a_title_is_the_sentence_up_to_what_comes_of_the_mistake():
    (scale,) = differences(identify(asked(programs.not_divided_by_255)))
    assert scale.title("en") == "Mean and std are applied to pixels of 0 to 255 that were not divided by 255"
    assert scale.title("zh") == "没有先除以 255，就对 0 到 255 的像素减均值、除标准差"
    for code, texts in table("seams").items():
        short = {name: re.split("：|: ", texts[name])[0].rstrip(".。") for name in ("en", "zh")}
        assert not re.search(r"[.。] ?\w", short["en"].replace("0.5", "")) and "。" not in short["zh"], code


def test_a_thumbnail_is_told_with_its_side():
    (coarse,) = differences(identify(asked(programs.thumbnail_of_24_with_gaps)))
    assert coarse.title("en") == "The photo is shrunk to about 24x24 and enlarged again"


def test_advice_is_for_the_very_mistake():
    (flip,) = differences(identify(asked(programs.upside_down)))
    assert "cv2.flip(image, 0)" in str(flip.help("en")) and "transpose" not in str(flip.help("en"))
    assert "上下翻转" in str(flip.help("zh"))
    (size,) = [each for each in differences(identify(asked(programs.size_160))) if each.code == "size"]
    assert "224x224" in str(size.help("en"))
    assert Difference("colour", "bgr").help("en") is None


def test_every_difference_of_the_programs_has_a_sentence():
    named = {code for program in programs.PROGRAMS for code in program.codes}
    assert named <= set(table("seams"))


def test_a_sentence_tells_how_much_of_a_photo_is_seen():
    (corner,) = differences(identify(asked(programs.upper_left_quarter)))
    # Of the quarter the lab's centre, 7/8 by 7/8.
    assert (
        corner.sentence("en")
        == "The network sees only the upper left part of the photo: of a wide photo 19 % is left."
    )
    assert corner.sentence("zh") == "网络只看到图像的左上部分：横向图像只剩 19 %。"


def test_a_sentence_tells_what_black_and_white_become():
    (scale,) = differences(identify(asked(programs.not_divided_by_255)))
    assert scale.step == "scale"
    assert "1126 instead of 2.44" in scale.sentence("en")


def test_a_sentence_tells_the_size():
    _, size = differences(identify(asked(programs.size_160)))
    assert "160x160 instead of 224x224" in size.sentence("en")


def test_a_sentence_tells_how_small_the_thumbnail_was():
    (coarse,) = differences(identify(asked(programs.thumbnail)))
    assert "64x64" in coarse.sentence("en")


def test_another_standard_has_other_differences():
    theirs = identify(asked(programs.bgr_stretched))
    assert differences(theirs, theirs) == ()
    assert {each.code for each in differences(LAB, theirs)} == {"rgb", "squash-crop"}
    for each in differences(replace(LAB, scale="unit"), theirs):
        assert each.sentence("en") and each.sentence("zh")


def test_differences_are_equal_by_step_and_code():
    assert Difference("geometry", "size", {"height": 1}) == Difference("geometry", "size", {"height": 2})


def test_the_card_is_seen_as_the_network_sees_it():
    whole = cv2.resize(SHOWN, (256, 256))[16:240, 16:240]
    assert like(looked_at(programs.lab), whole)
    assert like(looked_at(programs.bgr), whole[:, :, ::-1])
    assert like(looked_at(programs.upside_down), whole[::-1])
    assert like(looked_at(programs.channels_last), whole)


def test_a_grey_picture_is_seen_in_grey_and_as_pale_as_it_is():
    picture = looked_at(programs.one_grey_channel)
    assert picture.shape == (224, 224, 3)
    assert (picture == picture[:, :, :1]).all()
    assert 40 < np.ptp(picture) < 60  # mean and std are missing


@pytest.mark.parametrize("prepare", [programs.not_scaled, programs.divided_by_255_twice])
def test_numbers_of_another_size_are_stretched_until_something_is_seen(prepare):
    picture = looked_at(prepare)
    assert np.ptp(picture) > 200
    assert np.corrcoef(picture.ravel(), cv2.resize(SHOWN, (256, 256))[16:240, 16:240].ravel())[0, 1] > 0.95


def test_what_a_wrong_reshape_makes_is_seen_scrambled():
    whole = cv2.resize(SHOWN, (256, 256))[16:240, 16:240]
    assert not like(looked_at(programs.reshaped), whole)


def test_what_is_no_picture_is_not_seen():
    assert seen_picture(LAB, np.zeros((1, 1280))) is None
    assert seen_picture(replace(LAB, layout=Layout("CHW")), np.zeros((3, 4))) is None


def test_the_charts_have_names_of_their_own_and_every_shape():
    names = [chart.name for chart in CHARTS]
    assert len({*names}) == len(names) - 2 == 28
    assert names[-3:] == [CARD] * 3
    for chart in CHARTS:
        assert chart.pixels.dtype == np.uint8 and chart.pixels.shape[2] == 3
    shapes = {chart.pixels.shape[:2] for chart in CHARTS}
    assert set(SHAPES.values()) <= shapes


def test_no_card_looks_like_itself_turned_or_mirrored():
    for chart in CHARTS:
        if chart.name.startswith("card"):
            square = cv2.resize(chart.pixels, (128, 128)).astype(int)
            turned = [np.rot90(each, k) for each in (square, square[:, ::-1]) for k in range(4)][1:]
            assert min(np.abs(each - square).mean() for each in turned) > 15
