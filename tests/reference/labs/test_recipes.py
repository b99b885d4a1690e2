from dataclasses import FrozenInstanceError, asdict, replace

import numpy as np
import pytest

from reference.errors import InputError
from reference.labs import recipes
from reference.labs.recipes import CPU, build_lr, flower_config


def test_the_cpu_has_the_numbers_of_the_labs_text() -> None:
    assert asdict(flower_config("CPU")) == {
        **{"num_classes": 5, "image_height": 224, "image_width": 224, "batch_size": 64, "eval_batch_size": 1},
        **{"epoch_size": 20, "warmup_epochs": 0, "lr_init": 0, "lr_end": 0, "lr_max": 0.01},
        **{"momentum": 0.9, "weight_decay": 4e-5, "label_smooth": 0.1, "loss_scale": 1024},
        **{"save_checkpoint": True, "save_checkpoint_epochs": 5, "keep_checkpoint_max": 20},
        **{"save_checkpoint_path": "./", "activation": "Softmax"},
        **{"platform": "CPU", "run_distribute": False},
    }


def test_gpu_and_ascend_have_those_of_imagenet() -> None:
    gpu, ascend = flower_config("GPU"), flower_config("Ascend", run_distribute=True)
    assert (gpu.num_classes, gpu.batch_size, gpu.epoch_size, gpu.lr_max) == (1000, 150, 200, 0.8)
    assert (ascend.num_classes, ascend.batch_size, ascend.epoch_size, ascend.lr_max) == (1000, 256, 200, 0.4)
    assert (gpu.warmup_epochs, ascend.warmup_epochs) == (0, 4)
    assert (ascend.platform, ascend.run_distribute) == ("Ascend", True)


def test_a_changed_configuration_does_not_change_the_table() -> None:
    assert replace(flower_config("CPU"), num_classes=26).num_classes == 26
    with pytest.raises(FrozenInstanceError):
        flower_config("CPU").num_classes = 26  # type: ignore[misc]
    assert flower_config("CPU").num_classes == 5


def test_an_image_size_of_which_nothing_is_left_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recipes.TABLES, "CPU", replace(CPU, image_height=31))
    with pytest.raises(InputError, match="images of 31 x 224 are too small"):
        flower_config("CPU")


def flower_rates(
    lr_init: float,
    lr_end: float,
    lr_max: float,
    warmup_epochs: int,
    epochs: int,
    steps: int,
    first_step: int = 0,
) -> np.ndarray:
    config = replace(CPU, lr_init=lr_init, lr_end=lr_end, lr_max=lr_max, warmup_epochs=warmup_epochs)
    return replace(config, epoch_size=epochs).rates(steps, first_step)


def test_the_flower_labs_rates_are_its_golden_numbers() -> None:
    rates = CPU.rates(56)
    assert (rates.shape, rates.dtype) == ((1120,), np.float32)
    assert rates[0] == np.float32(0.01)
    assert rates[56] == pytest.approx(0.0099384421, rel=1e-7)
    assert rates[560] == pytest.approx(0.005, rel=1e-7)
    assert rates[1119] == pytest.approx(1.967e-8, rel=1e-3)
    assert rates.sum(dtype=np.float64) == pytest.approx(5.6050005, abs=1e-6)


def test_the_flower_labs_rates_warm_up_from_lr_init_and_reaches_lr_max_when_the_warm_up_is_over() -> None:
    rates = flower_rates(0.1, 0.0, 0.4, 2, 5, 3)
    assert rates[:7] == pytest.approx([0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4])
    assert rates[6:].tolist() == sorted(rates[6:], reverse=True)


def test_the_flower_labs_rates_are_sliced_from_the_first_step() -> None:
    arguments = (0.0, 0.001, 0.01, 1, 4, 5)
    np.testing.assert_array_equal(flower_rates(*arguments, 7), flower_rates(*arguments)[7:])


def test_the_flower_labs_rates_are_never_negative() -> None:
    assert flower_rates(0.0, -0.01, 0.01, 0, 2, 10).min() == 0


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
        flower_rates(0.0, 0.0, 0.1, 3, 3, 10)
    with pytest.raises(ValueError, match="no step 30"):
        flower_rates(0.0, 0.0, 0.1, 0, 3, 10, 30)
