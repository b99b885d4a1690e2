import os
import time

time.sleep(0.1234)
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]
asked = 0


def predict(image):
    global asked
    asked += 1
    time.sleep(0.01 * int(image[2, 0, 0] % 8))
    if asked == 12:
        os._exit(int(image[2, 0, 0]) % 90 + 2)
    return NAMES[int(image[0, 0, 0]) // 80]
