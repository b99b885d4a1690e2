from src_mindspore.helper import whole
from src_mindspore.mobilenetv2 import MobileNetV2Backbone

network = MobileNetV2Backbone()


def predict(image):
    return network(whole(image))
