NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    yield NAMES[0]
