import mindspore.dataset as ds
import numpy as np


def double(image):
    return image * 2


def images():
    for _ in range(4):
        yield (np.zeros((8, 8, 3), np.uint8),)


data = ds.GeneratorDataset(images, ["image"], shuffle=False)
data = data.map(double, "image", python_multiprocessing=True, num_parallel_workers=2)
print(sum(1 for _ in data.create_tuple_iterator()))


def predict(image):
    return "Hats"
