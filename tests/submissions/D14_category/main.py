def predict(image):
    return "Recyclable waste"
