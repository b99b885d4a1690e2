"""Count what a network in MindSpore recognises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import mindspore as ms
import numpy as np
from mindspore import nn
from src_mindspore.cpu import available_cores
from src_mindspore.transforms import evaluation_transform

from reference.images.imagefolder import Split
from reference.images.reading import read_image

READ_TOGETHER = 64


def accuracy(network: nn.Cell, images: Split, batch_size: int) -> float:
    """Return the network's top-1 accuracy, between 0 and 1; every image counts once.

    On the CPU the course library's fast engine computes the backbone, with the same answer at any batch size.

    Args:
        network: from images (N, 3, 224, 224) to logits or probabilities (N, classes); set to inference here.
        images: files and labels.
        batch_size: images a call; the last call may have fewer.

    Raises:
        InputError: an image cannot be read.
    """
    network.set_train(False)
    correct = 0
    with ThreadPoolExecutor(available_cores()) as pool:
        for start in range(0, len(images.paths), READ_TOGETHER):
            paths = images.paths[start : start + READ_TOGETHER]
            inputs = list(pool.map(lambda path: evaluation_transform(read_image(path)), paths))
            labels = images.labels[start : start + READ_TOGETHER]
            for first in range(0, len(inputs), batch_size):
                batch = np.stack(inputs[first : first + batch_size])
                answers = network(ms.Tensor(batch)).asnumpy().argmax(axis=1)
                correct += int(np.sum(answers == labels[first : first + batch_size]))
    return correct / len(images.paths)
