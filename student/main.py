"""你要提交的文件 What you hand in.

`predict(image)` tells what is in one photo. The grader imports `main.py` once and then calls `predict` for
each photo. Keep `results/mobilenetv2.ckpt` beside it.

In the notebook, the cells that begin with the line `# main.py` are this file, and those that begin with
`# train_main.py` the other. `python -m src_mindspore.notebook main.ipynb` writes both files (as does a cell
at the notebook's end), and with `--back` brings what you changed in the files into the notebook.

`predict(image)` 识别一张照片。评测程序导入 `main.py` 一次，然后对每张照片调用 `predict`。
请一并提交 `results/mobilenetv2.ckpt`。

在 notebook 中，第一行为 `# main.py` 的单元格就是本文件的内容，第一行为 `# train_main.py` 的则属于另一个文件。
运行 `python -m src_mindspore.notebook main.ipynb`（或 notebook 末尾的相应单元格）会生成这两个文件；
加上 `--back`，则把你在文件中所作的修改写回 notebook。
"""

# %%
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
import numpy.typing as npt
from mindspore import nn
from src_mindspore.engine import accelerate
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2
from src_mindspore.transforms import evaluation_transform

# A notebook has no __file__; there it is the current folder. notebook 中没有 __file__，使用当前文件夹。
HERE = Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()
CHECKPOINT = HERE / "results" / "mobilenetv2.ckpt"

REDUCTION = "mean"  # how the head pools, as in the settings of train_main.py 与训练时的 reduction 一致

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


# %%
def load_network() -> nn.Cell:
    """Build the network and load the checkpoint that train_main.py wrote."""
    # TODO(student): if you changed the head in train_main.py, build the same here. 与训练时的分类头保持一致。
    head = MobileNetV2Head(num_classes=len(CLASSES), reduction=REDUCTION)
    network = mobilenet_v2(MobileNetV2Backbone(), head)
    if not CHECKPOINT.is_file():
        raise FileNotFoundError(f"{CHECKPOINT}: not there; run train_main.py first 请先运行 train_main.py")
    parameters = ms.load_checkpoint(str(CHECKPOINT))
    last = list(network.get_parameters())[-1].name  # the last layer's bias: one number for each class
    outputs = len(parameters[last]) if last in parameters else len(CLASSES)
    if outputs != len(CLASSES):
        raise ValueError(
            f"CLASSES has {len(CLASSES)} names, the checkpoint {outputs} outputs: is a comma missing, or was"
            " it trained on other classes? 类别数与检查点不一致：是否漏了逗号，或更换了数据集？"
        )
    not_loaded, not_used = ms.load_param_into_net(network, parameters)
    # MindSpore matches parameters by name and only warns about the others: they would stay random.
    # 名字对不上的参数不会被加载，只有警告。
    if not_loaded:
        raise ValueError(f"{CHECKPOINT}: no values for {not_loaded}; it has {not_used} instead")
    network.set_train(False)
    return network


ms.set_context(mode=ms.GRAPH_MODE)  # compiled once, at the first prediction; then fast
# ONNX Runtime answers in MindSpore's place, several times faster. 推理由 ONNX Runtime 加速，结果一致。
network = accelerate(load_network())


# %%
def predict(image: npt.NDArray[np.uint8]) -> str:
    """Name the class of one photo.

    Args:
        image: uint8 (H, W, 3), channels in the order BGR, as `cv2.imread` returns it. 通道顺序为 BGR。

    Returns:
        One of CLASSES.
    """
    # BGR to RGB happens in here: the network was trained on RGB. 此处已转换为 RGB，不要重复转换。
    # TODO(student): several views of the image (flipped, cropped) and the mean of their logits. 测试时增强。
    batch = evaluation_transform(image)[np.newaxis]
    logits = network(ms.Tensor.from_numpy(batch)).asnumpy()
    return CLASSES[int(logits[0].argmax())]


# %% active="ipynb"
# # Some validation photos, and what they were taken for. 验证集上的一些例子。
# from src_mindspore.folders import labelled_images
# from src_mindspore.pictures import show_predictions
#
# photos = labelled_images(config.dataset_path, training=False)
# examples = [(photo, CLASSES[label]) for photo, label in photos]
# show_predictions(predict, examples)

# %% active="ipynb"
# # Save the notebook, then write the files from the marked cells. 请先保存 notebook，再运行以生成文件。
# !"{sys.executable}" -m src_mindspore.notebook main.ipynb

# %% active="ipynb"
# # The same question, to the file that you hand in. 用要提交的文件再试一次。
# !"{sys.executable}" main.py "{photos[0][0]}"

# %% active="py"
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
