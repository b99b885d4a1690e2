NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


class predict:
    def __init__(self, image):
        self.name = NAMES[0]
