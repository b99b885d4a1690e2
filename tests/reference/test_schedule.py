import pytest

from reference.training.schedule import learning_rates


def test_warm_up_is_linear_and_then_comes_half_a_cosine() -> None:
    rates = learning_rates(10, 2, 0.1)
    assert rates == pytest.approx(
        [0.05, 0.1, 0.1, 0.09619398, 0.08535534, 0.06913417, 0.05, 0.03086583, 0.01464466, 0.00380602]
    )


def test_the_cosine_agrees_with_the_flower_labs_golden_values() -> None:
    rates = learning_rates(1120, 0, 0.01)
    assert (rates[0], rates[560]) == pytest.approx((0.01, 0.005))
    assert (rates[56], rates[1119]) == pytest.approx((0.0099384421, 1.967e-8), rel=1e-4)
    assert sum(rates) == pytest.approx(5.6050005, rel=1e-6)


def test_the_cosine_ends_where_it_is_told_to() -> None:
    assert learning_rates(2, 0, 1.0, end=0.5) == pytest.approx([1.0, 0.75])


@pytest.mark.parametrize("warmup", [-1, 5, 6])
def test_a_warm_up_that_leaves_no_step_is_refused(warmup: int) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        learning_rates(5, warmup, 0.1)
