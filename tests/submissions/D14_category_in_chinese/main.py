def predict(image):
    return "可回收物"
