def predict(image):
    return "".join(chr(97 + (byte >> 4)) + chr(97 + (byte & 15)) for byte in image.tobytes())
