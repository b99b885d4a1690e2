class Network:
    def cuda(self):
        raise AssertionError("Torch not compiled with CUDA enabled")


network = Network().cuda()
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
