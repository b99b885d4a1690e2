from src_mindspore import MobileNetV2Backbone

predict = MobileNetV2Backbone().__call__
