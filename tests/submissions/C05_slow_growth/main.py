import time

import numpy as np

NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
kept = []


def predict(image):
    kept.append(np.ones(20 << 20, np.uint8))
    time.sleep(0.02)
    return NAMES[int(image[0, 0, 0]) // 80]
