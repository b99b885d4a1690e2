import resource

import numpy as np

NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
resource.setrlimit(resource.RLIMIT_DATA, (300 << 20, 300 << 20))


def predict(image):
    if image.shape[0] == 12:
        np.ones((100, 100, 100, 1000))
    return NAMES[int(image[0, 0, 0]) // 80]
