"""花卉实验：训练 The flower lab's training: MobileNetV2 on five kinds of flowers.

    python train.py
    python train.py --platform CPU --dataset_path ../../datasets/flower_photos/train --freeze_layer backbone \
        --pretrain_ckpt ../pretrained/mobilenetv2.ckpt --run_distribute False

Without arguments, config.py says what is done. `--freeze_layer` and `--pretrain_ckpt` choose one of three:
不带参数时使用 config.py 中的默认值。`--freeze_layer` 和 `--pretrain_ckpt` 决定训练方式：

    none, no checkpoint     from scratch: all weights, from random ones    从头训练整个网络
    none, a checkpoint      fine-tuning: all weights, from these           微调整个网络
    backbone, a checkpoint  the head alone, on features computed once      冻结骨干网络，只训练分类头

The first two take hours on a CPU. Checkpoints go to `ckpt_0/`; an earlier folder of that name is kept under
another one. 前两种方式在 CPU 上需要数小时。检查点保存在 `ckpt_0/` 中，以前的同名文件夹会改名保留。
"""

import argparse
import ast
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from config import TABLES, TRAIN_ARGUMENTS, settings
from easydict import EasyDict
from models import (
    define_net,
    find_images,
    head_is_for,
    load_parameters,
    ms,
    nn,
    read_checkpoint,
    use_platform,
)
from src_mindspore.dataset import dataset_of
from src_mindspore.engine import accelerate
from src_mindspore.interrupts import stoppable

Image = tuple[Path, int]
Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]
SEED = 1  # of weights, order and augmentation: the same seed gives the same result 种子相同，结果相同


def get_lr(config: EasyDict, steps_per_epoch: int, global_step: int = 0) -> npt.NDArray[np.float32]:
    """Return the learning rate of every step from `global_step` on.

    It rises from `lr_init` to `lr_max` in `warmup_epochs`, then falls to `lr_end` along half a cosine.
    先从 `lr_init` 线性上升到 `lr_max`，再按余弦曲线下降到 `lr_end`。
    """
    total, warmup = config.epoch_size * steps_per_epoch, config.warmup_epochs * steps_per_epoch
    step = np.arange(total)
    rising = config.lr_init + (config.lr_max - config.lr_init) * step / max(1, warmup)
    share = (1 + np.cos(np.pi * (step - warmup) / (total - warmup))) / 2
    falling = config.lr_end + (config.lr_max - config.lr_end) * share
    rates = np.where(step < warmup, rising, falling)
    return np.maximum(rates, 0).astype(np.float32)[global_step:]


class CrossEntropyWithLabelSmooth(nn.Cell):
    """Mean cross entropy of logits (N, K) and labels (N,), where a part of the target is moved.

    The true class's target is 1 - eps, and that of every other class is eps / (K - 1).
    正确类别的目标值为 1 - eps，其余 K - 1 个类别各为 eps / (K - 1)。
    """

    def __init__(self, smooth_factor: float, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.on_value = ms.Tensor(1.0 - smooth_factor, ms.float32)
        self.off_value = ms.Tensor(smooth_factor / (num_classes - 1), ms.float32)

    def construct(self, logits: ms.Tensor, labels: ms.Tensor) -> ms.Tensor:
        """Return the loss, a scalar."""
        targets = ms.ops.one_hot(labels, self.num_classes, self.on_value, self.off_value)
        return -(targets * ms.ops.log_softmax(logits, 1)).sum(1).mean()


def extract_features(backbone: nn.Cell, images: list[Image], config: EasyDict) -> Batch:
    """Run every image through the frozen backbone once: pooled features (N, 1280) and labels (N,).

    The images are seen as evaluation sees them. 图像的处理与评测时一致，没有随机增强。
    """
    # Batch normalisation must use the statistics it learnt, not those of each batch. 冻结 BN 的统计量。
    backbone.set_train(False)
    # ONNX Runtime answers in MindSpore's place, several times faster. 推理由 ONNX Runtime 加速，结果一致。
    accelerate(backbone)
    data = dataset_of(images, EasyDict(config, eval_batch_size=config.batch_size), training=False)
    features, labels = [], []
    step_size = len(images) // config.batch_size
    for image, label in stoppable(data.create_tuple_iterator(num_epochs=1)):
        features.append(backbone(image).asnumpy().mean(axis=(2, 3)))
        labels.append(label.asnumpy())
        if len(features) <= step_size:
            print(f"Complete the batch {len(features)}/{step_size}", flush=True)
    return np.concatenate(features), np.concatenate(labels)


def train_head(
    config: EasyDict, images: list[Image], parameters: dict[str, ms.Parameter], checkpoint: str
) -> None:
    """Train the head on the features of the frozen backbone."""
    backbone, head, network = define_net(config, is_training=True)
    load_parameters(backbone, parameters, checkpoint)
    if head_is_for(parameters, config.num_classes):
        load_parameters(head, parameters, checkpoint)
    features, labels = extract_features(backbone, images, config)
    dense = head.get_head[-1]  # the features are pooled already, so only the dense layer has work to do
    rng = np.random.default_rng(SEED)

    def batches() -> Iterator[Batch]:
        order = rng.permutation(len(features))
        for begin in range(0, len(order) - config.batch_size + 1, config.batch_size):
            batch = order[begin : begin + config.batch_size]
            yield features[batch], labels[batch]

    run_epochs(config, dense, network, len(images) // config.batch_size, batches)


def train_all(
    config: EasyDict, images: list[Image], parameters: dict[str, ms.Parameter] | None, checkpoint: str | None
) -> None:
    """Train the whole network on augmented images, from a checkpoint or from random weights."""
    backbone, head, network = define_net(config, is_training=True)
    if parameters is not None and checkpoint is not None:
        load_parameters(backbone, parameters, checkpoint)
        if head_is_for(parameters, config.num_classes):
            load_parameters(head, parameters, checkpoint)
    data = dataset_of(images, EasyDict(config, seed=SEED), training=True)
    batches = data.create_tuple_iterator(num_epochs=config.epoch_size, output_numpy=True)
    run_epochs(config, network, network, data.get_dataset_size(), lambda: batches, config.loss_scale)


def run_epochs(
    config: EasyDict,
    learner: nn.Cell,
    network: nn.Cell,
    step_size: int,
    batches: Callable[[], Iterator[Batch]],
    loss_scale: float = 1.0,
) -> None:
    """Train `learner`, and save `network`, of which it is a part or the whole."""
    lr = ms.Tensor(get_lr(config, step_size))
    weights = learner.trainable_params()
    optimizer = nn.Momentum(weights, lr, config.momentum, config.weight_decay, loss_scale)
    loss = CrossEntropyWithLabelSmooth(config.label_smooth, config.num_classes)
    step = nn.TrainOneStepCell(nn.WithLossCell(learner, loss), optimizer, loss_scale)
    folder = new_folder(Path(config.save_checkpoint_path) / "ckpt_0")
    for epoch in stoppable(range(1, config.epoch_size + 1)):
        step.set_train(True)
        started = time.perf_counter()
        losses = [float(step(ms.Tensor(x), ms.Tensor(y)).asnumpy()) for x, y in stoppable(batches())]
        cost = 1000 * (time.perf_counter() - started)
        print(
            f"epoch[{epoch}/{config.epoch_size}], iter[{step_size}] cost: {cost:5.3f},"
            f" per step time: {cost / step_size:5.3f}, avg loss: {np.mean(losses):5.3f}",
            flush=True,
        )
        is_last = epoch == config.epoch_size
        if config.save_checkpoint and (is_last or epoch % config.save_checkpoint_epochs == 0):
            save(network, folder / f"mobilenetv2_{epoch}.ckpt")


def new_folder(folder: Path) -> Path:
    """Make the folder of the checkpoints; an earlier one is kept under another name."""
    if folder.exists():
        number = 1
        while (kept := folder.with_name(f"{folder.name}.{number}")).exists():
            number += 1
        folder.rename(kept)
        print(f"note: {folder} of an earlier training is now {kept} 以前训练的检查点已改名保留", flush=True)
    folder.mkdir(parents=True)
    return folder


def save(network: nn.Cell, checkpoint: Path) -> None:
    """Save a network; the file appears once it is whole."""
    with tempfile.TemporaryDirectory(dir=checkpoint.parent) as scratch:
        whole = Path(scratch) / checkpoint.name
        ms.save_checkpoint(network, str(whole))
        whole.chmod(0o644)  # MindSpore saves read-only files
        whole.replace(checkpoint)


def parse_arguments() -> argparse.Namespace:
    """Read the command line; config.py has the defaults."""
    parser = argparse.ArgumentParser(description="Train MobileNetV2 on flowers.")
    add = parser.add_argument
    add("--platform", choices=[*TABLES], help="device")
    add("--dataset_path", help="folder with one folder per class, or with train/")
    add("--pretrain_ckpt", help="weights to begin with")
    add("--freeze_layer", choices=["none", "backbone"], help="the part that is not trained")
    add("--run_distribute", type=ast.literal_eval, help="train in several processes")
    defaults = TRAIN_ARGUMENTS
    if (
        len(sys.argv) > 1
    ):  # a checkpoint that is not named is none: training from scratch 未指定则不加载检查点
        defaults = {**defaults, "pretrain_ckpt": None, "freeze_layer": "none"}
    parser.set_defaults(**defaults)
    return parser.parse_args()


def train(args: argparse.Namespace) -> None:
    """Do the whole training, and print its lines."""
    started = time.perf_counter()
    config = settings(args.platform, args.run_distribute)
    if args.freeze_layer == "backbone" and not args.pretrain_ckpt:
        raise ValueError("--freeze_layer backbone needs a --pretrain_ckpt 冻结骨干网络时必须指定预训练权重")
    if args.run_distribute:
        raise ValueError("--run_distribute True: not here; give False 不支持分布式训练，请设为 False")
    parameters = read_checkpoint(args.pretrain_ckpt) if args.pretrain_ckpt else None
    images, classes = find_images(args.dataset_path, training=True)
    config.num_classes = len(classes)
    if len(images) < config.batch_size:
        raise ValueError(
            f"{len(images)} images do not fill a batch of {config.batch_size}; lower batch_size in config.py"
            " 图像不足一批，请减小 config.py 中的 batch_size"
        )
    use_platform(args.platform)
    ms.set_seed(SEED)
    print(f"train args: {args}\ncfg: {dict(config)}", flush=True)
    if args.freeze_layer == "backbone" and parameters is not None:
        train_head(config, images, parameters, args.pretrain_ckpt)
    else:
        train_all(config, images, parameters, args.pretrain_ckpt)
    print(f"total cost {time.perf_counter() - started:5.4f} s")


def main() -> None:
    """Run the command."""
    try:
        train(parse_arguments())
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print(
            "\nstopped; the checkpoints of finished epochs stay 已停止，已保存的检查点保留", file=sys.stderr
        )
        sys.exit(130)


if __name__ == "__main__":
    main()
