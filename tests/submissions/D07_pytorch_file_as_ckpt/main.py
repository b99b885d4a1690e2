import mindspore as ms
import numpy as np
from mindspore import nn

NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
network = nn.Dense(3, 3)
ms.load_param_into_net(network, ms.load_checkpoint("net.ckpt"))


def predict(image):
    logits = network(ms.Tensor(image[0, :1].astype(np.float32) / 255))
    return NAMES[int(logits.asnumpy().argmax())]
