import pytest

from reference.errors import InputError
from reference.labs.flower_config import CPU, set_config


def test_the_cpu_has_the_numbers_of_the_labs_text() -> None:
    assert set_config("CPU") == {
        **{"num_classes": 5, "image_height": 224, "image_width": 224, "batch_size": 64, "eval_batch_size": 1},
        **{"epoch_size": 20, "warmup_epochs": 0, "lr_init": 0, "lr_end": 0, "lr_max": 0.01},
        **{"momentum": 0.9, "weight_decay": 4e-5, "label_smooth": 0.1, "loss_scale": 1024},
        **{"save_checkpoint": True, "save_checkpoint_epochs": 5, "keep_checkpoint_max": 20},
        **{"save_checkpoint_path": "./", "activation": "Softmax"},
        **{"platform": "CPU", "run_distribute": False},
    }


def test_gpu_and_ascend_have_those_of_imagenet() -> None:
    gpu, ascend = set_config("GPU"), set_config("Ascend", run_distribute=True)
    assert (gpu.num_classes, gpu.batch_size, gpu.epoch_size, gpu.lr_max) == (1000, 150, 200, 0.8)
    assert (ascend.num_classes, ascend.batch_size, ascend.epoch_size, ascend.lr_max) == (1000, 256, 200, 0.4)
    assert (gpu.warmup_epochs, ascend.warmup_epochs) == (0, 4)
    assert (ascend.platform, ascend.run_distribute) == ("Ascend", True)


def test_a_changed_configuration_does_not_change_the_table() -> None:
    set_config("CPU").num_classes = 26
    assert set_config("CPU").num_classes == 5


def test_an_image_size_that_would_be_ignored_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CPU, "image_height", 192)
    with pytest.raises(InputError, match="images of 224 x 224, and no others"):
        set_config("CPU")
