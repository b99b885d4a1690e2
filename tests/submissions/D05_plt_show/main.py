import matplotlib.pyplot as plt

plt.plot([3, 2, 1])
plt.show()
NAMES = ["Plastic Bottle", "Hats", "Newspaper"]


def predict(image):
    plt.imshow(image)
    plt.show()
    plt.close()
    return NAMES[int(image[0, 0, 0]) // 80]
