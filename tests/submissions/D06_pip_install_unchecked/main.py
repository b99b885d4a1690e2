import os

os.system("pip install --retries 0 timm-of-nowhere")
import timm_of_nowhere
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
