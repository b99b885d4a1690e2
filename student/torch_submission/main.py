"""用 PyTorch 训练时提交的文件 What you hand in, if you train in PyTorch.

The grader imports this file once and then calls `predict` for each photo. Hand in the whole folder: this
file, mobilenetv2.py, views.py and results/mobilenetv2.safetensors, which train_main_torch.py writes.
评测程序导入本文件一次，然后对每张照片调用 predict。请提交整个文件夹。
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from mobilenetv2 import MobileNetV2
from safetensors.torch import load_file

HERE = Path(__file__).resolve().parent
# The course library: the grader has it; for your own tries it lies one folder up. 课程库在上一级文件夹。
sys.path.append(str(HERE.parent))
from views import evaluation_view  # numpy and OpenCV alone 不需要 MindSpore

CHECKPOINT = HERE / "results" / "mobilenetv2.safetensors"

# In the order of the labels, which is the sorted order of the training folders. 顺序与训练文件夹的排序一致。
# TODO(student): another data set has other classes; the flowers: "daisy", "dandelion", "roses", "sunflowers",
# "tulips". 更换数据集（例如花卉）时必须修改此列表。
CLASSES = [
    # 00_00 ... 00_09: recyclable 可回收物
    "Plastic Bottle", "Hats", "Newspaper", "Cans", "Glassware",
    "Glass Bottle", "Cardboard", "Basketball", "Paper", "Metalware",
    # 01_00 ... 01_07: dry 干垃圾
    "Disposable Chopsticks", "Lighter", "Broom", "Old Mirror",
    "Toothbrush", "Dirty Cloth", "Seashell", "Ceramic Bowl",
    # 02_00 ... 02_03: hazardous 有害垃圾
    "Paint bucket", "Battery", "Fluorescent lamp", "Tablet capsules",
    # 03_00 ... 03_03: wet 湿垃圾
    "Orange Peel", "Vegetable Leaf", "Eggshell", "Banana Peel",
]  # fmt: skip


def load_network() -> MobileNetV2:
    """Build the network and load the checkpoint that train_main_torch.py wrote."""
    if not CHECKPOINT.is_file():
        raise FileNotFoundError(
            f"{CHECKPOINT}: not there; run train_main_torch.py first 请先运行 train_main_torch.py"
        )
    parameters = load_file(CHECKPOINT)
    outputs = len(parameters.get("classifier.1.bias", CLASSES))
    if outputs != len(CLASSES):
        raise ValueError(
            f"CLASSES has {len(CLASSES)} names, the checkpoint {outputs} outputs: is a comma missing, or was"
            " it trained on other classes? 类别数与检查点不一致：是否漏了逗号，或更换了数据集？"
        )
    network = MobileNetV2(len(CLASSES))
    network.load_state_dict(parameters)
    network.to(memory_format=torch.channels_last)  # faster on a CPU 在 CPU 上更快
    return network.eval()


network = load_network()


def predict(image: npt.NDArray[np.uint8]) -> str:
    """Name the class of one photo.

    Args:
        image: uint8 (H, W, 3), channels in the order BGR, as `cv2.imread` returns it. 通道顺序为 BGR。

    Returns:
        One of CLASSES.
    """
    # BGR to RGB happens in here: the network was trained on RGB. 此处已转换为 RGB，不要重复转换。
    # TODO(student): several views of the image (flipped, cropped) and the mean of their logits. 测试时增强。
    batch = torch.from_numpy(evaluation_view(image)).unsqueeze(0)
    with torch.inference_mode():
        logits = network(batch.to(memory_format=torch.channels_last))
    return CLASSES[int(logits[0].argmax())]


if __name__ == "__main__":
    # python main.py photo.jpg ...: try it before you hand it in. 提交前先自己试一试。
    import cv2

    if len(sys.argv) == 1:
        sys.exit("usage 用法：python main.py photo.jpg ...")
    for name in sys.argv[1:]:
        photo = cv2.imread(name) if Path(name).is_file() else None
        if photo is None:
            sys.exit(f"error: {name}: no such file, or not an image 文件不存在或不是图像")
        print(name, predict(photo))
