NAMES = ["Plastic Bottle", "Hats", "Newspaper"]

if __name__ == "__main__":

    def predict(image):
        return NAMES[int(image[0, 0, 0]) // 80]
