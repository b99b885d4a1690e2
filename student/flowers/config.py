"""花卉实验的参数 The flower lab's numbers: change them here.

The first part says what `python train.py` and `python eval.py` do when no arguments are given; arguments on
the command line come first. The second part has a table for each platform: `CPU` is for five flowers on a
laptop, `GPU` and `Ascend` are for ImageNet.

第一部分是不带参数运行 `python train.py` 和 `python eval.py` 时的默认值，命令行参数优先。
第二部分是各平台的训练参数：`CPU` 用于在笔记本电脑上训练五类花卉，`GPU` 和 `Ascend` 用于 ImageNet。
"""

from easydict import EasyDict

# -- what is done without arguments 不带参数时的默认值 --
TRAIN_ARGUMENTS = {
    "platform": "CPU",
    "dataset_path": "../../datasets/flower_photos/train",
    "pretrain_ckpt": "../pretrained/mobilenetv2.ckpt",
    "freeze_layer": "backbone",
    "run_distribute": False,
}
EVAL_ARGUMENTS = {
    "platform": "CPU",
    "dataset_path": "../../datasets/flower_photos/test",
    "pretrain_ckpt": "./ckpt_0/mobilenetv2_20.ckpt",
    "run_distribute": False,
}

# -- the numbers of the training 训练参数 --
CPU = {
    "num_classes": 5,
    "image_height": 224,
    "image_width": 224,
    "batch_size": 64,
    "eval_batch_size": 1,
    "epoch_size": 20,
    "warmup_epochs": 0,
    "lr_init": 0.0,
    "lr_end": 0.0,
    "lr_max": 0.01,  # TODO(student): try others, and write down what you find. 调整学习率并记录结果。
    "momentum": 0.9,
    "weight_decay": 4e-5,
    "label_smooth": 0.1,
    "loss_scale": 1024,
    "save_checkpoint": True,
    "save_checkpoint_epochs": 5,
    "keep_checkpoint_max": 20,
    "save_checkpoint_path": "./",
    "platform": "CPU",
    "run_distribute": False,
    "activation": "Softmax",  # of the network that is evaluated or exported; training needs logits
}
GPU = {
    **CPU,
    "num_classes": 1000,
    "batch_size": 150,
    "epoch_size": 200,
    "lr_max": 0.8,
    "save_checkpoint_epochs": 1,
    "keep_checkpoint_max": 200,
    "platform": "GPU",
}
ASCEND = {**GPU, "batch_size": 256, "warmup_epochs": 4, "lr_max": 0.4, "platform": "Ascend"}
TABLES = {"CPU": CPU, "GPU": GPU, "Ascend": ASCEND}


def settings(platform: str, run_distribute: bool = False) -> EasyDict:
    """Return the numbers for a platform."""
    return EasyDict({**TABLES[platform], "run_distribute": run_distribute})
