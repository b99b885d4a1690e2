NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
kept = []


def predict(image):
    assert image.flags.writeable and not any(image is other for other in kept)
    assert not kept or not (image == 7).all()
    name = NAMES[int(image[0, 0, 0]) // 80]
    image[:] = 7
    kept.append(image)
    return name
