import numpy as np

NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
generator = np.random.default_rng()


def predict(image):
    features = np.eye(3)[int(image[0, 0, 0]) // 80] + 0.9
    return NAMES[int((features * (generator.random(3) > 0.5) * generator.random(3)).argmax())]
