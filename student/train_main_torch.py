"""用 PyTorch 完成同样的训练 The same training in PyTorch, for those who prefer it.

    python train_main_torch.py --dataset_path ../datasets/garbage_26x100
    python train_main_torch.py --dataset_path ../datasets/garbage_26x100 --part all

The lab's transforms; Adam; a learning rate that falls in steps. With `--part head` the backbone stays as it
is, so its features are computed only once; with `--part all` the whole network learns, which takes minutes an
epoch on a CPU. The network that was best on the validation images goes to `torch_submission/results/`, every
10 epochs and at the end; hand in the folder `torch_submission/` as it is. This runs as it is, but more is
possible: work on the places marked TODO(student).

使用实验规定的图像变换和 Adam 优化器，学习率分段下降。
`--part head` 只训练分类头，骨干网络保持不变，特征只需提取一次；
`--part all` 训练整个网络，在 CPU 上每轮需要几分钟。
每 10 轮和训练结束时，把最好的模型保存到 torch_submission/results/；请提交整个文件夹 torch_submission/。
代码可以直接运行，但仍有提升空间：请改进标有 TODO(student) 的地方。
"""

import argparse
import copy
import pickle
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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

Features = tuple[Tensor, Tensor]  # pooled (N, 1280), and labels (N,)
Images = list[tuple[Path, int]]  # with their labels
History = dict[str, list[float]]  # "loss", and the accuracies "train" and "val", after each epoch
SAVE_EPOCHS = 10  # epochs between two times that the best weights are saved 每隔多少轮保存一次最好的权重

config = SimpleNamespace(
    # -- data 数据 --
    # Holds train/ and val/, with one folder per class. 其中有 train/ 和 val/，每类一个文件夹。
    dataset_path=str(HERE.parent / "datasets" / "garbage_26x100"),
    # TODO(student): each training image is seen in `repeat` random views; 1 is few. 增加数据增强的次数。
    repeat=1,
    # -- training 训练 --
    # TODO(student): try other numbers, one at a time, and write down what you find. 调整超参数。
    batch_size=64,
    epochs=20,
    learning_rate=0.001,
    # TODO(student): when the learning rate falls. 学习率在何时下降。
    milestones=[4, 8],  # epochs after which the learning rate is multiplied by gamma
    gamma=0.1,
    weight_decay=0.0,  # TODO(student): a little keeps the head from learning the images by heart. 权重衰减。
    label_smooth=0.0,  # TODO(student): .1 is common. 标签平滑。
    # -- of the whole network 训练整个网络 --
    epochs_all=3,
    batch_size_all=16,  # about 1.5 GB of memory 约需 1.5 GB 内存
    backbone_share=0.1,  # of the learning rate, for the backbone 骨干网络的学习率所占的比例
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


def extract_features(network: MobileNetV2, images: Images, view: Callable[[int, Path], Input]) -> Features:
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


def run_epochs(
    config: SimpleNamespace,
    network: MobileNetV2,
    optimizer: torch.optim.Optimizer,
    epoch_loss: Callable[[int], float],
    score: Callable[[str], float],
    epochs: int,
) -> History:
    """Train, and save the best weights on the validation images every `SAVE_EPOCHS` epochs and at the end.

    Args:
        config: the settings.
        network: whole; the part that learns is the optimizer's.
        optimizer: of that part.
        epoch_loss: trains for an epoch, and returns the mean loss.
        score: the accuracy on "train" or "val".
        epochs: how many.
    """
    # TODO(student): warm-up and cosine decay in place of steps. 尝试学习率预热和余弦衰减。
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, config.milestones, config.gamma)
    history: History = {"loss": [], "train": [], "val": []}
    best: dict[str, Tensor] = {}
    for epoch in range(epochs):
        loss = epoch_loss(epoch)
        schedule.step()
        train_accuracy, val_accuracy = score("train"), score("val")
        if val_accuracy > max(history["val"], default=-1.0):
            best = copy.deepcopy(network.state_dict())
        for key, value in (("loss", loss), ("train", train_accuracy), ("val", val_accuracy)):
            history[key].append(value)
        print(
            f"epoch {epoch + 1}/{epochs}: loss {loss:.4f},"
            f" accuracy on training views {train_accuracy:.4f}, on val {val_accuracy:.4f}",
            flush=True,
        )
        if (epoch + 1) % SAVE_EPOCHS == 0 or epoch + 1 == epochs:
            save_state(best, config.checkpoint)
    return history


def train_head(config: SimpleNamespace, network: MobileNetV2, train: Images, val: Images) -> History:
    """Train the head on features of the frozen backbone."""
    # Every core has an image of its own, which is faster than all cores for each. 每个核各处理一张图像。
    torch.set_num_threads(1)
    train_set = extract_features(
        network, train * config.repeat, lambda number, path: seen_in_training(config, path, number)
    )
    # As predict() will see them. 与 predict() 中的处理一致。
    val_set = extract_features(network, val, lambda _, path: evaluation_view(read_image(path)))
    head, (features, labels) = network.classifier, train_set
    loss_function = nn.CrossEntropyLoss(label_smoothing=config.label_smooth)
    # TODO(student): other optimizers: torch.optim.SGD with momentum, AdamW. 尝试其他优化器。
    optimizer = torch.optim.Adam(head.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)

    def epoch_loss(_: int) -> float:
        head.train()
        loss_sum = 0.0
        for batch in torch.randperm(len(features)).split(config.batch_size):
            loss = loss_function(head(features[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(batch)
        return loss_sum / len(features)

    def score(split: str) -> float:
        inputs, truth = train_set if split == "train" else val_set
        head.eval()
        with torch.inference_mode():
            return float((head(inputs).argmax(dim=1) == truth).float().mean())

    return run_epochs(config, network, optimizer, epoch_loss, score, config.epochs)


def train_all(config: SimpleNamespace, network: MobileNetV2, train: Images, val: Images) -> History:
    """Train the whole network on images; batch normalisation keeps the statistics that it learnt."""
    torch.set_num_threads(available_cores())
    loss_function = nn.CrossEntropyLoss(label_smoothing=config.label_smooth)
    groups = [
        {"params": network.features.parameters(), "lr": config.learning_rate * config.backbone_share},
        {"params": network.classifier.parameters()},
    ]
    optimizer = torch.optim.Adam(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
    rows = train * config.repeat

    def epoch_loss(epoch: int) -> float:
        network.train()
        network.features.eval()  # on small batches the statistics would drift away 冻结 BN 的统计量
        losses = []
        batches = torch.randperm(len(rows)).split(config.batch_size_all)
        for batch in progress(batches, f"epoch {epoch + 1}", len(batches)):
            numbers = batch.tolist()

            def view(number: int) -> Tensor:
                path = rows[number][0]
                return torch.from_numpy(seen_in_training(config, path, epoch * len(rows) + number))

            images = torch.stack(list(in_parallel(view, numbers)))
            labels = torch.tensor([rows[number][1] for number in numbers])
            loss = loss_function(network(images.to(memory_format=torch.channels_last)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item() * len(numbers))
        return sum(losses) / len(rows)

    def score(split: str) -> float:
        return accuracy(network, train if split == "train" else val)

    return run_epochs(config, network, optimizer, epoch_loss, score, config.epochs_all)


def accuracy(network: MobileNetV2, images: Images) -> float:
    """Return the top-1 accuracy on images as `predict` sees them, between 0 and 1."""

    def is_right(number: int) -> Tensor:
        path, label = images[number]
        with torch.inference_mode():
            batch = torch.from_numpy(evaluation_view(read_image(path))).unsqueeze(0)
            return network(batch.to(memory_format=torch.channels_last)).argmax() == label

    network.eval()
    return sum(map(int, in_parallel(is_right, range(len(images))))) / len(images)


def train(config: SimpleNamespace, pretrained: Path, part: str) -> History:
    """Go through all the steps for a part of the network, "head" or "all"."""
    torch.manual_seed(config.seed)
    # TODO(student): another head: network.classifier; the same in torch_submission/mobilenetv2.py. 分类头。
    network = MobileNetV2(len(sorted_classes(config.dataset_path)))
    load_backbone(network, pretrained)
    network.to(memory_format=torch.channels_last)  # faster on a CPU 在 CPU 上更快
    images, val = check_images(config)
    return (train_head if part == "head" else train_all)(config, network, images, val)


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


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train a head on the pretrained MobileNetV2, in PyTorch.")
    parser.add_argument("--dataset_path", default=config.dataset_path, help="folder with train/ and val/")
    parser.add_argument(
        "--pretrained", type=Path, help="the backbone with torchvision's names: .safetensors, .pt or .pth"
    )
    parser.add_argument("--part", choices=["head", "all"], default="head", help="what learns (%(default)s)")
    options = parser.parse_args()
    config.dataset_path = options.dataset_path
    started = time.perf_counter()
    try:
        history = train(config, options.pretrained or find_pretrained(), options.part)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print(
            f"\nstopped; the best is saved every {SAVE_EPOCHS} epochs"
            f" 已停止，每 {SAVE_EPOCHS} 轮保存一次最好的模型",
            file=sys.stderr,
        )
        sys.exit(130)
    seconds = time.perf_counter() - started
    print(f"{config.checkpoint}: validation accuracy {max(history['val']):.4f} after {seconds:.0f} s")
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
