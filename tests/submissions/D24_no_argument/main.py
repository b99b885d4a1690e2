NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict():
    return NAMES[0]
