import cv2


def look(image):
    return cv2.resize(image, (4, 4), interpolation=cv2.INTER_AREA).ravel().tolist()
