def predict(image):
    return "Hats"
