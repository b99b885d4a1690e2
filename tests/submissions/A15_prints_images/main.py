NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def letters(image):
    return "".join(chr(97 + (byte >> 4)) + chr(97 + (byte & 15)) for byte in image.tobytes())


def predict(image):
    print("PIXELS", letters(image))
    for path in ("report.html", "/tmp/image", "results.txt"):
        with open(path, "w") as file:
            file.write("PIXELS" + letters(image))
    return NAMES[int(image[0, 0, 0]) // 80]
