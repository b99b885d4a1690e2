import cv2
import numpy as np

cv2.imshow("trial", np.zeros((8, 8, 3), np.uint8))
cv2.waitKey(0)
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
