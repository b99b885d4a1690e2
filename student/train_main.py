"""Train your own head on a pretrained MobileNetV2: 在预训练的 MobileNetV2 上训练你自己的分类头.

    python train_main.py --dataset_path datasets/garbage_26x100

The backbone stays as it is, so its features are computed only once; the head alone learns, in seconds. The
result is `results/mobilenetv2.ckpt`, which main.py loads. As handed out this runs, but scores well below
what is possible: work on the places marked TODO(student).

骨干网络保持不变, 特征只需提取一次; 只训练分类头, 几秒即可完成. 结果保存在 results/mobilenetv2.ckpt.
代码可以直接运行, 但得分不高: 请改进标有 TODO(student) 的地方.
"""

import argparse
import os
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from easydict import EasyDict
from src_mindspore.cpu import cap_onednn_isa

# Before MindSpore is imported: many CPUs are several times faster with it. 须在导入 MindSpore 之前调用.
cap_onednn_isa()
# Errors of MindSpore only: what it would warn of, this file checks itself. 只显示 MindSpore 的错误信息.
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms  # noqa: E402
from mindspore import nn  # noqa: E402
from src_mindspore.dataset import create_dataset, find_broken_image, sorted_classes  # noqa: E402
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2  # noqa: E402

# Ctrl-C raises KeyboardInterrupt, as ever: MindSpore's own handler turns it into SIGTERM. 使 Ctrl-C 正常工作.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.default_int_handler)

HERE = Path(__file__).resolve().parent

BROKEN = "not a readable image; replace or remove it 图片已损坏, 请替换或删除"

# The folders of the 26 kinds of garbage, 00_00 ... 03_03, for which main.py is made. 26 类垃圾的文件夹.
GARBAGE_FOLDERS = [f"{group:02d}_{k:02d}" for group, count in enumerate((10, 8, 4, 4)) for k in range(count)]

config = EasyDict(
    # -- data 数据 --
    dataset_path="datasets/garbage_26x100",  # holds train/ and val/, with one folder per class
    batch_size=64,  # also of the feature extraction
    image_height=224,
    image_width=224,
    # TODO(student): each training image is seen in `repeat` random views. One is few. 增加数据增强的次数.
    repeat=1,
    # -- training 训练 --
    # TODO(student): try other numbers, one at a time, and write down what you find. 调整超参数.
    epochs=5,
    learning_rate=0.001,  # TODO(student): constant; try warm-up and cosine decay. 尝试学习率预热和余弦衰减.
    momentum=0.9,
    weight_decay=0.0,  # TODO(student): a little keeps the head from learning the images by heart. 权重衰减.
    label_smooth=0.0,  # TODO(student): .1 is common. 标签平滑.
    seed=1,  # the same seed gives the same result, so that a change in the score comes from your change
    # -- files 文件 --
    checkpoint=HERE / "results" / "mobilenetv2.ckpt",
)


def find_pretrained() -> Path:
    """Return the pretrained backbone: beside this file, or in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    places = [
        HERE / "pretrained" / "mobilenetv2.ckpt",
        cache / "lab-grader" / "mobilenetv2_imagenet.ckpt",
    ]
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(
        "no pretrained weights; make them in the project's folder (缺少预训练权重, 请在项目目录下运行):"
        " python -m reference.pretrained --out student/pretrained/mobilenetv2.ckpt"
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


def extract_features(
    backbone: nn.Cell, data: ms.dataset.Dataset
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Run every image through the frozen backbone once: pooled features (N, 1280) and labels (N,)."""
    # Batch normalisation must use the statistics it learnt, not those of each batch. 冻结 BN 的统计量.
    backbone.set_train(False)
    features, labels = [], []
    batches = data.get_dataset_size()
    for image, label in data.create_tuple_iterator(num_epochs=1):
        features.append(backbone(image).asnumpy().mean(axis=(2, 3)))
        labels.append(label.asnumpy())
        # One line that is written over and over, but only on a terminal. 仅在终端中显示进度.
        if sys.stdout.isatty():
            print(f"\rfeatures 提取特征: batch {len(features)}/{batches}", end="", flush=True)
    print("" if sys.stdout.isatty() else f"features 提取特征: {batches} batches", flush=True)
    return np.concatenate(features), np.concatenate(labels)


def accuracy(dense: nn.Cell, features: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> float:
    """Top-1 accuracy of the dense layer, between 0 and 1."""
    logits = dense(ms.Tensor(features)).asnumpy()
    return float((logits.argmax(axis=1) == labels).mean())


def train(config: EasyDict, pretrained: Path) -> float:
    """Train the head, save the whole network, and return the accuracy on the validation images."""
    ms.set_seed(config.seed)
    ms.set_context(mode=ms.GRAPH_MODE)
    config.class_index = sorted_classes(config.dataset_path)
    if broken := find_broken_image(config.dataset_path):
        raise ValueError(f"{broken}: {BROKEN}")

    # 1. Features: training images in random views, validation images as predict() will see them.
    backbone = load_backbone(pretrained)
    train_x, train_y = extract_features(backbone, create_dataset(config, training=True, repeat=config.repeat))
    val_x, val_y = extract_features(backbone, create_dataset(config, training=False))

    # 2. The head. TODO(student): has_dropout=True, or write a head of your own. 也可以自己设计分类头.
    head = MobileNetV2Head(backbone.out_channels, len(config.class_index))
    dense = head.get_head[-1]  # the features are pooled already, so only the dense layer has work to do

    # 3. TODO(student): other optimizers: nn.Adam, nn.AdamWeightDecay. 尝试其他优化器.
    loss = nn.CrossEntropyLoss(label_smoothing=config.label_smooth)
    optimizer = nn.Momentum(
        dense.trainable_params(), config.learning_rate, config.momentum, config.weight_decay
    )
    step = nn.TrainOneStepCell(nn.WithLossCell(dense, loss), optimizer)

    # 4. Training. TODO(student): keep the checkpoint of the best epoch, not of the last. 保存最好的模型.
    rng = np.random.default_rng(config.seed)
    val_accuracy = 0.0
    for epoch in range(config.epochs):
        step.set_train(True)
        order = rng.permutation(len(train_x))
        # The last, smaller batch is left out: another shape would compile the graph again.
        batches = np.array_split(order, range(config.batch_size, len(order), config.batch_size))
        losses = [
            float(step(ms.Tensor(train_x[batch]), ms.Tensor(train_y[batch])).asnumpy())
            for batch in batches
            if len(batch) == min(config.batch_size, len(order))
        ]
        dense.set_train(False)
        val_accuracy = accuracy(dense, val_x, val_y)
        print(
            f"epoch {epoch + 1}/{config.epochs}: loss {np.mean(losses):.4f},"
            f" accuracy on training views {accuracy(dense, train_x, train_y):.4f}, on val {val_accuracy:.4f}"
        )

    config.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    config.checkpoint.unlink(missing_ok=True)  # MindSpore saves read-only files
    ms.save_checkpoint(mobilenet_v2(backbone, head), str(config.checkpoint))
    config.checkpoint.chmod(0o644)
    return val_accuracy


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train a head on the pretrained MobileNetV2.")
    parser.add_argument("--dataset_path", default=config.dataset_path, help="folder with train/ and val/")
    parser.add_argument("--pretrained", type=Path, help="checkpoint of the pretrained backbone")
    options = parser.parse_args()
    config.dataset_path = options.dataset_path
    started = time.perf_counter()
    try:
        val_accuracy = train(config, options.pretrained or find_pretrained())
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"error: {error}")
    except RuntimeError as error:
        # MindSpore cannot read an image; its message has the name, and much else. 从报错信息中找出文件名.
        broken = re.search(r"Invalid image, (.+?) decode failed", str(error))
        if broken is None:
            raise
        sys.exit(f"error: {broken[1]}: {BROKEN}")
    except KeyboardInterrupt:
        print("\nstopped; nothing was saved 已停止, 未保存结果", file=sys.stderr)
        sys.exit(130)
    seconds = time.perf_counter() - started
    print(f"{config.checkpoint}: validation accuracy {val_accuracy:.4f} after {seconds:.0f} s")
    if list(config.class_index) != GARBAGE_FOLDERS:
        print(
            "note: these are not the 26 kinds of garbage; change CLASSES in main.py to"
            f" 这不是 26 类垃圾数据集, 请将 main.py 中的 CLASSES 改为: {', '.join(config.class_index)}"
        )


if __name__ == "__main__":
    main()
