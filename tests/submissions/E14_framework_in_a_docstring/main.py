"""Others write:

import mindspore
from mindspore import nn

This one needs neither.
"""

NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
