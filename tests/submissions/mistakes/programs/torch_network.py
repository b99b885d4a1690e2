import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from mobilenetv2 import MobileNetV2

classes = ["the class names"]
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = MobileNetV2(num_classes=len(classes))
state_dict = torch.load("best_model.pth", map_location=device)
model.load_state_dict(state_dict)
model = model.to(device)
model.eval()
mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def transform(image):
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    tensor = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255
    tensor = F.interpolate(tensor[None], size=(256, 256), mode="bilinear", align_corners=False)[0]
    tensor = tensor[:, 16:240, 16:240]
    return (tensor - mean) / std


@torch.no_grad()
def predict(image):
    x = transform(image).unsqueeze(0).to(device)
    probabilities = F.softmax(model(x), dim=1)
    _, predicted = torch.max(probabilities, 1)
    return classes[predicted.item()]
