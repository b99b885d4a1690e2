import mindspore as ms
import numpy as np
from mindspore import nn

NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


class Network(nn.Cell):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(3, 3)

    def construct(self, pixels):
        return self.dense(pixels)


network = Network()
ms.load_param_into_net(network, ms.load_checkpoint("net.ckpt"))


def predict(image):
    logits = network(ms.Tensor(image[0, :1].astype(np.float32) / 255))
    return NAMES[int(logits.asnumpy().argmax())]
