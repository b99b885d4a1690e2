import numpy as np
import pytest

pytestmark = pytest.mark.mindspore


def test_the_rates_are_the_labs() -> None:
    from benchmarks.original_recipe import build_lr

    rates = build_lr(14400, lr_max=0.02, warmup_steps=5)
    chosen = [rates[i] for i in (0, 3, 4, 5, 7200, 14399)]
    np.testing.assert_allclose(chosen, [0.008, 0.017, 0.02, 0.02, 0.0100554288, 0.000100000237], rtol=1e-7)
    assert build_lr(4, lr_max=0.02, decay_type="none") == [0.02] * 4
    np.testing.assert_allclose(build_lr(2, lr_max=0.02, decay_type="square"), [0.02, 0.0199 / 4 + 1e-4])


def test_the_head_pools_the_maps_and_has_no_bias() -> None:
    import mindspore as ms

    from benchmarks.original_recipe import StudentsHead

    head = StudentsHead(4, 3)
    maps = np.random.default_rng(0).normal(size=(2, 4, 7, 7)).astype(np.float32)
    (weight,) = head.trainable_params()
    expected = maps.mean(axis=(2, 3)) @ weight.asnumpy().T
    np.testing.assert_allclose(head(ms.Tensor(maps)).asnumpy(), expected, atol=1e-6)
