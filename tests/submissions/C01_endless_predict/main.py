NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
asked = 0


def predict(image):
    global asked
    asked += 1
    while asked == 5:
        pass
    return NAMES[int(image[0, 0, 0]) // 80]
