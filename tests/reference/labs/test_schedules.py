import numpy as np
import pytest

from reference.labs.schedules import build_lr, get_lr


def test_get_lr_gives_the_flower_labs_golden_numbers() -> None:
    rates = get_lr(0, 0.0, 0.0, 0.01, 0, 20, 56)
    assert (rates.shape, rates.dtype) == ((1120,), np.float32)
    assert rates[0] == np.float32(0.01)
    assert rates[56] == pytest.approx(0.0099384421, rel=1e-7)
    assert rates[560] == pytest.approx(0.005, rel=1e-7)
    assert rates[1119] == pytest.approx(1.967e-8, rel=1e-3)
    assert rates.sum(dtype=np.float64) == pytest.approx(5.6050005, abs=1e-6)


def test_get_lr_warms_up_from_lr_init_and_reaches_lr_max_when_the_warm_up_is_over() -> None:
    rates = get_lr(0, 0.1, 0.0, 0.4, 2, 5, 3)
    assert rates[:7] == pytest.approx([0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4])
    assert rates[6:].tolist() == sorted(rates[6:], reverse=True)


def test_get_lr_is_sliced_from_the_global_step() -> None:
    arguments = (0.0, 0.001, 0.01, 1, 4, 5)
    np.testing.assert_array_equal(get_lr(7, *arguments), get_lr(0, *arguments)[7:])


def test_get_lr_is_never_negative() -> None:
    assert get_lr(0, 0.0, -0.01, 0.01, 0, 2, 10).min() == 0


def test_build_lr_gives_the_garbage_labs_golden_numbers() -> None:
    rates = build_lr(14400, lr_max=0.02, warmup_steps=5)
    assert (rates.shape, rates.dtype) == ((14400,), np.float32)
    assert rates[[0, 3, 4, 5]] == pytest.approx([0.008, 0.017, 0.02, 0.02], rel=1e-6)
    assert rates[7200] == pytest.approx(0.0100554288, rel=1e-7)
    assert rates[14399] == pytest.approx(0.000100000237, rel=1e-7)


def test_build_lr_can_decay_like_a_parabola_or_not_at_all() -> None:
    square = build_lr(10, 0.0, 0.1, 1.1, warmup_steps=2, decay_type="square")
    assert square == pytest.approx([0.55, 1.1, *(0.1 + (1 - i / 8) ** 2 for i in range(8))])
    assert build_lr(4, 0.0, 0.1, 1.0, 2, "constant") == pytest.approx([0.5, 1, 1, 1])


def test_a_decay_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="'cosin' is not a decay"):
        build_lr(10, decay_type="cosin")  # type: ignore[arg-type]


def test_a_warm_up_that_leaves_no_step_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        build_lr(5, warmup_steps=5)
    with pytest.raises(ValueError, match="do not fit"):
        get_lr(0, 0.0, 0.0, 0.1, 3, 3, 10)
    with pytest.raises(ValueError, match="no step 30"):
        get_lr(30, 0.0, 0.0, 0.1, 0, 3, 10)
