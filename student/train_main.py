"""训练你自己的分类器 Train your own classifier on MobileNetV2.

Step by step in the notebook `main.ipynb`, or all at once: 可以在 notebook 中逐步运行，也可以一次运行：

    python train_main.py --dataset_path ../datasets/garbage_26x100

First the head alone: the backbone stays as it is, so its features are computed only once, and the head learns
in seconds. Then, if you want, the whole network, which takes minutes an epoch on a CPU. All that is to be
kept goes to `results/`; the chosen network is `results/mobilenetv2.ckpt`, which `main.py` loads. This runs
as it is, but scores below what is possible: work on the places marked **TODO(student)**.

先只训练分类头：骨干网络保持不变，特征只需提取一次，几秒即可完成。
然后可以微调整个网络，在 CPU 上每轮需要几分钟。
需要保存的文件都在 `results/` 中；最终选用的模型是 `results/mobilenetv2.ckpt`，由 `main.py` 加载。
代码可以直接运行，但得分低于可以达到的水平：请改进标有 **TODO(student)** 的地方。
"""

# %%
import argparse
import math
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from easydict import EasyDict

# Errors of MindSpore only: what it would warn of, this file checks itself. 只显示 MindSpore 的错误信息。
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms
from mindspore import nn
from src_mindspore.dataset import create_dataset
from src_mindspore.engine import accelerate
from src_mindspore.files import FeatureFiles, replace_file
from src_mindspore.folders import GARBAGE_FOLDERS, find_broken_image, sorted_classes
from src_mindspore.interrupts import stoppable
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2
from src_mindspore.networks import (
    Batch,
    choose_device,
    compute_features,
    evaluate,
    export_mindir,
    freeze_batch_norm,
    images_of,
    load_parameters,
    save_parameters,
)
from src_mindspore.pictures import plot_history

# Ctrl-C, or a notebook's stop button, raises KeyboardInterrupt as ever: MindSpore turns it into SIGTERM, and
# that would end the whole process. 使 Ctrl-C 和 notebook 的停止按钮正常工作。
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.default_int_handler)

# A notebook has no __file__; there it is the current folder. notebook 中没有 __file__，使用当前文件夹。
HERE = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()

# %% [markdown]
# ## 1. Settings 设置
#
# Where the images lie, which is where `python -m datasets.fetch garbage` puts them, and the numbers that
# decide how well the network learns. After a change, run this cell and those below it again. All other paths
# begin in the folder of this file.
#
# 图像的位置（默认为 `python -m datasets.fetch garbage` 的下载位置）和训练的超参数。
# 修改之后，请重新运行本单元格及其下面的单元格。其他路径都相对于本文件所在的文件夹。

# %%
config = EasyDict(
    # -- data 数据 --
    # Holds train/ and val/, with one folder per class. 其中有 train/ 和 val/，每类一个文件夹。
    dataset_path=str(HERE.parent / "datasets" / "garbage_26x100"),
    num_classes=26,
    class_index={name: label for label, name in enumerate(GARBAGE_FOLDERS)},
    image_height=224,
    image_width=224,
    batch_size=24,  # the whole network needs about 2.5 GB of memory with 24 训练整个网络约需 2.5 GB 内存
    eval_batch_size=10,
    # TODO(student): each training image is seen in `repeat` random views; 1 is few. 增加数据增强的次数。
    repeat=1,
    # -- network 网络 --
    reduction="mean",  # TODO(student): how the head pools: mean, max or none 分类头的池化方式
    # -- training 训练 --
    # TODO(student): try other numbers, one at a time, and write down what you find. 调整超参数。
    epochs=4,
    lr_max=0.005,
    decay_type="constant",  # TODO(student): or "cosine", "square" 学习率下降策略
    warmup_steps=0,  # TODO(student): steps in which the learning rate rises 学习率预热的步数
    momentum=0.9,
    weight_decay=0.0,  # TODO(student): a little keeps the head from learning the images by heart. 权重衰减。
    label_smooth=0.0,  # TODO(student): .1 is common. 标签平滑。
    # TODO(student): epochs in which all layers learn, after the head; 0 leaves that out. 训练整个网络的轮数。
    epochs_all=0,
    backbone_share=0.001,  # of the learning rate, for the convolutions 卷积层的学习率所占的比例
    seed=1,  # the same seed gives the same result, so that a change in the score comes from your change
    # -- files 文件 --
    pretrained_ckpt="./pretrained/mobilenetv2.ckpt",  # the backbone 骨干网络的预训练权重
    pretrained_ckpt_all=None,  # where train_all begins; None: at the best head 默认从最好的分类头开始
    features_path="./results/garbage_26x100_features",  # may be deleted at any time 可随时删除
    save_ckpt_epochs=1,
    save_ckpt_path="./results/ckpt_mobilenetv2",
    export_path="./results/mobilenetv2.mindir",
    checkpoint="./results/mobilenetv2.ckpt",  # the chosen one, for main.py 最终选用的模型，由 main.py 加载
)


# %%
def check_data(config: EasyDict) -> None:
    """Make sure that every image can be read, and take the class folders as they are."""
    found = sorted_classes(config.dataset_path)
    if not set(found) <= set(config.class_index):
        # Another data set than the one in the settings. 不是设置中的数据集。
        config.class_index, config.num_classes = found, len(found)
    if broken := find_broken_image(config.dataset_path):
        raise ValueError(f"{broken}: not a readable image; replace or remove it 图像已损坏，请替换或删除")


# %% active="ipynb"
# choose_device()
# check_data(config)

# %% [markdown]
# ## 2. The learning rate 学习率
#
# It may rise in a warm-up and then fall: large steps first, small ones at the end.
#
# 学习率可以先预热上升，然后逐渐下降：开始时步长较大，最后步长较小。


# %%
def build_lr(
    total_steps: int,
    lr_init: float = 0.005,
    lr_end: float = 0.0001,
    lr_max: float = 0.1,
    warmup_steps: int = 0,
    decay_type: str = "cosine",
) -> list[float]:
    """Return the learning rate of every step.

    Args:
        total_steps: of the whole training, warm-up included.
        lr_init: where the warm-up begins.
        lr_end: where the decay ends.
        lr_max: the highest, at the end of the warm-up.
        warmup_steps: in which it rises.
        decay_type: "cosine" or "square"; anything else stays at `lr_max`.
    """
    rates = []
    for i in range(total_steps):
        if i < warmup_steps:
            rates.append(lr_init + (lr_max - lr_init) / warmup_steps * (i + 1))
            continue
        done = (i - warmup_steps) / (total_steps - warmup_steps)
        if decay_type == "cosine":
            rates.append(lr_end + (lr_max - lr_end) * (1 + math.cos(math.pi * done)) / 2)
        elif decay_type == "square":
            rates.append(lr_end + (lr_max - lr_end) * (1 - done) ** 2)
        else:
            rates.append(lr_max)
    return rates


def learning_rates(config: EasyDict, steps: int, lr_max: float) -> list[float]:
    """Return the learning rates of a training of so many steps, by the settings."""
    return build_lr(steps, lr_max=lr_max, warmup_steps=config.warmup_steps, decay_type=config.decay_type)


# %% [markdown]
# ## 3. The pretrained backbone, and its features, once 预训练的骨干网络，提取特征（只需一次）
#
# MobileNetV2, trained on the 1.2 million photos of ImageNet: it turns an image into 1280 features that also
# describe what it has never been trained on. Every training image is seen in one or more random views
# (cropped, flipped, in other colours). The features are kept on the disk, and computed again only when the
# images, the weights or the settings that decide them have changed.
#
# MobileNetV2 已在 ImageNet 的 120 万张图像上训练过：它把一张图像变成 1280 个特征，这些特征也适用于新的类别。
# 训练图像经过随机增强（裁剪、翻转、颜色变化）。特征保存在磁盘上；只有图像、权重或相关设置改变时才会重新提取。


# %%
def find_pretrained(config: EasyDict) -> Path:
    """Return the pretrained backbone, which is handed out with this file and lies beside it."""
    place = HERE / config.pretrained_ckpt
    if place.is_file():
        return place
    raise FileNotFoundError(
        f"{place}: not there; copy the folder pretrained/ from what was handed out, or, in the folder of"
        " HANDOUT.md, run: python -m datasets.fetch backbone"
        " 缺少预训练权重，请从下发的文件中复制 pretrained/ 文件夹，或在 HANDOUT.md 所在的文件夹中运行上述命令"
    )


def load_backbone(config: EasyDict) -> MobileNetV2Backbone:
    """Build the backbone with its pretrained weights, frozen."""
    backbone = load_parameters(MobileNetV2Backbone(), find_pretrained(config))
    # Batch normalisation must use the statistics it learnt, not those of each batch. 冻结 BN 的统计量。
    return backbone.set_train(False)


def extract_features(net: nn.Cell, dataset_path: str, config: EasyDict) -> FeatureFiles:
    """Run every training image through the frozen backbone, and leave each batch in `features_path`."""
    config.dataset_path = dataset_path
    files = FeatureFiles(HERE / config.features_path, config, find_pretrained(config))
    if files.are_current():
        print(f"features 特征：{files.count} batches are there already 已存在")
        return files
    data = create_dataset(config, training=True, repeat=config.repeat)
    # One line that is written over and over, where somebody is watching. 显示进度。
    start, end = ("\r", "") if sys.stdout.isatty() or "ipykernel" in sys.modules else ("", "\n")
    files.begin()
    for features, labels in compute_features(net, data, config.reduction):
        files.write(features, labels)
        print(f"{start}Complete the batch {files.count}/{data.get_dataset_size()}", end=end, flush=True)
    files.end()
    print(end="\n" if start else "")
    return files


# %% active="ipynb"
# extract_features(load_backbone(config), config.dataset_path, config)

# %% [markdown]
# ## 4. Training the head 训练分类头
#
# Pooling and one dense layer, from 1280 features to the classes. Change it, the optimizer or the numbers in
# the settings, and run on from here: it takes seconds.
#
# 池化和一个全连接层，从 1280 个特征到各个类别。可以修改分类头、优化器或超参数，然后从这里重新运行，只需几秒。


# %%
History = dict[str, list[float]]  # "loss", and the accuracies "train" and "val", after each epoch


@dataclass
class Stage:
    """What trains, and on what: the head on features, or the whole network on images."""

    name: str  # of the checkpoints
    network: nn.Cell  # whole, for the checkpoints
    step: nn.Cell  # of the optimizer: inputs and labels to the loss
    batches_of: Callable[[int], Iterable[Batch]]  # an epoch's
    score: Callable[[str], dict[str, float]]  # accuracy and loss on "val" or "train"
    epochs: int


def new_head(config: EasyDict) -> MobileNetV2Head:
    """Return the head with random weights."""
    # TODO(student): write a head of your own, here and in main.py. 也可以自己设计分类头，与 main.py 一致。
    return MobileNetV2Head(
        num_classes=config.num_classes, reduction=config.reduction, hw=config.image_height // 32
    )


def run_epochs(config: EasyDict, stage: Stage) -> History:
    """Train, and keep the checkpoint of the best epoch, of every `save_ckpt_epochs`-th, and of the last."""
    # The best is the first that knows the most validation images, seen as by predict(). 按验证准确率选择。
    folder = HERE / config.save_ckpt_path
    history: History = {"loss": [], "train": [], "val": []}
    for epoch in stoppable(range(stage.epochs)):
        started = time.perf_counter()
        losses = [
            float(stage.step(ms.Tensor(inputs), ms.Tensor(labels)).asnumpy())
            for inputs, labels in stage.batches_of(epoch)
        ]
        seconds, loss = time.perf_counter() - started, float(np.mean(losses))
        if not math.isfinite(loss):
            raise ValueError("the loss is no number any more; lower lr_max 损失已不是有效数值，请减小 lr_max")
        print(f"epoch: {epoch + 1}, time cost: {seconds}, avg loss: {loss}")
        validation, training = stage.score("val"), stage.score("train")
        print(f"Validation accuracy is {validation}")
        print(f"Train accuracy is {training}", flush=True)
        if validation["acc"] > max(history["val"], default=-1.0):
            save_parameters(stage.network, folder / f"{stage.name}-best.ckpt")
        if (epoch + 1) % config.save_ckpt_epochs == 0:
            save_parameters(stage.network, folder / f"{stage.name}-{epoch + 1}.ckpt")
        for key, value in (("loss", loss), ("train", training["acc"]), ("val", validation["acc"])):
            history[key].append(value)
    save_parameters(stage.network, folder / f"{stage.name}_final.ckpt")
    return history


def train_head(config: EasyDict = config) -> History:
    """Train the head on the features of the frozen backbone."""
    ms.set_seed(config.seed)
    random.seed(config.seed)
    backbone, head = load_backbone(config), new_head(config)
    files = extract_features(backbone, config.dataset_path, config)
    val = list(compute_features(backbone, create_dataset(config, training=False), config.reduction))
    dense = head.get_head[-1]  # the features are pooled already, so only the dense layer has work to do

    # TODO(student): other optimizers: nn.Adam, nn.AdamWeightDecay. 尝试其他优化器。
    loss = nn.CrossEntropyLoss(label_smoothing=config.label_smooth)
    lrs = learning_rates(config, config.epochs * files.count, config.lr_max)
    optimizer = nn.Momentum(dense.trainable_params(), lrs, config.momentum, config.weight_decay)
    step = nn.TrainOneStepCell(nn.WithLossCell(dense, loss), optimizer)

    def batches_of(_: int) -> Iterable[Batch]:
        step.set_train(True)
        return map(files.read, random.sample(range(files.count), files.count))

    def score(split: str) -> dict[str, float]:
        return evaluate(dense, val if split == "val" else map(files.read, range(files.count)), loss)

    network = mobilenet_v2(backbone, head)
    return run_epochs(config, Stage("mobilenetv2", network, step, batches_of, score, config.epochs))


# %% active="ipynb"
# history = train_head(config)
# %matplotlib inline
# plot_history(history)

# %% [markdown]
# ## 5. Training the whole network 训练整个网络
#
# From the best head on, all convolutions learn too: the head at half its learning rate, the convolutions at a
# small share of that. Batch normalisation stays as it was when the backbone was trained: on small batches its
# statistics would drift away, and the accuracy fall. `epochs_all` in the settings says for how long; on a CPU
# an epoch takes minutes.
#
# 从最好的分类头开始，所有卷积层一起训练：分类头的学习率减半，卷积层只用其中很小的一部分。
# BN 保持预训练时的状态：在小批量数据上，它的统计量会漂移，准确率随之下降。
# 训练轮数由设置中的 `epochs_all` 决定；在 CPU 上每轮需要几分钟。


# %%
def train_all(config: EasyDict = config) -> History:
    """Train all layers on augmented images, beginning with the best head or with `pretrained_ckpt_all`."""
    ms.set_seed(config.seed)
    begin = config.pretrained_ckpt_all or f"{config.save_ckpt_path}/mobilenetv2-best.ckpt"
    network = load_parameters(mobilenet_v2(MobileNetV2Backbone(), new_head(config)), HERE / begin)
    freeze_batch_norm(network)

    def data_of(seed: int, repeat: int) -> ms.dataset.Dataset:
        return create_dataset(EasyDict(config, seed=seed), training=True, repeat=repeat)

    # The head and the convolutions learn at different rates. 分类头和卷积层使用不同的学习率。
    steps = config.epochs_all * data_of(config.seed, config.repeat).get_dataset_size()
    lrs = np.float32(learning_rates(config, steps, config.lr_max * 0.5))
    head = network.head.trainable_params()
    convolutions = network.backbone.trainable_params()
    groups = [
        {"params": convolutions, "lr": ms.Tensor(lrs * np.float32(config.backbone_share))},
        {"params": head, "lr": ms.Tensor(lrs)},
    ]
    loss = nn.CrossEntropyLoss(label_smoothing=config.label_smooth)
    optimizer = nn.Momentum(groups, config.lr_max, config.momentum, config.weight_decay)
    step = nn.TrainOneStepCell(nn.WithLossCell(network, loss), optimizer)

    def batches_of(epoch: int) -> Iterable[Batch]:
        step.set_train(True)
        freeze_batch_norm(network)
        # Another seed for each epoch: other views of the images. 每轮使用不同的随机增强。
        return images_of(data_of(config.seed + epoch, config.repeat))

    def score(split: str) -> dict[str, float]:
        data = create_dataset(config, training=False) if split == "val" else data_of(config.seed, 1)
        return evaluate(accelerate(network), images_of(data), loss)

    return run_epochs(config, Stage("mobilenetv2_all", network, step, batches_of, score, config.epochs_all))


# %% active="ipynb"
# history_all = train_all(config) if config.epochs_all else None

# %% [markdown]
# ## 6. The chosen checkpoint 选用的模型
#
# The better of the two best checkpoints becomes `results/mobilenetv2.ckpt`, and is exported as MindIR.
#
# 两个阶段中更好的检查点成为 `results/mobilenetv2.ckpt`，并导出为 MindIR。


# %%
def choose_checkpoint(history: History, history_all: History | None) -> str:
    """Return the name of the best checkpoint; at a tie the head's, whose backbone is as it was pretrained."""
    is_better = bool(history_all) and max(history_all["val"]) > max(history["val"])
    return "mobilenetv2_all-best.ckpt" if is_better else "mobilenetv2-best.ckpt"


def hand_in(config: EasyDict, chosen: str) -> None:
    """Put the chosen checkpoint where `main.py` looks for it, and export the network."""
    print("Chosen checkpoint is", chosen)
    source = HERE / config.save_ckpt_path / chosen
    replace_file(HERE / config.checkpoint, lambda path: shutil.copyfile(source, path))
    network = load_parameters(mobilenet_v2(MobileNetV2Backbone(), new_head(config)), source)
    export_mindir(network, (config.image_height, config.image_width), HERE / config.export_path)


def remind_of_main(config: EasyDict) -> None:
    """Say what must be changed in main.py if the network is not the one that it was made for."""
    if config.reduction != "mean":
        print(
            f'note: change REDUCTION in main.py to "{config.reduction}"'
            f' 请将 main.py 中的 REDUCTION 改为 "{config.reduction}"'
        )
    if list(config.class_index) != GARBAGE_FOLDERS:
        print(
            "note: these are not the 26 kinds of garbage; change CLASSES in main.py to"
            f" 这不是 26 类垃圾数据集，请将 main.py 中的 CLASSES 改为：{', '.join(config.class_index)}"
        )


# %% active="ipynb"
# hand_in(config, choose_checkpoint(history, history_all))
# remind_of_main(config)


# %% active="py"
def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train a classifier on the pretrained MobileNetV2.")
    parser.add_argument("--dataset_path", default=config.dataset_path, help="folder with train/ and val/")
    parser.add_argument("--pretrained", type=Path, help="checkpoint of the pretrained backbone")
    options = parser.parse_args()
    config.dataset_path = options.dataset_path
    started = time.perf_counter()
    try:
        config.pretrained_ckpt = (
            options.pretrained.absolute() if options.pretrained else find_pretrained(config)
        )
        check_data(config)
        choose_device()
        history = train_head(config)
        history_all = train_all(config) if config.epochs_all else None
        hand_in(config, choose_checkpoint(history, history_all))
        replace_file(HERE / "results" / "curves.png", lambda path: plot_history(history).savefig(path))
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        where = f"{config.checkpoint} is as it was, the epochs so far are in {config.save_ckpt_path}"
        print(f"\nstopped; {where} 已停止，已完成的各轮保存在 {config.save_ckpt_path}", file=sys.stderr)
        sys.exit(130)
    best = max(history["val"] + (history_all["val"] if history_all else []))
    seconds = time.perf_counter() - started
    print(f"{HERE / config.checkpoint}: validation accuracy {best:.4f} after {seconds:.0f} s")
    print("training is ok!!!")
    remind_of_main(config)


if __name__ == "__main__":
    main()
