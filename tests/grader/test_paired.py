"""Exact comparison of answers to the same images."""

import numpy as np
import pytest
from scipy.stats import binomtest

from grader.scoring.paired import Paired, paired


def test_only_images_that_one_has_right_and_the_other_wrong_count():
    first = np.array([True, True, False, False, True])
    second = np.array([True, False, True, True, True])
    assert paired(first, second) == Paired(gained=2, lost=1, total=5)


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (8, 0), (5, 3), (3, 5), (16, 2), (90, 60)])
def test_the_probabilities_are_those_of_the_exact_binomial_test(gained, lost):
    found = Paired(gained, lost, 200)
    if gained + lost:
        assert found.p_better == pytest.approx(binomtest(gained, gained + lost, alternative="greater").pvalue)
        assert found.p_different == pytest.approx(binomtest(gained, gained + lost).pvalue)
    else:
        assert found.p_better == found.p_different == 1


def test_thousands_of_images_are_no_trouble():
    assert Paired(3000, 1, 10_000).p_better < 1e-300
    assert Paired(2000, 2000, 10_000).p_different == 1


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="5 and 4 images"):
        paired(np.ones(5, bool), np.ones(4, bool))
