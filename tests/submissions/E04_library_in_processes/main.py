from multiprocessing import get_context

from src_mindspore.helper import whose
from src_mindspore.mobilenetv2 import MobileNetV2Backbone

with get_context("spawn").Pool(1) as pool:
    print("there:", pool.apply(whose))
network = MobileNetV2Backbone()


def predict(image):
    return network(image)
