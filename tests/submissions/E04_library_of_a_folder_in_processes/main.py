import sys
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).with_name("code")))

from src_mindspore.mobilenetv2 import MobileNetV2Backbone, whose  # noqa: E402

with get_context("spawn").Pool(1) as pool:
    print("there:", pool.apply(whose))
network = MobileNetV2Backbone()


def predict(image):
    return network(image)
