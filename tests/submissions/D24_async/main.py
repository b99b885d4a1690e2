NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


async def predict(image):
    return NAMES[0]
