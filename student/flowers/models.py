"""花卉实验共用的部分 What the four programs share: device, images, network, checkpoints."""

import os
import sys
from pathlib import Path

# Errors of MindSpore only: what it would warn of, these files check themselves. 只显示 MindSpore 的错误信息。
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms
from easydict import EasyDict
from mindspore import nn

HERE = Path(__file__).resolve().parent
# The course library: the grader has it; for your own runs it lies one folder up. 课程库在上一级文件夹。
sys.path.append(str(HERE.parent))
from src_mindspore.folders import images_in, list_split, read_image
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

FLOWERS = ["daisy", "dandelion", "roses", "sunflowers", "tulips"]


def use_platform(platform: str) -> None:
    """Let MindSpore compile whole graphs for "CPU", "GPU" or "Ascend".

    Raises:
        ValueError: this build of MindSpore cannot use it.
    """
    try:
        if ms.get_context("device_target") != platform:
            ms.set_device(platform)
    except (RuntimeError, ValueError):
        raise ValueError(
            f"--platform {platform}: this MindSpore cannot use it here; take CPU"
            " 当前安装的 MindSpore 不支持该平台，请使用 CPU"
        ) from None
    ms.set_context(mode=ms.GRAPH_MODE)


def find_images(dataset_path: str, training: bool) -> tuple[list[tuple[Path, int]], list[str]]:
    """List the images with their labels, and the names of the classes, in the order of the labels.

    Args:
        dataset_path: a folder with one folder per class, or one that holds train/ and test/ (or val/).
        training: which of them is meant.

    Raises:
        FileNotFoundError: there is no such folder, or there are no images in it.
        ValueError: an image cannot be read, or is of a kind that is not read.
    """
    folder = Path(dataset_path)
    names = ["train"] if training else ["test", "val"]
    folder = next((folder / name for name in names if (folder / name).is_dir()), folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no such folder; fetch the photos: python -m datasets.fetch flowers, in the folder of"
            " HANDOUT.md 没有这个文件夹，请在 HANDOUT.md 所在的文件夹中用上述命令下载数据集"
        )
    classes = [*list_split(folder).images]
    images = images_in(folder, {name: label for label, name in enumerate(classes)}, training)
    if broken := next((path for path, _ in images if read_image(path) is None), None):
        raise ValueError(f"{broken}: not a readable image; replace or remove it 图像已损坏，请替换或删除")
    return images, classes


def define_net(config: EasyDict, is_training: bool) -> tuple[nn.Cell, nn.Cell, nn.Cell]:
    """Return the backbone, the head, and both as one network, with random weights."""
    backbone = MobileNetV2Backbone()
    # The loss has a softmax of its own. 训练时损失函数自带 softmax。
    activation = "None" if is_training else config.activation
    head = MobileNetV2Head(backbone.out_channels, config.num_classes, activation=activation)
    return backbone, head, mobilenet_v2(backbone, head)


def read_checkpoint(checkpoint: str) -> dict[str, ms.Parameter]:
    """Return the parameters in a checkpoint by their names.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or not a checkpoint.
    """
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f"{checkpoint}: no such file; train.py makes a trained network, and, in the folder of HANDOUT.md,"
            " python -m datasets.fetch backbone the pretrained one 没有这个文件："
            "训练好的网络由 train.py 生成，预训练权重可在 HANDOUT.md 所在的文件夹中用上述命令下载"
        )
    try:
        parameters: dict[str, ms.Parameter] = ms.load_checkpoint(checkpoint)
    except (ValueError, RuntimeError, TypeError):
        raise ValueError(f"{checkpoint}: damaged, or no checkpoint 文件已损坏，或不是检查点") from None
    return parameters


def load_parameters(cell: nn.Cell, parameters: dict[str, ms.Parameter], checkpoint: str) -> None:
    """Give every parameter of a cell its value.

    MindSpore matches parameters by name, and only warns about names it does not find: the random weights
    would stay. 名字对不上的参数不会被加载，MindSpore 只有警告。

    Raises:
        ValueError: one is not there, or has another shape.
    """
    try:
        not_loaded, _ = ms.load_param_into_net(cell, parameters)
    except RuntimeError:
        raise ValueError(f"{checkpoint}: of another network or other classes 网络结构或类别数不同") from None
    if not_loaded:
        raise ValueError(
            f"{checkpoint}: {len(not_loaded)} parameters are not in it, such as {not_loaded[0]}"
            " 检查点中缺少上述参数"
        )


def head_is_for(parameters: dict[str, ms.Parameter], num_classes: int) -> bool:
    """Whether a checkpoint has a head for so many classes, which then goes on learning."""
    bias = parameters.get("head.1.bias")
    return bias is not None and len(bias) == num_classes
