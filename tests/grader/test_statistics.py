"""Exact comparison of answers to the same images."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from grader.statistics import Paired, binomial_tail, paired


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


def test_the_tail_of_the_binomial_is_exact():
    assert binomial_tail(24, 0, 0.05) == pytest.approx(1.0)
    assert binomial_tail(3, 3, 0.05) == pytest.approx(0.05**3)
    assert binomial_tail(24, 7, 0.05) == pytest.approx(
        1 - sum(math.comb(24, k) * 0.05**k * 0.95 ** (24 - k) for k in range(7))
    )
    assert binomial_tail(0, 0, 0.05) == 1.0
    assert binomial_tail(5, 5, 1.0) == 1.0
    assert binomial_tail(10_000, 5_100, 0.5) == pytest.approx(0.0233, abs=1e-3)  # a normal one: z = 1.99
