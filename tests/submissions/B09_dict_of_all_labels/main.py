NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return dict.fromkeys(NAMES, 1.0)
