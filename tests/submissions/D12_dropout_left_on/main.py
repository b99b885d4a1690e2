import numpy as np

NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
generator = np.random.default_rng()


def predict(image):
    logits = np.eye(3)[int(image[0, 0, 0]) // 80] + 0.1
    return NAMES[int((logits * (generator.random(3) > 0.5)).argmax())]
