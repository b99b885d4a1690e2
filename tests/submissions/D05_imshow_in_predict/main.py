import cv2

NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    cv2.imshow("image", image)
    return NAMES[int(image[0, 0, 0]) // 80]
