import cv2


def look(image):
    return [int(count) for channel in cv2.split(image) for count in cv2.calcHist([channel], [0], None, [16], [0, 256])]
