NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return (name for name in NAMES)
