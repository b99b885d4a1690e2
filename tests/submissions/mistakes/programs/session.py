import cv2
import numpy as np
import onnxruntime as ort

CLASSES = ["the class names"]
MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)

session = ort.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
input_name = session.get_inputs()[0].name


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum()


def preprocess(image):
    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    rgb = cv2.resize(rgb, (256, 256))
    rgb = rgb[16:240, 16:240]
    x = rgb.astype(np.float32) / 255.0
    x = (x - MEAN) / STD
    x = x.transpose((2, 0, 1))
    return np.ascontiguousarray(x[np.newaxis, ...], dtype=np.float32)


def predict(image):
    blob = preprocess(image)
    outputs = session.run(None, {input_name: blob})
    scores = softmax(outputs[0][0])
    class_id = int(np.argmax(scores))
    return CLASSES[class_id]
