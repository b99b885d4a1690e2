"""用 PyTorch 完成同样的训练 The same training in PyTorch, for those who prefer it.

    python train_main_torch.py --dataset_path ../datasets/garbage_26x100
    python train_main_torch.py --dataset_path ../datasets/garbage_26x100 --part all --epochs 2

The lab's transforms; Adam; a learning rate that falls in steps. First the head learns: the backbone stays as
it is, so its features are computed only once. With `--part all` the whole network learns after that, from the
best head on, which takes minutes an epoch on a CPU. The network that was best on the validation images goes
to `torch_submission/results/`: every 10 epochs of the head, after each epoch of the whole network, and at the
end. Hand in the folder `torch_submission/` as it is. This runs as it is, but more is possible: work on the
places marked TODO(student).

使用实验规定的图像变换和 Adam 优化器，学习率分段下降。
先只训练分类头：骨干网络保持不变，特征只需提取一次。
加上 `--part all`，再从最好的分类头开始训练整个网络，在 CPU 上每轮需要几分钟。
在验证图像上最好的模型保存到 torch_submission/results/：
训练分类头时每 10 轮、训练整个网络时每轮、以及训练结束时保存。请提交整个文件夹 torch_submission/。
代码可以直接运行，但仍有提升空间：请改进标有 TODO(student) 的地方。
"""

import argparse
import copy
import math
import pickle
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

try:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file
except ModuleNotFoundError as missing:
    sys.exit(
        f"error: {missing.name} is not installed; this needs PyTorch (the CPU build will do) and safetensors"
        " 请安装 PyTorch（CPU 版即可）和 safetensors"
    )
# After PyTorch, which the course library then leaves every instruction of the CPU. 须在 torch 之后导入。
from src_mindspore.cpu import available_cores
from src_mindspore.folders import (
    GARBAGE_FOLDERS,
    find_broken_image,
    labelled_images,
    read_image,
    sorted_classes,
)
from src_mindspore.pictures import plot_history
from torch import Tensor, nn
from torch_submission.mobilenetv2 import FEATURES, MobileNetV2
from torch_submission.views import Input, evaluation_view, training_view
from tqdm import tqdm

HERE = Path(__file__).resolve().parent

Batch = tuple[Tensor, Tensor]  # inputs, and labels (N,)
Images = list[tuple[Path, int]]  # with their labels
History = dict[str, list[float]]  # "loss", and the accuracies "train" and "val", after each epoch

config = SimpleNamespace(
    # -- data 数据 --
    # Holds train/ and val/, with one folder per class. 其中有 train/ 和 val/，每类一个文件夹。
    dataset_path=str(HERE.parent / "datasets" / "garbage_26x100"),
    # TODO(student): the head sees each image in `repeat` random views; 1 is few. 增加数据增强的次数。
    repeat=1,
    # -- training 训练 --
    # TODO(student): try other numbers, one at a time, and write down what you find. 调整超参数。
    batch_size=64,
    epochs=20,
    learning_rate=0.001,
    # TODO(student): when the learning rate falls. 学习率在何时下降。
    milestones=[0.5, 0.8],  # shares of the training after which it is multiplied by gamma 占训练总步数的比例
    gamma=0.1,
    weight_decay=0.0,  # TODO(student): a little keeps the head from learning the images by heart. 权重衰减。
    label_smooth=0.0,  # TODO(student): .1 is common. 标签平滑。
    save_epochs=10,  # epochs between two times that the best weights are saved 每隔多少轮保存一次最好的权重
    # -- of the whole network, after the head 在分类头之后训练整个网络 --
    batch_size_all=16,  # about 1.5 GB of memory 约需 1.5 GB 内存
    epochs_all=3,
    # Small, for the weights are good already: ten times this makes them worse. 权重已经较好，学习率要小。
    learning_rate_all=0.00001,
    save_epochs_all=1,  # for an epoch takes minutes 因为每轮需要几分钟
    seed=1,  # the same seed gives the same result, so that a change in the score comes from your change
    # -- files 文件 --
    checkpoint=HERE / "torch_submission" / "results" / "mobilenetv2.safetensors",
)


def find_pretrained() -> Path:
    """Return the pretrained backbone, which is handed out with this file and lies beside it."""
    place = HERE / "pretrained" / "mobilenetv2.safetensors"
    if place.is_file():
        return place
    raise FileNotFoundError(
        f"{place}: not there; copy the folder pretrained/ from what was handed out, or, in the folder of"
        " HANDOUT.md, run: python -m datasets.fetch backbone"
        " 缺少预训练权重，请从下发的文件中复制 pretrained/ 文件夹，或在 HANDOUT.md 所在的文件夹中运行上述命令"
    )


def load_backbone(network: MobileNetV2, file: Path) -> None:
    """Load every parameter of the backbone from a safetensors or PyTorch file with torchvision's names."""
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file 没有这个文件")
    try:
        if file.suffix == ".safetensors":
            state = load_file(file)
        else:
            # Numbers only: a file that wants to run code is refused. 只读取权重，拒绝执行文件中的代码。
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what is refused all the same
                state = torch.load(file, map_location="cpu", weights_only=True)
        prefix = "features."
        network.features.load_state_dict(
            {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        )
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, OSError, EOFError, AttributeError):
        raise ValueError(
            f"{file}: not a MobileNetV2 with torchvision's names 不是 torchvision 命名的 MobileNetV2 权重"
        ) from None


def in_parallel(function: Callable[[int], Tensor], numbers: Sequence[int]) -> Iterator[Tensor]:
    """Yield what `function` gives for each number, in order, computed on all cores."""
    pool = ThreadPoolExecutor(available_cores())
    try:
        yield from pool.map(function, numbers)
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C the rest is not wanted


def progress(rounds: Iterable[Any], what: str, total: int) -> Iterable[Any]:
    """Show a bar while the rounds go on, but only on a terminal."""
    # 仅在终端中显示进度条。
    return tqdm(rounds, what, total, disable=None, leave=False)


def check_images(config: SimpleNamespace) -> tuple[Images, Images]:
    """Return the training and the validation images; every one can be read."""
    if broken := find_broken_image(config.dataset_path):
        raise ValueError(f"{broken}: not a readable image; replace or remove it 图像已损坏，请替换或删除")
    train = labelled_images(config.dataset_path, training=True)
    return train, labelled_images(config.dataset_path, training=False)


def seen_in_training(config: SimpleNamespace, path: Path, number: int) -> Input:
    """Return a random view of an image."""
    # TODO(student): stronger augmentation, such as training_transform of src_mindspore. 使用更强的数据增强。
    # Every view has random numbers of its own: the same views on any number of cores.
    return training_view(read_image(path), np.random.default_rng([config.seed, number]))


def extract_features(network: MobileNetV2, images: Images, view: Callable[[int, Path], Input]) -> Batch:
    """Run one view of every image through the frozen backbone."""

    def describe(number: int) -> Tensor:
        with torch.inference_mode():
            batch = torch.from_numpy(view(number, images[number][0])).unsqueeze(0)
            return network.pooled(batch.to(memory_format=torch.channels_last))[0]

    # Batch normalisation must use the statistics it learnt, not those of each batch. 冻结 BN 的统计量。
    network.eval()
    features = torch.empty(len(images), FEATURES)
    rows = progress(in_parallel(describe, range(len(images))), "features", len(images))
    for number, row in enumerate(rows):
        features[number] = row
    print(f"features 提取特征：{len(images)} images", flush=True)
    return features, torch.tensor([label for _, label in images])


@dataclass
class Stage:
    """What trains, and on what: the head on features, or the whole network on images."""

    trained: nn.Module  # from the inputs of a batch to its logits
    batches_of: Callable[[int], Iterable[Batch]]  # an epoch's
    batches: int  # in an epoch
    validate: Callable[[], float]  # the accuracy on the validation images
    epochs: int
    learning_rate: float
    save_epochs: int


def run_epochs(config: SimpleNamespace, network: MobileNetV2, stage: Stage) -> tuple[float, History]:
    """Train, and leave the network with its best weights, saved every `save_epochs` epochs and at the end.

    Best is what knows the most validation images. The weights at the beginning take part, so that no training
    ends worse than it began. 训练前的权重也参与比较，因此训练结果不会比开始时更差。

    Returns:
        The accuracy of the best weights on the validation images, and how the training went.
    """
    # TODO(student): other optimizers: torch.optim.SGD with momentum, AdamW. 尝试其他优化器。
    optimizer = torch.optim.Adam(
        stage.trained.parameters(), lr=stage.learning_rate, weight_decay=config.weight_decay
    )
    # TODO(student): warm-up and cosine decay in place of steps. 尝试学习率预热和余弦衰减。
    milestones = [round(share * stage.epochs * stage.batches) for share in config.milestones]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, config.gamma)
    history: History = {"loss": [], "train": [], "val": []}
    best_accuracy, best = stage.validate(), copy.deepcopy(network.state_dict())
    print(f"before training 训练前: accuracy on val {best_accuracy:.4f}", flush=True)
    started = time.perf_counter()
    for epoch in range(stage.epochs):
        loss, train_accuracy = train_epoch(config, network, stage, epoch, optimizer, schedule)
        val_accuracy = stage.validate()
        if val_accuracy > best_accuracy:
            best_accuracy, best = val_accuracy, copy.deepcopy(network.state_dict())
        for key, value in (("loss", loss), ("train", train_accuracy), ("val", val_accuracy)):
            history[key].append(value)
        left = (time.perf_counter() - started) / (epoch + 1) * (stage.epochs - epoch - 1)
        print(
            f"epoch {epoch + 1}/{stage.epochs}: loss {loss:.4f}, accuracy on training views"
            f" {train_accuracy:.4f}, on val {val_accuracy:.4f}; time left 剩余时间 {as_text(left)}",
            flush=True,
        )
        if (epoch + 1) % stage.save_epochs == 0:
            save_state(best, config.checkpoint)
    save_state(best, config.checkpoint)
    network.load_state_dict(best)
    return best_accuracy, history


def train_epoch(
    config: SimpleNamespace,
    network: MobileNetV2,
    stage: Stage,
    epoch: int,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> tuple[float, float]:
    """Train for an epoch; return the mean loss, and the accuracy on the training views as they went by."""
    network.train()
    network.features.eval()  # on small batches the statistics would drift away 冻结 BN 的统计量
    loss_function = nn.CrossEntropyLoss(label_smoothing=config.label_smooth)
    loss_sum, right, count = 0.0, 0, 0
    for inputs, labels in stage.batches_of(epoch):
        logits = stage.trained(inputs)
        loss = loss_function(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()  # after each batch, so that it falls in time however few the epochs are
        loss_sum += loss.item() * len(labels)
        right += int((logits.argmax(dim=1) == labels).sum())
        count += len(labels)
    if not math.isfinite(loss_sum):
        raise ValueError(
            "the loss is no number any more; lower the learning rate 损失已不是有效数值，请减小学习率"
        )
    return loss_sum / count, right / count


def as_text(seconds: float) -> str:
    """Return a duration, as exactly as anybody waits: "40 s", "12 min"."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def train_head(
    config: SimpleNamespace, network: MobileNetV2, train: Images, val: Images
) -> tuple[float, History]:
    """Train the head on features of the frozen backbone."""
    # Every core has an image of its own, which is faster than all cores for each. 每个核各处理一张图像。
    torch.set_num_threads(1)
    features, labels = extract_features(
        network, train * config.repeat, lambda number, path: seen_in_training(config, path, number)
    )
    # As predict() will see them. 与 predict() 中的处理一致。
    val_features, val_labels = extract_features(
        network, val, lambda _, path: evaluation_view(read_image(path))
    )

    def batches_of(_: int) -> Iterator[Batch]:
        for rows in torch.randperm(len(labels)).split(config.batch_size):
            yield features[rows], labels[rows]

    def validate() -> float:
        network.eval()
        with torch.inference_mode():
            right = network.classifier(val_features).argmax(dim=1) == val_labels
        return int(right.sum()) / len(val)

    batches = math.ceil(len(labels) / config.batch_size)
    stage = Stage(
        network.classifier, batches_of, batches, validate,
        config.epochs, config.learning_rate, config.save_epochs,
    )  # fmt: skip
    return run_epochs(config, network, stage)


def train_all(
    config: SimpleNamespace, network: MobileNetV2, train: Images, val: Images
) -> tuple[float, History]:
    """Train the whole network on images, from the weights that it has: the best head's."""
    torch.set_num_threads(available_cores())

    def batches_of(epoch: int) -> Iterator[Batch]:
        def view(number: int) -> Tensor:
            # Other views in each epoch. 每轮使用不同的随机增强。
            seed = epoch * len(train) + number
            return torch.from_numpy(seen_in_training(config, train[number][0], seed))

        batches = torch.randperm(len(train)).split(config.batch_size_all)
        for rows in progress(batches, f"epoch {epoch + 1}", len(batches)):
            images = torch.stack(list(in_parallel(view, rows.tolist())))
            labels = torch.tensor([train[number][1] for number in rows.tolist()])
            yield images.to(memory_format=torch.channels_last), labels

    batches = math.ceil(len(train) / config.batch_size_all)
    stage = Stage(
        network, batches_of, batches, lambda: accuracy(network, val),
        config.epochs_all, config.learning_rate_all, config.save_epochs_all,
    )  # fmt: skip
    return run_epochs(config, network, stage)


def accuracy(network: MobileNetV2, images: Images) -> float:
    """Return the top-1 accuracy on images as `predict` sees them, between 0 and 1."""

    def is_right(number: int) -> Tensor:
        path, label = images[number]
        with torch.inference_mode():
            batch = torch.from_numpy(evaluation_view(read_image(path))).unsqueeze(0)
            return network(batch.to(memory_format=torch.channels_last)).argmax() == label

    network.eval()
    return sum(map(int, in_parallel(is_right, range(len(images))))) / len(images)


def train(config: SimpleNamespace, pretrained: Path, part: str) -> tuple[float, History]:
    """Train the head, and for the part "all" the whole network after that, beginning with the best head."""
    torch.manual_seed(config.seed)
    # TODO(student): another head: network.classifier; the same in torch_submission/mobilenetv2.py. 分类头。
    network = MobileNetV2(len(sorted_classes(config.dataset_path)))
    load_backbone(network, pretrained)
    network.to(memory_format=torch.channels_last)  # faster on a CPU 在 CPU 上更快
    images, val = check_images(config)
    best, history = train_head(config, network, images, val)
    if part == "all":
        best, history = train_all(config, network, images, val)
    return best, history


def save_state(state: dict[str, Tensor], checkpoint: Path) -> None:
    """Save a network's parameters; an earlier checkpoint is replaced once the new one is whole."""
    state = {name: value.contiguous() for name, value in state.items()}
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=checkpoint.parent) as scratch:
            whole = Path(scratch) / checkpoint.name
            save_file(state, whole)
            whole.chmod(0o644)
            whole.replace(checkpoint)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"{checkpoint}: cannot be saved 无法保存：{reason}") from None


def read_command_line() -> argparse.Namespace:
    """Return what was asked for on the command line, once the settings know it too."""
    parser = argparse.ArgumentParser(description="Train a head on the pretrained MobileNetV2, in PyTorch.")
    parser.add_argument("--dataset_path", default=config.dataset_path, help="folder with train/ and val/")
    parser.add_argument(
        "--pretrained", type=Path, help="the backbone with torchvision's names: .safetensors, .pt or .pth"
    )
    parser.add_argument(
        "--part",
        choices=["head", "all"],
        default="head",
        help="head; or all: the whole network after the head",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        help=f"of that part; by default {config.epochs} (head), {config.epochs_all} (all)",
    )
    options = parser.parse_args()
    if options.epochs is not None and options.epochs < 1:
        parser.error("--epochs: at least 1 至少为 1")
    config.dataset_path = options.dataset_path
    if options.epochs:
        setattr(config, "epochs" if options.part == "head" else "epochs_all", options.epochs)
    return options


def main() -> None:
    """Read the command line and train."""
    options = read_command_line()
    started = time.perf_counter()
    try:
        best, history = train(config, options.pretrained or find_pretrained(), options.part)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        head, everything = config.save_epochs, config.save_epochs_all
        print(
            f"\nstopped; the best is saved every {head} epochs of the head, every {everything} of the whole"
            f" network 已停止；每 {head} 轮（分类头）或 {everything} 轮（整个网络）保存一次最好的模型",
            file=sys.stderr,
        )
        sys.exit(130)
    seconds = time.perf_counter() - started
    print(f"{config.checkpoint}: validation accuracy {best:.4f} after {seconds:.0f} s")
    classes = list(sorted_classes(config.dataset_path))
    if classes != GARBAGE_FOLDERS:
        print(
            "note: these are not the 26 kinds of garbage; change CLASSES in torch_submission/main.py to"
            f" 这不是 26 类垃圾数据集，请将 torch_submission/main.py 中的 CLASSES 改为：{', '.join(classes)}"
        )
    curves = config.checkpoint.with_name("curves.png")
    try:
        plot_history(history).savefig(curves)
    except OSError as error:
        sys.exit(f"error: {curves}: cannot be saved 无法保存：{error.strerror or error}")


if __name__ == "__main__":
    main()
