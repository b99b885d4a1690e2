def predict(image):
    return "帽子"
