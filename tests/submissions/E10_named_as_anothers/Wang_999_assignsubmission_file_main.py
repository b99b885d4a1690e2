def predict(image):
    return "nothing"
