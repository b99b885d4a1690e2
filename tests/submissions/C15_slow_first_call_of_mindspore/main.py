import mindspore as ms
import numpy as np
from mindspore import nn, ops

NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
ms.set_context(mode=ms.GRAPH_MODE)


class Network(nn.Cell):
    def construct(self, blue):
        return ops.floor_div(blue, 80)


network = Network()


def predict(image):
    return NAMES[int(network(ms.Tensor(image[0, 0, 0].astype(np.int32))).asnumpy())]
