"""用 PyTorch 完成同样的训练 The same training in PyTorch, for those who prefer it.

    python train_main_torch.py --dataset_path datasets/garbage_26x100

Random resized crops, flips and colour jitter; Adam; a learning rate that falls in steps. The backbone stays
as it is, so its features are computed only once. The network that was best on the validation images goes to
`torch_submission/results/`; hand in the folder `torch_submission/` as it is. This runs as it is, but
more is possible: work on the places marked TODO(student).

随机裁剪、翻转、颜色抖动；Adam 优化器；学习率分段下降。骨干网络保持不变，特征只需提取一次。
最好的模型保存在 torch_submission/results/，请提交整个文件夹 torch_submission/。
代码可以直接运行，但仍有提升空间：请改进标有 TODO(student) 的地方。
"""

import argparse
import copy
import pickle
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

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
from src_mindspore.transforms import Input, evaluation_transform, training_transform
from torch import Tensor, nn
from torch_submission.mobilenetv2 import FEATURES, MobileNetV2

HERE = Path(__file__).resolve().parent

Features = tuple[Tensor, Tensor]  # pooled (N, 1280), and labels (N,)

config = SimpleNamespace(
    # -- data 数据 --
    dataset_path="datasets/garbage_26x100",  # holds train/ and val/, with one folder per class
    # TODO(student): each training image is seen in `repeat` random views; 1 is few. 增加数据增强的次数。
    repeat=1,
    # -- training 训练 --
    # TODO(student): try other numbers, one at a time, and write down what you find. 调整超参数。
    batch_size=64,
    epochs=20,
    learning_rate=0.001,
    milestones=[12, 17],  # epochs after which the learning rate is multiplied by gamma
    gamma=0.1,
    weight_decay=0.0,  # TODO(student): a little keeps the head from learning the images by heart. 权重衰减。
    label_smooth=0.0,  # TODO(student): .1 is common. 标签平滑。
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
        f"{place}: not there; copy the folder pretrained/ from what was handed out, or ask your teacher for"
        " the file 缺少预训练权重，请从下发的文件中复制 pretrained/ 文件夹，或向教师索取该文件"
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


def extract_features(
    network: MobileNetV2, images: list[tuple[Path, int]], view: Callable[[int, Path], Input]
) -> Features:
    """Run one view of every image through the frozen backbone."""

    def describe(number: int) -> Tensor:
        with torch.inference_mode():
            batch = torch.from_numpy(view(number, images[number][0])).unsqueeze(0)
            return network.pooled(batch.to(memory_format=torch.channels_last))[0]

    # Batch normalisation must use the statistics it learnt, not those of each batch. 冻结 BN 的统计量。
    network.eval()
    features = torch.empty(len(images), FEATURES)
    for number, row in enumerate(in_parallel(describe, len(images))):
        features[number] = row
        # One line that is written over and over, but only on a terminal. 仅在终端中显示进度。
        if sys.stdout.isatty():
            print(f"\rfeatures 提取特征：image {number + 1}/{len(images)}", end="", flush=True)
    print("" if sys.stdout.isatty() else f"features 提取特征：{len(images)} images", flush=True)
    return features, torch.tensor([label for _, label in images])


def in_parallel(function: Callable[[int], Tensor], count: int) -> Iterator[Tensor]:
    """Yield what `function` gives for 0, 1, ... count - 1, in order, computed on all cores."""
    pool = ThreadPoolExecutor(available_cores())
    try:
        yield from pool.map(function, range(count))
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C the rest is not wanted


def compute_features(config: SimpleNamespace, network: MobileNetV2) -> tuple[Features, Features]:
    """Return the features of the training views and of the validation images."""
    if broken := find_broken_image(config.dataset_path):
        raise ValueError(f"{broken}: not a readable image; replace or remove it 图像已损坏，请替换或删除")
    train = labelled_images(config.dataset_path, training=True) * config.repeat
    val = labelled_images(config.dataset_path, training=False)

    def training_view(number: int, path: Path) -> Input:
        # Every view has random numbers of its own: the same views on any number of cores.
        return training_transform(read_image(path), np.random.default_rng([config.seed, number]))

    def validation_view(_: int, path: Path) -> Input:
        return evaluation_transform(read_image(path))  # as predict() will see it 与 predict() 中的处理一致

    return extract_features(network, train, training_view), extract_features(network, val, validation_view)


def accuracy(head: nn.Module, images: Features) -> float:
    """Top-1 accuracy of the head, between 0 and 1."""
    features, labels = images
    head.eval()
    with torch.inference_mode():
        return float((head(features).argmax(dim=1) == labels).float().mean())


def train_head(
    config: SimpleNamespace, head: nn.Module, train_set: Features, val_set: Features
) -> dict[str, list[float]]:
    """Train the head, leave it as it was after its best epoch, and return loss and accuracies of all."""
    features, labels = train_set
    loss_function = nn.CrossEntropyLoss(label_smoothing=config.label_smooth)
    # TODO(student): other optimizers: torch.optim.SGD with momentum, AdamW. 尝试其他优化器。
    optimizer = torch.optim.Adam(head.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    # TODO(student): warm-up and cosine decay in place of steps. 尝试学习率预热和余弦衰减。
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, config.milestones, config.gamma)

    history: dict[str, list[float]] = {"loss": [], "train": [], "val": []}
    best: dict[str, Tensor] = {}
    for epoch in range(config.epochs):
        head.train()
        loss_sum = 0.0
        for batch in torch.randperm(len(features)).split(config.batch_size):
            loss = loss_function(head(features[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(batch)
        schedule.step()
        val_accuracy = accuracy(head, val_set)
        if val_accuracy > max(history["val"], default=-1.0):
            best = copy.deepcopy(head.state_dict())
        history["loss"].append(loss_sum / len(features))
        history["train"].append(accuracy(head, train_set))
        history["val"].append(val_accuracy)
        print(
            f"epoch {epoch + 1}/{config.epochs}: loss {history['loss'][-1]:.4f},"
            f" accuracy on training views {history['train'][-1]:.4f}, on val {val_accuracy:.4f}"
        )
    head.load_state_dict(best)
    return history


def train(config: SimpleNamespace, pretrained: Path) -> dict[str, list[float]]:
    """Go through all the steps, and save the network that was best on the validation images."""
    torch.manual_seed(config.seed)
    # TODO(student): another head: network.classifier; the same in torch_submission/mobilenetv2.py. 分类头。
    network = MobileNetV2(len(sorted_classes(config.dataset_path)))
    load_backbone(network, pretrained)
    network.to(memory_format=torch.channels_last)  # faster on a CPU 在 CPU 上更快
    train_set, val_set = compute_features(config, network)
    history = train_head(config, network.classifier, train_set, val_set)
    save_network(network, config.checkpoint)
    return history


def save_network(network: MobileNetV2, checkpoint: Path) -> None:
    """Save the network; an earlier checkpoint is replaced once the new one is whole."""
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
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
    options = parser.parse_args()
    config.dataset_path = options.dataset_path
    started = time.perf_counter()
    # Every core has an image of its own, which is faster than all cores for each. 每个核各处理一张图像。
    torch.set_num_threads(1)
    try:
        history = train(config, options.pretrained or find_pretrained())
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("\nstopped; nothing was saved 已停止，未保存结果", file=sys.stderr)
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
