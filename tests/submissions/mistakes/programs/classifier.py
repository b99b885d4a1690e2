from dataclasses import dataclass, field

import cv2
import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops
from src_mindspore.mobilenetv2 import MobileNetV2Backbone


@dataclass
class Config:
    checkpoint: str = "garbage.ckpt"
    size: int = 224
    resize: int = 256
    features: int = 1280
    mean: tuple = (0.485, 0.456, 0.406)
    std: tuple = (0.229, 0.224, 0.225)
    names: list = field(default_factory=lambda: ["the class names"])


class Normalize(nn.Cell):
    """Bytes, (N, H, W, 3), to what the network wants."""

    def __init__(self, mean, std):
        super().__init__()
        self.mean = Tensor(np.array(mean, np.float32).reshape(1, 3, 1, 1))
        self.std = Tensor(np.array(std, np.float32).reshape(1, 3, 1, 1))

    def construct(self, x):
        x = ops.transpose(x.astype(ms.float32), (0, 3, 1, 2))
        x = x / 255
        return (x - self.mean) / self.std


class Head(nn.Cell):
    def __init__(self, features, classes):
        super().__init__()
        self.dropout = nn.Dropout(p=0.2)
        self.dense = nn.Dense(features, classes)

    def construct(self, x):
        x = ops.mean(x, (2, 3))
        x = self.dropout(x)
        return self.dense(x)


class GarbageNet(nn.Cell):
    def __init__(self, config):
        super().__init__(auto_prefix=False)
        self.normalize = Normalize(config.mean, config.std)
        self.backbone = MobileNetV2Backbone()
        self.head = Head(config.features, len(config.names))

    def construct(self, x):
        x = self.normalize(x)
        return self.head(self.backbone(x))


class GarbageClassifier:
    def __init__(self, config):
        self.config = config
        self.net = self._build()

    def _build(self):
        net = GarbageNet(self.config)
        state = ms.load_checkpoint(self.config.checkpoint)
        ms.load_param_into_net(net, state)
        net.set_train(False)
        return net

    def _load(self, image):
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        image = cv2.resize(image, (self.config.resize, self.config.resize))
        edge = (self.config.resize - self.config.size) // 2
        return image[edge : edge + self.config.size, edge : edge + self.config.size]

    def classify(self, image):
        batch = np.expand_dims(self._load(image), 0)
        logits = self.net(Tensor(batch))
        probs = ops.softmax(logits, axis=1).asnumpy()[0]
        best = int(np.argmax(probs))
        return self.config.names[best], float(probs[best])


classifier = GarbageClassifier(Config())


def predict(image):
    name, _ = classifier.classify(image)
    return name
