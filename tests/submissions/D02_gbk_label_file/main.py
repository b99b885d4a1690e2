with open("labels.txt") as file:
    NAMES = file.read().split()


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
