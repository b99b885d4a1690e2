"""Ordinary preprocessing, as students write it: functions from a BGR picture to the network's input.

Each stands with the codes of the differences that it has from the lab's own. The deviations are written out
in the style in which they are found: cv2, numpy by hand, PIL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

Array = npt.NDArray[np.generic]
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True)
class Program:
    """One preprocessing."""

    name: str
    make: Callable[[], Callable[[Array], Array]]
    """Gives the function afresh: some remember what they were asked."""
    codes: frozenset[str]


PROGRAMS: list[Program] = []


def program(*codes: str):
    """Put a function into the table."""

    def register(function):
        PROGRAMS.append(Program(function.__name__, lambda: function, frozenset(codes)))
        return function

    return register


def maker(*codes: str):
    """Put what a function makes into the table."""

    def register(function):
        PROGRAMS.append(Program(function.__name__, function, frozenset(codes)))
        return function

    return register


# -- parts ----------------------------------------------------------------------------------------------------


def rgb_of(image):
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def squash(image, size=256, interpolation=cv2.INTER_LINEAR):
    return cv2.resize(image, (size, size), interpolation=interpolation)


def centre(image, size=224):
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]


def normalised(image):
    return (image.astype(np.float32) / 255 - MEAN) / STD


def batch(image):
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None]).astype(np.float32)


def lab(image):
    return batch(normalised(centre(squash(rgb_of(image)))))


def pixels(image):
    """RGB, 0..255, as the lab crops."""
    return centre(squash(rgb_of(image)))


# -- the lab's own way, in other words --------------------------------------------------------------------------


@program()
def the_labs_own(image):
    return lab(image)


@program()
def mean_and_std_of_255(image):
    x = pixels(image).astype(np.float32)
    x = (x - MEAN * 255) / (STD * 255)
    return x.transpose((2, 0, 1))[np.newaxis]


@program()
def channel_by_channel(image):
    image = image[:, :, ::-1]
    image = cv2.resize(image, (256, 256))
    out = np.zeros((1, 3, 224, 224), np.float32)
    for c in range(3):
        out[0, c] = (image[16:240, 16:240, c] / 255.0 - MEAN[c]) / STD[c]
    return out


@program()
def pil_bilinear(image):
    picture = Image.fromarray(rgb_of(image)).resize((256, 256), Image.BILINEAR).crop((16, 16, 240, 240))
    return batch(normalised(np.asarray(picture)))


@program()
def pil_bicubic(image):
    picture = Image.fromarray(rgb_of(image)).resize((256, 256))
    return batch(normalised(centre(np.asarray(picture))))


@program()
def pil_lanczos(image):
    picture = Image.fromarray(rgb_of(image)).resize((256, 256), Image.LANCZOS)
    return batch(normalised(centre(np.asarray(picture))))


@program()
def area(image):
    return batch(normalised(centre(squash(rgb_of(image), interpolation=cv2.INTER_AREA))))


@program()
def cubic(image):
    return batch(normalised(centre(squash(rgb_of(image), interpolation=cv2.INTER_CUBIC))))


@program()
def nearest(image):
    return batch(normalised(centre(squash(rgb_of(image), interpolation=cv2.INTER_NEAREST))))


@program()
def normalised_before_it_is_resized(image):
    return batch(centre(cv2.resize(normalised(rgb_of(image)), (256, 256))))


@program()
def divided_by_256(image):
    return batch((pixels(image).astype(np.float32) / 256 - MEAN) / STD)


@program()
def float64_without_a_batch(image):
    return normalised(pixels(image)).astype(np.float64).transpose(2, 0, 1)


@program()
def half_precision(image):
    return lab(image).astype(np.float16)


@program()
def channels_last(image):
    return normalised(pixels(image))[None].astype(np.float32)


@program()
def channels_last_without_a_batch(image):
    return normalised(pixels(image))


@program()
def flattened(image):
    return lab(image).reshape(1, -1)


@program()
def flattened_channels_last(image):
    return normalised(pixels(image)).reshape(-1)


@program()
def bgr_until_the_last_line(image):
    x = normalised_bgr(centre(squash(image)))
    return np.ascontiguousarray(x[:, :, ::-1].transpose(2, 0, 1)[None])


def normalised_bgr(image):
    return (image.astype(np.float32) / 255 - MEAN[::-1]) / STD[::-1]


@program()
def clipped_to_what_is_there_anyway(image):
    return batch((np.clip(pixels(image) / 255.0, 0, 1) - MEAN) / STD)


@program()
def opencv_blob(image):
    blob = cv2.dnn.blobFromImage(centre(squash(image)), 1 / 255, (224, 224), (0, 0, 0), swapRB=True)
    return (blob - MEAN[None, :, None, None]) / STD[None, :, None, None]


@program()
def five_views_centre_first(image):
    x = squash(rgb_of(image))
    corners = [x[16:240, 16:240], x[:224, :224], x[:224, -224:], x[-224:, :224], x[-224:, -224:]]
    return np.concatenate([batch(normalised(view)) for view in corners])


@program()
def picture_and_its_mirror_image(image):
    x = lab(image)
    return np.concatenate([x, x[:, :, :, ::-1]])


# -- colours ------------------------------------------------------------------------------------------------------


@program("bgr")
def bgr(image):
    return batch(normalised(centre(squash(image))))


@program("bgr")
def bgr_with_its_own_mean_and_std(image):
    return batch(normalised_bgr(centre(squash(image))))


@program("bgr")
def swapped_twice(image):
    image = rgb_of(image)
    image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return batch(normalised(centre(squash(image))))


@program("permuted")
def red_and_green_swapped(image):
    return batch(normalised(pixels(image)[:, :, [1, 0, 2]]))


@program("mixed")
def xyz(image):
    return batch(normalised(centre(squash(cv2.cvtColor(image, cv2.COLOR_BGR2XYZ)))))


@program("hls")
def hls(image):
    return batch(normalised(centre(squash(cv2.cvtColor(image, cv2.COLOR_BGR2HLS)))))


@program("permuted")
def channels_rolled(image):
    return batch(normalised(np.roll(pixels(image), 1, axis=2)))


@program("grey")
def grey_three_times(image):
    image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    image = np.stack([image, image, image], axis=-1)
    return batch(normalised(centre(squash(image))))


@program("grey")
def grey_by_pil(image):
    picture = Image.fromarray(rgb_of(image)).convert("L").convert("RGB").resize((256, 256), Image.BILINEAR)
    return batch(normalised(centre(np.asarray(picture))))


@program("grey")
def grey_by_the_mean(image):
    x = pixels(image).astype(np.float32).mean(axis=2, keepdims=True).repeat(3, axis=2)
    return batch(normalised(x))


@program("grey")
def grey_of_the_wrong_order(image):
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return batch(normalised(centre(squash(cv2.merge([grey] * 3)))))


@program("grey", "unit")
def one_grey_channel(image):
    grey = centre(squash(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)))
    return (grey / 255.0).astype(np.float32)[None, None]


@program("hsv")
def hsv(image):
    return batch(normalised(centre(squash(cv2.cvtColor(image, cv2.COLOR_BGR2HSV)))))


@program("hsv")
def hsv_of_the_wrong_order(image):
    return batch(normalised(centre(squash(cv2.cvtColor(image, cv2.COLOR_RGB2HSV)))))


@program("lab")
def lab_colours(image):
    return batch(normalised(centre(squash(cv2.cvtColor(image, cv2.COLOR_BGR2LAB)))))


@program("ycrcb")
def ycrcb(image):
    return batch(normalised(centre(squash(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)))))


@program("one-channel")
def red_three_times(image):
    return batch(normalised(pixels(image)[:, :, [0, 0, 0]]))


@program("empty-channel")
def blue_set_to_zero(image):
    x = pixels(image).copy()
    x[:, :, 2] = 0
    return batch(normalised(x))


@program("empty-channel", "stretch")
def first_channel_zero_after_mean_and_std(image):
    x = stretched(image)
    x[:, 0] = 0
    return x


@program("negative")
def negative(image):
    return batch(normalised(255 - pixels(image)))


@program("negative")
def inverted_by_opencv(image):
    return lab(cv2.bitwise_not(image))


@program("mixed")
def half_the_saturation(image):
    x = pixels(image).astype(np.float32)
    return batch(normalised(0.5 * x + 0.5 * (x @ np.array([0.299, 0.587, 0.114], np.float32))[:, :, None]))


# -- scale --------------------------------------------------------------------------------------------------------


@program("unit")
def only_divided_by_255(image):
    return batch(pixels(image) / 255.0)


@program("unit")
def only_divided_by_255_channels_last(image):
    return (pixels(image) / 255.0).astype(np.float32)[None]


@program("raw")
def bytes_channels_last(image):
    return pixels(image)[None]


@program("raw")
def not_scaled(image):
    return batch(pixels(image).astype(np.float32))


@program("raw")
def bytes_as_they_are(image):
    return pixels(image).transpose(2, 0, 1)[None]


@program("unscaled")
def not_divided_by_255(image):
    return batch((pixels(image).astype(np.float32) - MEAN) / STD)


@program("twice")
def divided_by_255_twice(image):
    x = pixels(image).astype(np.float32) / 255
    return batch(normalised(x))


@program("unit-twice")
def divided_by_255_twice_alone(image):
    x = pixels(image) / 255.0
    return batch(x / 255.0)


@program("signed")
def from_minus_one_to_one(image):
    return batch(pixels(image) / 127.5 - 1)


@program("signed")
def mean_and_std_of_a_half(image):
    return batch((pixels(image) / 255.0 - 0.5) / 0.5)


@program("no-std")
def std_forgotten(image):
    return batch(pixels(image) / 255.0 - MEAN)


@program("std-mean")
def std_and_mean_exchanged(image):
    return batch((pixels(image) / 255.0 - STD) / MEAN)


@program("times-std")
def multiplied_by_std(image):
    return batch((pixels(image) / 255.0 - MEAN) * STD)


@program("mean-added")
def mean_added(image):
    return batch((pixels(image) / 255.0 + MEAN) / STD)


@program("other-order")
def mean_and_std_for_bgr(image):
    return batch((pixels(image) / 255.0 - MEAN[::-1]) / STD[::-1])


@program("raw-no-std")
def mean_of_255_alone(image):
    return batch(pixels(image).astype(np.float32) - np.array([123.675, 116.28, 103.53]))


@program("mean-alone-by-255")
def mean_of_255_and_std_of_1(image):
    return batch((pixels(image) - MEAN * 255) / STD)


@program("std-alone-by-255")
def mean_of_1_and_std_of_255(image):
    return batch((pixels(image) - MEAN) / (STD * 255))


@program("no-mean")
def mean_forgotten(image):
    return batch(pixels(image) / 255.0 / STD)


@program("normalised-twice")
def normalised_two_times(image):
    return batch((normalised(pixels(image)) - MEAN) / STD)


@program("signed-standard")
def signed_and_then_normalised(image):
    return batch((pixels(image) / 127.5 - 1 - MEAN) / STD)


@program("doubled")
def divided_by_half_of_255(image):
    return batch(pixels(image) / 127.5)


@program("centred")
def less_a_half(image):
    return batch(pixels(image) / 255.0 - 0.5)


@program("negated")
def mean_less_pixel(image):
    return batch((MEAN - pixels(image) / 255.0) / STD)


@program("cifar")
def mean_and_std_of_cifar(image):
    return batch((pixels(image) / 255.0 - [0.4914, 0.4822, 0.4465]) / [0.2470, 0.2435, 0.2616])


@program("scale-other")
def a_scale_of_ones_own(image):
    return batch((pixels(image) - 90.0) / 40.0)


# -- values -------------------------------------------------------------------------------------------------------


@program("wrapped")
def mean_subtracted_from_bytes(image):
    x = pixels(image) - np.array([124, 116, 104], np.uint8)
    return batch(x / 255.0 / STD)


@program("wrapped", "raw-no-std")
def mean_subtracted_from_bytes_alone(image):
    return batch(pixels(image) - np.array([124, 116, 104], np.uint8))


@program("clipped")
def clipped_after_mean_and_std(image):
    return np.clip(lab(image), 0, 1)


@program("clipped")
def clipped_to_plus_minus_one(image):
    return np.clip(lab(image), -1, 1)


@program("clipped", "bgr")
def clipped_bgr(image):
    return np.clip(bgr(image), 0, 1)


@program("rounded")
def cast_to_bytes_after_mean_and_std(image):
    return lab(image).astype(np.uint8).astype(np.float32)


@program("rounded")
def rounded(image):
    return np.round(lab(image))


@program("rounded")
def cast_to_int(image):
    return lab(image).astype(np.int32)


@program("floored")
def divided_as_integers(image):
    return batch((pixels(image) // 255 - MEAN) / STD)


@program("floored", "bgr")
def divided_as_integers_bgr(image):
    return batch((centre(squash(image)) // 255 - MEAN) / STD)


@program("threshold", "grey")
def black_and_white(image):
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    _, white = cv2.threshold(grey, 127, 255, cv2.THRESH_BINARY)
    return batch(normalised(centre(squash(cv2.cvtColor(white, cv2.COLOR_GRAY2RGB)))))


@program("threshold")
def threshold_by_channel(image):
    return batch(normalised(np.where(pixels(image) > 100, 255, 0)))


@program("curved")
def gamma(image):
    return batch((np.power(pixels(image) / 255.0, 2.2) - MEAN) / STD)


@program("unlike")
def edges(image):
    return batch(normalised(centre(squash(cv2.merge([cv2.Canny(image, 100, 200)] * 3)))))


@program("threshold", "grey")
def black_and_white_by_otsu(image):
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    _, white = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return batch(normalised(centre(squash(cv2.merge([white] * 3)))))


@program("threshold", "grey")
def dots_of_black_and_white(image):
    dots = Image.fromarray(pixels(image)).convert("1").convert("RGB")
    return batch(normalised(np.asarray(dots)))


@program("threshold", "grey")
def dots_of_black_and_white_unscaled(image):
    return batch(np.asarray(Image.fromarray(pixels(image)).convert("1").convert("RGB")))


@program("wrapped", "stretch")
def mean_subtracted_from_bytes_divided_by_57(image):
    x = squash(rgb_of(image), 224) - np.array([124, 116, 104], np.uint8)
    return batch(x.astype(np.float32) / 57)


@program("clipped")
def darkened(image):
    return lab(cv2.convertScaleAbs(image, alpha=1.6, beta=0))


@program("rounded", "stretch")
def normalised_within_bytes(image):
    x = squash(rgb_of(image), 224)
    for c, (mean, std) in enumerate(zip(MEAN * 255, STD * 255, strict=True)):
        x[:, :, c] = ((x[:, :, c] - mean) / std).astype(np.int64)
    return batch(x)


@program("threshold")
def rounded_to_0_and_1(image):
    return batch(np.round(pixels(image) / 255.0))


@program("rounded")
def posterised(image):
    return batch(normalised(np.asarray(ImageOps.posterize(Image.fromarray(pixels(image)), 2))))


@program("rounded", "upside-down")
def rounded_upside_down(image):
    return np.round(lab(image[::-1]))


@program("rounded", "bgr", "stretch")
def cast_to_bytes_bgr_stretched(image):
    return bgr_stretched(image).astype(np.uint8)


@program("curved")
def squeezed_by_tanh(image):
    return np.tanh(lab(image))


@program("curved")
def squeezed_by_a_sigmoid(image):
    return 1 / (1 + np.exp(-lab(image)))


@program("clipped")
def brightened(image):
    return lab(cv2.convertScaleAbs(image, alpha=1.3, beta=20))


@program("wrapped")
def brightened_in_bytes(image):
    return batch(normalised(pixels(image) + np.uint8(60)))


@program("wrapped", "signed")
def centred_in_bytes(image):
    return batch((pixels(image) - 128) / 128.0)


@program("mixed")
def colours_doubled(image):
    return batch(normalised(np.asarray(ImageEnhance.Color(Image.fromarray(pixels(image))).enhance(2))))


@program("own-other")
def contrast_enhanced(image):
    picture = ImageEnhance.Contrast(Image.fromarray(rgb_of(image))).enhance(1.5)
    return lab(np.asarray(picture)[:, :, ::-1])


@program("own-other")
def contrast_equalised_by_tiles(image):
    lightness, a, b = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2LAB))
    lightness = cv2.createCLAHE(2, (8, 8)).apply(lightness)
    return lab(cv2.cvtColor(cv2.merge([lightness, a, b]), cv2.COLOR_LAB2BGR))


@program("own-other")
def divided_by_its_length(image):
    x = lab(image)
    return x / np.linalg.norm(x)


@program("own-range")
def divided_by_its_brightest(image):
    x = pixels(image).astype(np.float32)
    return batch(x / max(x.max(), 1))


@program("own-mean")
def less_its_own_mean(image):
    x = pixels(image).astype(np.float32)
    return batch((x - x.mean()) / 255)


@program("own-mean", "bgr", "stretch")
def own_mean_and_std_bgr_stretched(image):
    x = squash(image, 224).astype(np.float32)
    return batch((x - x.mean()) / (x.std() + 1e-8))


@program("own-mean", "upside-down")
def own_mean_and_std_upside_down(image):
    return own_mean_and_std(image[::-1])


@program("own-range", "bgr")
def own_darkest_and_brightest_bgr(image):
    return own_darkest_and_brightest(image[:, :, ::-1])


@program("own-mean")
def own_mean_and_std(image):
    x = pixels(image).astype(np.float32)
    return batch((x - x.mean()) / (x.std() + 1e-6))


@program("own-mean", "bgr")
def own_mean_and_std_by_channel_bgr(image):
    x = centre(squash(image)).astype(np.float32)
    return batch((x - x.mean(axis=(0, 1))) / (x.std(axis=(0, 1)) + 1e-6))


@program("own-mean")
def own_mean_and_std_without_a_guard(image):
    x = pixels(image).astype(np.float32)
    with np.errstate(all="ignore"):
        return batch((x - x.mean()) / x.std())


@program("own-range")
def own_darkest_and_brightest(image):
    x = pixels(image).astype(np.float32)
    return batch((x - x.min()) / (x.max() - x.min() + 1e-6))


@program("equalised")
def brightness_equalised(image):
    y, cr, cb = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb))
    return lab(cv2.cvtColor(cv2.merge([cv2.equalizeHist(y), cr, cb]), cv2.COLOR_YCrCb2BGR))


@program("equalised")
def each_channel_equalised(image):
    return lab(cv2.merge([cv2.equalizeHist(np.ascontiguousarray(image[:, :, c])) for c in range(3)]))


@program("equalised", "stretch")
def each_channel_of_the_input_equalised(image):
    x = squash(rgb_of(image), 224)
    return batch(normalised(cv2.merge([cv2.equalizeHist(channel) for channel in cv2.split(x)])))


@program("equalised")
def contrast_stretched_by_pil(image):
    picture = ImageOps.autocontrast(Image.fromarray(rgb_of(image)))
    return lab(np.asarray(picture)[:, :, ::-1])


# -- geometry -----------------------------------------------------------------------------------------------------


@program("stretch")
def stretched(image):
    return batch(normalised(squash(rgb_of(image), 224)))


@program("stretch")
def stretched_by_pil(image):
    return batch(normalised(np.asarray(Image.fromarray(rgb_of(image)).resize((224, 224)))))


@program("short-side-crop")
def short_side(image):
    height, width = image.shape[:2]
    scale = 256 / min(height, width)
    image = cv2.resize(rgb_of(image), (round(width * scale), round(height * scale)))
    return batch(normalised(centre(image)))


@program("short-side-crop")
def middle_square(image):
    return batch(normalised(squash(centre(rgb_of(image), min(image.shape[:2])), 224)))


@program("pad")
def padded_to_a_square(image):
    side = max(image.shape[:2])
    top, left = (side - image.shape[0]) // 2, (side - image.shape[1]) // 2
    bottom, right = side - image.shape[0] - top, side - image.shape[1] - left
    image = cv2.copyMakeBorder(rgb_of(image), top, bottom, left, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    return batch(normalised(squash(image, 224)))


@program("pad")
def padded_below_and_right_with_grey(image):
    height, width = image.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), 128, np.uint8)
    square[:height, :width] = rgb_of(image)
    return batch(normalised(squash(square, 224)))


def pasted(small, canvas, top, left):
    height, width = small.shape[:2]
    canvas[top : top + height, left : left + width] = small
    return canvas


def shrunk(image, side):
    scale = side / max(image.shape[:2])
    return cv2.resize(image, (int(image.shape[1] * scale), int(image.shape[0] * scale)))


@program("pad")
def pasted_into_a_corner(image):
    return batch(normalised(pasted(shrunk(rgb_of(image), 120), np.zeros((224, 224, 3), np.uint8), 0, 0)))


@program("pad")
def pasted_into_the_last_corner_of_white(image):
    small = shrunk(rgb_of(image), 100)
    canvas = np.full((224, 224, 3), 255, np.uint8)
    return batch(normalised(pasted(small, canvas, 224 - small.shape[0], 224 - small.shape[1])))


@program("pad", "bgr")
def pasted_into_a_corner_of_grey_bgr(image):
    return batch(normalised(pasted(shrunk(image, 150), np.full((224, 224, 3), 114, np.uint8), 0, 0)))


@program("pad", "unit")
def pasted_into_a_corner_unit(image):
    return batch(pasted(shrunk(rgb_of(image), 110), np.zeros((224, 224, 3), np.uint8), 0, 0) / 255.0)


@program("pad")
def pasted_among_zeros_after_mean_and_std(image):
    return batch(pasted(normalised(shrunk(rgb_of(image), 112)), np.zeros((224, 224, 3), np.float32), 8, 100))


@program("pad", "clipped")
def pasted_into_a_corner_and_clipped(image):
    return np.clip(pasted_into_a_corner(image), 0, 1)


@program("pad", "grey")
def pasted_into_a_corner_grey(image):
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return pasted_into_a_corner(grey)


@program("pad")
def thumbnail_on_black(image):
    small = shrunk(rgb_of(image), 112)
    height, width = small.shape[:2]
    canvas = np.zeros((224, 224, 3), np.uint8)
    return batch(normalised(pasted(small, canvas, 112 - height // 2, 112 - width // 2)))


@program("pad", "upside-down")
def thumbnail_on_black_upside_down(image):
    return thumbnail_on_black(image)[:, :, ::-1]


@program("pad")
def framed(image):
    small = squash(rgb_of(image), 104)
    return batch(normalised(cv2.copyMakeBorder(small, 60, 60, 60, 60, cv2.BORDER_CONSTANT)))


@program("pad")
def framed_with_the_mean(image):
    small = squash(rgb_of(image), 160)
    colour = (124, 116, 104)
    return batch(normalised(cv2.copyMakeBorder(small, 32, 32, 32, 32, cv2.BORDER_CONSTANT, value=colour)))


@program("masked")
def right_half_black(image):
    x = pixels(image).copy()
    x[:, 112:] = 0
    return batch(normalised(x))


@program("masked", "bgr")
def lower_half_zero_bgr(image):
    x = bgr(image)
    x[:, :, 112:] = 0
    return x


@program("masked")
def middle_black(image):
    x = pixels(image).copy()
    x[56:168, 56:168] = 0
    return batch(normalised(x))


@program("masked", "stretch")
def quarter_alone(image):
    x = stretched(image)
    x[:, :, 112:] = 0
    x[:, :, :, 112:] = 0
    return x


@program("masked")
def circle_alone(image):
    mask = cv2.circle(np.zeros((224, 224), np.uint8), (112, 112), 100, 1, -1)
    return batch(normalised(pixels(image) * mask[:, :, None]))


@program("top-left")
def corner_of_the_photo(image):
    if min(image.shape[:2]) < 224:
        raise ValueError("too small")
    return batch(normalised(rgb_of(image)[:224, :224]))


@program("top-left")
def upper_left_quarter(image):
    height, width = image.shape[:2]
    return lab(image[: height // 2, : width // 2])


@program("top-left")
def corner_of_400(image):
    return batch(normalised(squash(rgb_of(image), 400)[:224, :224]))


@program("bottom-right")
def last_corner(image):
    return batch(normalised(squash(rgb_of(image), 320)[-224:, -224:]))


@program("left")
def left_half(image):
    return batch(normalised(squash(rgb_of(image)[:, : image.shape[1] // 2], 224)))


@program("zoomed")
def middle_of_512(image):
    return batch(normalised(centre(squash(rgb_of(image), 512))))


@program("zoomed")
def middle_half(image):
    height, width = image.shape[:2]
    part = rgb_of(image)[height // 4 : height - height // 4, width // 4 : width - width // 4]
    return batch(normalised(squash(part, 224)))


@program("stretch", "size")
def size_160(image):
    return batch(normalised(squash(rgb_of(image), 160)))


@program("size")
def size_112(image):
    return batch(normalised(centre(squash(rgb_of(image), 128), 112)))


@program("stretch", "size")
def not_cropped(image):
    return batch(normalised(squash(rgb_of(image))))


@program("stretch", "size")
def size_32(image):
    return batch(normalised(squash(rgb_of(image), 32)))


@program("pad")
def padded_by_pil(image):
    return batch(normalised(np.asarray(ImageOps.pad(Image.fromarray(rgb_of(image)), (224, 224)))))


@program("short-side-crop")
def fitted_by_pil(image):
    return batch(normalised(np.asarray(ImageOps.fit(Image.fromarray(rgb_of(image)), (224, 224)))))


@program("zoomed")
def edges_cut_off(image):
    height, width = image.shape[:2]
    part = rgb_of(image)[height // 10 : height - height // 10, width // 10 : width - width // 10]
    return batch(normalised(squash(part, 224)))


@program("scrambled")
def numpy_resize(image):
    return batch(normalised(np.resize(rgb_of(image), (224, 224, 3))))


@program("top-left")
def five_views_a_corner_first(image):
    x = squash(rgb_of(image))
    return np.concatenate([batch(normalised(view)) for view in (x[:224, :224], centre(x))])


@program("upside-down")
def upside_down(image):
    return lab(image[::-1])


@program("mirrored")
def mirrored(image):
    return lab(cv2.flip(image, 1))


@program("turned-over")
def reversed_everywhere(image):
    return np.ascontiguousarray(lab(image)[:, :, ::-1, ::-1])


@program("turned-left")
def turned_left(image):
    return lab(np.rot90(image))


@program("turned-right")
def turned_right(image):
    return lab(cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE))


@program("exchanged")
def transposed_backwards(image):
    return normalised(pixels(image)).transpose(2, 1, 0)[None]


@program("exchanged")
def first_axes_transposed(image):
    return lab(image.transpose(1, 0, 2))


@program("slanted")
def turned_by_fifteen_degrees(image):
    turn = cv2.getRotationMatrix2D((128, 128), 15, 1.3)
    return batch(normalised(centre(cv2.warpAffine(squash(rgb_of(image)), turn, (256, 256)))))


@program("slanted")
def turned_by_thirty_degrees_on_black(image):
    turn = cv2.getRotationMatrix2D((112, 112), 30, 0.7)
    return batch(normalised(cv2.warpAffine(pixels(image), turn, (224, 224))))


@program("scrambled")
def shuffled(image):
    order = np.random.default_rng(0).permutation(224 * 224)
    x = lab(image)
    return x.reshape(1, 3, -1)[:, :, order].reshape(x.shape)


@program("reshaped")
def reshaped(image):
    return normalised(pixels(image)).reshape(1, 3, 224, 224)


@program("reshaped")
def reshaped_before_mean_and_std(image):
    x = pixels(image).reshape(3, 224, 224) / 255.0
    return ((x - MEAN[:, None, None]) / STD[:, None, None]).astype(np.float32)[None]


@program("reshaped", "bgr", "stretch")
def reshaped_bgr_stretched(image):
    return np.reshape(normalised(squash(image, 224)), (1, 3, 224, 224))


@program("reshaped")
def reshaped_to_channels_last(image):
    return lab(image).reshape(1, 224, 224, 3)


@program("reshaped")
def reshaped_before_it_is_resized(image):
    mixed = rgb_of(image).reshape(3, *image.shape[:2])
    planes = np.stack([cv2.resize(plane, (256, 256))[16:240, 16:240] for plane in mixed])
    return batch(normalised(planes.transpose(1, 2, 0)))


# -- detail -------------------------------------------------------------------------------------------------------


@program("blurred")
def blurred(image):
    return lab(cv2.GaussianBlur(image, (9, 9), 2))


@program("blurred")
def blurred_by_pil(image):
    picture = Image.fromarray(rgb_of(image)).filter(ImageFilter.GaussianBlur(3))
    return lab(np.asarray(picture)[:, :, ::-1])


@program("blurred")
def box_blur(image):
    return batch(normalised(cv2.blur(pixels(image), (7, 7))))


@program("lost")
def filtered_by_the_median(image):
    return batch(normalised(cv2.medianBlur(pixels(image), 9)))


@program("coarse")
def thumbnail(image):
    return lab(cv2.resize(image, (64, 64)))


@program("coarse")
def thumbnail_of_32_by_area(image):
    return lab(cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA))


@program("coarse")
def thumbnail_of_24_with_gaps(image):
    return lab(cv2.resize(image, (24, 24)))


@program("coarse", "bgr")
def thumbnail_of_40_with_gaps_enlarged_by_nearest(image):
    small = cv2.resize(image, (40, 40))
    return lab(cv2.resize(small, (256, 256), interpolation=cv2.INTER_NEAREST)[:, :, ::-1])


@program("blurred")
def halved_twice(image):
    return lab(cv2.pyrDown(cv2.pyrDown(image)))


@program("bgr", "coarse")
def thumbnail_bgr(image):
    return bgr(cv2.resize(image, (48, 48)))


@program("stretch", "coarse")
def size_of_mnist_enlarged(image):
    return batch(normalised(squash(squash(rgb_of(image), 28), 224)))


@program()
def from_a_jpeg(image):
    return lab(cv2.imdecode(cv2.imencode(".jpg", image)[1], cv2.IMREAD_COLOR))


@program()
def sharpened(image):
    picture = Image.fromarray(rgb_of(image)).resize((256, 256)).filter(ImageFilter.SHARPEN)
    return batch(normalised(centre(np.asarray(picture))))


@program("coarse", "stretch")
def thumbnail_of_the_input(image):
    small = Image.fromarray(rgb_of(image)).resize((48, 48))
    return batch(normalised(np.asarray(small.resize((224, 224), Image.NEAREST))))


# -- what is not the same twice -----------------------------------------------------------------------------------


@maker("random")
def crops_at_random():
    rng = np.random.default_rng(3)

    def prepare(image):
        x = squash(rgb_of(image))
        top, left = rng.integers(0, 33, 2)
        return batch(normalised(x[top : top + 224, left : left + 224]))

    return prepare


@maker("random")
def random_resized_crops():
    rng = np.random.default_rng(4)

    def prepare(image):
        height, width = image.shape[:2]
        h, w = int(height * rng.uniform(0.3, 1)), int(width * rng.uniform(0.3, 1))
        top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
        return batch(normalised(squash(rgb_of(image[top : top + h, left : left + w]), 224)))

    return prepare


@maker("random")
def flips_at_random():
    rng = np.random.default_rng(5)
    return lambda image: lab(image[:, ::-1] if rng.random() < 0.5 else image)


@maker("random")
def noise():
    rng = np.random.default_rng(6)
    return lambda image: lab(image) + rng.normal(0, 0.2, (1, 3, 224, 224)).astype(np.float32)


@maker("random")
def drops_pixels():
    rng = np.random.default_rng(7)
    return lambda image: lab(image) * (rng.random((1, 3, 224, 224)) > 0.2)


@maker("random")
def jitters_brightness():
    rng = np.random.default_rng(8)
    return lambda image: lab(np.clip(image * rng.uniform(0.6, 1.4), 0, 255).astype(np.uint8))


@maker("random", "bgr")
def crops_at_random_bgr():
    prepare = crops_at_random()
    return lambda image: prepare(image[:, :, ::-1])


@maker("stateful")
def shows_the_picture_before():
    before = [np.zeros((1, 3, 224, 224), np.float32)]

    def prepare(image):
        before.append(lab(image))
        return before[-2]

    return prepare


@maker("stateful")
def less_the_mean_of_all_so_far():
    seen = []

    def prepare(image):
        x = pixels(image) / 255.0
        seen.append(x.mean())
        return batch(x - np.mean(seen))

    return prepare


@maker("stateful")
def less_the_mean_of_all_so_far_by_channel():
    seen = []

    def prepare(image):
        x = pixels(image) / 255.0
        seen.append(x.mean(axis=(0, 1)))
        return batch((x - np.mean(seen, axis=0)) / STD)

    return prepare


@maker("constant")
def asks_about_the_first_picture_always():
    first = []

    def prepare(image):
        first.append(lab(image))
        return first[0]

    return prepare


@program("constant")
def zeros(image):
    return np.zeros((1, 3, 224, 224), np.float32)


# -- several at once ----------------------------------------------------------------------------------------------


@program("bgr", "stretch")
def bgr_stretched(image):
    return batch(normalised(squash(image, 224)))


@program("bgr", "no-std")
def bgr_without_std(image):
    return batch(centre(squash(image)) / 255.0 - MEAN)


@program("bgr", "unit", "stretch")
def bgr_stretched_unit(image):
    return (cv2.resize(image, (224, 224)) / 255.0).transpose(2, 0, 1)[None].astype(np.float32)


@program("bgr", "raw", "stretch")
def bgr_stretched_raw(image):
    return batch(squash(image, 224))


@program("bgr", "signed", "stretch")
def bgr_stretched_signed(image):
    return batch(squash(image, 224) / 127.5 - 1)


@program("bgr", "upside-down")
def bgr_upside_down(image):
    return bgr(cv2.flip(image, 0))


@program("grey", "stretch")
def grey_stretched(image):
    return stretched(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))


@program("bgr", "blurred")
def bgr_blurred(image):
    return bgr(cv2.GaussianBlur(image, (0, 0), 3))


@program("negative", "bgr", "unit")
def bgr_negative_unit(image):
    return batch((255 - centre(squash(image))) / 255.0)


@program("mirrored", "stretch", "no-mean")
def mirrored_stretched_without_mean(image):
    return batch(squash(rgb_of(image)[:, ::-1], 224) / 255.0 / STD)


@program("bgr", "short-side-crop", "exchanged")
def bgr_short_side_exchanged(image):
    return np.ascontiguousarray(short_side(image[:, :, ::-1]).transpose(0, 1, 3, 2))
