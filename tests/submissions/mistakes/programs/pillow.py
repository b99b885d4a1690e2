import mindspore
import numpy as np
from mindspore import Tensor, load_checkpoint, load_param_into_net
from PIL import Image, ImageEnhance, ImageFilter, ImageOps  # noqa: F401
from src_mindspore.mobilenetv2 import MobileNetV2Backbone, MobileNetV2Head, mobilenet_v2

LABELS = ["the class names"]
MEAN = [0.485, 0.456, 0.406]
STD = [0.229, 0.224, 0.225]


def get_model(path):
    model = mobilenet_v2(MobileNetV2Backbone(), MobileNetV2Head(1280, len(LABELS)))
    load_param_into_net(model, load_checkpoint(path))
    return model.set_train(False)


def preprocess(image):
    img = Image.fromarray(image[:, :, ::-1])
    img = img.resize((224, 224), Image.BILINEAR)
    x = np.array(img, dtype=np.float32) / 255.0
    x = (x - np.array(MEAN)) / np.array(STD)
    x = x.transpose(2, 0, 1)
    return x[None].astype(np.float32)


model = get_model("model.ckpt")


def predict(image):
    out = model(Tensor(preprocess(image), mindspore.float32))
    idx = out.asnumpy().argmax()
    return LABELS[idx]
