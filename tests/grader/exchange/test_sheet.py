"""The lab sheet: its figures are those of the network, and nothing in it leads nowhere."""

import re
from math import prod

import pytest

from grader.errors import LANGUAGES
from grader.exchange.sheet import Cost, network_rows, render_sheet
from tests.reference.drawn_shapes import untrained_backbone
from tests.test_documents import ROOT


def total():
    return sum((row.cost for row in network_rows()), Cost())


def test_its_parameters_are_those_of_the_network():
    shapes = {name: array.shape for name, array in untrained_backbone().items()}
    kernels = [shape for shape in shapes.values() if len(shape) == 4]
    learned = [
        shape for name, shape in shapes.items() if not name.endswith(("moving_mean", "moving_variance"))
    ]
    assert total().weights == sum(map(prod, kernels))
    assert total().parameters == sum(map(prod, learned)) == 2_223_872


def test_its_multiply_adds_are_those_of_the_network():
    """Each number of a kernel is used once for each place of the output, whose size the strides give."""
    size, counted = 224, 0
    strides = {0: 2, 2: 2, 4: 2, 7: 2, 14: 2}  # where the image gets smaller, by the number of the block
    kernels = {name: array.shape for name, array in untrained_backbone().items() if array.ndim == 4}
    for name, shape in kernels.items():
        block = int(name.split(".")[1])
        if shape[2] == 3:  # of a block it is the depthwise convolution that has the stride
            size //= strides.get(block, 1)
        counted += prod(shape) * size * size
    assert total().multiply_adds == counted == 299_494_272


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages_stand_on_one_page_that_asks_nobody_for_anything(language):
    page = render_sheet(language)
    assert (page.count("<section>"), "<script" in page, "://" in page) == (6, False, False)
    for figure in ("73,728", "27,496,448", "2,223,872", "299.5", "33,306"):
        assert figure in page
    assert f'id="in-{language}" checked' in page


def test_every_file_and_command_that_it_names_is_there():
    page = render_sheet()
    for module in re.findall(r"python -m ((?:datasets|grader)[.\w]*)", page):
        assert (ROOT / module.replace(".", "/")).with_suffix(".py").exists() or (ROOT / module).is_dir()
    for name in re.findall(r"\b((?:student|docs|grader)/[\w/]+\.(?:py|ipynb|md|toml))", page):
        assert (ROOT / name).is_file(), name
    for name in re.findall(r"python (\w+\.py)", page):
        assert (ROOT / "student" / "flowers" / name).is_file(), name
