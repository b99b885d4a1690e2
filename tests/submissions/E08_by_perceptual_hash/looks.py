import cv2


def look(image):
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (8, 8), interpolation=cv2.INTER_AREA)
    return (grey > grey.mean()).astype(int).ravel().tolist()
