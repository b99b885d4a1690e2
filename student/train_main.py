"""训练你自己的分类头 Train your own head on MobileNetV2.

Step by step in the notebook `main.ipynb`, or all at once: 可以在 notebook 中逐步运行，也可以一次运行：

    python train_main.py --dataset_path datasets/garbage_26x100

The backbone stays as it is, so its features are computed only once; the head alone learns, in seconds. The
result is `results/mobilenetv2.ckpt`, which `main.py` loads. This runs as it is, but scores well below
what is possible: work on the places marked **TODO(student)**.

骨干网络保持不变，特征只需提取一次；只训练分类头，几秒即可完成。
结果保存在 `results/mobilenetv2.ckpt`，由 `main.py` 加载。
代码可以直接运行，但得分不高：请改进标有 **TODO(student)** 的地方。
"""

# %%
import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from easydict import EasyDict

# Errors of MindSpore only: what it would warn of, this file checks itself. 只显示 MindSpore 的错误信息。
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms
from mindspore import nn
from src_mindspore.dataset import create_dataset
from src_mindspore.engine import accelerate
from src_mindspore.folders import GARBAGE_FOLDERS, find_broken_image, sorted_classes
from src_mindspore.interrupts import stoppable
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2
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
# Where the images lie, and the numbers that decide how well the head learns. After a change, run this cell
# and those below it again.
#
# 数据的位置和训练的超参数。修改之后，请重新运行本单元格及其下面的单元格。

# %%
config = EasyDict(
    # -- data 数据 --
    dataset_path="datasets/garbage_26x100",  # holds train/ and val/, with one folder per class
    batch_size=64,  # also of the feature extraction
    image_height=224,
    image_width=224,
    # TODO(student): each training image is seen in `repeat` random views; 1 is few. 增加数据增强的次数。
    repeat=1,
    # -- training 训练 --
    # TODO(student): try other numbers, one at a time, and write down what you find. 调整超参数。
    epochs=5,
    learning_rate=0.001,  # TODO(student): constant; try warm-up and cosine decay. 尝试学习率预热和余弦衰减。
    momentum=0.9,
    weight_decay=0.0,  # TODO(student): a little keeps the head from learning the images by heart. 权重衰减。
    label_smooth=0.0,  # TODO(student): .1 is common. 标签平滑。
    seed=1,  # the same seed gives the same result, so that a change in the score comes from your change
    # -- files 文件 --
    checkpoint=HERE / "results" / "mobilenetv2.ckpt",
)


# %% [markdown]
# ## 2. The pretrained backbone 预训练的骨干网络
#
# MobileNetV2, trained on the 1.2 million photos of ImageNet: it turns an image into 1280 features that also
# describe what it has never been trained on.
#
# MobileNetV2 已在 ImageNet 的 120 万张图像上训练过：它把一张图像变成 1280 个特征，这些特征也适用于新的类别。


# %%
def find_pretrained() -> Path:
    """Return the pretrained backbone, which is handed out with this file and lies beside it."""
    place = HERE / "pretrained" / "mobilenetv2.ckpt"
    if place.is_file():
        return place
    raise FileNotFoundError(
        f"{place}: not there; copy the folder pretrained/ from what was handed out, or ask your teacher for"
        " the file 缺少预训练权重，请从下发的文件中复制 pretrained/ 文件夹，或向教师索取该文件"
    )


def load_backbone(checkpoint: Path) -> MobileNetV2Backbone:
    """Build the backbone and load every one of its parameters.

    `load_checkpoint` matches by name and only warns about names it does not know: the random weights would
    stay.
    """
    backbone = MobileNetV2Backbone()
    not_loaded, _ = ms.load_param_into_net(backbone, ms.load_checkpoint(str(checkpoint)))
    if not_loaded:
        raise ValueError(f"{checkpoint}: {len(not_loaded)} parameters are not in it, such as {not_loaded[0]}")
    return backbone


# %% [markdown]
# ## 3. Features, once 提取特征（只需一次）
#
# Every training image in one or more random views (cropped, flipped, in other colours), every validation
# image exactly as `predict()` will see it. Only a change of the data or of the views makes this necessary
# again.
#
# 训练图像经过随机增强（裁剪、翻转、颜色变化），验证图像与 `predict()` 中的处理完全一致。
# 只有更换数据或增强方式时才需要重新提取。


# %%
Features = tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]


def extract_features(backbone: nn.Cell, data: ms.dataset.Dataset) -> Features:
    """Run every image through the frozen backbone once: pooled features (N, 1280) and labels (N,)."""
    # Batch normalisation must use the statistics it learnt, not those of each batch. 冻结 BN 的统计量。
    backbone.set_train(False)
    # ONNX Runtime answers in MindSpore's place, several times faster. 推理由 ONNX Runtime 加速，结果一致。
    accelerate(backbone)
    features, labels = [], []
    batches = data.get_dataset_size()
    # One line that is written over and over, where somebody is watching. 显示进度。
    is_watched = sys.stdout.isatty() or "ipykernel" in sys.modules
    for image, label in stoppable(data.create_tuple_iterator(num_epochs=1)):
        features.append(backbone(image).asnumpy().mean(axis=(2, 3)))
        labels.append(label.asnumpy())
        if is_watched:
            print(f"\rfeatures 提取特征：batch {len(features)}/{batches}", end="", flush=True)
    print("" if is_watched else f"features 提取特征：{batches} batches", flush=True)
    return np.concatenate(features), np.concatenate(labels)


def compute_features(config: EasyDict, pretrained: Path) -> tuple[nn.Cell, Features, Features]:
    """Return the backbone, and the features of the training and of the validation images."""
    ms.set_context(mode=ms.GRAPH_MODE)
    config.class_index = sorted_classes(config.dataset_path)
    if broken := find_broken_image(config.dataset_path):
        raise ValueError(f"{broken}: not a readable image; replace or remove it 图像已损坏，请替换或删除")
    backbone = load_backbone(pretrained)
    train_set = extract_features(backbone, create_dataset(config, training=True, repeat=config.repeat))
    val_set = extract_features(backbone, create_dataset(config, training=False))
    return backbone, train_set, val_set


# %% active="ipynb"
# backbone, train_set, val_set = compute_features(config, find_pretrained())

# %% [markdown]
# ## 4. Training the head 训练分类头
#
# One dense layer, from 1280 features to the classes. Change it, the optimizer or the numbers in the settings,
# and run on from here: it takes seconds.
#
# 一个全连接层，从 1280 个特征到各个类别。可以修改分类头、优化器或超参数，然后从这里重新运行，只需几秒。


# %%
def accuracy(dense: nn.Cell, images: Features) -> float:
    """Top-1 accuracy of the dense layer, between 0 and 1."""
    features, labels = images
    logits = dense(ms.Tensor(features)).asnumpy()
    return float((logits.argmax(axis=1) == labels).mean())


def train_head(
    config: EasyDict, train_set: Features, val_set: Features
) -> tuple[nn.Cell, dict[str, list[float]]]:
    """Train the head, and return it with its loss and accuracies after each epoch."""
    ms.set_seed(config.seed)
    features, labels = train_set

    # 1. The head. TODO(student): has_dropout=True, or write a head of your own. 也可以自己设计分类头。
    head = MobileNetV2Head(features.shape[1], len(config.class_index))
    dense = head.get_head[-1]  # the features are pooled already, so only the dense layer has work to do

    # 2. TODO(student): other optimizers: nn.Adam, nn.AdamWeightDecay. 尝试其他优化器。
    loss = nn.CrossEntropyLoss(label_smoothing=config.label_smooth)
    optimizer = nn.Momentum(
        dense.trainable_params(), config.learning_rate, config.momentum, config.weight_decay
    )
    step = nn.TrainOneStepCell(nn.WithLossCell(dense, loss), optimizer)

    # 3. Training. TODO(student): keep the checkpoint of the best epoch, not of the last. 保存最好的模型。
    rng = np.random.default_rng(config.seed)
    history: dict[str, list[float]] = {"loss": [], "train": [], "val": []}
    for epoch in stoppable(range(config.epochs)):
        step.set_train(True)
        order = rng.permutation(len(features))
        # The last, smaller batch is left out: another shape would compile the graph again.
        batches = np.array_split(order, range(config.batch_size, len(order), config.batch_size))
        losses = [
            float(step(ms.Tensor(features[batch]), ms.Tensor(labels[batch])).asnumpy())
            for batch in batches
            if len(batch) == min(config.batch_size, len(order))
        ]
        dense.set_train(False)
        history["loss"].append(float(np.mean(losses)))
        history["train"].append(accuracy(dense, train_set))
        history["val"].append(accuracy(dense, val_set))
        print(
            f"epoch {epoch + 1}/{config.epochs}: loss {history['loss'][-1]:.4f},"
            f" accuracy on training views {history['train'][-1]:.4f}, on val {history['val'][-1]:.4f}"
        )
    return head, history


# %% active="ipynb"
# head, history = train_head(config, train_set, val_set)
# %matplotlib inline
# plot_history(history)


# %%
def save_network(backbone: nn.Cell, head: nn.Cell, checkpoint: Path) -> None:
    """Save backbone and head together; an earlier checkpoint is replaced once the new one is whole."""
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=checkpoint.parent) as scratch:
            whole = Path(scratch) / checkpoint.name
            ms.save_checkpoint(mobilenet_v2(backbone, head), str(whole))
            whole.chmod(0o644)  # MindSpore saves read-only files
            whole.replace(checkpoint)
    except OSError as error:
        raise OSError(f"{checkpoint}: cannot be saved 无法保存：{error.strerror or error}") from None


def remind_of_classes(config: EasyDict) -> None:
    """Say what must be changed in main.py if these are other classes than those it was made for."""
    if list(config.class_index) != GARBAGE_FOLDERS:
        print(
            "note: these are not the 26 kinds of garbage; change CLASSES in main.py to"
            f" 这不是 26 类垃圾数据集，请将 main.py 中的 CLASSES 改为：{', '.join(config.class_index)}"
        )


# %% active="ipynb"
# save_network(backbone, head, config.checkpoint)
# remind_of_classes(config)


# %% active="py"
def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train a head on the pretrained MobileNetV2.")
    parser.add_argument("--dataset_path", default=config.dataset_path, help="folder with train/ and val/")
    parser.add_argument("--pretrained", type=Path, help="checkpoint of the pretrained backbone")
    options = parser.parse_args()
    config.dataset_path = options.dataset_path
    started = time.perf_counter()
    try:
        backbone, train_set, val_set = compute_features(config, options.pretrained or find_pretrained())
        head, history = train_head(config, train_set, val_set)
        save_network(backbone, head, config.checkpoint)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("\nstopped; nothing was saved 已停止，未保存结果", file=sys.stderr)
        sys.exit(130)
    seconds = time.perf_counter() - started
    print(f"{config.checkpoint}: validation accuracy {history['val'][-1]:.4f} after {seconds:.0f} s")
    remind_of_classes(config)
    curves = config.checkpoint.with_name("curves.png")
    try:
        plot_history(history).savefig(curves)
    except OSError as error:
        sys.exit(f"error: {curves}: cannot be saved 无法保存：{error.strerror or error}")


if __name__ == "__main__":
    main()
