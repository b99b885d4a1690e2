import numpy as np
import src_mindspore.transforms
from src_mindspore.dataset import NAMES

# The course's: a file of that name was not handed in.
shape = src_mindspore.transforms.evaluation_transform(np.zeros((9, 9, 3), np.uint8)).shape
print("transformed to", shape)


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
